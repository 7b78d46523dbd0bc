"""What is encrypted is not filed, since nobody here can read it; whoever receives it is told so."""

import structlog
from sqlalchemy.orm import Session

from core.address import Address
from core.db import Db
from core.errors import NotFound
from crypto.keyring import Keyring
from directory.mailboxes import find_mailbox
from record.letters import Letter, Letters
from record.post import Submitter

ENCRYPTED_KIND = "record.encrypted"
SUBJECT = "Message chiffré : rien n'a été classé"
_TEXT = (
    "Bonjour,\n\n"
    "Vous avez reçu un message chiffré{sender}. Le classement automatique ne peut pas le lire :\n"
    "ses pièces jointes n'ont pas été classées dans un dossier, et aucune commande n'en a été préparée.\n\n"
    "Ouvrez-le dans votre messagerie. S'il contient un document à conserver ou une ordonnance à préparer,\n"
    "demandez à l'expéditeur de l'envoyer signé, sans chiffrement.\n"
)
log = structlog.get_logger()


class TellEncrypted:
    """The handler of `record.encrypted`; its ref is a message id. `desk_id` is the mailbox that tells."""

    def __init__(self, db: Db, keyring: Keyring, letters: Letters, submitter: Submitter, desk_id: int) -> None:
        self._db, self._keyring, self._letters = db, keyring, letters
        self._submitter, self._desk_id = submitter, desk_id

    def __call__(self, message_id: int) -> None:
        """Each recipient of ours once, however often it runs. Raises Temporary to be tried again."""
        try:
            letter = self._letters.open(message_id)
        except NotFound:
            return
        for mailbox_id, address in self._db.read(self._ours, letter):
            self._tell(letter, mailbox_id, address)
        log.info("record.encrypted", message_id=message_id)

    def _tell(self, letter: Letter, mailbox_id: int, address: Address) -> None:
        sender = f" de {letter.sender.text}" if letter.sender else ""
        key = f"encrypted:{letter.message_id}:{mailbox_id}"
        text = _TEXT.format(sender=sender)
        self._submitter.submit(self._desk_id, (address,), SUBJECT, text, letter.rfc_message_id, key)

    def _ours(self, session: Session, letter: Letter) -> list[tuple[int, Address]]:
        found = [(find_mailbox(session, self._keyring, address), address) for address in letter.recipients]
        return [(box.id, address) for box, address in found if box and box.is_open and box.id != self._desk_id]
