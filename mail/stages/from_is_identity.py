"""What the reader sees as author is the account that sent."""

from core.address import Address
from core.errors import BadInput
from mail.addresses import addresses
from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.stage import Stage


class FromIsIdentity(Stage):
    """From, and Sender when there is one, are the account's own address."""

    name: str = "from-is-identity"

    def check(self, mail: Incoming) -> MailError | None:
        if mail.letter is None:
            return None
        headers = mail.letter.headers
        shown = [item for name in (b"from", b"sender") for item in addresses(headers.first(name) or b"").mailboxes]
        if mail.identity and shown and all(_is(item.address, mail.identity.address) for item in shown):
            return None
        return MailError(550, "5.7.1", "the author is not the address of this account")


def _is(shown: bytes, own: Address) -> bool:
    try:
        return Address.parse(shown.decode("ascii", "replace")) == own
    except BadInput:
        return False
