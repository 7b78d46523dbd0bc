"""What a mail program has to know to find us: Thunderbird's XML, Apple's profile, lines for the DNS zone. Pure.

RFC 6186 and RFC 8314 §5.1 (SRV), Mozilla's config-v1.1, Apple's com.apple.mail.managed payload.
"""

import plistlib
import uuid
from dataclasses import dataclass
from html import escape

_SPACE = uuid.UUID("8c2f6d5e-0a3b-5b57-9d6b-1f5d0f3c7a11")  # names of our profiles are made under it


@dataclass(frozen=True, slots=True)
class MailDoors:
    """Where mail programs connect: TLS at once, `submission` by STARTTLS. `domains`: right sides of our addresses."""

    hostname: str
    imaps: int
    submissions: int
    submission: int
    domains: tuple[str, ...] = ()


def thunderbird(doors: MailDoors) -> bytes:
    """The answer to `/.well-known/autoconfig/mail/config-v1.1.xml`."""
    domains = "".join(f"    <domain>{escape(domain)}</domain>\n" for domain in doors.domains or (doors.hostname,))
    servers = _server("incomingServer", "imap", doors.hostname, doors.imaps)
    servers += _server("outgoingServer", "smtp", doors.hostname, doors.submissions)
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="{escape(doors.hostname)}">
{domains}    <displayName>Messagerie sécurisée de santé</displayName>
    <displayShortName>Pli</displayShortName>
{servers}  </emailProvider>
</clientConfig>
"""
    return text.encode()


def _server(element: str, kind: str, hostname: str, port: int) -> str:
    return f"""    <{element} type="{kind}">
      <hostname>{escape(hostname)}</hostname>
      <port>{port}</port>
      <socketType>SSL</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </{element}>
"""


def apple(doors: MailDoors) -> bytes:
    """A configuration profile; the device asks for the address and the password itself."""
    name = doors.hostname
    account = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{name}.mail",
        "PayloadUUID": str(uuid.uuid5(_SPACE, f"{name}.mail")).upper(),
        "PayloadDisplayName": "Messagerie sécurisée de santé",
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAccountDescription": "Messagerie sécurisée de santé",
        **_apple_server("Incoming", name, doors.imaps),
        **_apple_server("Outgoing", name, doors.submissions),
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": name,
        "PayloadUUID": str(uuid.uuid5(_SPACE, name)).upper(),
        "PayloadDisplayName": "Messagerie sécurisée de santé",
        "PayloadDescription": "Ajoute votre messagerie sécurisée de santé à Mail.",
        "PayloadContent": [account],
    }
    return plistlib.dumps(profile)


def _apple_server(which: str, hostname: str, port: int) -> dict[str, object]:
    return {
        f"{which}MailServerHostName": hostname,
        f"{which}MailServerPortNumber": port,
        f"{which}MailServerUseSSL": True,
        f"{which}MailServerAuthentication": "EmailAuthPassword",
    }


def srv_lines(doors: MailDoors) -> list[str]:
    """Lines for the zones of our domains; "." says that there is no such service. RFC 6186 §3, RFC 8314 §5.1."""
    found = []
    for domain in doors.domains or (doors.hostname,):
        found += [
            f"_imaps._tcp.{domain}. IN SRV 0 1 {doors.imaps} {doors.hostname}.",
            f"_submissions._tcp.{domain}. IN SRV 0 1 {doors.submissions} {doors.hostname}.",
            f"_submission._tcp.{domain}. IN SRV 0 2 {doors.submission} {doors.hostname}.",
            f"_imap._tcp.{domain}. IN SRV 0 0 0 .",
            f"_pop3._tcp.{domain}. IN SRV 0 0 0 .",
            f"_pop3s._tcp.{domain}. IN SRV 0 0 0 .",
            f"autoconfig.{domain}. IN CNAME {doors.hostname}.",
        ]
    return found
