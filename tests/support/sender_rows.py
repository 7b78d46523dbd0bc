"""The rows about who seems to write (RFC 8550 §3): case, how it is made, our answer, openssl's."""

from __future__ import annotations

import base64

from crypto.verdict import Reason
from tests.support.cms_faults import (
    headed,
    sent_by,
)  # fmt: skip

R = Reason
AUBIN = b"dr.aubin@cabinet.example"
INSIDE = b"<dr.aubin@cabinet.example>"

ROWS = (
    ("Sender", "address alone", sent_by(AUBIN), R.OK, True),
    ("Sender", "name in quotes", sent_by(b'"Dr Aubin" ' + INSIDE), R.OK, True),
    ("Sender", "comment behind", sent_by(AUBIN + b" (Dr Aubin)"), R.OK, True),
    ("Sender", "folded", sent_by(b"Dr\r\n Aubin\r\n\t" + INSIDE), R.OK, True),
    ("Sender", "name in Latin 1", sent_by(b"=?iso-8859-1?Q?Ren=E9e_Aubin?= " + INSIDE), R.OK, True),
    ("Sender", "name in UTF-8", sent_by("Renée ".encode() + INSIDE), R.OK, True),
    ("Sender", "domain in capitals", sent_by(b"dr.aubin@CABINET.example"), R.OK, True),
    ("Sender", "own address as display name", sent_by(b'"dr.aubin@cabinet.example" ' + INSIDE), R.OK, True),
    ("Sender", "local part in capitals", sent_by(b"DR.AUBIN@cabinet.example"), R.FROM_MISMATCH, True),
    (
        "Sender",
        "another address in base64",
        sent_by(b"=?utf-8?B?dmljdGltZUBob3BpdGFsLmV4YW1wbGU=?= " + INSIDE),
        R.FROM_MISLEADING,
        True,
    ),
    (
        "Sender",
        "another address in two words",
        sent_by(b"=?utf-8?Q?victime?= =?utf-8?Q?=40hopital.example?= " + INSIDE),
        R.FROM_MISLEADING,
        True,
    ),
    (
        "Sender",
        "another address in UTF-16",
        sent_by(b"=?utf-16be?B?" + base64.b64encode("victime@hopital.example".encode("utf-16-be")) + b"?= " + INSIDE),
        R.FROM_MISLEADING,
        True,
    ),
    (
        "Sender",
        "another address in UTF-7",
        sent_by(b"=?utf-7?Q?victime+AEA-hopital.example?= " + INSIDE),
        R.FROM_MISLEADING,
        True,
    ),
    (
        "Sender",
        "another address with a wide sign at",
        sent_by("victime\uff20hopital.example ".encode() + INSIDE),
        R.FROM_MISLEADING,
        True,
    ),
    (
        "Sender",
        "another address with blanks",
        sent_by(b'"victime @ hopital.example" ' + INSIDE),
        R.FROM_MISLEADING,
        True,
    ),
    (
        "Sender",
        "another address written backwards",
        sent_by("\u202eelpmaxe.latipoh@emitciv\u202c ".encode() + INSIDE),
        R.FROM_MISLEADING,
        True,
    ),
    (
        "Sender",
        "another address with hidden signs",
        sent_by("victime\u200b@\u200bhopital.example ".encode() + INSIDE),
        R.FROM_MISLEADING,
        True,
    ),
    ("Sender", "another address as comment", sent_by(AUBIN + b" (victime@hopital.example)"), R.FROM_MISLEADING, True),
    (
        "Sender",
        "another address in angles and quotes",
        sent_by(b'"<victime@hopital.example>" ' + INSIDE),
        R.FROM_MISLEADING,
        True,
    ),
    ("Sender", "two addresses in angles", sent_by(INSIDE + b" <victime@hopital.example>"), R.FROM_UNREADABLE, True),
    ("Sender", "angles within angles", sent_by(b"<victime@hopital.example" + INSIDE + b">"), R.FROM_UNREADABLE, True),
    ("Sender", "list with semicolons", sent_by(AUBIN + b"; victime@hopital.example"), R.FROM_UNREADABLE, True),
    ("Sender", "empty group", sent_by(b"undisclosed-recipients:;"), R.FROM_UNREADABLE, True),
    ("Sender", "route", sent_by(b"<@relais.example:dr.aubin@cabinet.example>"), R.FROM_UNREADABLE, True),
    ("Sender", "comment inside of the domain", sent_by(b"dr.aubin@cabinet(x).example"), R.FROM_UNREADABLE, True),
    ("Sender", "local part in quotes", sent_by(b'"dr.aubin"@cabinet.example'), R.FROM_UNREADABLE, True),
    ("Sender", "domain as an address", sent_by(b"dr.aubin@[192.0.2.1]"), R.FROM_UNREADABLE, True),
    ("Sender", "empty From", sent_by(b""), R.FROM_UNREADABLE, True),
    ("Sender", "empty angles", sent_by(b"<>"), R.FROM_UNREADABLE, True),
    ("Sender", "control sign", sent_by(b"a\x07 " + INSIDE), R.FROM_UNREADABLE, True),
    ("Sender", "blank before the colon", headed(b"From : " + AUBIN), R.BAD_HEADER, True),
    ("Sender", "From in capitals", headed(b"FROM: " + AUBIN), R.OK, True),
    (
        "Sender",
        "two From, one in small letters",
        headed(b"From: victime@hopital.example", b"from: " + AUBIN),
        R.FROM_COUNT,
        True,
    ),
    (
        "Sender",
        "a line that only begins like From",
        headed(b"From victime@hopital.example", b"From: " + AUBIN),
        R.BAD_HEADER,
        True,
    ),
    ("Sender", "first line folded", headed(b" From: victime@hopital.example", b"From: " + AUBIN), R.BAD_HEADER, True),
    (
        "Sender",
        "From with a hard blank in its name",
        headed("From\u00a0: victime@hopital.example".encode(), b"From: " + AUBIN),
        R.BAD_HEADER,
        True,
    ),
    ("Sender", "empty Sender", headed(b"Sender: ", b"From: " + AUBIN), R.FROM_UNREADABLE, True),
    ("Sender", "another Reply-To", headed(b"Reply-To: x@y.example", b"From: " + AUBIN), R.OK, True),
    ("Sender", "sent again by somebody", headed(b"Resent-From: x@y.example", b"From: " + AUBIN), R.OK, True),
)
