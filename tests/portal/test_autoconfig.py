"""What mail programs are told: Thunderbird's XML, Apple's profile, SRV lines. RFC 6186, RFC 8314 §5.1."""

import plistlib

from lxml import etree

from portal.autoconfig import MailDoors, apple, srv_lines, thunderbird

DOORS = MailDoors("mail.exemple.fr", 2993, 2465, ("patient.exemple.fr", 'a"<b.fr'))


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
    lines = srv_lines(MailDoors("mail.exemple.fr", 993, 465, ("exemple.fr",)))
    assert "_imaps._tcp.exemple.fr. IN SRV 0 1 993 mail.exemple.fr." in lines
    assert "_imap._tcp.exemple.fr. IN SRV 0 0 0 ." in lines
