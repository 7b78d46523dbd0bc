"""The lights of the DNS, against a name server of our own: what the zone lacks is printed, ready to be put into it."""

import asyncio

import dns.resolver
import pytest

from core.settings import Settings
from ops.doctor.names import names
from portal.lights import Light
from tests.support.name_server import NameServer

DOMAIN, HOST = "exemple.fr", "mail.exemple.fr"
SETTINGS = Settings.model_validate({"environment": "production", "listen": {"hostname": HOST}})
WHOLE = {
    f"{DOMAIN} MX": [f"10 {HOST}."],
    f"_imaps._tcp.{DOMAIN} SRV": [f"0 1 2993 {HOST}."],
    f"_submissions._tcp.{DOMAIN} SRV": [f"0 1 2465 {HOST}."],
    f"_submission._tcp.{DOMAIN} SRV": [f"0 2 2587 {HOST}."],
}


async def light(monkeypatch: pytest.MonkeyPatch, zone: dict[str, list[str]]) -> Light:
    server, resolver = NameServer(zone), dns.resolver.Resolver(configure=False)
    resolver.port, resolver.nameservers = await server.start(), ["127.0.0.1"]
    monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
    (found,) = await asyncio.to_thread(names, SETTINGS, (DOMAIN,))
    server.transport.close()
    return found


async def test_all_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await light(monkeypatch, WHOLE)).state == "good"


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("instead", [None, "elsewhere.example.", "."])
async def test_what_is_missing_is_printed(monkeypatch: pytest.MonkeyPatch, name: str, instead: str | None) -> None:
    """A service that points elsewhere, or nowhere ("."), leads nobody to us. An MX may name a relay before us."""
    zone, (record, kind) = dict(WHOLE), name.split(" ")
    del zone[name]
    if instead is not None and kind == "SRV":
        zone[name] = [f"0 1 2993 {instead}"]
    found = await light(monkeypatch, zone)
    assert (found.state, found.says) == ("warn", f"Manquent : {kind} {record}.")
    assert f"{record}. IN {kind} " in found.todo and HOST in found.todo
