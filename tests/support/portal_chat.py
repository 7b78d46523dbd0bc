"""The pages as the homeserver's OpenID provider: accounts of the real directory, a homeserver that does not answer."""

from directory.extracts.entry import Entry
from directory.importer import upsert
from instant.accounts import ACTIVE, Account, account_of_mailbox, note_state
from instant.admin import Admin
from instant.enrolment import Enrolment
from instant.sign_on import SignOn
from portal.services import ChatClient
from tests.support.kept import Kept
from tests.support.ports import free_port

SERVER, SECRET, CALLBACK = "chat.test", "secret-inventé", "http://127.0.0.1:8008/_synapse/client/oidc/callback"
ISSUER = "http://127.0.0.1/oidc"


def chat_client(kept: Kept) -> ChatClient:
    """What `ops` hands over where the chat is on."""
    admin = Admin(f"http://127.0.0.1:{free_port()}", SERVER, "", "")
    enrolment = Enrolment(kept.db, kept.keyring, kept.trail, kept.clock, admin, SERVER)
    accounts = SignOn(kept.db, kept.keyring, kept.trail, kept.clock, enrolment)
    return ChatClient(ISSUER, "synapse", SECRET, CALLBACK, accounts)


def in_annuaire(kept: Kept, address: str, national_id: str) -> None:
    """A person."""
    entry = Entry(address=address, kind="PER", national_id=national_id, family="INVENTÉE", given="Léa", city="BREST")
    kept.db.run(upsert, [entry])


def told(kept: Kept, mailbox_id: int) -> Account:
    """The homeserver knows of this account."""
    account = kept.db.read(account_of_mailbox, mailbox_id)
    assert account is not None
    kept.db.run(note_state, account.id, ACTIVE)
    return account
