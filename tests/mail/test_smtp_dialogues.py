"""Every `.smtp` dialogue, over real sockets."""

from pathlib import Path

import pytest

from core.db import Db
from tests.support.post_office import PostOffice
from tests.support.smtp_dialogue import options_of, parse, play

DIALOGUES = sorted((Path(__file__).parents[1] / "dialogues").glob("*.smtp"))


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
async def test_dialogue(path: Path, db: Db, tmp_path: Path) -> None:
    _door, insecure = options_of(parse(path.read_text()))
    office = PostOffice(db, tmp_path, insecure=insecure)
    try:
        await play(path, office)
    finally:
        await office.stop()


def test_each_dialogue_names_its_section() -> None:
    assert DIALOGUES
    for path in DIALOGUES:
        assert path.read_text().startswith("# "), path.name
