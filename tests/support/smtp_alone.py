"""An SMTP listener in its own process, to be weighed: `python -m tests.support.smtp_alone FOLDER` prints the port."""

import asyncio
import sys
from pathlib import Path

import mail.tables  # noqa: F401  the tables of each room
from core.db import Db
from tests.support.post_office import PostOffice


async def main(folder: Path) -> None:
    db = Db.open(f"sqlite:///{folder / 'pli.db'}", create=True)
    office = PostOffice(db, folder, announce=())
    print(await office.start(tls=False), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
