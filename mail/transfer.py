"""The content of one mail on its way from the wire to delivery: after DATA, or in the chunks of BDAT."""

from mail.chunk_reader import ChunkReader
from mail.data_reader import READ_AWAY, Bounds, DataReader
from mail.incoming import Incoming
from mail.limits import DATA_BLOCK_WAIT_S, DATA_MIN_RATE
from mail.line import Line
from mail.replies import MailError
from mail.spool import Spool

RATE_GRACE_S = 30.0  # before the least rate is asked for


async def receive_data(line: Line, mail: Incoming) -> None:
    """DATA from its 354 to its last reply. Raises MailError, the errors of reception, ConnectionError."""
    spool = line.house.reception.spool()
    try:
        reader = DataReader(spool.write, Bounds(message=line.house.message_octets))
        await _read_data(line, reader)
        if reader.fault is not None:
            if line.wire.waiting:  # whatever it meant by that, it is no command
                spool.discard()
                return line.goodbye(reader.fault.code, reader.fault.enhanced, reader.fault.public)
            raise reader.fault
        await _deliver(line, mail, spool)
    except BaseException:
        spool.discard()  # harmless once it is finished: the body is delivery's then
        raise


async def _read_data(line: Line, reader: DataReader) -> None:
    await line.flush()
    begun, rest = line.now(), None
    while rest is None:
        _hurry(line, begun, reader.seen)
        rest = reader.feed(await line.wire.piece())
    line.patience(float("inf"))
    line.wire.give_back(rest)


def _hurry(line: Line, begun: float, seen: int) -> None:
    """No less than DATA_MIN_RATE from the beginning, no pause beyond DATA_BLOCK_WAIT_S."""
    slowest = begun + RATE_GRACE_S + seen / DATA_MIN_RATE
    line.wait_until(min(slowest, line.now() + DATA_BLOCK_WAIT_S))


async def _deliver(line: Line, mail: Incoming, spool: Spool) -> None:
    receipt = await line.house.reception.message(mail, spool.finish())
    line.say(f"250 2.6.0 accepted as {receipt.message_id}")


def parse_bdat(argument: str) -> tuple[int, bool]:
    """Octets of the chunk, and whether it is the last one. RFC 3030 §2. Raises MailError 501."""
    size, _space, word = argument.partition(" ")
    if not size.isdecimal() or not size.isascii() or len(size) > 20 or word.strip().upper() not in {"", "LAST"}:
        raise MailError(501, "5.5.4", "a size in octets is wanted, and LAST with the last chunk")
    return int(size), bool(word.strip())


async def skip_chunk(line: Line, size: int) -> None:
    """Read a refused chunk away: its octets are no commands. Raises ConnectionError."""
    await _read_chunk(line, ChunkReader(_nowhere, Bounds(message=0)), size)


class Chunked:
    """One mail that comes in chunks."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._spool = line.house.reception.spool()
        self._reader = ChunkReader(self._spool.write, Bounds(message=line.house.message_octets))

    async def chunk(self, size: int) -> None:
        """Take one. Raises MailError once the message is refused, ConnectionError."""
        await _read_chunk(self._line, self._reader, size)
        if self._reader.fault is not None:
            raise self._reader.fault

    async def deliver(self, mail: Incoming) -> None:
        """After the last one. Raises MailError, the errors of reception."""
        self._reader.finish()
        if self._reader.fault is not None:
            raise self._reader.fault
        await _deliver(self._line, mail, self._spool)

    def discard(self) -> None:
        """Nobody wants it any more; harmless once it is delivered."""
        self._spool.discard()


async def _read_chunk(line: Line, reader: ChunkReader, size: int) -> None:
    if size > READ_AWAY:
        line.goodbye(552, "5.3.4", "the chunk is larger than anything that we take")
        raise ConnectionAbortedError
    reader.expect(size)
    begun, before = line.now(), reader.seen
    while reader.left:
        if not line.wire.waiting:
            await line.flush()
        _hurry(line, begun, reader.seen - before)
        line.wire.give_back(reader.feed(await line.wire.piece()))
    line.patience(float("inf"))


def _nowhere(_data: bytes) -> None:
    """Refused octets are kept nowhere."""
