"""Revocation lists fetched from where their authorities publish them; the last good copy stays in force."""

import threading
from datetime import datetime

import structlog

from core.clock import Clock
from core.errors import BadInput, PliError
from core.settings import Settings
from crypto.list_store import Authorities, Kept, load_authorities, merged, read_kept, weigh
from crypto.revocation import BadList
from ops.fetch import NotFetched, Tag, fetch_newer
from ops.files import replace_file
from ops.nightly import Chores

LIST_OCTETS = 32 * 1024 * 1024  # 100,000 entries take 4 MB

log = structlog.get_logger()


class ListFetcher:
    """One for the instance; harmless from several threads."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._tags: dict[str, Tag] = {}
        self._lock = threading.Lock()

    @property
    def chores(self) -> Chores:
        """What the clock does every `tls.crl_seconds`."""
        return Chores({"trust.lists": self.chore})

    def chore(self) -> str:
        """Never raises for a source that is not good: what is kept stays, grows stale, and then verdicts are
        temperror."""
        if not self._settings.tls.crl_sources:
            return "no source"
        done = self.refresh()
        return ", ".join(f"{word} {count}" for word, count in _counted(done).items())

    def refresh(self) -> list[dict[str, str]]:
        """Ask every source. Out: for each, `source` and `state`: new, same, or why nothing was taken. Raises BadInput
        where no source is set, OSError where the file cannot be written."""
        sources = self._settings.tls.crl_sources
        if not sources:
            raise BadInput("tls.crl_sources does not say where the lists are")
        with self._lock:
            return self._refresh(sources)

    def _refresh(self, sources: tuple[str, ...]) -> list[dict[str, str]]:
        authorities = load_authorities(self._settings.ca_file.read_bytes())
        path, now = self._settings.crl_file, self._clock.now()
        before = path.read_bytes() if path.exists() else b""
        kept, done = read_kept(before, authorities), []
        for source in sources:
            state, fetched = self._ask(source, kept, authorities, now)
            kept += fetched
            done.append({"source": source, "state": state})
        after = merged(kept, ())
        if after != before and any(each["state"] == "new" for each in done):
            replace_file(path, after)
            log.info("trust.lists", lists=len({one.scope for one in kept}))
        return done

    def _ask(self, source: str, kept: list[Kept], authorities: Authorities, now: datetime) -> tuple[str, list[Kept]]:
        """One source. What it gave is remembered by its tag only once it was good."""
        try:
            data, tag = fetch_newer(source, LIST_OCTETS, self._tags.get(source))
            if data is None:
                return "same", []
            found = weigh(data, authorities, now, kept)
        except (NotFetched, PliError) as error:
            log.warning("trust.list_not_fetched", cause=error.cause)
            return "not fetched", []
        except BadList as error:
            log.error("trust.list_refused", cause=error.args[0])
            return f"refused: {error}", []
        self._tags[source] = tag
        known = {one.der for one in kept}
        return ("new" if any(one.der not in known for one in found) else "same"), found


def _counted(done: list[dict[str, str]]) -> dict[str, int]:
    words = [each["state"].partition(":")[0] for each in done]
    return {word: words.count(word) for word in sorted(set(words))}
