"""What sessions work with, given by the wiring, and the operator's figures for IMAP."""

from concurrent.futures import Executor
from dataclasses import dataclass, field

from core.audit import Trail
from core.clock import Clock
from core.db import Db
from crypto.keyring import Keyring
from mail.append import Appender
from mail.auth import Authenticator
from mail.blobs import Blobs
from mail.imap.indexes import Indexes
from mail.imap.memory import Memory
from mail.imap.permits import Permits
from mail.imap.recent import Recents
from mail.limits import IMAP_APPEND_OCTETS
from mail.notify import Hub
from mail.spool import IN_MEMORY


@dataclass(frozen=True, slots=True)
class Options:
    """`insecure_loopback`: login without TLS from 127.0.0.1, for load tools in the demo. `trace_reads`: each first
    reading of a message's text in a session is written to the trail before the text leaves."""

    hostname: str = "localhost"
    insecure_loopback: bool = False
    trace_reads: bool = True
    connections: int = 500
    connections_per_client: int = 50
    failed_logins: int = 5
    session_s: float = 4 * 3600.0  # the longest session
    message_octets: int = IMAP_APPEND_OCTETS
    row_octets: int = IN_MEMORY
    mailbox_octets: int = 0  # 0: no limit


@dataclass(frozen=True, slots=True)
class Services:
    """Shared by all sessions. `pool` has the threads that read and unseal."""

    db: Db
    keyring: Keyring
    blobs: Blobs
    authenticator: Authenticator
    appender: Appender
    hub: Hub
    trail: Trail
    clock: Clock
    pool: Executor
    options: Options
    indexes: Indexes
    permits: Permits
    memory: Memory = field(default_factory=Memory)
    recents: Recents = field(default_factory=Recents)
