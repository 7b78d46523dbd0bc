"""A thousand rooms after a restart: how long until the bridge has taken in its first batch; and what it holds idle.

`python tests/bench/chat_rooms.py [ROOMS]`; prints the rows of docs/performance.md. Making the rooms takes most of it.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from instant.cases import Subject, open_case  # noqa: E402
from instant.rooms import open_rooms, to_make  # noqa: E402
from tests.support.chat_house import ChatHouse, Person  # noqa: E402

ROOMS = 1000


async def main(rooms: int) -> None:
    with tempfile.TemporaryDirectory(prefix="pli-rooms-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with ChatHouse(Path(folder) / "home") as house:
            person = await house.person()
            began = time.perf_counter()
            for number in range(rooms):
                await house.app.db.arun(one_more, house, person, number)
            while await house.app.db.aread(to_make):
                await asyncio.sleep(0.5)
            show(f"{rooms} rooms made", f"{time.perf_counter() - began:.0f} s")
            assert len(await house.app.db.aread(open_rooms)) == rooms
            await restart(house, rooms)


def one_more(session: Any, house: ChatHouse, person: Person, number: int) -> None:
    open_case(session, house.app.keyring, person.account, Subject(1, "?"), str(number), house.app.clock.now())


async def restart(house: ChatHouse, rooms: int) -> None:
    """Homeserver and bridge, both; the first batch holds the state of every room."""
    await house.app.chat.stop()
    house.app.close()
    house.app = await asyncio.to_thread(rebuilt, house)
    began, cpu = time.perf_counter(), sum(os.times()[:2])
    await house.app.chat.start()
    await house.app.chat.bridge.taken_in.wait()
    spent = sum(os.times()[:2]) - cpu
    show(f"restart to {rooms} rooms resumed", f"{time.perf_counter() - began:.1f} s ({spent:.1f} s of our processor)")
    show("our process at its largest", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def rebuilt(house: ChatHouse) -> Any:
    from ops.wiring import build

    return build(house.settings, house.app.clock)


def show(what: str, value: str) -> None:
    print(f"| {what} | {value} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROOMS))
