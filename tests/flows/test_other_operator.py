"""A pharmacy that keeps its mailbox at another operator: the same order on the same board, by `pli collect`."""

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client

from crypto.authority import Authority
from ops.demo.cast import PASSWORD as DEMO_PASSWORD
from ops.demo.cast import PATIENTS
from ops.demo_files import PHOTO_DATE, prescription_pdf
from record.order_detail import ALERTS, READING
from tests.support.flow import Flow
from tests.support.letters import PDF, Letter
from tests.support.tls_dovecot import PASSWORD, TlsDovecot

pytestmark = [pytest.mark.slow, pytest.mark.root]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("Autre opérateur", now=datetime.now(UTC))


@pytest.fixture(scope="module")
def elsewhere(authority: Authority) -> Iterator[TlsDovecot]:
    with tempfile.TemporaryDirectory(prefix="col-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "d").mkdir(mode=0o755)
        with TlsDovecot(Path(folder) / "d", authority) as made:
            yield made


def prescription(flow: Flow, rank: int) -> Letter:
    """Signed by this patient, for the demonstration's pharmacy."""
    files = [("ordonnance-inventée.pdf", PDF, prescription_pdf(PATIENTS[rank], PHOTO_DATE))]
    return flow.write(flow.patient(rank), flow.pharmacy["address"], "Ordonnance inventée", files=files)


def read_through(flow: Flow, number: str) -> dict[str, Any]:
    """The order, once the machine has ended reading its document."""

    def whole() -> dict[str, Any] | None:
        order = flow.ask("order.show", number=number, by=flow.pharmacy["login"])
        return None if ALERTS[READING] in order["alerts"] else order

    found: dict[str, Any] = flow.until(whole, "the reading")
    return found


def test_the_same_order_on_the_same_board(flow: Flow, elsewhere: TlsDovecot, authority: Authority, folder: Path):
    there = folder / "there.pem"
    there.write_bytes(authority.certificate_pem)
    where = ("--host", "localhost", "--port", str(elsewhere.imap), "--login", "box0", "--password", PASSWORD)
    flow.pli("collect", "add", flow.pharmacy["address"], *where, "--ca", str(there))
    with Client(base_url=flow.info["http"]["url"], timeout=60) as web:
        ours = {"sec-fetch-site": "same-origin", "origin": str(web.base_url).rstrip("/")}
        entered = web.post("/entrer", data={"login": flow.pharmacy["login"], "password": DEMO_PASSWORD}, headers=ours)
        assert entered.status_code == 303
        with web.stream("GET", "/officine/flux") as open_board:
            lines = open_board.iter_lines()
            assert next(lines).startswith("retry:")
            patient = flow.patient(0)
            there_first = f"Return-Path: <{patient['address']}>\r\n".encode() + prescription(flow, 0).raw
            elsewhere.put_raw("1", there_first)
            event = json.loads(next(line for line in lines if line.startswith("data: {")).removeprefix("data: "))
        collected = flow.next_order()
        assert event["order"] == collected["number"] and event["column"] == "recues"
        assert f'data-order="{collected["number"]}"' in event["html"]
        flow.submit(flow.patient(1), prescription(flow, 1).raw, flow.pharmacy["address"])
        direct = flow.next_order()
        board = web.get("/officine").text
    assert all(f'data-order="{order["number"]}"' in board for order in (collected, direct))
    collected, direct = (read_through(flow, order["number"]) for order in (collected, direct))
    assert collected["number"] != direct["number"]
    assert collected["lines"] == direct["lines"] and collected["lines"]
    assert collected["alerts"] == direct["alerts"] and collected["signature"] == direct["signature"]


def test_the_log_names_nobody(flow: Flow):
    flow.assert_clean("Ordonnance inventée", "ordonnance-inventée")
