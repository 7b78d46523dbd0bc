"""Log lines on a full disk: lost, counted, never an error."""

import io

from core.logstream import SteadyStream


class FullDisk(io.StringIO):
    """A text file on a disk that is full for a while."""

    full = True

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "no room")
        return super().write(text)


def test_lines_that_find_no_room_are_counted_and_told_of() -> None:
    disk = FullDisk()
    stream = SteadyStream(disk)
    for _ in range(3):
        stream.write("lost\n")
    disk.full = False
    stream.write("kept\n")
    assert stream.lost == 0
    assert disk.getvalue().splitlines() == ['{"event": "log.lines_lost", "count": 3, "level": "warning"}', "kept"]


def test_a_closed_stream_is_no_error() -> None:
    file = io.StringIO()
    file.close()
    stream = SteadyStream(file)
    stream.write("line\n")
    stream.flush()
    assert stream.lost == 1
