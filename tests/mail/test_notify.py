"""Watchers hear of their folder after the commit, from whatever thread; nothing is lost between two waits."""

import asyncio
import threading

from core.db import Db, signal
from core.freight import Signal
from mail.notify import Hub


def heard(hub: Hub, *folders: int) -> None:
    thread = threading.Thread(target=hub.heard, args=([Signal("folder", each) for each in folders],))
    thread.start()
    thread.join()


async def test_only_the_folder_that_changed() -> None:
    hub = Hub()
    with hub.watch(1) as one, hub.watch(2) as two:
        heard(hub, 1)
        assert await one.changed(10)
        assert not await two.changed(0)


async def test_a_change_before_the_wait_counts_once() -> None:
    hub = Hub()
    with hub.watch(1) as watch:
        heard(hub, 1, 1)
        heard(hub, 1)
        assert await watch.changed(10)
        assert not await watch.changed(0)


async def test_other_topics_wake_nobody() -> None:
    hub = Hub()
    with hub.watch(1) as watch:
        hub.heard([Signal("outbox", 1)])
        assert not await watch.changed(0)


async def test_several_watch_one_folder_and_leave() -> None:
    hub = Hub()
    first, second = hub.watch(1), hub.watch(1)
    first.close()
    first.close()
    heard(hub, 1)
    assert await second.changed(10) and not await first.changed(0)
    second.close()
    assert hub._watches == {}


def test_a_dead_loop_is_forgotten() -> None:
    hub = Hub()

    async def leave_open() -> None:
        hub.watch(1)

    asyncio.run(leave_open())
    heard(hub, 1)
    assert hub._watches == {}


async def test_fed_by_the_database(db: Db) -> None:
    hub = Hub()
    db.on_commit(hub.heard)
    with hub.watch(42) as watch:
        await db.arun(lambda session: signal(session, "folder", 42))
        assert await watch.changed(20)
