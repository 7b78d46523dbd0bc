"""Where a domain's mail goes: a static route, or SRV, MX and address records. RFC 5321 §5.1, RFC 2782, RFC 7505.

DNS tells only where to call; who answers is checked against the signed list by `mail.relay_connection`.
"""

import asyncio
import random
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver
from dns.rdatatype import RdataType

from mail.relay_reasons import Reason

MOST_HOPS = 5  # servers tried for one domain; Postfix smtp_mx_address_limit
MOST_ADDRESSES = 4  # of one server
LOOKUP_S = 10.0
SMTP_PORT = 25


class NoHop(Exception):
    """There is nowhere to go, now or at all: see `reason`."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Hop:
    """A server: the name that its certificate must bear, the port, and its addresses in the order to be tried."""

    host: str
    port: int
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class NextHops:
    """How to find them. `routes`: domain → "host" or "host:port"; `resolvers`: name servers, "address" or
    "address:port", none for the machine's; `service`: the SRV service, such as "_smtp._tcp", empty to ask for none."""

    routes: Mapping[str, str] = field(default_factory=dict)
    resolvers: Sequence[str] = ()
    service: str = ""
    port: int = SMTP_PORT

    async def find(self, domain: str) -> list[Hop]:
        """At least one server, best first. Raises NoHop."""
        route = self.routes.get(domain)
        if route:
            return [await _by_route(route, self.port)]
        resolver = self._resolver()
        named = await self._by_srv(resolver, domain) if self.service else []
        named = named or await self._by_mx(resolver, domain)
        found = [Hop(host, port, await _addresses(resolver, host)) for host, port in named[:MOST_HOPS]]
        reachable = [hop for hop in found if hop.addresses]
        if not reachable:
            raise NoHop(Reason.NO_ROUTE)
        return reachable

    def _resolver(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=not self.resolvers)
        resolver.lifetime = LOOKUP_S
        if self.resolvers:
            servers = [_host_port(each, 53) for each in self.resolvers]
            resolver.nameservers = [host for host, _port in servers]
            resolver.nameserver_ports = dict(servers)
        return resolver

    async def _by_srv(self, resolver: dns.asyncresolver.Resolver, domain: str) -> list[tuple[str, int]]:
        """RFC 2782: by priority, then by weight. A single "." means that there is no such service."""
        found = await _ask(resolver, f"{self.service}.{domain}", RdataType.SRV, or_none=True)
        ordered = sorted(found, key=lambda each: (each.priority, -each.weight * random.random()))  # noqa: S311
        return [(_text(each.target), int(each.port)) for each in ordered if each.target != dns.name.root]

    async def _by_mx(self, resolver: dns.asyncresolver.Resolver, domain: str) -> list[tuple[str, int]]:
        """By preference, equals in any order; without MX the domain itself (RFC 5321 §5.1)."""
        found = await _ask(resolver, domain, RdataType.MX)
        if any(each.exchange == dns.name.root for each in found):
            raise NoHop(Reason.NULL_MX)  # RFC 7505 §3
        ordered = sorted(found, key=lambda each: (each.preference, random.random()))  # noqa: S311
        return [(_text(each.exchange), self.port) for each in ordered] or [(domain, self.port)]


async def _by_route(route: str, port: int) -> Hop:
    host, port = _host_port(route, port)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise NoHop(Reason.DNS) from None
    return Hop(host, port, tuple(dict.fromkeys(str(each[4][0]) for each in found))[:MOST_ADDRESSES])


async def _addresses(resolver: dns.asyncresolver.Resolver, host: str) -> tuple[str, ...]:
    """IPv4 first: few operators route IPv6 between them. A name that leads nowhere has none."""
    found: list[str] = []
    for kind in (RdataType.A, RdataType.AAAA):
        try:
            found += [str(each) for each in await _ask(resolver, host, kind, or_none=True)]
        except NoHop:
            continue
    return tuple(found[:MOST_ADDRESSES])


async def _ask(resolver: dns.asyncresolver.Resolver, name: str, kind: RdataType, *, or_none: bool = False) -> list[Any]:
    try:
        answer = await resolver.resolve(name, kind, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        if or_none:
            return []
        raise NoHop(Reason.NO_DOMAIN) from None
    except (dns.exception.DNSException, OSError):
        raise NoHop(Reason.DNS) from None
    return list(answer.rrset or ())


def _host_port(text: str, port: int) -> tuple[str, int]:
    """`host`, `host:port`, `[address]:port`, or a bare IPv6 address."""
    host, colon, number = text.rpartition(":")
    if not colon or not number.isdigit() or (":" in host and not host.startswith("[")):
        return _bare(text), port
    return _bare(host), int(number)


def _bare(host: str) -> str:
    return host.strip().removeprefix("[").removesuffix("]")


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
