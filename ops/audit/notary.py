"""Signs the state of the trail, beside the service: every so many seconds when something was written, or entries.

A checkpoint is itself an entry of the trail, so that a witness's file that lost one is seen, too. Nothing waits for the
notary, and no failure of it stops the service: `pli doctor` tells of it.
"""

import json
import threading
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy.orm import Session

from core.audit import COUNTER, Event, Trail, entries, pruned
from core.clock import Clock
from core.db import Db
from core.errors import PliError
from core.numbers import last_number
from crypto.checkpoint import Checkpoint
from crypto.frontier import Frontier, FrontierBroken
from crypto.merkle import leaf_hash
from ops.audit.witness import Witness

ACTOR, ACTION = "notary", "audit.checkpoint"
LOOK_S = 1.0
BATCH = 2000

log = structlog.get_logger()


class RolledBack(PliError):
    """The trail is shorter than what was witnessed, or its beginning is another."""


@dataclass(frozen=True)
class Often:
    """A checkpoint is made after `seconds` with anything new, or at once after `entries` new ones."""

    seconds: float
    entries: int


class Notary:
    """One for each server; `note()` may be called by hand, too."""

    def __init__(self, db: Db, trail: Trail, witness: Witness, clock: Clock, often: Often) -> None:
        self._db, self._trail, self.witness, self._clock, self._often = db, trail, witness, clock, often
        self._edge: Frontier | None = None
        self._leaf = b""  # the edge's last one
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notary", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """After a last checkpoint."""
        self._stopped.set()
        self._thread.join(timeout=30)

    def note(self) -> Checkpoint | None:
        """Sign what was written since the last checkpoint; None when there is nothing but that checkpoint's entry.

        Raises RolledBack, OSError, DatabaseDown.
        """
        with self._lock:
            edge = self._edge or self._resume()
            before = edge.size
            news = self._grow(edge)
            self._edge = edge
            if not news:
                return None
            checkpoint = Checkpoint(edge.size, edge.root(), self._clock.now())
            self.witness.append(checkpoint)
            self._keep_edge(edge)
            self._db.run(self._trail.record, self._event(checkpoint))
            log.info("audit.checkpoint", size=edge.size, entries=edge.size - before)
            return checkpoint

    def _event(self, checkpoint: Checkpoint) -> Event:
        return Event(ACTOR, ACTION, "signed", checkpoint.at, checkpoint.size, detail=checkpoint.root.hex())

    def _grow(self, edge: Frontier) -> bool:
        """Up to the newest entry; whether any of them is more than a checkpoint's own."""
        news = False
        while found := self._db.read(self._leaves, edge.size):
            for seq, leaf, is_news in found:
                if seq != edge.size + 1:
                    self._edge = None
                    raise RolledBack("the trail has a gap", f"audit: entry {edge.size + 1} is missing")
                edge.append(leaf)
                self._leaf = leaf
                news = news or is_news
        return news

    def _leaves(self, session: Session, after: int) -> list[tuple[int, bytes, bool]]:
        rows = entries(session, after, BATCH)
        return [(row["seq"], leaf_hash(self._trail.leaf(row)), row["action"] != ACTION) for row in rows]

    def _resume(self) -> Frontier:
        """Where the last checkpoint ended. Raises RolledBack when the trail does not reach it."""
        last = self.witness.last()
        begun = self._db.read(pruned)
        written = self._db.read(last_number, COUNTER)
        if last is not None and written < last.size:
            raise RolledBack("the trail was turned back", f"audit: {last.size} entries were witnessed, {written} kept")
        if last is None:
            return Frontier.load(begun.size, begun.peaks)
        kept, leaf = _kept_edge(self._edge_file)
        if kept is not None and (kept.size, kept.root()) == (last.size, last.root) and self._has(last.size, leaf):
            return kept
        return self._walked(Frontier.load(begun.size, begun.peaks), last)

    def _has(self, seq: int, leaf: bytes) -> bool:
        """Whether this entry is still the one that the edge ended with: another past has another one there."""
        found = self._db.read(entries, seq - 1, 1)
        return bool(found) and (found[0]["seq"], leaf_hash(self._trail.leaf(found[0]))) == (seq, leaf)

    def _walked(self, edge: Frontier, last: Checkpoint) -> Frontier:
        """The edge's file is lost: the tree is made again from the entries."""
        while edge.size < last.size and (found := self._db.read(self._leaves, edge.size)):
            for seq, leaf, _ in found[: last.size - edge.size]:
                if seq == edge.size + 1:
                    edge.append(leaf)
        if edge.size != last.size or edge.root() != last.root:
            raise RolledBack("the trail is another than the one witnessed", "audit: a checkpoint does not fit")
        return edge

    @property
    def _edge_file(self) -> Path:
        return self.witness.path.with_name(self.witness.path.name + ".edge")

    def _keep_edge(self, edge: Frontier) -> None:
        """A shortcut, not a witness: it counts only where it leads to a signed root."""
        coming = self._edge_file.with_name(self._edge_file.name + ".coming")
        coming.write_text(json.dumps({"size": edge.size, "peaks": edge.packed().hex(), "leaf": self._leaf.hex()}))
        coming.replace(self._edge_file)

    def _run(self) -> None:
        waited = 0.0
        while not self._stopped.wait(LOOK_S):
            waited += LOOK_S
            if waited >= self._often.seconds or self._much_is_new():
                waited = 0.0
                self._try()
        self._try()

    def _much_is_new(self) -> bool:
        try:
            return self._edge is not None and self._written() - self._edge.size >= self._often.entries
        except PliError:
            return False

    def _written(self) -> int:
        return self._db.read(last_number, COUNTER)

    def _try(self) -> None:
        try:
            self.note()
        except (PliError, OSError) as error:
            log.critical("audit.not_witnessed", cause=type(error).__name__)


def _kept_edge(path: Path) -> tuple[Frontier | None, bytes]:
    """The edge and its last leaf."""
    try:
        found = json.loads(path.read_text())
        return Frontier.load(int(found["size"]), bytes.fromhex(found["peaks"])), bytes.fromhex(found["leaf"])
    except (OSError, ValueError, KeyError, TypeError, FrontierBroken):
        return None, b""
