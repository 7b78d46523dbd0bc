"""Collecting from Debian's Dovecot over TLS: once each, across disconnects, renumbering and duplicates."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.db import Db
from crypto.authority import Authority
from directory.mailboxes import reopen, suspend
from mail import collect_rows
from mail.collect import Collector
from mail.collect_rows import Collection, Source
from mail.incoming import Door, Incoming
from mail.pipeline import collect
from mail.replies import MailError
from mail.stages.stage import Stage
from tests.support.cable import Cable
from tests.support.post_office import PHARMACY, PostOffice
from tests.support.tls_dovecot import PASSWORD, THERE, TlsDovecot

pytestmark = [pytest.mark.slow, pytest.mark.root]


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("Autre opérateur", now=datetime.now(UTC))


@pytest.fixture
def dovecot(authority: Authority) -> Iterator[TlsDovecot]:
    with tempfile.TemporaryDirectory(prefix="col-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "d").mkdir(mode=0o755)
        with TlsDovecot(Path(folder) / "d", authority) as made:
            yield made


@pytest.fixture
async def office(db: Db, tmp_path: Path) -> AsyncIterator[PostOffice]:
    made = PostOffice(db, tmp_path, announce=())
    yield made
    await made.stop()


def registered(
    office: PostOffice, dovecot: TlsDovecot, authority: Authority, password: str = PASSWORD, port: int = 0
) -> Collection:
    source = Source("localhost", port or dovecot.imap, "box0", password, ca=authority.certificate_pem.decode())
    office.db.run(collect_rows.register, office.keyring, office.mailboxes[PHARMACY].id, source)
    return office.db.read(collect_rows.listed, office.keyring)[-1]


def collector(office: PostOffice) -> Collector:
    return Collector(office.db, office.keyring, office.clock, office.reception)


def texts(office: PostOffice) -> list[str]:
    return [each.raw.decode().split("\r\n\r\n")[1].strip() for each in office.inbox(PHARMACY)]


async def test_each_message_once(office: PostOffice, dovecot: TlsDovecot, authority: Authority) -> None:
    collection = registered(office, dovecot, authority)
    dovecot.put("1", "un")
    dovecot.put("2", "deux")
    for _ in range(2):
        await collector(office).visit(collection, once=True)
    assert sorted(texts(office)) == ["deux", "un"]
    dovecot.put("3", "trois")
    await collector(office).visit(collection, once=True)
    assert sorted(texts(office)) == ["deux", "trois", "un"]
    (kept, *_) = office.inbox(PHARMACY)
    assert (kept.meta.listener, kept.meta.sender) == (Door.COLLECT.value, "dr@ailleurs.test")


async def test_renumbering_and_duplicates(office: PostOffice, dovecot: TlsDovecot, authority: Authority) -> None:
    collection = registered(office, dovecot, authority)
    dovecot.put("1", "un")
    await collector(office).visit(collection, once=True)
    dovecot.stop()
    dovecot.renumber()
    dovecot.put("2", "un")
    dovecot.put("3", "deux")
    dovecot.start()
    await collector(office).visit(collection, once=True)
    assert sorted(texts(office)) == ["deux", "un"]


async def test_idle_tells_and_a_disconnect_is_survived(
    office: PostOffice, dovecot: TlsDovecot, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mail.collect.WAITS_S", (0.2,))
    registered(office, dovecot, authority)
    task = asyncio.create_task(collector(office).run())

    try:
        dovecot.put("1", "un")
        await until(office, 1)
        dovecot.put("2", "deux")
        await until(office, 2)
        dovecot.stop()
        dovecot.put("3", "trois")
        dovecot.start()
        await until(office, 3)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert sorted(texts(office)) == ["deux", "trois", "un"]


async def until(office: PostOffice, count: int) -> None:
    async with asyncio.timeout(60):
        while len(office.inbox(PHARMACY)) < count:
            await asyncio.sleep(0.05)


async def test_a_cable_that_is_pulled_again_and_again(
    office: PostOffice, dovecot: TlsDovecot, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noticed at once while it idles; each time the first failure, as the visits before went well."""
    monkeypatch.setattr("mail.collect.WAITS_S", (0.1, 1000.0))
    async with Cable(dovecot.imap) as cable:
        registered(office, dovecot, authority, port=cable.port)
        task = asyncio.create_task(collector(office).run())
        try:
            for number in range(1, 4):
                dovecot.put(str(number), str(number))
                await until(office, number)
                await asyncio.sleep(0.3)  # it idles
                cable.cut()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert texts(office) == ["1", "2", "3"]


async def test_a_quiet_mailbox_keeps_its_connection(
    office: PostOffice, dovecot: TlsDovecot, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mail.collect.IDLE_S", 0.2)
    async with Cable(dovecot.imap) as cable:
        registered(office, dovecot, authority, port=cable.port)
        task = asyncio.create_task(collector(office).run())
        try:
            dovecot.put("1", "un")
            await until(office, 1)
            await asyncio.sleep(1.5)  # some turns of IDLE without any news
            dovecot.put("2", "deux")
            await until(office, 2)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert cable.connections == 1
        assert office.db.read(collect_rows.listed, office.keyring)[0].reason == ""


async def test_the_cable_is_pulled_in_the_middle_of_a_message(
    office: PostOffice, dovecot: TlsDovecot, authority: Authority
) -> None:
    async with Cable(dovecot.imap) as cable:
        collection = registered(office, dovecot, authority, port=cable.port)
        dovecot.put("1", "un")
        dovecot.put_raw("2", f"Return-Path: <{THERE}>\nFrom: <{THERE}>\n\n{('x' * 70 + chr(10)) * 30_000}".encode())
        cable.most = 500_000
        with pytest.raises(OSError, match="hung up"):
            await collector(office).visit(collection, once=True)
        assert texts(office) == ["un"]
        cable.most = None
        await collector(office).visit(collection, once=True)
    assert [len(each.raw) > 2_000_000 for each in office.inbox(PHARMACY)] == [False, True]


@pytest.mark.parametrize(("code", "kept"), [(550, ["deux"]), (451, [])])
async def test_what_the_stages_refuse_for_good_is_passed_over(
    office: PostOffice, dovecot: TlsDovecot, authority: Authority, code: int, kept: list[str]
) -> None:
    """A virus, say: else nothing that came after it would ever be fetched. A refusal for now is tried again."""

    class Refuses(Stage):
        name = "refuses"

        def check(self, mail: Incoming) -> MailError | None:
            bad = mail.letter is not None and b"mauvais" in mail.letter.raw
            return MailError(code, "4.7.1" if code < 500 else "5.7.1", "refused") if bad else None

    office.reception._pipelines[Door.COLLECT] = collect((Refuses(),))
    office.reception._may_wait[office.reception._pipelines[Door.COLLECT].at_message] = ()
    collection = registered(office, dovecot, authority)
    dovecot.put("1", "mauvais")
    dovecot.put("2", "deux")
    if code < 500:
        with pytest.raises(MailError):
            await collector(office).visit(collection, once=True)
    else:
        await collector(office).visit(collection, once=True)
    assert texts(office) == kept


async def test_a_suspended_mailbox_misses_nothing(
    office: PostOffice, dovecot: TlsDovecot, authority: Authority
) -> None:
    collection = registered(office, dovecot, authority)
    dovecot.put("1", "un")
    office.db.run(suspend, office.mailboxes[PHARMACY].id)
    with pytest.raises(MailError):
        await collector(office).visit(collection, once=True)
    office.db.run(reopen, office.mailboxes[PHARMACY].id)
    await collector(office).visit(collection, once=True)
    assert texts(office) == ["un"]


async def test_a_wrong_password_or_certificate_is_said(
    office: PostOffice, dovecot: TlsDovecot, authority: Authority
) -> None:
    wrong = registered(office, dovecot, authority, "autre")
    with pytest.raises(Exception, match="login refused"):
        await collector(office).visit(wrong, once=True)
    stranger = registered(office, dovecot, Authority.create("Inconnue", now=datetime.now(UTC)))
    with pytest.raises(OSError, match="certificate"):
        await collector(office).visit(stranger, once=True)


def test_only_one_follows(office: PostOffice, dovecot: TlsDovecot, authority: Authority) -> None:
    number, now = registered(office, dovecot, authority).id, office.clock.now()
    assert office.db.run(collect_rows.take, number, 1, now, 60)
    assert office.db.run(collect_rows.take, number, 1, now, 60) and not office.db.run(
        collect_rows.take, number, 2, now, 60
    )
    office.clock.advance(61)
    assert office.db.run(collect_rows.take, number, 2, office.clock.now(), 60)
