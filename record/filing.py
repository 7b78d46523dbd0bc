"""`record.file`: the attachments of delivered messages go into the patient's record, once however often it runs.

Opened, judged and sealed first; then rows, promises and trail are written in one commit. Several messages are looked up
and written together: each by itself would cost the database more than all the rest.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import structlog
from sqlalchemy.exc import IntegrityError

from core.audit import Trail
from core.clock import Clock
from core.db import Db
from core.freight import Row
from crypto.keyring import Keyring
from crypto.verdict import Verdict
from mail.blobs import Blobs
from record.candidates import Candidate, open_pieces, prepare, unsigned
from record.documents import ROW_BYTES
from record.letters import Letter, Letters
from record.placing import DRAFT_KIND, FilingRules, Placing
from record.subject import Laid, Subject
from record.survey import Survey, survey

__all__ = ["DRAFT_KIND", "FILE_KIND", "FileMessage", "FilingRules"]

FILE_KIND = "record.file"
ROUND_OCTETS = 8 * 1024 * 1024  # of letters opened at a time: unpacked they are several times that
SIDE_BY_SIDE = 4  # large letters: they wait for the disk and for the PDF reader
T = TypeVar("T")
R = TypeVar("R")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, repr=False)
class _Ready:
    """Judged and sealed. `rows`: all that has to be written, where nothing else has to be decided."""

    laid: Laid
    subject: Subject
    candidates: tuple[Candidate, ...]
    rows: list[Row] | None


class FileMessage:
    """The handler of `record.file`; its ref is a message id."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        trail: Trail,
        clock: Clock,
        letters: Letters,
        blobs: Blobs,
        rules: FilingRules,
        pdf_judge: Callable[[bytes, datetime], Verdict] | None = None,
    ) -> None:
        """`pdf_judge`: a PDF's octets and the time → the verdict on its own signature."""
        self._db, self._keyring, self._clock = db, keyring, clock
        self._letters, self._blobs, self._rules, self._pdf_judge = letters, blobs, rules, pdf_judge
        self._placing = Placing(keyring, trail, clock, rules)

    def __call__(self, message_id: int) -> None:
        """Harmless twice, and twice at once: the second to come finds the rows of the first.

        Raises Temporary to be tried again; a message that is gone is no failure.
        """
        self.many([message_id])

    def many(self, message_ids: Sequence[int]) -> None:
        """The same for several. Raises what one of them raises; some of the others are filed by then."""
        for some in self._letters.rounds(message_ids, ROUND_OCTETS):
            self._file(some)

    def _file(self, message_ids: Sequence[int]) -> None:
        letters = self._letters.open_many(message_ids)
        laid = [each for each in self._each(self._opened, letters, letters) if each.pieces]
        known = self._db.read(survey, self._keyring, laid) if laid else []
        for each in (each for each, found in zip(laid, known, strict=True) if found.several):
            self._db.run(self._placing.reconcile_all, each.letter, each.pieces)
        mine = [(each, found.subject, found) for each, found in zip(laid, known, strict=True) if found.subject]
        self._commit(self._each(self._ready, mine, [each.letter for each, *_found in mine]))

    def _opened(self, letter: Letter) -> Laid:
        return Laid(letter, open_pieces(letter, self._rules.taken))

    def _each(self, work: Callable[[T], R], items: Iterable[T], letters: Iterable[Letter]) -> list[R]:
        """Side by side where one of the letters is large; the small ones have nothing to wait for."""
        if all(len(letter.raw) <= ROW_BYTES for letter in letters):
            return [work(item) for item in items]
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return list(pool.map(work, items))

    def _ready(self, of: tuple[Laid, Subject, Survey]) -> _Ready:
        laid, subject, known = of
        candidates = self._candidates(laid, subject)
        return _Ready(laid, subject, candidates, self._placing.plain(laid.letter, subject, candidates, known))

    def _candidates(self, laid: Laid, subject: Subject) -> tuple[Candidate, ...]:
        verdict, oids = laid.letter.verdict, self._rules.oids
        return prepare(laid.pieces, verdict, subject, self._keyring, oids, self._blobs, self._judged)

    def _judged(self, data: bytes) -> Verdict:
        return self._pdf_judge(data, self._clock.now()) if self._pdf_judge else unsigned(data)

    def _commit(self, ready: Sequence[_Ready]) -> None:
        plain = [each for each in ready if each.rows is not None]
        loaded = self._db.load_each([self._placing.freight(each.rows or [], each.subject) for each in plain])
        for each, outcome in zip(plain, loaded, strict=True):
            if not isinstance(outcome, BaseException):
                self._settled(each, each.rows or [])
        for each in (each for each in ready if each.rows is None):
            self._write(each)
        for each, outcome in zip(plain, loaded, strict=True):
            if isinstance(outcome, IntegrityError):  # another worker was faster
                self._write_again(each)
            elif isinstance(outcome, BaseException):
                raise outcome

    def _write(self, ready: _Ready) -> None:
        try:
            rows = self._db.run(self._placing.write, ready.laid.letter, ready.subject, ready.candidates)
        except IntegrityError:
            self._write_again(ready)
        else:
            self._settled(ready, rows)

    def _write_again(self, ready: _Ready) -> None:
        """What it met is there by now. Raises IntegrityError should it meet something again."""
        self._discard(ready.candidates, frozenset())
        candidates = self._candidates(ready.laid, ready.subject)
        try:
            rows = self._db.run(self._placing.write, ready.laid.letter, ready.subject, candidates)
        except IntegrityError:
            self._discard(candidates, frozenset())
            raise
        self._settled(_Ready(ready.laid, ready.subject, candidates, rows), rows)

    def _settled(self, ready: _Ready, rows: Sequence[Row]) -> None:
        """After any other failure the commit's outcome is unknown: files stay, the sweep at the start sorts them."""
        self._discard(ready.candidates, frozenset(row["id"] for row in rows if row["storage"] == "file"))
        log.info("record.filed", message_id=ready.laid.letter.message_id, states=[row["state"] for row in rows])

    def _discard(self, candidates: tuple[Candidate, ...], kept: frozenset[int]) -> None:
        for candidate in candidates:
            if candidate.sealed and candidate.sealed.storage == "file" and candidate.id not in kept:
                self._blobs.discard(candidate.id)
