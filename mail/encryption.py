"""To which certificate mail for a mailbox of ours is encrypted: the one its owner published, else that of its seal."""

import ssl
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core.address import Address
from core.errors import BadInput, NotFound
from crypto.entitled import Recipient
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from crypto.verdict import Refusal
from directory.holders import holder_key
from directory.mailboxes import find_mailbox, get_mailbox
from mail.seals import open_seal
from mail.tables import published_certificates

CERTIFICATE_OCTETS = 16_384

# DER, address, time: the certificate, checked against the operator's trust. Raises Refusal.
MayReceive = Callable[[bytes, str, datetime], Recipient]


def publish(session: Session, keyring: Keyring, mailbox_id: int, der: bytes) -> None:
    """In place of an earlier one. The caller has checked it. Raises NotFound."""
    withdraw(session, mailbox_id)
    key = holder_key(session, keyring, get_mailbox(session, mailbox_id).holder_id)
    row = {"mailbox_id": mailbox_id, "sealed": seal(key, der, _aad(mailbox_id))}
    session.execute(insert(published_certificates), row)


def withdraw(session: Session, mailbox_id: int) -> None:
    """Mail is encrypted to the seal again. Harmless twice."""
    session.execute(delete(published_certificates).where(published_certificates.c.mailbox_id == mailbox_id))


def certificate_of(session: Session, keyring: Keyring, mailbox_id: int) -> bytes | None:
    """DER: what the owner published, else the seal's certificate; None where there is neither."""
    found = session.execute(
        select(published_certificates.c.sealed).where(published_certificates.c.mailbox_id == mailbox_id)
    ).scalar_one_or_none()
    if found is not None:
        key = holder_key(session, keyring, get_mailbox(session, mailbox_id).holder_id)
        return unseal(key, found, _aad(mailbox_id))
    try:
        chain = open_seal(session, keyring, mailbox_id).certificate_pem.decode()
    except NotFound:
        return None
    own, end, _ = chain.partition(ssl.PEM_FOOTER)
    return ssl.PEM_cert_to_DER_cert(own + end)


def is_known(session: Session, keyring: Keyring, address: Address) -> bool:
    """Whether there is a certificate at all to offer encryption to: it is checked when something is sent."""
    mailbox = find_mailbox(session, keyring, address)
    return mailbox is not None and certificate_of(session, keyring, mailbox.id) is not None


def recipients_of(
    session: Session, keyring: Keyring, addresses: Sequence[Address], may_receive: MayReceive, at: datetime
) -> list[Recipient]:
    """One certificate for each address. Raises BadInput for the first that has none that is good."""
    return [_recipient(session, keyring, address, may_receive, at) for address in addresses]


def _recipient(
    session: Session, keyring: Keyring, address: Address, may_receive: MayReceive, at: datetime
) -> Recipient:
    mailbox = find_mailbox(session, keyring, address)
    der = certificate_of(session, keyring, mailbox.id) if mailbox else None
    if der is None:
        raise BadInput(
            "Impossible de chiffrer : l'annuaire ne connaît pas de certificat pour ce destinataire. "
            "Décochez « Chiffrer » pour envoyer votre message signé.",
            "recipient without certificate",
        )
    try:
        return may_receive(der, address.text, at)
    except Refusal as refusal:
        raise BadInput(
            "Impossible de chiffrer : le certificat de ce destinataire n'est pas valable pour cela. "
            "Décochez « Chiffrer » pour envoyer votre message signé.",
            f"recipient certificate: {refusal.reason.value}",
        ) from None


def _aad(mailbox_id: int) -> bytes:
    return object_aad("published", mailbox_id, 1)
