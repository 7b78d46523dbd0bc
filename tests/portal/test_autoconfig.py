"""What mail programs are told: Thunderbird's XML, Apple's profile, SRV lines. RFC 6186, RFC 8314 §5.1."""

import plistlib
from dataclasses import replace

from lxml import etree

from core.settings import Settings
from directory.local_domains import add_local_domain
from ops.doctor.names import lines
from portal.autoconfig import MailDoors, apple, srv_lines, thunderbird
from tests.support.portal_world import World

DOORS = MailDoors("mail.exemple.fr", 2993, 2465, 2587, ("patient.exemple.fr", 'a"<b.fr'))


def test_thunderbird() -> None:
    found = etree.fromstring(thunderbird(DOORS))
    assert found.xpath("//domain/text()") == ["patient.exemple.fr", 'a"<b.fr']
    for element, kind, port in (("incomingServer", "imap", "2993"), ("outgoingServer", "smtp", "2465")):
        server = found.find(f".//{element}[@type='{kind}']")
        assert [server.findtext(name) for name in ("hostname", "port", "socketType", "username")] == [
            *("mail.exemple.fr", port, "SSL", "%EMAILADDRESS%"),
        ]


def test_apple() -> None:
    found = plistlib.loads(apple(DOORS))
    account = found["PayloadContent"][0]
    assert account["IncomingMailServerPortNumber"] == 2993 and account["OutgoingMailServerUseSSL"] is True
    assert apple(DOORS) == apple(DOORS)  # an update replaces the profile, it does not stand beside it


def test_srv_lines() -> None:
    told = srv_lines(MailDoors("mail.exemple.fr", 993, 465, 587, ("exemple.fr",)))
    assert "_imaps._tcp.exemple.fr. IN SRV 0 1 993 mail.exemple.fr." in told
    assert "_submission._tcp.exemple.fr. IN SRV 0 2 587 mail.exemple.fr." in told
    assert "_imap._tcp.exemple.fr. IN SRV 0 0 0 ." in told


def test_the_doctor_writes_what_the_zone_lacks() -> None:
    told = lines(Settings.model_validate({"listen": {"hostname": "mail.exemple.fr"}}), "exemple.fr")
    assert told[0] == "exemple.fr. IN MX 10 mail.exemple.fr."
    assert "_imaps._tcp.exemple.fr. IN SRV 0 1 2993 mail.exemple.fr." in told
    assert "autoconfig.exemple.fr. IN CNAME mail.exemple.fr." in told


def test_a_program_is_told_the_domains_of_our_addresses(world: World) -> None:
    world.kept.db.run(add_local_domain, "patient.exemple.fr")
    services = world.app.state.front.services
    world.app.state.front = replace(world.app.state.front, services=replace(services, mail_doors=DOORS))
    told = etree.fromstring(world.browser().get("/mail/config-v1.1.xml").content).xpath("//domain/text()")
    assert "patient.exemple.fr" in told and DOORS.hostname not in told
