"""The files of trust as they are now: authorities and revocation lists, read again soon after they change."""

import asyncio
import os
import ssl
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic

import structlog

from core.errors import Temporary
from core.settings import Settings
from crypto.entitled import Recipient, check_recipient
from crypto.revocation import is_listed
from crypto.trust import BadTrust, Trust
from crypto.verdict import Verdict
from ops.fence import Fence, TrustFiles

PROCESSES = min(4, os.cpu_count() or 1)  # that verify signatures
LOOK_S = 10.0  # a revocation is obeyed within a minute of its publication: this is our part of the minute

log = structlog.get_logger()
State = tuple[tuple[int, int] | None, ...]


class Watch:
    """Whether one of some files has changed since the last look; looks at most every `LOOK_S`."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._lock = threading.Lock()
        self._seen = self._state()
        self._next = monotonic() + LOOK_S

    def changed(self) -> bool:
        """True once for each change."""
        with self._lock:
            if monotonic() < self._next:
                return False
            self._next = monotonic() + LOOK_S
            before, self._seen = self._seen, self._state()
            return before != self._seen

    def _state(self) -> State:
        return tuple(map(_stamp, self._paths))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


class Judging:
    """The judge of signatures: in fenced processes, always by the newest authorities and lists. What cannot be read
    leaves the old ones."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watch = Watch((settings.ca_file, settings.crl_file))
        self._fence: Fence | None = None  # commands that judge nothing need no certificates
        self._reading = threading.Lock()

    def __call__(self, raw: bytes, sender: str | None, at: datetime) -> Verdict:
        """Raises Temporary where the files of trust could never be read."""
        return (self._newest() or self._renewed()).judge(raw, sender, at)

    async def on_loop(self, raw: bytes, sender: str | None, at: datetime) -> Verdict:
        """The same from the event loop, without a thread."""
        fence = self._newest()
        if fence is None:
            fence = await asyncio.to_thread(self._renewed)
        return await fence.judged(raw, sender, at)

    def warm(self) -> None:
        """Start the processes now, so that the first signed message need not wait for them. Returns at once.

        Raises BadTrust, OSError.
        """
        self._fence = self._fence or self._read()
        self._fence.warm()

    def close(self) -> None:
        """Let the processes go."""
        if self._fence:
            self._fence.close()

    def _newest(self) -> Fence | None:
        return None if self._watch.changed() else self._fence

    def _renewed(self) -> Fence:
        before = self._fence
        with self._reading:
            if self._fence is None or self._fence is before:
                return self._replaced(before)
            return self._fence  # another thread has read them meanwhile

    def _replaced(self, before: Fence | None) -> Fence:
        try:
            self._fence = self._read()
        except (BadTrust, OSError) as error:
            log.error("trust.files_not_read", cause=type(error).__name__)
            if before is None:
                raise Temporary("Réessayez plus tard.", f"trust files: {type(error).__name__}") from None
            return before
        if before:
            before.close()  # it ends what it has begun
            log.info("trust.files_read")
        return self._fence

    def _read(self) -> Fence:
        return Fence(_files(self._settings), processes=PROCESSES)


class CertificateCheck:
    """Whether mail may be encrypted to a certificate, by the newest authorities and lists (`mail.encryption`)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watch = Watch((settings.ca_file, settings.crl_file))
        self._trust: Trust | None = None

    def __call__(self, der: bytes, email: str, at: datetime) -> Recipient:
        """Raises Refusal; Temporary where the files of trust cannot be read."""
        if self._trust is None or self._watch.changed():
            try:
                self._trust = load_trust(self._settings)
            except (BadTrust, OSError) as error:
                raise Temporary("Réessayez plus tard.", f"trust files: {type(error).__name__}") from None
        return check_recipient(der, email, self._trust, at)


def load_trust(settings: Settings) -> Trust:
    """Raises BadTrust, OSError."""
    return _files(settings).load()


def _files(settings: Settings) -> TrustFiles:
    """Raises OSError."""
    crls = (settings.crl_file.read_bytes(),) if settings.crl_file.exists() else None
    return TrustFiles(settings.ca_file.read_bytes(), crls=crls)


def revoked_by_now(settings: Settings) -> Callable[[bytes], bool]:
    """Whether a client certificate (DER) stands on the lists as they are now. Raises BadTrust, OSError."""
    trust = load_trust(settings)
    return partial(is_listed, lists=trust.lists, issuers=(*trust.anchors, *trust.intermediates))


def renew_lists(contexts: Iterable[ssl.SSLContext], crl: Path) -> Callable[[], bool]:
    """Out: what the listeners call now and then; it gives their contexts the newest list, and says whether it is new.

    OpenSSL takes the newest list that a context knows of an authority, whichever was loaded first.
    """
    watch, kept = Watch((crl,)), tuple(contexts)

    def look() -> bool:
        if not watch.changed() or not crl.exists():
            return False
        try:
            for context in kept:
                context.load_verify_locations(cafile=crl)
                context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        except (OSError, ssl.SSLError) as error:
            log.error("tls.lists_not_read", cause=type(error).__name__)
            return False
        log.info("tls.lists_read")
        return True

    return look
