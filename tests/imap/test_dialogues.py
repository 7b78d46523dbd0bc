"""Every `.imap` dialogue, on both engines, over real sockets."""

import re
from pathlib import Path

import pytest

from mail.imap.services import Options
from tests.support.imap_dialogue import Dialogue
from tests.support.imap_house import ImapHouse
from tests.support.imap_mails import MAILS

FOLDER = Path(__file__).parents[1] / "dialogues"
IN_CLEAR = Options(insecure_loopback=True)
ONLY_TLS = Options()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.imap")), ids=lambda path: path.stem)
async def test_dialogue(path: Path, house: ImapHouse) -> None:
    port = await house.serve(ONLY_TLS if path.stem.startswith("tls_") else IN_CLEAR)

    if path.stem.startswith("acl"):
        house.colleague("paul.roy@cabinet.example")
        house.colleague("ines.blanc@cabinet.example")

    async def deliver(name: str) -> None:
        await house.deliver(MAILS[name])

    await Dialogue(port, house.tls.client_side(), deliver).play(path)


def test_each_names_its_section_on_top() -> None:
    for path in FOLDER.glob("*.imap"):
        assert re.match(r"# .*(RFC \d+ §|CVE-)", path.read_text()), path.name
