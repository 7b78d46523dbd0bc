"""What the pages need of the house; `ops` hands it over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.address import Address
from core.audit import Trail
from core.clock import Clock
from core.db import Db
from core.ins import OID_TEST
from crypto.authority import Authority
from crypto.keyring import Keyring
from directory.annuaire import Annuaire
from mail.auth import Identity
from mail.blobs import Blobs
from mail.compose import Attachment
from mail.judge import Judge
from mail.receipts import Receipts
from mail.store import Store
from portal.autoconfig import MailDoors
from portal.overview import Overview
from record.access import Records
from record.medicines.shelf import Shelf
from record.order_book import OrderBook


class SignIn(Protocol):
    """Who checks passwords. Raises Throttled, DatabaseDown."""

    async def password(self, login: str, password: str, peer: str = "") -> Identity | None: ...


class Post(Protocol):
    """Sends mail from one of our mailboxes; durable when it returns the message's id. The same key sends once."""

    def submit(
        self,
        sender_mailbox_id: int,
        recipients: Sequence[Address],
        subject: str,
        text: str,
        in_reply_to: str,
        idempotency_key: str,
        attachments: Sequence[Attachment] = (),
        extra: tuple[tuple[str, str], ...] = (),
        *,
        encrypt: bool = False,
    ) -> int:
        """Signed with the mailbox's seal; `encrypt`: for the keys of the recipients only."""
        ...

    def compose(
        self,
        sender_mailbox_id: int,
        recipients: Sequence[Address],
        subject: str,
        text: str,
        in_reply_to: str,
        idempotency_key: str,
        attachments: Sequence[Attachment] = (),
        extra: tuple[tuple[str, str], ...] = (),
    ) -> tuple[bytes, bytes]:
        """Header block and MIME entity, for a key that is elsewhere."""
        ...

    def send_signed(
        self, sender_mailbox_id: int, recipients: Sequence[Address], raw: bytes, idempotency_key: str
    ) -> int:
        """A whole message that its author signed."""
        ...


class CaseRooms(Protocol):
    """Opens chat rooms about a patient; None where there is no chat."""

    def open_from_page(self, account_id: int, address: Address, message_id: int, key: str) -> str:
        """About the patient of whom a message speaks; the same key opens one. Raises NotFound, Refused."""
        ...

    def open_about(self, account_id: int, address: Address, patient_id: int, key: str) -> str:
        """About a patient whose page one has open. Raises NotFound, Refused."""
        ...


class ChatName(Protocol):
    """Who enters the chat, as the annuaire has them."""

    @property
    def localpart(self) -> str: ...
    @property
    def name(self) -> str: ...


class ChatAccounts(Protocol):
    """Whose account of the chat belongs to a mailbox."""

    def ready(self, mailbox_id: int) -> None:
        """It is there and may enter. Raises NotFound, Refused, Temporary."""
        ...

    def enter(self, mailbox_id: int) -> ChatName:
        """It enters now. Raises NotFound, Refused."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class ChatClient:
    """The homeserver, as the one client of our own OpenID provider; `issuer` is that provider's name."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    accounts: ChatAccounts


@dataclass(frozen=True, slots=True, repr=False)
class OidcClient:
    """How we are known at Pro Santé Connect."""

    issuer: str
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True, repr=False)
class DemoDoor:
    """An invented account that anybody may enter, in the demonstration only."""

    label: str
    login: str
    password: str
    role: str = ""


def _no_doors() -> Sequence[DemoDoor]:
    return ()


def _paris() -> tzinfo:
    try:
        return ZoneInfo("Europe/Paris")
    except ZoneInfoNotFoundError:  # a machine without the zones' files
        return UTC


@dataclass(frozen=True, repr=False)
class Services:
    """`hosts`: names under which the pages may be asked for, in lower case, without port. `https`: the browser comes
    by TLS, from a proxy of the operator's; without it the pages are for the loopback. `demo_doors` is asked at each
    view of the entrance and counts only with `demo`, as does `demo_pin`, everybody's at the counter. `zone`: in which
    times of day are shown. `authority` certifies patients' keys, `medicines` knows the packs for barcodes, `mail_doors`
    is what mail programs are told; all three may be missing. `product_reference`: said in the archives that are
    sent."""

    db: Db
    keyring: Keyring
    clock: Clock
    trail: Trail
    authenticator: SignIn
    store: Store
    records: Records
    orders: OrderBook
    blobs: Blobs
    post: Post
    receipts: Receipts
    judge: Judge
    authority: Authority | None = None
    medicines: Shelf | None = None
    psc: OidcClient | None = None
    mail_doors: MailDoors | None = None
    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})
    https: bool = False
    demo: bool = False
    demo_doors: Callable[[], Sequence[DemoDoor]] = field(default=_no_doors)
    demo_pin: str = ""
    session_hours: int = 4
    overview: Overview | None = None
    document_octets: int = 5 * 1024 * 1024
    dispensed_within_days: int = 365
    zone: tzinfo = field(default_factory=_paris)
    annuaire: Annuaire | None = None
    erase: Callable[[int, str], None] | None = None  # patient and actor: forgets a patient for good
    cases: CaseRooms | None = None
    chat: ChatClient | None = None
    ins_oid: str = OID_TEST  # of the matricules that are typed on the pages
    hooks_inside: bool = False
    notices: bool = False
    product_reference: str = ""
