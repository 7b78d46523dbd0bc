"""GETQUOTAROOT. RFC 9208 §4.1.2: one root for the whole mailbox."""

from mail import folders
from mail.acl import check
from mail.imap.commands import GetQuotaRoot
from mail.imap.quota_line import tell_quota
from mail.imap.respond import line, mailbox
from mail.imap.session import Session


async def get_quota_root(session: Session, command: GetQuotaRoot) -> str:
    """The root of a mailbox, and how it stands. Raises NoSuchFolder, NoPermission."""
    services, box = session.services, session.holder.mailbox_id
    folder = await services.db.aread(folders.find_folder, services.keyring, box, command.mailbox)
    check(await services.permits.of(folder, session.holder), "r")
    session.wire.write(line(b"* QUOTAROOT", mailbox(command.mailbox, utf8=session.utf8), b'""'))
    await tell_quota(session)
    return "that is the root"
