"""A new master key over 100,000 holders, with mail coming in meanwhile: `python tests/bench/keyring.py`."""

import json
import sys
import tempfile
import threading
import time
from pathlib import Path

from sqlalchemy import insert

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import directory.tables  # noqa: F401
import mail.tables  # noqa: F401
from core.db import Db
from core.ids import new_id
from crypto.keyring import FileKeyring
from crypto.sealed import new_key
from directory.holders import holder_aad, holder_key
from directory.tables import holders
from mail.tables import closed_messages
from ops import rotation

HOLDERS = 100_000


def main() -> None:
    """One JSON line."""
    with tempfile.TemporaryDirectory(prefix="pli-bench-") as folder:
        keyring = FileKeyring.create(Path(folder) / "keyring.json")
        db = Db.open(f"sqlite:///{folder}/pli.db", create=True)
        ids = _fill(db, keyring)
        over, waits = threading.Event(), list[float]()
        writer = threading.Thread(target=_serve, args=(db, keyring, ids, over, waits))
        writer.start()
        began = time.perf_counter()
        done = rotation.rotate(db, keyring, lambda *_: None)
        seconds = time.perf_counter() - began
        over.set()
        writer.join()
        forgotten = rotation.forget_unused(db, keyring)
        waits.sort()
        figures = {
            "holders": done["rewrapped"],
            "seconds": round(seconds, 2),
            "forgotten": forgotten,
            "service": {"commits": len(waits), "median_ms": _ms(waits, 0.5), "p99_ms": _ms(waits, 0.99)},
        }
        print(json.dumps(figures))
        db.close()


def _fill(db: Db, keyring: FileKeyring) -> list[int]:
    ids = [new_id() for _ in range(HOLDERS)]
    for start in range(0, HOLDERS, 5000):
        rows = [
            {"id": n, "kind": "patient", "wrapped_key": keyring.wrap_holder(new_key(), holder_aad(n)), "created_at": 0}
            for n in ids[start : start + 5000]
        ]
        db.run(lambda session, rows=rows: session.execute(insert(holders), rows) and None)
    return ids


def _serve(db: Db, keyring: FileKeyring, ids: list[int], over: threading.Event, waits: list[float]) -> None:
    """One durable write and one opened key at a time, 50 a second at most."""
    number = 0
    while not over.wait(0.02):
        number += 1
        began = time.perf_counter()
        row = {"patient_mailbox_id": number, "message_id_lookup": number.to_bytes(32, "big")}
        db.run(lambda session, row=row: session.execute(insert(closed_messages), row) and None)
        db.read(holder_key, keyring, ids[number * 37 % len(ids)])
        waits.append(time.perf_counter() - began)


def _ms(waits: list[float], part: float) -> float:
    return round(waits[min(len(waits) - 1, int(len(waits) * part))] * 1000, 1) if waits else 0.0


if __name__ == "__main__":
    main()
