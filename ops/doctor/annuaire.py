"""The annuaire's light: which edition serves, and whether an import was cut short."""

from sqlalchemy import bindparam, select

from core.clock import from_epoch_ms
from directory.annuaire import current_edition
from directory.import_lock import is_under_way
from directory.tables import directory_editions
from directory.unfinished import there_is
from ops.wiring import App
from portal.lights import Light

NAME, LABEL = "annuaire", "Annuaire"


def annuaire(app: App) -> list[Light]:
    """Off where nothing was ever imported."""
    folder = app.annuaire.where.folder
    if is_under_way(folder):
        return [Light(NAME, LABEL, "good", "Un import est en cours.")]
    if there_is(folder):
        says = "Un import a été interrompu : boîtes publiées, secteurs ou radiations ne suivent pas tous."
        todo = "Le serveur l’achève dans les cinq minutes, ou le prochain import ; sinon, les journaux disent pourquoi."
        return [Light(NAME, LABEL, "warn", says, todo)]
    edition = app.db.read(current_edition)
    if not edition:
        return [Light(NAME, LABEL, "off", "Rien n’a été importé.", "Lancez `pli directory import`.")]
    if not app.annuaire.usable():
        todo = "Lancez `pli directory import` avec la dernière extraction : l’édition est refaite."
        return [Light(NAME, LABEL, "bad", "L’édition en service manque, ou elle est abîmée.", todo)]
    made = app.db.read(lambda session: session.execute(_MADE, {"id": edition}).scalar_one())
    return [Light(NAME, LABEL, "good", f"Édition du {from_epoch_ms(made).date().isoformat()}.")]


_MADE = select(directory_editions.c.made_at).where(directory_editions.c.id == bindparam("id"))
