"""LSUB. RFC 3501 §6.3.9."""

from sqlalchemy.orm import Session as Rows

from mail.imap.branches import Branch, attributes, fitting, rights_in, tree_of
from mail.imap.commands import Lsub
from mail.imap.patterns import Pattern
from mail.imap.respond import list_line
from mail.imap.session import Session


async def lsub(session: Session, command: Lsub) -> str:
    """The names are matched in a reader thread, as those of LIST."""
    if command.pattern == "":  # §6.3.8: the delimiter is asked for
        session.wire.write(list_line(("\\Noselect",), "", lsub=True))
        return "that is the delimiter"
    session.wire.write(b"".join(await session.services.db.aread(_answer, session, command)))
    return "those are they"


def _answer(rows: Rows, session: Session, command: Lsub) -> list[bytes]:
    tree = tree_of(rows, session, rights_in(rows, session), lost=True)
    found = fitting(tree, [Pattern(command.reference, command.pattern)])
    lines = [_line(branch, hidden, session.utf8) for branch, hidden in found]
    return [line for line in lines if line]


def _line(branch: Branch, hidden: Branch, utf8: bool) -> bytes | None:
    r"""Subscribed names; one above others that are not shown themselves stands for them as \Noselect (§6.3.9)."""
    if branch.folder is not None and branch.folder.subscribed:
        return list_line(attributes(branch), branch.name, lsub=True, utf8=utf8)
    if branch.lost:
        return list_line(("\\NonExistent",), branch.name, lsub=True, utf8=utf8)
    if hidden.lost_below or any(folder.subscribed for folder in hidden.below):
        return list_line(("\\Noselect",), branch.name, lsub=True, utf8=utf8)
    return None
