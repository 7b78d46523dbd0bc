"""An LDAP search has its longest time, the client's or ours, whichever is shorter. RFC 4511 §4.5.1.5."""

import threading
from typing import Any

import pytest

from directory.ldap import messages as m
from directory.ldap.ber import message_size
from directory.ldap.filters import PRESENT, Filter
from directory.ldap.session import Door, Session
from tests.support.ldap import LetsIn

RESULT_TIME_LIMIT = bytes((0x0A, 0x01, 0x03))  # resultCode timeLimitExceeded (3), RFC 4511 §4.1.9


class Stuck:
    """An index that does not answer before it is let go."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def find(self, asked: m.Search, limit: int) -> Any:
        self.over.wait(60)
        raise AssertionError("nobody waits for this")


@pytest.mark.parametrize(("ours", "theirs"), [(1, 0), (1, 3600), (3600, 1)])
async def test_who_waits_too_long_is_told(ours: int, theirs: int) -> None:
    stuck = Stuck()
    session = Session(Door(stuck, LetsIn(), frozenset({"physician"}), 50, ours), "192.0.2.1", secure=True)  # type: ignore[arg-type]
    await session.answer(m.Message(1, m.Bind(3, "mail=a@b.test", "secret")))
    asked = m.Search("o=annuaire", 2, 0, theirs, False, Filter(PRESENT, "cn", ()), ())
    try:
        (told,) = await session.answer(m.Message(2, asked))
    finally:
        stuck.over.set()
    assert RESULT_TIME_LIMIT in told and message_size(told) == len(told)
