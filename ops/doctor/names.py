"""Lights of the DNS: does the world find us by the names of our domains? RFC 5321 §5, RFC 6186, RFC 8314."""

from dataclasses import replace
from typing import Any

import dns.exception
import dns.resolver

from core.settings import Settings
from ops.doors_told import mail_doors
from portal.autoconfig import srv_lines
from portal.lights import Light

WAIT_S = 3.0
SERVICES = ("_submissions._tcp", "_submission._tcp", "_imaps._tcp")
PRIVATE = (".test", ".example", ".invalid", ".localhost")  # RFC 6761: nobody answers for them


def names(settings: Settings, domains: tuple[str, ...]) -> list[Light]:
    """One light for each of our domains."""
    return [_domain(settings, domain) for domain in domains]


def lines(settings: Settings, domain: str) -> list[str]:
    """What the zone of this domain should say."""
    doors = replace(mail_doors(settings), domains=(domain,))
    return [f"{domain}. IN MX 10 {doors.hostname}.", *srv_lines(doors)]


def _domain(settings: Settings, domain: str) -> Light:
    name, label = f"dns.{domain}", f"DNS de {domain}"
    if settings.environment == "demo" or domain.endswith(PRIVATE):
        return Light(name, label, "off", "Domaine d’essai : rien n’est publié.")
    host = settings.listen.hostname
    missing = [] if _told(domain, "MX") else [f"MX {domain}"]
    missing += [f"SRV {service}.{domain}" for service in SERVICES if host.lower() not in _served(service, domain)]
    if missing:
        todo = "Ajoutez à la zone : " + " ; ".join(lines(settings, domain))
        return Light(name, label, "warn", f"Manquent : {', '.join(missing)}.", todo)
    return Light(name, label, "good", "MX et SRV sont publiés.")


def _served(service: str, domain: str) -> set[str]:
    """Who is named for a service; "." says nobody (RFC 6186 §3.4). Ports may be others in front of us."""
    return {each.target.to_text(omit_final_dot=True).lower() for each in _told(f"{service}.{domain}", "SRV")}


def _told(record: str, kind: str) -> list[Any]:
    try:
        return list(dns.resolver.resolve(record, kind, lifetime=WAIT_S))
    except dns.exception.DNSException:
        return []
