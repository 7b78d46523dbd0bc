"""How many connections a listener holds, in all and from one client."""

import ipaddress
from collections import Counter


class Gate:
    """Counts on the event loop; an IPv6 client is its /64, which one household or hospital has whole."""

    def __init__(self, most: int, most_per_client: int) -> None:
        self._most = most
        self._most_per_client = most_per_client
        self._clients: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Whether one more may come in; whoever did has to `leave`."""
        client = _client(address)
        if self._clients.total() >= self._most or self._clients[client] >= self._most_per_client:
            return False
        self._clients[client] += 1
        return True

    def leave(self, address: str) -> None:
        """It has gone."""
        client = _client(address)
        self._clients[client] -= 1
        if self._clients[client] <= 0:
            del self._clients[client]


def _client(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
