"""What one file holds, told to a program: the account behind `pli record unpack --json`. Works without an instance.

Reasons and problems are words of closed lists: `Problem` and `Reason`.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from core.errors import PliError
from mail.bounds import MimeBounds
from mail.mime import walk
from record.description import carried_name, describe_document, describe_rejected
from record.from_message import attachments
from record.unpack import Taken, unpack
from record.unpack.facts import Problem, Rejected, Unpacked
from record.unpack.limits import ARCHIVE_BYTES, JSON_BYTES

MOST_BYTES = max(JSON_BYTES, 2 * ARCHIVE_BYTES)  # a mail is a third larger than what it carries
_FIELDS = re.compile(rb"\A(?:[!-9;-~]{1,60}:[^\r\n]{0,998}\r?\n(?:[ \t][^\r\n]{0,998}\r?\n){0,20}){2}")
_MAIL = re.compile(
    rb"^(?:from|to|subject|date|message-id|mime-version|received|content-type|return-path):", re.I | re.M
)

Account = dict[str, Any]
_DEFAULT = Taken()


class _File(NamedTuple):
    name: str
    found: Unpacked


def describe(data: bytes, name: str, taken: Taken = _DEFAULT) -> Account:
    """`documents` and `refused` of one file: a mail, an archive, XML, PDF, a picture, text, DICOM or FHIR JSON.

    Never raises on what the file holds. A content that is there twice is told once, under the name of its own file.
    """
    if len(data) > MOST_BYTES:
        return refusal(Problem.TOO_LARGE)
    try:
        files = _mail(data, taken) if _is_mail(data, name) else (_open(data, "", name, taken),)
    except MimeBounds:
        return refusal(Problem.BROKEN)
    if (reason := _reason(files)) is not None:
        return refusal(reason)
    return {"documents": list(_once(files)), "refused": None}


def refusal(reason: Problem) -> Account:
    """The account of a file of which nothing is taken."""
    return {"documents": [], "refused": reason.value}


def _is_mail(data: bytes, name: str) -> bool:
    return name.lower().endswith(".eml") or (bool(_FIELDS.match(data[:8192])) and bool(_MAIL.search(data[:8192])))


def _mail(data: bytes, taken: Taken) -> tuple[_File, ...]:
    """Every attachment, opened. Raises MimeBounds."""
    return tuple(
        _File(file.name, Unpacked(problems=(file.problem,)))
        if file.problem
        else _open(file.data, file.declared, file.name, taken)
        for file in attachments(data, walk(data), taken.most_wrapped)
    )


def _open(data: bytes, declared: str, name: str, taken: Taken) -> _File:
    try:
        return _File(name, unpack(data, declared, name, taken))
    except PliError:  # the PDF reader missed its deadline
        return _File(name, Unpacked(problems=(Problem.TOO_SLOW,)))


def _reason(files: tuple[_File, ...]) -> Problem | None:
    """Why nothing at all was taken; a document that lies elsewhere is known by what stands beside it."""
    if any(file.found.documents for file in files):
        return None
    told = [problem for file in files for problem in _refusals(file.found)]
    return None if Problem.OUTSIDE_BODY in told else next(iter(told), None)


def _refusals(found: Unpacked) -> list[Problem]:
    return [rejected.problem for rejected in found.rejected] or list(found.problems[:1])


def _once(files: tuple[_File, ...]) -> Iterator[Account]:
    """The same bytes once; the twin that is a file of its own gives its name to the carried one."""
    known: dict[str, Account] = {}
    for account, is_file in (pair for file in files for pair in _accounts(file)):
        sha256 = account["sha256"]
        if sha256 is None or sha256 not in known:
            known[sha256 or str(len(known))] = account
        elif is_file:
            known[sha256]["name"] = account["name"]
    yield from known.values()


def _accounts(file: _File) -> Iterator[tuple[Account, bool]]:
    """Each document of a file; whether it is a file of its own, or carried inside the one before."""
    outer, found = file.name, file.found
    everywhere = [p for p in found.problems if all(p not in document.remarks for document in found.documents)]
    for document in found.documents:
        carried = document.part.endswith("body")
        name = carried_name(outer, document) if carried else document.name or carried_name(file.name, document)
        outer = outer if carried else name
        yield describe_document(document, name, everywhere), not carried
    rejected = found.rejected if found.rejected or found.documents else (Rejected("", file.name, found.problems[0]),)
    for one in rejected:
        yield describe_rejected(one), True
