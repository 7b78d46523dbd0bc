"""Invented messages that the IMAP tests read."""


def _crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


PLAIN = _crlf("""\
From: Ana Lopes <ana@labo.example>
To: lea.martin@cabinet.example
Subject: Essai
Date: Mon, 01 Jun 2026 10:00:00 +0200
Message-ID: <1@labo.example>

Bonjour
""")

PARTS = _crlf("""\
From: "Noé Petit" <noe.petit@pharmacie.example>
To: Lea <lea.martin@cabinet.example>, groupe: a@b.example, c@d.example;
Cc: ana@labo.example
Subject: =?utf-8?q?Ordonnance_pr=C3=AAte?=
Date: Tue, 02 Jun 2026 11:00:00 +0200
Message-ID: <2@pharmacie.example>
In-Reply-To: <1@labo.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=aa

preamble
--aa
Content-Type: text/plain; charset=utf-8

Tout est là.
--aa
Content-Type: message/rfc822

From: ana@labo.example
Subject: Dedans
Content-Type: multipart/alternative; boundary=bb

--bb
Content-Type: text/plain

un
--bb
Content-Type: text/html

<b>un</b>
--bb--

--aa
Content-Type: application/pdf; name=a.pdf
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename=a.pdf

JVBERi0xLjQK
--aa--
""")

ODD = b"Subject: bare\nX: \xff\xe9\x00\n\nlines\rwith\nevery\r\nend\n"

LARGE = (
    b"From: ana@labo.example\r\nSubject: Grand\r\nContent-Type: text/plain\r\n\r\n"
    + b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\r\n" * 16_000
)

MIDDLE = LARGE[:150_000]  # in its row, which is read by itself

MAILS = {"plain": PLAIN, "parts": PARTS, "odd": ODD, "middle": MIDDLE, "large": LARGE}
