"""A thousand rooms after a restart: how long until the bridge has taken in its first batch; and what it holds idle.

`python -m tests.bench.chat_rooms [ROOMS]`; prints the rows of docs/performance.md. Making the rooms takes most of it:
`--folder DIR --stage make`, then `--folder DIR --stage resume` on a quiet machine.
"""

import argparse
import asyncio
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from instant.cases import Subject, open_case
from instant.rooms import open_rooms, to_make
from tests.support.chat_house import ChatHouse, Person, TestClock

ROOMS = 1000


async def make(folder: Path, rooms: int) -> None:
    """A house with so many case rooms."""
    async with ChatHouse(folder / "home") as house:
        person = await house.person()
        began = time.perf_counter()
        for number in range(rooms):
            await house.app.db.arun(one_more, house, person, number)
        while await house.app.db.aread(to_make):
            await asyncio.sleep(0.5)
        show(f"{rooms} rooms made", f"{time.perf_counter() - began:.0f} s")


def one_more(session: Any, house: ChatHouse, person: Person, number: int) -> None:
    open_case(session, house.app.keyring, person.account, Subject(1, "?"), str(number), house.app.clock.now())


async def resume(folder: Path) -> None:
    """Homeserver and bridge, both; the first batch holds the state of every room."""
    from ops.wiring import build

    house = ChatHouse(folder / "home")
    house.app = await asyncio.to_thread(build, house.settings, TestClock())
    rooms = len(await house.app.db.aread(open_rooms))
    began, cpu = time.perf_counter(), sum(os.times()[:2])
    await house.app.chat.start()
    await house.app.chat.bridge.taken_in.wait()
    spent = sum(os.times()[:2]) - cpu
    show(f"restart to {rooms} rooms resumed", f"{time.perf_counter() - began:.1f} s ({spent:.1f} s of our processor)")
    show("our process at its largest", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    await house.app.chat.stop()
    house.app.close()


def show(what: str, value: str) -> None:
    print(f"| {what} | {value} |", flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rooms", type=int, nargs="?", default=ROOMS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--stage", choices=("make", "resume"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pli-rooms-", dir="/tmp", ignore_cleanup_errors=True) as temporary:
        folder = asked.folder or Path(temporary)
        if asked.stage != "resume":
            await make(folder, asked.rooms)
        if asked.stage != "make":
            await resume(folder)


if __name__ == "__main__":
    asyncio.run(main())
