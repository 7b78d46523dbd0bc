"""The code with which an order is collected: in a QR, or six digits said at the counter.

Both are MACs over the order, its state and who may come: nothing is kept, a code is good for this order alone, once (a
collected order has none), and naming somebody else makes the earlier one void. They say nothing of anybody.
"""

import hmac
import re

import segno

from crypto.keyring import Keyring
from record.order_facts import Order
from record.orders import State

PREFIX = "PLI"
COLLECTABLE = frozenset({State.READY, State.PARTLY_READY})
_QR = re.compile(r"PLI-([A-Z2-9]{3}-[A-Z2-9]{4})-([0-9A-F]{20})", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{6}")


def digits(keyring: Keyring, order: Order, delegate: str) -> str:
    """Six digits, for who has no screen to show."""
    return f"{int.from_bytes(_mac(keyring, 'pickup-digits', order, delegate)[:8], 'big') % 1_000_000:06d}"


def token(keyring: Keyring, order: Order, delegate: str) -> str:
    """What the QR says: characters that a keyboard-wedge scanner types on any layout."""
    return f"{PREFIX}-{order.number}-{_mac(keyring, 'pickup-qr', order, delegate).hex()[:20]}".upper()


def number_in(text: str) -> str:
    """The order's number in a scanned code; empty when it is none."""
    found = _QR.fullmatch(text.strip())
    return found[1].upper() if found else ""


def is_digits(text: str) -> bool:
    return _DIGITS.fullmatch(text.replace(" ", "")) is not None


def fits(keyring: Keyring, order: Order, delegate: str, text: str) -> bool:
    """Whether this scanned or typed code collects this order now."""
    if order.state not in COLLECTABLE:
        return False
    given = text.strip().upper().encode(errors="replace")
    typed = text.replace(" ", "").encode(errors="replace")
    by_qr = hmac.compare_digest(token(keyring, order, delegate).encode(), given)
    return by_qr or hmac.compare_digest(digits(keyring, order, delegate).encode(), typed)


def picture(text: str, label: str) -> str:
    """A QR code as SVG, to stand in the page: dark on light in every colour scheme."""
    made = segno.make(text, error="m", micro=False)
    inner = made.svg_inline(scale=6, border=4, dark="#000", light="#fff", omitsize=True)
    return inner.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def _mac(keyring: Keyring, purpose: str, order: Order, delegate: str) -> bytes:
    return keyring.mac(purpose, f"{order.id}|{order.created_at}|{order.state.value}|{delegate}".encode())
