"""The domains whose mail ends here: those of our mailboxes, and what an operator has added."""

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from core.db import signal
from directory.tables import local_domains

TOPIC = "local_domain"  # signalled when there is a new one

# Made once: each delivery asks it, and to build a statement takes longer than to execute it.
_DOMAIN = select(local_domains.c.domain).where(local_domains.c.domain == bindparam("domain"))


def is_local_domain(session: Session, domain: str) -> bool:
    """Whether mail for this domain ends here."""
    return session.execute(_DOMAIN, {"domain": domain.lower()}).one_or_none() is not None


def local_domain_names(session: Session) -> tuple[str, ...]:
    """Every domain whose mail ends here."""
    return tuple(session.execute(select(local_domains.c.domain).order_by(local_domains.c.domain)).scalars())


def add_local_domain(session: Session, domain: str) -> None:
    """Mail for this domain ends here from now on; harmless twice."""
    if not is_local_domain(session, domain):
        session.execute(insert(local_domains), {"domain": domain.lower()})
        signal(session, TOPIC, 0)
