"""MDM and ORU with a CDA inside: identity, visibility, replacement, removal; hostile messages refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from record.documents import FILED, RECONCILE
from record.unpack import unpack
from record.unpack.facts import CDA, Problem
from record.unpack.hl7 import SEGMENTS
from tests.support.record_files import cda
from tests.support.record_world import World, mail, person

WHO = person()
DOCUMENT = cda(WHO, section="Compte rendu.")


def message(
    *documents: bytes,
    kind: str = "MDM^T02^MDM_T02",
    status: str = "F",
    hidden: str = "",
    ins: str = WHO.ins.matricule,
    more: str = "",
    end: str = "\r",
) -> bytes:
    lines = [
        rf"MSH|^~\&|DPI|CHU INVENTÉ|PFI|PLI|20260601100000||{kind}|1|P|2.6|||||FRA|UNICODE UTF-8",
        f"PID|1||{ins}^^^&{WHO.ins.oid}&ISO^INS~4711^^^CHU&1.2.3&ISO^PI||{WHO.family}^{WHO.given}^^^^^L~AUTRE^^^^^^D||19790328|F",
    ]
    for number, document in enumerate(documents, 1):
        data = base64.b64encode(document).decode()
        lines.append(f"OBX|{number}|ED|11502-2^CR d'examens biologiques^LN||^TEXT^XML^Base64^{data}||||||{status}|")
    for code in ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REP_LEGAUX"):
        lines.append(f"OBX|9|CE|{code}^x^MetaDMPMSS||{'Y' if code == hidden else 'N'}^^expandedYes-NoIndicator||||||F|")
    lines.append("OBX|10|ED|CORPSMAIL_PS^Corps du mail^MetaDMPMSS||^TEXT^^Base64^Qm9uam91cg==||||||F|")
    return (end.join([*lines, more]) + end).encode()


@pytest.mark.parametrize("kind", ["MDM^T02", "MDM^T04", "MDM^T10", "ORU^R01^ORU_R01"])
@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_the_document_comes_out_with_its_patient(kind: str, end: str) -> None:
    found = unpack(message(DOCUMENT, kind=kind, end=end))
    (document,) = found.documents
    assert document.data == DOCUMENT and document.media_type == CDA and not found.problems
    (entry,) = document.entries
    assert (entry.form, entry.type_code) == ("hl7", "11502-2")
    assert [(claim.text, claim.oid) for claim in entry.ins] == [(WHO.ins.matricule, WHO.ins.oid)]
    assert (entry.traits.birth_family, entry.traits.birth_given) == (WHO.family, WHO.given)


def test_the_frame_of_mllp_and_white_space_in_base64_do_no_harm() -> None:
    whole = message(DOCUMENT)
    at = whole.index(b"Base64^") + 30
    assert unpack(b"\x0b" + whole[:at] + b"  " + whole[at:] + b"\x1c\r").documents[0].data == DOCUMENT


def test_visibility_and_removal_are_told() -> None:
    (hidden,) = unpack(message(DOCUMENT, hidden="MASQUE_PS")).documents
    assert hidden.entries[0].confidentiality == ("MASQUE_PS",)
    (removed,) = unpack(message(DOCUMENT, status="D")).documents
    assert Problem.DELETION in removed.remarks
    (other,) = unpack(message(DOCUMENT, ins=person(2).ins.matricule)).documents
    assert Problem.PATIENT_DIFFERS in other.remarks


def test_a_message_in_a_mail_is_filed_and_hidden_as_it_says(world: World) -> None:
    (row,) = world.file(mail(("cr.hl7", "text/plain", message(DOCUMENT, hidden="MASQUE_PS"))))
    assert (row.state, row.mask) == (FILED, 1)
    (wrong,) = world.file(mail(("cr.hl7", "text/plain", message(cda(person(3), section="x")))))
    assert wrong.state == RECONCILE


HOSTILE = {
    "no kind of ours": (message(DOCUMENT, kind="ADT^A01"), Problem.NO_DOCUMENT),
    "no document": (message(), Problem.NO_DOCUMENT),
    "same separators": (b"MSH|||||x\r", Problem.BROKEN),
    "cut": (b"MSH|^~", Problem.BROKEN),
    "too many lines": (message(DOCUMENT, more="NTE|1\r" * SEGMENTS), Problem.TOO_MANY_FILES),
    "too many documents": (message(*[b"x"] * 101), Problem.TOO_MANY_FILES),
    "controls": (message(DOCUMENT).replace(b"CHU", b"C\x00U"), Problem.ENCODING),
    "not base64": (message(DOCUMENT).replace(b"^Base64^", b"^Base64^*", 1), Problem.BROKEN),
    "hex": (message(DOCUMENT).replace(b"^Base64^", b"^Hex^", 1), Problem.ENCODING),
    "an archive inside": (message(b"PK\x03\x04" + bytes(40)), Problem.NESTED),
    "a message inside": (message(message(DOCUMENT)), Problem.NESTED),
    "too large": (message(b"x" * 6_000_000), Problem.TOO_LARGE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages(name: str) -> None:
    data, problem = HOSTILE[name]
    found = unpack(data)
    assert not found.documents and found.problems[0] is problem


@given(st.integers(0, 2_000), st.binary(min_size=1, max_size=12))
def test_torn_messages_never_crash(at: int, patch: bytes) -> None:
    whole = bytearray(message(DOCUMENT, hidden="MASQUE_PS"))
    whole[at : at + len(patch)] = patch
    unpack(bytes(whole))
