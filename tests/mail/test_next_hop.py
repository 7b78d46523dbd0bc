"""Where mail goes, by a name server of our own on loopback: SRV, MX, address, null MX, silence, lies."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mail.next_hop import Hop, NextHops, NoHop
from mail.relay_reasons import Reason
from tests.support.name_server import NameServer

ZONE = {
    "mx.test MX": ["20 b.mx.test.", "10 a.mx.test.", "30 gone.mx.test."],
    "a.mx.test A": ["192.0.2.1"],
    "b.mx.test A": ["192.0.2.2", "192.0.2.3"],
    "b.mx.test AAAA": ["2001:db8::2"],
    "_smtp._tcp.srv.test SRV": ["10 0 2526 s.srv.test.", "5 0 2525 t.srv.test."],
    "srv.test MX": ["10 a.mx.test."],
    "s.srv.test A": ["192.0.2.4"],
    "t.srv.test A": ["192.0.2.5"],
    "none.srv.test MX": ["10 a.mx.test."],
    "_smtp._tcp.none.srv.test SRV": ["0 0 0 ."],
    "plain.test A": ["192.0.2.6"],
    "null.test MX": ["0 ."],
    "empty.test TXT": ["x"],
    "dead.test MX": ["10 nowhere.dead.test."],
}


@pytest.fixture
async def server() -> AsyncIterator[tuple[NameServer, NextHops]]:
    made = NameServer(ZONE, {"broken.test"})
    port = await made.start()
    yield made, NextHops({"fixed.test": "127.0.0.1:2529"}, (f"127.0.0.1:{port}",), "_smtp._tcp")
    made.transport.close()


A = Hop("a.mx.test", 25, ("192.0.2.1",))


@pytest.mark.parametrize(
    ("domain", "hops"),
    [
        ("mx.test", [A, Hop("b.mx.test", 25, ("192.0.2.2", "192.0.2.3", "2001:db8::2"))]),
        ("srv.test", [Hop("t.srv.test", 2525, ("192.0.2.5",)), Hop("s.srv.test", 2526, ("192.0.2.4",))]),
        ("none.srv.test", [A]),
        ("plain.test", [Hop("plain.test", 25, ("192.0.2.6",))]),
        ("fixed.test", [Hop("127.0.0.1", 2529, ("127.0.0.1",))]),
    ],
)
async def test_servers_in_their_order(server: tuple[NameServer, NextHops], domain: str, hops: list[Hop]) -> None:
    found = await server[1].find(domain)
    # RFC 1034 §3.6: the addresses of one name come in any order
    assert [replace(hop, addresses=tuple(sorted(hop.addresses))) for hop in found] == hops


@pytest.mark.parametrize(
    ("domain", "reason"),
    [
        ("null.test", Reason.NULL_MX),
        ("unknown.test", Reason.NO_DOMAIN),
        ("broken.test", Reason.DNS),
        ("empty.test", Reason.NO_ROUTE),
        ("dead.test", Reason.NO_ROUTE),
    ],
)
async def test_why_there_is_none(server: tuple[NameServer, NextHops], domain: str, reason: Reason) -> None:
    with pytest.raises(NoHop) as found:
        await server[1].find(domain)
    assert found.value.reason is reason


async def test_a_static_route_asks_nobody(server: tuple[NameServer, NextHops]) -> None:
    await server[1].find("fixed.test")
    assert server[0].asked == []


@pytest.mark.parametrize(
    ("route", "expected"),
    [("[::1]:26", ("::1", 26)), ("::1", ("::1", 25)), ("127.0.0.1", ("127.0.0.1", 25)), ("[::1]", ("::1", 25))],
)
async def test_routes_may_be_addresses(route: str, expected: tuple[str, int]) -> None:
    (hop,) = await NextHops({"x.test": route}).find("x.test")
    assert (hop.host, hop.port, hop.addresses) == (*expected, (expected[0],))
