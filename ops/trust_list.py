"""The signed list of trusted domains: fetched, verified, put in force; the last good copy is kept as it came."""

import hashlib
import ssl
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import structlog

from core.clock import Clock
from core.db import Db
from core.errors import BadInput, Permanent, PliError
from core.settings import Settings
from crypto.trust import BadTrust, Trust
from crypto.xmldsig import XML_OCTETS
from directory.trusted import (
    Dn,
    ListState,
    domain_key,
    list_state,
    note_verified,
    parse_dn,
    replace_list,
    withdraw_list,
)
from directory.whitelist import Judged, ListRules, TrustedList, judge_list
from ops.fetch import fetch
from ops.files import replace_file
from ops.nightly import Chores

KEPT = Path("trust") / "list.xml"
PEM_MARK = b"-----BEGIN"

log = structlog.get_logger()


class ListRefused(Permanent):
    """What was fetched is no good list; the one in force stays. `reason` is a word of a closed list."""

    def __init__(self, public: str, reason: str) -> None:
        super().__init__(public, f"trusted list: {reason}")
        self.reason = reason


class TrustCircle:
    """The list of one instance."""

    def __init__(self, settings: Settings, db: Db, clock: Clock) -> None:
        self._settings = settings
        self._db = db
        self._clock = clock

    def refresh(self) -> ListState:
        """Fetch the list and put it in force. Raises NotFetched, ListRefused, BadInput; what is in force then stays."""
        settings = self._settings
        if not settings.trust.source:
            raise BadInput("trust.source does not say where the list is")
        now = self._clock.now()
        source = settings.trust.source
        data = fetch(source, XML_OCTETS, signed=True)
        judged = judge_list(data, rules_of(settings), now)
        if judged.list is None:
            raise ListRefused(f"the list is refused: {judged.reason}", judged.reason)
        state = ListState(judged.list.generated, now, judged.list.entries, hashlib.sha256(data).hexdigest())
        self._check_age(judged.list, now)
        domains = self._put_in_force(judged.list, state)
        replace_file(settings.home / KEPT, data)
        log.info("trust.list", domains=domains, entries=state.entries, rejected=judged.list.rejected)
        return state

    @property
    def hourly(self) -> Chores:
        """What the clock does every `trust.refresh_hours`."""
        return Chores({"trust.list": self.chore})

    def chore(self) -> str:
        """Once an hour: renew the list; tell when it is old, and withdraw it when it is too old. Never raises for a
        list or a server that is not good: the last good copy stays in force meanwhile."""
        if not self._settings.trust.source:
            return "no source"
        try:
            return f"{self.refresh().entries} entries"
        except (PliError, BadTrust) as error:
            log.warning("trust.not_renewed", cause=_why(error))
        return self._age()

    def state(self) -> ListState | None:
        """The list in force."""
        return self._db.read(list_state)

    def _age(self) -> str:
        trust, state, now = self._settings.trust, self.state(), self._clock.now()
        if state is None:
            return "never read"
        if state.is_older_than(trust.refuse_hours, now):
            gone = self._db.run(withdraw_list)
            log.error("trust.withdrawn", entries=gone)
            return "withdrawn"
        if state.is_older_than(trust.alert_hours, now):
            log.error("trust.old", hours=round((now - state.verified_at).total_seconds() / 3600))
            return "old"
        return "kept"

    def _check_age(self, found: TrustedList, now: datetime) -> None:
        """An older list than the one in force is a replay, and one from tomorrow would shut out those that follow."""
        before = self.state()
        if before is not None and found.generated < before.generated_at:
            raise ListRefused("the list is older than the one in force", "older")
        if found.generated > now.replace(microsecond=0) and (found.generated - now).total_seconds() > 86_400:
            raise ListRefused("the list is dated after today", "from-tomorrow")

    def _put_in_force(self, found: TrustedList, state: ListState) -> int:
        before = self.state()
        if before is not None and before.digest == state.digest and not self._is_withdrawn(before, state):
            self._db.run(note_verified, replace(state, entries=before.entries))
            return len(found.names)
        pairs = [(domain, name) for domain, names in found.names.items() for name in names]
        return self._db.run(replace_list, pairs, state)

    def _is_withdrawn(self, before: ListState, state: ListState) -> bool:
        return before.is_older_than(self._settings.trust.refuse_hours, state.verified_at)


def rules_of(settings: Settings) -> ListRules:
    """What the instance trusts. Raises BadTrust, BadInput, OSError."""
    return ListRules(load_anchors(settings.list_anchors), signer_dn(settings.trust.signer))


def load_anchors(path: Path) -> Trust:
    """PEM or DER. Raises BadTrust, OSError."""
    data = path.read_bytes()
    return Trust.load(data if PEM_MARK in data else ssl.DER_cert_to_PEM_cert(data).encode())


def signer_dn(text: str) -> Dn | None:
    """Raises BadInput."""
    return parse_dn(text) if text else None


def answer(domain: str, judged: Judged) -> dict[str, object]:
    """What `pli trust check` prints about one domain."""
    found = judged.list
    key = domain_key(domain)
    names = found.names.get(key, ()) if found is not None and key is not None else ()
    return {
        "domain": domain,
        "listed": bool(names),
        "names": list(names),
        "list": {
            "valid": judged.valid,
            "reason": judged.reason,
            "generated": f"{found.generated:%Y-%m-%dT%H:%M:%SZ}" if found else None,
            "entries": found.entries if found else 0,
        },
    }


def _why(error: Exception) -> str:
    return error.reason if isinstance(error, ListRefused) else type(error).__name__
