"""A mailbox with thousands of small messages."""

from mail.append import Coming
from mail.lading import Place
from mail.spool import spool_bytes
from tests.support.imap_house import LEA, ImapHouse

TOGETHER = 500


async def fill(house: ImapHouse, count: int) -> None:
    box = house.boxes[LEA]
    place = Place(box.inbox_id, box.holder_id, box.key, "")
    for start in range(0, count, TOGETHER):
        raws = [letter(number) for number in range(start, start + TOGETHER)]
        await house.appender().append_all([Coming(spool_bytes(house.blobs, raw), place) for raw in raws], "mx")


def letter(number: int) -> bytes:
    return (
        f"From: A <a{number % 97}@example.test>\r\nTo: {LEA}\r\nSubject: lettre {number}\r\n"
        f"Date: Mon, 01 Jun 2026 10:{number // 60 % 60:02}:{number % 60:02} +0200\r\n"
        f"Message-ID: <{number}@example.test>\r\n\r\nlettre {number}\r\n"
    ).encode()
