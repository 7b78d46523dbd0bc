"""Redaction against texts that try to slip through, and the loggers of libraries."""

import io
import json
import logging
import sys
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from core.address import Address
from core.errors import Refused, Temporary
from core.ins import Ins
from core.redact import LONGEST, RedactingFilter, RedactingFormatter, configure_logging, redact, redact_text
from tests.support.logs import own_logging
from tests.support.people import matricules

MATRICULE = "255081416802538"
ADDRESS = "dr.aubin@cabinet.example"


@pytest.fixture
def lines():
    """What both worlds write, as a function."""
    with own_logging() as stream:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


HIDDEN = [
    MATRICULE,
    MATRICULE[:13],
    MATRICULE[:14],
    "255082A16802597",
    "255082a16802597",
    "2 55 08 14 168 025 38",
    "2 55 08 2A 168 025 97",
    "2-55-08-14-168-025-38",
    "2.55.08.14.168.025.38",
    "2\u00a055\u00a008\u00a014\u00a0168\u00a0025\u00a038",
    "2 5 5 0 8 1 4 1 6 8 0 2 5 3 8",
    "2\u200b55\u200b08\u200b14\u200b168\u200b025\u200b38",
    "25508141\r\n 6802538",
    "25508141\n\t6802538",
    "٢٥٥٠٨١٤١٦٨٠٢٥٣٨",
    "२५५०८१४१६८०२५३८",
    "２５５０８１４１６８０２５３８",
    "%32%35%35%30%38%31%34%31%36%38%30%32%35%33%38",
    "2%205508%20141%206802538",
    "%2532%2535%2535081416802538",
    f"{MATRICULE}^^^&1.2.250.1.213.1.4.10&ISO^NH",
    f"{MATRICULE}12345678",
    ADDRESS,
    "DR.AUBIN@CABINET.EXAMPLE",
    "dr.aubin＠cabinet.example",
    "dr.aubin%40cabinet.example",
    "dr.aubin%2540cabinet.example",
    "dr.aubin@\r\n cabinet.example",
    "dr.aubin\r\n @cabinet.example",
    "dr.aubin@cabinet.\r\n example",
    "dr.aubin @ cabinet.example",
    '"dr.aubin x"@cabinet.example',
    "dr.aubin+aubin=cabinet@list.example",
    f"<{ADDRESS}>",
    f"mailto:{ADDRESS}?subject=x",
    f"RCPT TO:<{MATRICULE}@patient.mssante.fr>",
    f"GET /messages?to={quote(ADDRESS)}&ins={MATRICULE}",
    "docteur.é.aubin@cabinet.example",
    "dr.aubin@cabinet",
]
TRACES = [
    "25508",
    "5508",
    "168025",
    "2A168",
    "aubin",
    "cabinet",
    "٢٥٥",
    "२५५",
    "２５５",
    "%32",
    "%2532",
    "patientmssante",
]


def shows(text):
    """Which traces of a matricule or address are left, whatever stands between their letters."""
    bare = "".join(letter for letter in text if letter.isalnum() or letter == "%").lower()
    return [trace for trace in TRACES if trace.lower() in bare]


@pytest.mark.parametrize("hidden", HIDDEN, ids=range(len(HIDDEN)))
def test_the_traces_are_in_each_hidden_text(hidden):
    assert shows(hidden)


@pytest.mark.parametrize("hidden", HIDDEN, ids=range(len(HIDDEN)))
@pytest.mark.parametrize("around", ["{}", "refused {} today", "x={};y", "('{}',)", "abc{}", "a\n{}\nb", "%zz {}"])
def test_matricules_and_addresses_do_not_pass(hidden, around):
    assert not shows(redact_text(around.format(hidden)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "delivered",
        "row 7123456789012345678 leased until 1764 by worker 3",
        "127.0.0.1:54321 - GET /health 200",
        "2026-11-22T08:13:00.123456Z",
        "2026-11-22 08:13:00,123 started",
        "listening on 2525 2587",
        "100 % sure",
        "décédé ’ … ½",
        "sqlite error 13 after 12 ms",
        "RFC 9051 §6.3.13",
    ],
)
def test_honest_words_stay_as_they_are(text):
    assert redact_text(text) == text


@given(matricules(), st.text(max_size=20), st.text(max_size=20))
def test_no_matricule_in_any_company(matricule, before, after):
    assert matricule not in redact_text(before + matricule + after)


@given(st.text(max_size=300))
def test_any_text_twice_is_the_same_as_once(text):
    once = redact_text(text)
    assert redact_text(once) == once or "%" in text


@pytest.mark.parametrize("flood", ["1", "1 ", "a@", "@", "%41", "2a", "a\n ", '"a', "a" * 50 + "@", "a@b\n ", "٢", "ﷺ"])
def test_a_flood_is_cut(flood):
    assert len(redact_text(flood * 200_000)) <= 20 * LONGEST


def test_the_cut_leaves_no_half():
    for place in range(LONGEST - 20, LONGEST + 2):
        text = "x" * (place - 1) + " " + MATRICULE + " " + ADDRESS
        assert not shows(redact_text(text))


def event(**words):
    return dict(redact(None, "info", {"event": "said", **words}))


@pytest.mark.parametrize(
    "key",
    "subject name address to from cc sender recipient recipients login password token title filename family given "
    "birth_date patient mail_from rcpt_to Subject patient_name from_address recipient_list file-name objet nom".split(),
)
def test_personal_keys_are_masked_whatever_they_hold(key):
    for value in ("Dupont", ["Dupont"], {"a": "Dupont"}, 12, object()):
        assert event(**{key: value})[key] == "…"


@pytest.mark.parametrize(
    "key", ["message_id", "patient_id", "mailbox_id", "recipient_count", "state", "kind", "logger_name"]
)
def test_references_are_kept(key):
    assert event(**{key: 7123456789012345678})[key] == 7123456789012345678


def test_values_of_every_kind_are_walked():
    shown = event(
        deep={"list": [ADDRESS, (MATRICULE,), {MATRICULE: {"subject": "Dupont"}}]},
        raw=ADDRESS.encode(),
        number=int(MATRICULE),
        ins=Ins(MATRICULE),
        who=Address.parse(ADDRESS),
        error=ValueError("Dupont"),
        ours=Refused("no", "rule 7"),
        none=None,
        yes=True,
        share=0.5,
    )
    text = repr(shown)
    assert not shows(text.replace("who': 'Address(…@cabinet.example)", ""))
    assert "Dupont" not in text
    assert "rule 7" in text
    assert shown["raw"] == f"<{len(ADDRESS)} bytes>"
    assert (shown["none"], shown["yes"], shown["share"]) == (None, True, 0.5)


def test_a_value_within_itself_ends():
    knot = []
    knot.append(knot)
    assert "…" in repr(event(knot=knot))


def raise_foreign():
    try:
        raise KeyError("Dupont né le 3 mars")
    except KeyError as error:
        raise ValueError(f"bad header {ADDRESS}\r\n {MATRICULE} Dupont") from error


def test_a_foreign_exception_keeps_type_and_place_only(lines):
    try:
        raise_foreign()
    except ValueError:
        structlog.get_logger().exception("edge failed", ref=7)
        logging.getLogger("mail.edge").exception("edge failed too")
    told, stdlib = lines()
    assert "ValueError" in told["exception"]
    assert "KeyError" in told["exception"]
    assert "raise_foreign" in told["exception"]
    for text in (repr(told), repr(stdlib)):
        assert "Dupont" not in text
        assert not shows(text)


def test_our_own_exception_keeps_its_cause_masked(lines):
    try:
        raise Temporary("try later", f"row 12 of {MATRICULE}")
    except Temporary as error:
        structlog.get_logger().warning("retry", exc_info=error)
    assert "row 12 of …" in lines()[0]["exception"]


def test_an_os_error_keeps_its_number_not_its_path(lines):
    try:
        open("/nowhere/Dupont.pdf")
    except OSError:
        structlog.get_logger().exception("blob")
    assert "errno 2" in lines()[0]["exception"]
    assert "Dupont" not in repr(lines())


@pytest.mark.parametrize("name", ["celery.app.trace", "uvicorn.error", "uvicorn.access", "aiosmtpd", "anything"])
def test_lines_of_libraries_are_masked(lines, name):
    logging.getLogger(name).error("Task for %s and %r (%s)", ADDRESS, {"to": MATRICULE}, "2 55 08 14 168 025 38")
    (line,) = lines()
    assert not shows(repr(line))
    assert line["logger"] == name
    assert line["level"] == "error"


def test_arguments_that_do_not_fit_are_not_shown(lines, capsys):
    logging.getLogger("x").error("count %d", ADDRESS)
    assert not shows(repr(lines()))
    assert not shows(capsys.readouterr().err)


def test_the_library_that_names_recipients_is_kept_at_warning(lines):
    logging.getLogger("mail").setLevel(logging.DEBUG)
    logging.getLogger("mail.log").info("recip: %s", ADDRESS)
    assert lines() == []
    assert logging.getLogger("mail.log").getEffectiveLevel() == logging.WARNING


def test_a_library_s_own_handler_is_taken_away(lines):
    own = io.StringIO()
    logging.getLogger("uvicorn.access").addHandler(logging.StreamHandler(own))
    configure_logging(json=True, stream=io.StringIO())
    logging.getLogger("uvicorn.access").error(ADDRESS)
    assert own.getvalue() == ""


def record(message, *arguments, exc_info=None):
    return logging.LogRecord("x", logging.ERROR, __file__, 1, message, arguments, exc_info)


def caught():
    try:
        raise_foreign()
    except ValueError:
        return sys.exc_info()


def test_the_formatter_alone_masks_as_well():
    made = record("to %s", ADDRESS, exc_info=caught())
    made.exc_text = f"ValueError: {ADDRESS}"  # left by another handler
    text = RedactingFormatter("%(name)s %(message)s").format(made)
    assert not shows(text)
    assert "Dupont" not in text


def test_the_filter_alone_masks_as_well():
    made = record("to %s", MATRICULE, exc_info=caught())
    assert RedactingFilter().filter(made)
    text = logging.Formatter("%(message)s").format(made)
    assert not shows(text)
    assert "Dupont" not in text


def test_lines_for_people_are_masked_as_well():
    with own_logging(json=False) as stream:
        structlog.get_logger().info("to " + ADDRESS, subject="Dupont")
        logging.getLogger("x").error(MATRICULE)
    assert len(stream.getvalue().splitlines()) == 2
    assert not shows(stream.getvalue())
    assert "Dupont" not in stream.getvalue()


def test_context_is_masked(lines):
    with structlog.contextvars.bound_contextvars(login=ADDRESS, session=f"s {ADDRESS}"):
        structlog.get_logger().info("hello")
    assert not shows(repr(lines()))
