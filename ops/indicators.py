"""Indicators of one month: messages by domain, kind of mailbox, direction, software and operator at the other end."""

import csv
import io
import re
from collections import Counter
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.errors import BadInput, NotFound
from crypto.committing import SealBroken
from directory.mailboxes import address_of
from directory.tables import holders, mailboxes
from mail.store import Opened
from mail.tables import message_keys, messages
from ops.wiring import App

BATCH = 200
HEAD_OCTETS = 16 * 1024
# The reference of R2 names the product for sure; without it, what the program calls itself.
PRODUCTS = tuple(
    re.compile(rb"(?im)^%s:[ \t]*([\x20-\x7e]{1,60})" % name) for name in (b"X-MSS-NIL", b"(?:User-Agent|X-Mailer)")
)
COLUMNS = ("mois", "domaine", "type", "sens", "produit", "correspondant", "messages", "octets")
Key = tuple[str, str, str, str, str]


def indicators(app: App, month: str) -> str:
    """CSV with a head line. `month` is YYYY-MM. Raises BadInput."""
    start, end = _bounds(month)
    counts, octets = Counter[Key](), Counter[Key]()
    for mailbox_id, kind, holder_id in app.db.read(_boxes):
        try:
            mine = app.db.read(address_of, app.keyring, mailbox_id)
        except NotFound:
            continue
        ids = app.db.read(_received, holder_id, start, end)
        for at in range(0, len(ids), BATCH):
            for opened in app.store.open_many(ids[at : at + BATCH], holder_id, with_body=True).values():
                for key in _keys(opened, mine.text, mine.domain, kind):
                    counts[key] += 1
                    octets[key] += opened.size
    return _csv(month, counts, octets)


def _keys(opened: Opened, mine: str, domain: str, kind: str) -> list[Key]:
    product = _product(opened)
    if opened.meta.sender.lower() != mine.lower():
        return [(domain, kind, "entrant", product, _domain(opened.meta.sender))]
    peers = sorted({_domain(recipient) for recipient in opened.meta.recipients})
    return [(domain, kind, "sortant", product, peer) for peer in peers]


def _product(opened: Opened) -> str:
    """What the software at the other end says that it is; empty where nothing is said."""
    try:
        head = opened.read(0, min(opened.size, HEAD_OCTETS)).partition(b"\r\n\r\n")[0]
    except (SealBroken, NotFound):
        return ""
    found = next((match for product in PRODUCTS if (match := product.search(head))), None)
    return found[1].decode("ascii").strip() if found else ""


def _csv(month: str, counts: Counter[Key], octets: Counter[Key]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for key in sorted(counts):
        safe = [f"'{part}" if part[:1] in "=+-@\t" and part else part for part in key]  # no formula in a spreadsheet
        writer.writerow((month, *safe, counts[key], octets[key]))
    return text.getvalue()


def _bounds(month: str) -> tuple[int, int]:
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise BadInput("Le mois s'écrit AAAA-MM.", "malformed month") from None
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return epoch_ms(first), epoch_ms(after)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower() or "-"


def _boxes(session: Session) -> list[tuple[int, str, int]]:
    query = select(mailboxes.c.id, mailboxes.c.kind, mailboxes.c.holder_id).join(
        holders, holders.c.id == mailboxes.c.holder_id
    )
    return [(row[0], row[1], row[2]) for row in session.execute(query.where(holders.c.wrapped_key.is_not(None)))]


def _received(session: Session, holder_id: int, start: int, end: int) -> list[int]:
    query = select(messages.c.id).join(message_keys, message_keys.c.message_id == messages.c.id)
    within = (messages.c.received_at >= start, messages.c.received_at < end, message_keys.c.holder_id == holder_id)
    return list(session.execute(query.where(*within)).scalars())
