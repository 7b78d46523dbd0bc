"""Where a pharmacy's software may be called: public addresses by https alone, else our own network would be asked.

The name is looked up once for each call and the call goes to that address: an answer that changes in between (DNS
rebinding) leads nowhere.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import BadInput, Refused, Temporary

LONGEST_URL = 500


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """`url` as given; `at` the same with an address in place of the name; `host` goes into Host and SNI."""

    url: str
    at: str
    host: str


def checked(url: str, *, inside: bool) -> str:
    """The URL, well-formed. `inside`: our own network and http are allowed. Raises BadInput."""
    text = url.strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    plain = text.isascii() and text.isprintable() and " " not in text and len(text) <= LONGEST_URL
    if not plain or not host or parts.username is not None or parts.fragment or port == 0:
        raise BadInput("L'adresse n'est pas valable : https://nom-du-serveur/chemin", "malformed hook address")
    if parts.scheme != "https" and not (inside and parts.scheme == "http"):
        raise BadInput("L'adresse doit commencer par https://", "hook address without TLS")
    return text


def found(url: str, *, inside: bool) -> Target:
    """Where to connect. Raises Temporary when the name has no address, Refused for an address that is not public."""
    parts = urlsplit(checked(url, inside=inside))
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Temporary("serveur introuvable", "hook host unknown") from None
    addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in known]
    if not inside and not all(address.is_global and not address.is_multicast for address in addresses):
        raise Refused("cette adresse n'est pas publique", "hook into a private network")
    first = addresses[0]
    literal = f"[{first}]" if first.version == 6 else str(first)
    return Target(url, f"{parts.scheme}://{literal}:{port}{parts.path or '/'}{_query(parts.query)}", parts.netloc)


def _query(text: str) -> str:
    return f"?{text}" if text else ""
