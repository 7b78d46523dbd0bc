"""Lights of the database: its schema, the queue, what was buried, the signed list, the trail, the last backup."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import outbox
from core.audit import COUNTER
from core.clock import epoch_ms, from_epoch_ms
from core.errors import PliError
from core.numbers import last_number
from core.settings import Settings
from core.tables import audit
from core.tables import outbox as promises
from directory.tables import trusted_domains, trusted_list
from ops import migrate
from ops.audit.witness import Witness
from ops.doctor.words import counted
from ops.seals import SOON, seal_ends
from portal.lights import Light

LATE_WARN, LATE_BAD = timedelta(minutes=5), timedelta(hours=1)
BACKUP_WARN = timedelta(days=2)
SEAL_BAD = timedelta(days=7)


def database(settings: Settings) -> list[Light]:
    """Does it answer, with this version's tables?"""
    name, label = "database", "Base de données"
    try:
        found = migrate.current(settings.database_url)
    except PliError:
        return [Light(name, label, "bad", "La base ne répond pas.", "Démarrez-la ; les envois reprendront seuls.")]
    if found != migrate.head():
        return [Light(name, label, "bad", "Le schéma est d’une autre version.", "Lancez `pli migrate`.")]
    return [Light(name, label, "good", f"Elle répond, schéma {found}.")]


def queue(session: Session, now: datetime) -> list[Light]:
    """What is late, and what was given up."""
    open_ones = promises.c.state.in_((outbox.WAITING, outbox.LEASED))
    due = (open_ones, promises.c.due_at <= epoch_ms(now))
    waiting, oldest = session.execute(select(func.count(), func.min(promises.c.due_at)).where(*due)).one()
    late = now - from_epoch_ms(oldest) if oldest else timedelta()
    state = "bad" if late > LATE_BAD else "warn" if late > LATE_WARN else "good"
    todo = "" if state == "good" else "Vérifiez qu’un `pli worker` tourne et que le courtier répond (`pli work list`)."
    minutes = int(late.total_seconds() // 60)
    tasks = counted(waiting, "tâche")
    says = f"{tasks} à faire, la plus ancienne attend {minutes} min." if waiting else "Rien n’attend."
    buried = session.execute(select(func.count()).where(promises.c.state == outbox.BURIED)).scalar_one()
    grave = Light("outbox.buried", "Tâches abandonnées", "good", "Aucune.")
    if buried:
        look = "`pli work list` dit pourquoi ; `pli work retry` les reprend."
        grave = Light("outbox.buried", "Tâches abandonnées", "bad", f"{buried} à reprendre ou à écarter.", look)
    return [Light("queue", "File de travail", state, says, todo), grave]  # type: ignore[arg-type]


def trusted(session: Session, settings: Settings, now: datetime) -> list[Light]:
    """The age of the signed list of domains."""
    name, label = "trusted_list", "Liste de confiance"
    todo = "Lancez `pli trust refresh` et vérifiez l’accès à la liste."
    at = session.execute(select(func.max(trusted_list.c.verified_at))).scalar()
    if at is None:
        count = session.execute(select(func.count(func.distinct(trusted_domains.c.domain)))).scalar_one()
        return [Light(name, label, "warn", f"Aucune liste signée ; {counted(count, 'domaine')} à la main.", todo)]
    age = now - from_epoch_ms(at)
    hours = int(age.total_seconds() // 3600)
    if age > timedelta(hours=settings.trust.refuse_hours):
        return [Light(name, label, "bad", f"Vérifiée il y a {hours} h : elle n’est plus acceptée.", todo)]
    if age > timedelta(hours=settings.trust.alert_hours):
        return [Light(name, label, "warn", f"Vérifiée il y a {hours} h.", todo)]
    return [Light(name, label, "good", f"Vérifiée il y a {hours} h.")]


def trail(session: Session, witness: Witness, now: datetime, every_s: int) -> list[Light]:
    """Is the trail witnessed, and not shorter than what was?"""
    name, label = "audit", "Journal des accès"
    written = last_number(session, COUNTER)
    last = witness.last()
    if last is None:
        todo = "Vérifiez que le fichier des points de contrôle peut être écrit (audit.checkpoints)."
        state = "good" if written == 0 else "warn"
        return [Light(name, label, state, "Aucun point de contrôle encore.", "" if state == "good" else todo)]  # type: ignore[arg-type]
    if last.size > written:
        todo = "Lancez `pli audit verify`, gardez une copie, cherchez qui a restauré ou modifié la base."
        return [Light(name, label, "bad", f"{last.size} entrées attestées, {written} présentes.", todo)]
    behind = session.execute(select(func.min(audit.c.at)).where(audit.c.seq > last.size + 1)).scalar()
    late = behind is not None and now - from_epoch_ms(behind) > timedelta(seconds=10 * every_s)
    if late:
        todo = "Le disque des points de contrôle est-il accessible ? Les journaux disent pourquoi."
        return [Light(name, label, "bad", "Les entrées récentes ne sont pas attestées.", todo)]
    return [Light(name, label, "good", f"{written} entrées, attestées.")]


def backups(session: Session, now: datetime) -> list[Light]:
    """When the last copy was made."""
    name, label = "backup", "Sauvegarde"
    at = session.execute(select(func.max(audit.c.at)).where(audit.c.action == "backup.make")).scalar()
    todo = "Planifiez `pli backup` chaque nuit, et gardez le trousseau (keyring.json) ailleurs."
    if at is None:
        return [Light(name, label, "warn", "Aucune sauvegarde n’a été faite avec `pli backup`.", todo)]
    age = now - from_epoch_ms(at)
    says = f"La dernière date du {from_epoch_ms(at).date().isoformat()}."
    return [Light(name, label, "warn" if age > BACKUP_WARN else "good", says, todo if age > BACKUP_WARN else "")]


def seals(session: Session, now: datetime) -> list[Light]:
    """When the first seal with which a mailbox signs comes to its end."""
    name, label = "seals", "Sceaux des boîtes"
    found = seal_ends(session)
    if not found:
        return [Light(name, label, "off", "Aucune boîte n’a de sceau dont la fin est connue (`pli seal list`).")]
    days = (from_epoch_ms(found[0].ends_at) - now).days
    soon = sum(from_epoch_ms(each.ends_at) <= now + SOON for each in found)
    if not soon:
        says = f"{counted(len(found), 'sceau', 'sceaux')}, le premier finit dans {days} jours."
        return [Light(name, label, "good", says)]
    todo = "`pli seal renew` renouvelle ceux de votre autorité et liste les autres, pour `pli seal put`."
    over = sum(from_epoch_ms(each.ends_at) <= now for each in found)
    says = f"{counted(soon, 'sceau', 'sceaux')} à renouveler sous {SOON.days} jours, dont {counted(over, 'expiré')}."
    return [Light(name, label, "bad" if over or days < SEAL_BAD.days else "warn", says, todo)]
