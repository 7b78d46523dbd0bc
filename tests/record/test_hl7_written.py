"""HL7 that we write: judged by hl7apy, which is not ours, and read again by our own reader."""

import base64
import dataclasses
import re
from datetime import UTC, datetime

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message, parse_segment
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, Refused
from record.identity import Agreement, compare
from record.pack.codes import VISIBILITY, Code
from record.pack.hl7 import MDM, ORU, Header, Route, hl7
from record.pack.xdm import Leaf
from record.unpack import unpack
from record.unpack.facts import CDA, PDF, Problem
from tests.support.full_cda import full_cda
from tests.support.record_world import TEST_OIDS, person

WHO = person()
AT = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
HEAD = Header(("Pli", "CABINET | INVENTÉ"), ("PFI", "HÔPITAL"), "42", AT)
LEAF = Leaf(full_cda(WHO))
PROFESSIONAL, PATIENT = "dr.invente@cabinet.mssante.test", f"{WHO.ins.matricule}@patient.mssante.fr"
ROUTE = Route((PROFESSIONAL,), PATIENT, PROFESSIONAL, "Cher confrère, voir | ci-joint.", "Bonjour", no_answer=True)
HIDDEN = Code("MASQUE_PS", VISIBILITY, "Masqué aux professionnels")
UNSEEN = Code("INVISIBLE_PATIENT", VISIBILITY, "Invisible au patient")


def lines(message: bytes) -> list[str]:
    return message.decode().split("\r")[:-1]


def judged(message: bytes):
    """Parsed strictly as v2.6, whose tables know no PRT: that segment, taken from a later version, is judged apart. Its
    table of lengths has 999 for what ED carries, so the octets themselves are put aside: our reader compares them."""
    kept = "\r".join(line for line in lines(message) if not line.startswith("PRT")) + "\r"
    kept = re.sub(r"(\^Base64\^)[A-Za-z0-9+/=]+", r"\1Qm9u", kept)
    found = parse_message(kept, validation_level=VALIDATION_LEVEL.STRICT)
    assert found.validate()
    for line in lines(message):
        if line.startswith("PRT"):
            parse_segment(line, version="2.7")
    return found


def flags(message: bytes) -> dict[str, str]:
    fields = [line.split("|") for line in lines(message) if line.startswith("OBX|") and "|CE|" in line]
    return {each[3].split("^")[0]: each[5][0] for each in fields}


@pytest.mark.parametrize("kind", [MDM, ORU])
def test_another_parser_finds_every_segment_where_the_standard_has_it(kind: str) -> None:
    found = judged(hl7((LEAF,), WHO, dataclasses.replace(HEAD, kind=kind), ROUTE))
    assert found.msh.msh_9.to_er7() == {MDM: "MDM^T02^MDM_T02", ORU: "ORU^R01^ORU_R01"}[kind]
    assert found.msh.msh_12.to_er7() == "2.6" and found.msh.msh_18.to_er7() == "UNICODE UTF-8"
    group = found if kind == MDM else found.oru_r01_patient_result.oru_r01_patient
    assert group.pid.pid_3.to_er7() == f"{WHO.ins.matricule}^^^&{WHO.ins.oid}&ISO^INS"
    assert group.pid.pid_5.to_er7().startswith(f"{WHO.family}^{WHO.given}")


@pytest.mark.parametrize("kind", [MDM, ORU])
def test_our_reader_finds_the_document_and_its_patient(kind: str) -> None:
    found = unpack(hl7((LEAF,), WHO, dataclasses.replace(HEAD, kind=kind), ROUTE))
    assert [each.media_type for each in found.documents] == [CDA, PDF] and not found.problems
    assert found.documents[0].data == LEAF.cda
    assert compare(found.documents[0], WHO, TEST_OIDS).agreement is Agreement.AGREE


def test_route_bodies_and_the_end_of_the_answers() -> None:
    message = hl7((LEAF,), WHO, HEAD, ROUTE)
    prt = [line.split("|") for line in lines(message) if line.startswith("PRT")]
    assert [each[4].split("^")[0] for each in prt] == ["SB", "RCT", "RCT", "REPLY"]
    assert [each[15] for each in prt[1:]] == [f"^^X.400^{one}" for one in (PROFESSIONAL, PATIENT, PROFESSIONAL)]
    said = lines(message)
    at = next(number for number, line in enumerate(said) if "|DESTMSSANTEPAT^" in line)
    assert said[at + 1] == "NTE|1|||FIN"
    bodies = [line.split("|")[5].split("^")[4] for line in said if "|CORPSMAIL_" in line]
    assert [base64.b64decode(each).decode() for each in bodies] == [ROUTE.words, ROUTE.patient_words]
    assert flags(message)["DESTMSSANTEPS"] == flags(message)["DESTMSSANTEPAT"] == "Y"
    assert flags(message)["DESTDMP"] == "N"


@pytest.mark.parametrize(
    ("leaf", "event", "status"),
    [
        (LEAF, "T02", "F"),
        (Leaf(full_cda(WHO, replaces="2.25.40")), "T10", "C"),
        (Leaf(full_cda(WHO), remove=True), "T04", "D"),
    ],
)
def test_new_replaced_removed(leaf: Leaf, event: str, status: str) -> None:
    message = hl7((leaf,), WHO, HEAD)
    found = judged(message)
    assert found.msh.msh_9.msh_9_2.to_er7() == event
    (obx,) = [line.split("|") for line in lines(message) if line.startswith("OBX|1|")]
    assert obx[11] == status
    remarks = unpack(message).documents[0].remarks
    assert (Problem.DELETION in remarks) is (status == "D")


def test_visibility_is_written_and_read_again() -> None:
    message = hl7((dataclasses.replace(LEAF, visibility=(HIDDEN,)),), WHO, HEAD, Route(patient=PATIENT))
    assert flags(message)["MASQUE_PS"] == "Y" and flags(message)["INVISIBLE_PATIENT"] == "N"
    assert "MASQUE_PS" in unpack(message).documents[0].entries[0].confidentiality


@pytest.mark.parametrize(
    ("marks", "route"),
    [
        ((HIDDEN,), Route((PROFESSIONAL,))),
        ((UNSEEN,), Route(patient=PATIENT)),
        ((HIDDEN, UNSEEN), Route()),
        ((), Route(("a b@c.example",))),
        ((), Route(("a@c.example|X",))),
        ((), Route(reply_to="a@c.example\rOBX|1")),
    ],
)
def test_what_the_matrix_forbids_and_what_breaks_out_is_not_written(marks: tuple[Code, ...], route: Route) -> None:
    with pytest.raises((Refused, BadInput)):
        hl7((dataclasses.replace(LEAF, visibility=marks),), WHO, HEAD, route)


@pytest.mark.parametrize(
    "leaves",
    [
        (),
        (Leaf(b"<a/>"),),
        (Leaf(full_cda(person(2))),),
        (LEAF, Leaf(full_cda(WHO, replaces="2.25.40"))),
        (LEAF, dataclasses.replace(LEAF, visibility=(HIDDEN,))),
        (LEAF,) * 60,
        (Leaf(full_cda(WHO, without="title")),),
    ],
)
def test_what_is_not_whole_or_not_theirs_is_not_written(leaves: tuple[Leaf, ...]) -> None:
    with pytest.raises((Refused, BadInput)):
        hl7(leaves, WHO, HEAD)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_makes_a_segment_or_a_field(name: str, words: str) -> None:
    head = dataclasses.replace(HEAD, sender=(name, name), number="7")
    plain, odd = hl7((LEAF,), WHO, HEAD), hl7((LEAF,), WHO, head, Route(words=words))
    more = 1 if words else 0
    assert len(lines(odd)) == len(lines(plain)) + more
    assert [line.count("|") for line in lines(odd)][: len(lines(plain))] == [line.count("|") for line in lines(plain)]
    assert unpack(odd).documents[0].data == LEAF.cda
