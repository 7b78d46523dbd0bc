"""The pharmacy answers a patient: a mail signed with its seal, in the order's thread; twice the same is one mail."""

import hashlib

from core.errors import BadInput, Refused
from directory.mailboxes import address_of
from directory.patients import get_patient
from portal.services import Services
from portal.session import Visitor
from portal.threads import Threads
from record.order_facts import Order


def answer_patient(
    services: Services, threads: Threads, visitor: Visitor, order: Order, text: str, *, encrypt: bool = False
) -> int:
    """The message's id, durably sent. Raises BadInput, Refused for a patient whose mailbox is elsewhere, MailError."""
    body = text.replace("\r\n", "\n").strip()
    if not body:
        raise BadInput("Écrivez un message.", "empty answer")
    mailbox_id = services.db.read(get_patient, order.patient_id).mailbox_id
    if mailbox_id is None:
        raise Refused("Ce patient n'a pas de boîte ici : répondez-lui depuis votre messagerie.", "patient elsewhere")
    said = threads.of(visitor, order)
    answered = next((each.rfc_id for each in reversed(said) if each.inward and each.rfc_id), "")
    to = services.db.read(address_of, services.keyring, mailbox_id)
    key = f"answer:{order.id}:{len(said)}:{hashlib.sha256(body.encode()).hexdigest()[:16]}"
    subject = f"Pharmacie : message (n° {order.number})"
    message_id = services.post.submit(visitor.mailbox_id, (to,), subject, f"{body}\n", answered, key, encrypt=encrypt)
    threads.add(order, message_id, inward=False)
    return message_id
