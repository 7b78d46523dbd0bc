"""Names that we put into Matrix: event types, fields, local parts. Proposals of ours, kept in this one file."""

import base64

from crypto.keyring import Keyring

REF = "fr.mss.ref"  # in encrypted content: the outbox row that wrote it, by which a repeat is found again
VERDICT = "fr.mss.verdict"  # in encrypted content: what was found about the signature of a mail
PART = "fr.mss.part"  # in encrypted content: which part of which mail a file is
BRIDGE_STATE = "fr.mss.bridge"  # room state: says that encryption ends at the bridge
CASE_STATE = "fr.mss.case"  # room state: the opaque reference of a case, never who it is about
CASE_TYPE = "fr.mss.case"  # type of a case room
CASE_EVENT = "fr.mss.case.v1"  # in encrypted content: of whom the case room speaks

BRIDGE = "pont"
STEWARD = "intendance"
SERVICES = frozenset({BRIDGE, STEWARD})


def user_id(localpart: str, server: str) -> str:
    """`@localpart:server`."""
    return f"@{localpart}:{server}"


def server_of(matrix_id: str) -> str:
    """The server of a user or room id; empty where there is none."""
    return matrix_id.partition(":")[2]


def localpart_of(keyring: Keyring, national_id: str, address: str) -> str:
    """Eighty bits of a keyed hash: the same person has the same id, and nobody reads a name or a number in it."""
    kind, subject = ("p", national_id) if national_id else ("o", address)
    digest = base64.b32encode(keyring.blind("matrix-id", subject)[:10]).decode().lower()
    return kind + digest
