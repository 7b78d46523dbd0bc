"""No flow leaves anything personal in a log: every flow test scans its own, and the scanner finds what it is there for.

What is known before running is checked here too: an event is a fixed sentence, never one with something put into it.
"""

import ast
import logging

import pytest
import structlog
from hypothesis import given

from tests.support.house import name_of, nodes_of, sources, text_of
from tests.support.logs import own_logging
from tests.support.logscan import PersonalDataInLog, assert_clean
from tests.support.people import matricules

HONEST = """
{"event": "delivered", "message_id": 7123456789012345678, "folder_id": 7123456789012345679, "ms": 3}
{"event": "…@… refused", "at": "2026-11-22T08:27:10.507689Z", "peer": "127.0.0.1:54321"}
2026-11-22 08:27:10 INFO listening on 2525 2587 2465 2143 2993 8025
sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""


def test_honest_lines_pass():
    assert_clean(HONEST, ["Ordonnance du 3 mars", "Aubin", "dr.aubin@cabinet.example", ""])


@given(matricules())
def test_any_matricule_is_found(matricule):
    for line in (matricule, f"x{matricule}y", f"ins={matricule[:13]} ok", f"to {matricule}@patient.mssante.fr"):
        with pytest.raises(PersonalDataInLog):
            assert_clean(f"fine\n{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "2 55 08 14 168 025 38",
        "٢٥٥٠٨١٤١٦٨٠٢٥٣٨",
        "%32%35%35081416802538",
        "dr.aubin@cabinet.example",
        "dr.aubin%40cabinet.example",
        "dr.aubin%2540cabinet.example",
        r"dr.aubin\u0040cabinet.example",
        "ordonnance  DU 3 mars",
        r"{\"event\": \"Aub\u0069n\"}",
    ],
)
def test_disguises_are_seen_through(line):
    with pytest.raises(PersonalDataInLog) as caught:
        assert_clean(line, ["Ordonnance du 3 mars", "Aubin"])
    assert line not in str(caught.value)


def test_our_logging_passes_the_scanner():
    with own_logging() as stream:
        log = structlog.get_logger()
        log.info("relay 255081416802538 refused", to="dr.aubin@cabinet.example", subject="Ordonnance", ref=7)
        try:
            raise KeyError("Aubin dr.aubin@cabinet.example")
        except KeyError:
            log.exception("edge failed")
            logging.getLogger("uvicorn.error").exception("failed for %s", "2 55 08 14 168 025 38")
    assert "edge failed" in stream.getvalue()
    assert_clean(stream.getvalue(), ["Aubin", "Ordonnance", "dr.aubin@cabinet.example"])


LOGGERS = {"log", "_log", "logger", "_logger", "LOG"}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def log_calls():
    for path in sources():
        for node in nodes_of(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                if ast.unparse(node.func.value).rpartition(".")[2].partition("(")[0] in LOGGERS:
                    yield f"{name_of(path)}:{node.lineno}", node


def test_an_event_is_a_fixed_sentence():
    fixed = [(place, bool(call.args) and isinstance(call.args[0], ast.Constant)) for place, call in log_calls()]
    assert not [place for place, is_fixed in fixed if not is_fixed]


def test_no_event_carries_text_made_on_the_spot():
    said = [(place, keyword) for place, call in log_calls() for keyword in call.keywords]
    assert not [place for place, keyword in said if ast.unparse(keyword.value).startswith(("str(", "repr(", "f'"))]


def test_every_flow_scans_its_log():
    flows = [path for path in sources("tests/flows") if path.name.startswith("test_")]
    assert not [name_of(path) for path in flows if "assert_clean" not in text_of(path)]
