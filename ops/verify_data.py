"""`pli verify-data`: opens everything that is kept and compares it with what was written down when it came in."""

from pathlib import Path

from sqlalchemy import Table

from core.audit import Trail
from core.db import Db
from crypto.keyring import Keyring
from mail.tables import messages
from ops.verify.context import Context
from ops.verify.files import check_files
from ops.verify.findings import Findings, Progress, Report
from ops.verify.folders import check_folders
from ops.verify.mail import check_mail
from ops.verify.orders import check_orders
from ops.verify.people import check_people
from ops.verify.record import check_documents
from ops.verify.rows import check_rows
from record.tables import documents, orders

__all__ = ["Report", "verify"]

# The row counts that the rooms keep, and the table that each one counts. The trail counts itself.
TALLIED: dict[str, Table] = {"messages": messages, "documents": documents, "orders": orders}


def _silent(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def verify(db: Db, keyring: Keyring, trail: Trail, blobs: Path, progress: Progress = _silent) -> Report:
    """Check every key, sealed field, body, row count, counter and audit entry; `blobs` is the body files' folder.

    Reads only, in batches, beside a server at work. What a destroyed holder's key would open is counted as shredded.
    Raises DatabaseDown.
    """
    findings = Findings(progress)
    context = Context(db, keyring, blobs, findings)
    try:
        for check in (check_people, check_mail, check_folders, check_documents, check_orders, check_files):
            check(context)
        check_rows(context, trail, TALLIED)
    finally:
        context.close()
    return findings.report()
