"""The operator's red list: an address a line."""

from directory.extracts.lines import Unreadable


def address_of(text: str) -> str:
    """The address as all compare it. Raises Unreadable."""
    if "@" not in text or len(text) > 254:
        raise Unreadable("not an address")
    return text.strip().lower()
