"""The process that opens PDFs: it may die, hang or be forked away from; the reader goes on."""

import os
import signal

import pytest

from core.errors import Temporary
from record.unpack.facts import Problem, Unreadable
from record.unpack.pdf import PdfReader
from tests.support.record_files import PRESCRIPTION, pdf_of, text_pdf

PAGE = text_pdf(*PRESCRIPTION)


@pytest.fixture
def reader():
    found = PdfReader()
    yield found
    found.close()


def test_one_child_serves_many(reader: PdfReader) -> None:
    reader.read(PAGE)
    child = reader._child.pid
    for _ in range(5):
        assert reader.read(PAGE).pages == 1
    assert reader._child.pid == child


def test_a_dead_child_is_replaced(reader: PdfReader) -> None:
    reader.read(PAGE)
    os.kill(reader._child.pid, signal.SIGKILL)
    assert reader.read(PAGE).pages == 1


def test_a_broken_file_does_not_spoil_the_next(reader: PdfReader) -> None:
    with pytest.raises(Unreadable):
        reader.read(b"%PDF-1.7 nothing")
    assert "DOLIPRANE" in reader.read(PAGE).text


def test_a_stopped_child_is_a_busy_machine_not_a_bad_file() -> None:
    reader = PdfReader(wall_seconds=0.0)
    with pytest.raises(Temporary):
        reader.read(PAGE)
    reader.close()


def nested_forms(depth: int) -> bytes:
    """Forms that draw each other ten times, `depth` deep: ages of work in some kilobytes."""
    form = (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X %d 0 R >> >> /Length 60 >>\n"
        b"stream\n" + b"/X Do " * 10 + b"\nendstream"
    )
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >> /Contents 4 0 R >>"
    )
    start = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page]
    return pdf_of([*start, b"<< /Length 5 >>\nstream\n/X Do\nendstream", *(form % (6 + n) for n in range(depth))])


@pytest.mark.slow
def test_a_file_that_eats_cpu_harms_nobody() -> None:
    reader = PdfReader(cpu_seconds=1)
    try:
        reader.read(nested_forms(30))
    except Unreadable as refusal:
        assert refusal.problem in (Problem.TOO_SLOW, Problem.BROKEN)
    assert reader.read(PAGE).pages == 1
    reader.close()
