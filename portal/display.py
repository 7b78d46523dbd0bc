"""How a person wants the pages to look: kept in a cookie of their browser, as it belongs to the device, not to them."""

from starlette.requests import Request

from portal.language import N_

COOKIE = "pli-aspect"
ASPECTS = {
    "auto": N_("Comme l'appareil"),
    "light": N_("Clair"),
    "dark": N_("Sombre"),
    "contrast": N_("Contraste élevé"),
}
KEPT_S = 365 * 24 * 3600


def aspect_of(request: Request) -> str:
    """The aspect chosen; empty: the device decides."""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in ASPECTS and chosen != "auto" else ""
