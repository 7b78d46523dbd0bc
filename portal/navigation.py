"""The main pages of each role, in the order of the tabs: on a phone they stand at the foot of the screen."""

from dataclasses import dataclass

from portal.language import N_


@dataclass(frozen=True, slots=True)
class Tab:
    """`icon`: a name of icons.html; at most five tabs fit beside each other at 320 pixels."""

    path: str
    label: str
    icon: str


TABS = {
    "patient": (
        Tab("/p", N_("Commandes"), "bag"),
        Tab("/p/envoyer", N_("Envoyer"), "send"),
        Tab("/p/dossier", N_("Mon dossier"), "folder"),
    ),
    "pharmacist": (
        Tab("/officine", N_("Commandes"), "board"),
        Tab("/officine/a-verifier", N_("À vérifier"), "eye"),
        Tab("/officine/chiffres", N_("Chiffres"), "chart"),
        Tab("/officine/reglages", N_("Réglages"), "gear"),
    ),
    "physician": (
        Tab("/pro", N_("Messages"), "letter"),
        Tab("/pro/annuaire", N_("Annuaire"), "search"),
        Tab("/pro/envoyes", N_("Envoyés"), "send"),
        Tab("/pro/a-verifier", N_("À vérifier"), "eye"),
        Tab("/pro/urgence", N_("Urgence"), "alert"),
    ),
    "operator": (Tab("/admin", N_("Exploitation"), "server"),),
}


ACCOUNT = "/p/compte"  # below the patient's pages, and under none of their tabs


def tabs(role: str, path: str) -> tuple[tuple[Tab, bool], ...]:
    """The tabs of a role, each with whether the page at `path` is under it: the longest path that fits."""
    mine = TABS.get(role, ())
    fitting = [tab.path for tab in mine if path == tab.path or path.startswith(f"{tab.path}/")]
    if path.startswith(ACCOUNT):
        fitting = []
    here = max(fitting, key=len, default="")
    return tuple((tab, tab.path == here) for tab in mine)
