"""`trust.*`: the signed list of domains, shown and renewed by the administrator."""

from typing import Any

from ops.control import Progress
from ops.list_fetching import ListFetcher
from ops.wiring import App


def refresh(app: App, _arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Fetch, verify and put in force. Raises NotFetched, ListRefused, BadInput."""
    app.circle.refresh()
    return show(app, {}, _progress)


def show(app: App, _arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """The list in force, and how old it is."""
    state, trust, now = app.circle.state(), app.settings.trust, app.clock.now()
    if state is None:
        return {"source": trust.source, "state": "none"}
    old = state.is_older_than(trust.alert_hours, now)
    gone = state.is_older_than(trust.refuse_hours, now)
    return {
        "source": trust.source,
        "state": "withdrawn" if gone else "old" if old else "good",
        "generated": state.generated_at.isoformat(),
        "verified": state.verified_at.isoformat(),
        "entries": state.entries,
        "sha256": state.digest,
    }


def lists(app: App, _arguments: dict[str, Any], _progress: Progress) -> list[dict[str, str]]:
    """Fetch the revocation lists now. Raises BadInput, OSError."""
    return ListFetcher(app.settings, app.clock).refresh()


COMMANDS = {"trust.lists": lists, "trust.refresh": refresh, "trust.show": show}
