"""A mailbox's seal: the key and certificate with which the house signs what it writes in the mailbox's name.

The seals that it had before are kept beside it, as what was encrypted to them is read with nothing else.
"""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.errors import NotFound
from crypto.committing import SealBroken
from crypto.identity import Identity
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import holder_key
from directory.mailboxes import get_mailbox
from mail.tables import seal_keys

PAST = 10  # earlier seals that are kept: at a seal a year, longer than mail is


def keep_seal(session: Session, keyring: Keyring, mailbox_id: int, identity: Identity) -> None:
    """Keep it sealed under the mailbox's holder key; an earlier one opens what it opened before. Raises NotFound."""
    key = holder_key(session, keyring, get_mailbox(session, mailbox_id).holder_id)
    past = [each for each in _past(session, key, mailbox_id) if each["key"] != identity.key_pem.decode()]
    text = json.dumps(_written(identity) | {"past": past[:PAST]})
    row = {"mailbox_id": mailbox_id, "sealed": seal(key, text.encode(), _aad(mailbox_id))}
    session.execute(delete(seal_keys).where(seal_keys.c.mailbox_id == mailbox_id))
    session.execute(insert(seal_keys), row | {"ends_at": epoch_ms(identity.certificate.not_valid_after_utc)})


def open_seal(session: Session, keyring: Keyring, mailbox_id: int) -> Identity:
    """Raises NotFound when the mailbox has none, SealBroken, IdentityBroken."""
    return open_seals(session, keyring, mailbox_id)[0]


def open_seals(session: Session, keyring: Keyring, mailbox_id: int) -> tuple[Identity, ...]:
    """The seal, then those before it, the newest first. Raises as `open_seal`."""
    sealed = _sealed(session, mailbox_id)
    if sealed is None:
        raise NotFound("cette boîte n'a pas de clé de signature", "mailbox without a seal")
    key = holder_key(session, keyring, get_mailbox(session, mailbox_id).holder_id)
    return tuple(map(_read, _all(json.loads(unseal(key, sealed, _aad(mailbox_id))))))


def _past(session: Session, key: bytes, mailbox_id: int) -> Iterable[dict[str, str]]:
    """What was kept until now; nothing of what is damaged, which a new seal may replace."""
    sealed = _sealed(session, mailbox_id)
    try:
        return _all(json.loads(unseal(key, sealed, _aad(mailbox_id)))) if sealed else ()
    except SealBroken:
        return ()


def _sealed(session: Session, mailbox_id: int) -> bytes | None:
    found = select(seal_keys.c.sealed).where(seal_keys.c.mailbox_id == mailbox_id)
    sealed: bytes | None = session.execute(found).scalar_one_or_none()
    return sealed


def _all(kept: dict[str, Any]) -> list[dict[str, str]]:
    return [{"certificate": kept["certificate"], "key": kept["key"]}, *kept.get("past", [])]


def _written(identity: Identity) -> dict[str, Any]:
    return {"certificate": identity.certificate_pem.decode(), "key": identity.key_pem.decode()}


def _read(kept: dict[str, str]) -> Identity:
    return Identity.from_pem(kept["certificate"].encode(), kept["key"].encode())


def _aad(mailbox_id: int) -> bytes:
    return object_aad("seal", mailbox_id, 1)
