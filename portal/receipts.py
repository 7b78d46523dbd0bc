"""A mail that is read on a page and asks for a receipt (RFC 8098): who reads it agrees or declines, once."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form

from core.errors import BadInput
from mail.receipts import Answered, Asked, Receipts
from mail.store import Opened
from portal.services import Services
from portal.session import Visitor

AGREE, DECLINE = "envoyer", "non"
Choice = Annotated[str, Form(max_length=10)]


@dataclass(frozen=True, slots=True, repr=False)
class Asking:
    """`to`: who would get the receipt, empty where that is the author of the mail; `outcome`: a word of
    `mail.receipt_answers`, empty as long as nobody has answered; `at`: when, 0 where nobody knows."""

    to: str
    outcome: str
    at: int


class ReceiptDesk:
    """For the visitor's own mailbox."""

    def __init__(self, services: Services) -> None:
        self._receipts: Receipts = services.receipts

    def of(self, visitor: Visitor, opened: Mapping[int, Opened]) -> dict[int, Asking]:
        """Of these mails those that ask for a receipt and lie in this mailbox, by id."""
        if not opened:
            return {}
        found = self._receipts.asked_of(visitor.mailbox_id, opened)
        return {message_id: _asking(asked, opened[message_id].meta.from_) for message_id, asked in found.items()}

    def answer(self, visitor: Visitor, message_id: int, choice: str) -> None:
        """Who has answered before changes nothing. Raises NotFound, Refused (none asked for), BadInput, MailError."""
        if choice not in (AGREE, DECLINE):
            raise BadInput("Choisissez d'envoyer l'accusé de lecture ou non.", "neither agreed nor declined")
        with suppress(Answered):
            if choice == AGREE:
                self._receipts.answer(visitor.mailbox_id, message_id, visitor.actor)
            else:
                self._receipts.decline(visitor.mailbox_id, message_id, visitor.actor)


def _asking(asked: Asked, author: str) -> Asking:
    to = "" if asked.request.to.lower() == author.lower() else asked.request.to
    return Asking(to, asked.answer.outcome if asked.answer else "", asked.answer.at if asked.answer else 0)
