"""What travels with a consigned message outside of its bytes: sender, recipients, what the sender asks to be told."""

import json
from dataclasses import dataclass

from crypto.sealed import object_aad, seal, unseal
from mail.dsn_parameters import NO_MAIL_WISHES, NO_RECIPIENT_WISHES, MailWishes, Notify, RecipientWishes, Ret


@dataclass(frozen=True, slots=True, repr=False)
class Rcpt:
    """One recipient as the sender named it."""

    address: str
    wishes: RecipientWishes = NO_RECIPIENT_WISHES


@dataclass(frozen=True, slots=True, repr=False)
class Envelope:
    """An empty sender is the null sender. `rcpts` keeps its order: results speak of places in it."""

    sender: str
    rcpts: tuple[Rcpt, ...]
    wishes: MailWishes = NO_MAIL_WISHES
    require_tls: bool = False  # RFC 8689: hop by hop, or not at all

    def __repr__(self) -> str:
        return f"Envelope({len(self.rcpts)} recipients)"

    def sealed(self, key: bytes, consignment_id: int) -> bytes:
        """For the row, under the message's own key."""
        values = {
            "sender": self.sender,
            "ret": self.wishes.ret.value if self.wishes.ret else None,
            "envid": self.wishes.envid,
            "require_tls": self.require_tls,
            "rcpts": [
                [to.address, to.wishes.notify.value if to.wishes.notify is not None else None, to.wishes.orcpt]
                for to in self.rcpts
            ],
        }
        return seal(key, json.dumps(values).encode(), _aad(consignment_id))

    @classmethod
    def unseal(cls, key: bytes, sealed: bytes, consignment_id: int) -> "Envelope":
        """From the row. Raises SealBroken."""
        found = json.loads(unseal(key, sealed, _aad(consignment_id)))
        rcpts = tuple(
            Rcpt(address, RecipientWishes(Notify(notify) if notify is not None else None, orcpt))
            for address, notify, orcpt in found["rcpts"]
        )
        wishes = MailWishes(Ret(found["ret"]) if found["ret"] else None, found["envid"])
        return cls(found["sender"], rcpts, wishes, found["require_tls"])


def reply_aad(consignment_id: int, place: int) -> bytes:
    """What a peer's sealed reply text is bound to."""
    return object_aad("reply", consignment_id, 1) + place.to_bytes(4, "big")


def _aad(consignment_id: int) -> bytes:
    return object_aad("consignment", consignment_id, 1)
