"""Who may speak for a domain: the listed distinguished names, compared as sets of attributes, never as strings."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.db import signal
from core.errors import BadInput
from directory.tables import trusted_domains, trusted_list

TOPIC = "trusted"  # signalled when the list was replaced
Dn = frozenset[tuple[str, str]]

DN_CHARACTERS = 1024
_PART = re.compile(r"\s*([A-Za-z][A-Za-z0-9.-]*|[0-9]+(?:\.[0-9]+)*)\s*=\s*((?:\\.|[^\\,+])*)([,+]|$)")
_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "S": "ST",
    "2.5.4.5": "SERIALNUMBER",
    "2.5.4.97": "ORGANIZATIONIDENTIFIER",
    "OI": "ORGANIZATIONIDENTIFIER",
    "1.2.840.113549.1.9.1": "EMAILADDRESS",
    "E": "EMAILADDRESS",
    "EMAIL": "EMAILADDRESS",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
_ESCAPED = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)")
_DOMAIN = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)+")


@lru_cache(maxsize=4096)
def parse_dn(text: str) -> Dn:
    """`CN=…,OU=…,O=…,ST=…,C=…` in any order and spacing → its attributes. RFC 4514 §2. Raises BadInput."""
    if not 0 < len(text) <= DN_CHARACTERS:
        raise BadInput("nom distinctif illisible", "DN empty or too long")
    found, position = set(), 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None or not part[2].strip():
            raise BadInput("nom distinctif illisible", "DN malformed")
        found.add((_attribute(part[1]), _value(part[2])))
        position = part.end()
    if text.rstrip()[-1] in ",+" and not text.rstrip().endswith(("\\,", "\\+")):
        raise BadInput("nom distinctif illisible", "DN ends in a separator")
    return frozenset(found)


def domain_key(text: str) -> str | None:
    """The one form in which a domain is kept and looked up: lower case, A-labels, no dot behind. None: no domain."""
    name = text.strip().rstrip(".").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    return name if len(name) <= 253 and _DOMAIN.fullmatch(name) else None


@dataclass(frozen=True, slots=True)
class ListState:
    """The signed list in force. `verified_at`: when a good list was last read, this one or a later copy of it."""

    generated_at: datetime
    verified_at: datetime
    entries: int
    digest: str

    def is_older_than(self, hours: float, now: datetime) -> bool:
        return now - self.verified_at > timedelta(hours=hours)


def list_state(session: Session) -> ListState | None:
    """None where no signed list was ever read."""
    row = session.execute(select(trusted_list)).one_or_none()
    if row is None:
        return None
    return ListState(_moment(row.generated_at), _moment(row.verified_at), row.entries, row.digest)


def replace_list(session: Session, listed: Iterable[tuple[str, str]], state: ListState) -> int:
    """The signed list takes the place of whatever was there; returns how many domains. Raises BadInput."""
    domains = load_trusted(session, listed)
    note_verified(session, state)
    return domains


def note_verified(session: Session, state: ListState) -> None:
    """A good list was read, whether it brought something new or not."""
    session.execute(delete(trusted_list))
    session.execute(
        insert(trusted_list),
        {
            "id": 1,
            "generated_at": epoch_ms(state.generated_at),
            "verified_at": epoch_ms(state.verified_at),
            "entries": state.entries,
            "digest": state.digest,
        },
    )


def withdraw_list(session: Session) -> int:
    """Too old to be used: nobody is listed any more until a good list is read again; returns how many rows went."""
    gone = session.execute(delete(trusted_domains).returning(trusted_domains.c.domain)).all()
    signal(session, TOPIC, 0)
    return len(gone)


def is_withdrawn(session: Session) -> bool:
    """Whether there was a signed list, and it became too old to be used."""
    kept = session.execute(select(trusted_domains.c.domain).limit(1)).first()
    return kept is None and list_state(session) is not None


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def load_trusted(session: Session, listed: Iterable[tuple[str, str]]) -> int:
    """Replace the whole list by these (domain, DN text) pairs; returns how many domains. Raises BadInput."""
    rows = sorted({(domain.strip().lower(), dn.strip()) for domain, dn in listed})
    for _domain, dn in rows:
        parse_dn(dn)
    session.execute(delete(trusted_domains))
    if rows:
        session.execute(insert(trusted_domains), [{"domain": d, "subject_dn": dn} for d, dn in rows])
    signal(session, TOPIC, 0)
    return len({domain for domain, _dn in rows})


def names_for(session: Session, domain: str) -> frozenset[Dn]:
    """The names listed for the domain; empty when it is not listed."""
    found = session.execute(
        select(trusted_domains.c.subject_dn).where(trusted_domains.c.domain == domain.strip().lower())
    )
    return frozenset(parse_dn(text) for text in found.scalars())


def trusts(session: Session, domain: str, dn: Dn | str) -> bool:
    """Whether this name may speak for the domain."""
    return (parse_dn(dn) if isinstance(dn, str) else dn) in names_for(session, domain)


def trusts_anywhere(session: Session, dn: Dn | str) -> bool:
    """Whether this name is listed for at least one domain: the rule for the null sender `<>`."""
    wanted = parse_dn(dn) if isinstance(dn, str) else dn
    listed = session.execute(select(trusted_domains.c.subject_dn).distinct())
    return any(parse_dn(text) == wanted for text in listed.scalars())


def is_listed(session: Session, domain: str) -> bool:
    """Whether mail may go to this domain at all."""
    return bool(names_for(session, domain))


def whole_list(session: Session) -> dict[str, frozenset[Dn]]:
    """Domain → names, for callers that keep the list in memory."""
    found: defaultdict[str, set[Dn]] = defaultdict(set)
    for row in session.execute(select(trusted_domains)):
        found[row.domain].add(parse_dn(row.subject_dn))
    return {domain: frozenset(names) for domain, names in found.items()}


def _attribute(name: str) -> str:
    upper = name.upper()
    return _NAMES.get(upper, upper)


def _value(text: str) -> str:
    raw = _ESCAPED.sub(lambda m: _hexadecimal(m[1]) if m[1] else m[2], text.strip())
    return " ".join(unicodedata.normalize("NFC", raw).split()).casefold()


def _hexadecimal(pairs: str) -> str:
    """RFC 4514 §2.4: octets of UTF-8, written one by one."""
    try:
        return bytes.fromhex(pairs.replace("\\", "")).decode("utf-8")
    except UnicodeDecodeError:
        raise BadInput("nom distinctif illisible", "DN escapes are not UTF-8") from None
