"""A mailbox's seal: the key and certificate with which the house signs what it writes in the mailbox's name."""

import json

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core.errors import NotFound
from crypto.identity import Identity
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import holder_key
from directory.mailboxes import get_mailbox
from mail.tables import seal_keys


def keep_seal(session: Session, keyring: Keyring, mailbox_id: int, identity: Identity) -> None:
    """Keep it sealed under the mailbox's holder key, in place of an earlier one. Raises NotFound."""
    key = holder_key(session, keyring, get_mailbox(session, mailbox_id).holder_id)
    text = json.dumps({"certificate": identity.certificate_pem.decode(), "key": identity.key_pem.decode()})
    session.execute(delete(seal_keys).where(seal_keys.c.mailbox_id == mailbox_id))
    session.execute(insert(seal_keys), {"mailbox_id": mailbox_id, "sealed": seal(key, text.encode(), _aad(mailbox_id))})


def open_seal(session: Session, keyring: Keyring, mailbox_id: int) -> Identity:
    """Raises NotFound when the mailbox has none, SealBroken, IdentityBroken."""
    sealed = session.execute(
        select(seal_keys.c.sealed).where(seal_keys.c.mailbox_id == mailbox_id)
    ).scalar_one_or_none()
    if sealed is None:
        raise NotFound("cette boîte n'a pas de clé de signature", "mailbox without a seal")
    key = holder_key(session, keyring, get_mailbox(session, mailbox_id).holder_id)
    kept = json.loads(unseal(key, sealed, _aad(mailbox_id)))
    return Identity.from_pem(kept["certificate"].encode(), kept["key"].encode())


def _aad(mailbox_id: int) -> bytes:
    return object_aad("seal", mailbox_id, 1)
