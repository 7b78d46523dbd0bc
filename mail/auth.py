"""Who is at the door: a password for people, a client certificate for software. The same for SMTP and IMAP.

Argon2 runs in a thread. A password that was right is remembered for the process as a keyed digest beside the hash it
was checked against, so that a client's many connections cost one hash: a changed or closed account never matches.
"""

import asyncio
import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

import structlog

from core.address import Address
from core.clock import Clock
from core.db import Db
from core.errors import Temporary
from crypto.keyring import Keyring
from crypto.passwords import verify_password
from mail import app_passwords
from mail.accounts import Account, account_by_certificate, account_by_login, account_by_subject
from mail.acting import mailbox_of_delegate, split_login
from mail.auth_trail import AuthTrail
from mail.bearer import TokenCheck, TokenLogin
from mail.throttle import BEARERS, Throttle
from mail.uses import Uses

REMEMBERED = 4096

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """An account that proved itself, with the mailbox it speaks for. Account 0 is the house, writing in its name.

    `device`: number of the device whose password it was, 0 for the account's own proof.
    """

    account_id: int
    mailbox_id: int
    holder_id: int
    address: Address
    role: str
    device: int = 0

    def __repr__(self) -> str:
        return f"Identity(account={self.account_id}, {self.role})"


class Throttled(Temporary):
    """Too many failures from there, or for this login: wait. SMTP 454 4.7.0, IMAP NO [UNAVAILABLE]."""


class Authenticator:
    """Checks passwords and certificates; slows down whoever guesses."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        clock: Clock,
        tokens: TokenCheck | None = None,
        failures: AuthTrail | None = None,
        uses: Uses | None = None,
    ) -> None:
        """Without `tokens` no access token is taken: OAUTHBEARER and XOAUTH2 are not offered.

        `failures` writes refused attempts into the trail, `uses` that a mailbox is in use.
        """
        self._clock = clock
        self._uses = uses
        self._db = db
        self._keyring = keyring
        self._tokens = tokens
        self._failures = failures
        self._throttle = Throttle(clock)
        self._token_throttle = Throttle(clock, BEARERS)
        self._known = _Remembered()

    async def password(self, login: str, password: str, peer: str = "", *, devices: bool = False) -> Identity | None:
        """None when login and password do not fit; `peer` is the IP address. Raises Throttled, DatabaseDown.

        `devices`: the password of a device will do, too: for mail programs.

        `mailbox*person`: a named delegate enters a mailbox that is not their own.
        """
        who = self._keyring.blind("login", login.strip().lower())
        await self._check_throttle(self._throttle, who, peer)
        person, wanted = split_login(login)
        account = await self._db.aread(account_by_login, self._keyring, person)
        device = await self._device(account, password) if devices else 0
        right = device or await self._is_right(account, password)
        found = await self._entered(account, wanted, device) if account and right else None
        right = found is not None
        self._throttle.note(who, peer, good=right)
        log.info("auth.password", account=account.id if account else None, ok=right, peer=peer)
        if not right:
            await self._trace(who, peer, "refused", account)
        return found

    async def certificate(self, sha256: str, acts_for: str = "", peer: str = "") -> Identity | None:
        """A software's account by the SHA-256 (hexadecimal) of the client certificate that the handshake checked.

        `acts_for`: the identity that the client wants (RFC 4422 appendix A), which is its own or none.
        """
        account = await self._db.aread(account_by_certificate, self._keyring, sha256) if sha256 else None
        named = account is not None and acts_for.strip().lower() in {"", account.address.key}
        good = account is not None and account.may_log_in and named
        log.info("auth.certificate", account=account.id if account else None, ok=good, peer=peer)
        if not good:
            await self._trace(self._keyring.blind("login", sha256), peer, "refused", account)
        return await self._entered(account) if account and good else None

    @property
    def takes_tokens(self) -> bool:
        """Whether OAUTHBEARER and XOAUTH2 are offered."""
        return self._tokens is not None

    async def bearer(self, given: TokenLogin, certificate_sha256: str = "", peer: str = "") -> Identity | None:
        """The account that the person behind this access token has at the mailbox `given.login`.

        A person's own mailbox, or one of an organisation that granted it to this person: never by what a token says
        about organisations. `certificate_sha256`: of the client certificate of the connection; `peer`: the IP address.
        Raises Throttled, Temporary (the issuer does not answer), DatabaseDown.
        """
        if not given.token:
            return None
        who = self._keyring.blind("login", given.login.strip().lower())
        await self._check_throttle(self._token_throttle, who, peer)
        person = await self._tokens(given.token, certificate_sha256) if self._tokens else None
        account = await self._subject(person.subject, given.login) if person else None
        good = account is not None and account.may_log_in
        self._token_throttle.note(who, peer, good=good)
        log.info("auth.bearer", account=account.id if account else None, token=person is not None, ok=good, peer=peer)
        if not good:
            await self._trace(who, peer, "refused", account)
        return await self._entered(account) if account and good else None

    async def _entered(self, account: Account, wanted: str = "", device: int = 0) -> Identity | None:
        """Who this is, at their own mailbox or at one they act for; None where they do not."""
        identity = Identity(account.id, account.mailbox_id, account.holder_id, account.address, account.role, device)
        if wanted and wanted.lower() != account.address.key:
            acting = await self._db.aread(mailbox_of_delegate, self._keyring, account, wanted, self._clock.now())
            if acting is None:
                return None
            identity = Identity(account.id, *acting, account.role, device)
        if self._uses:
            await self._uses.note(identity.mailbox_id)
        return identity

    async def _check_throttle(self, throttle: Throttle, who: bytes, peer: str) -> None:
        if throttle.refuses(who, peer):
            log.warning("auth.throttled", peer=peer)
            await self._trace(who, peer, "throttled")
            raise Throttled("too many attempts, try again later", "authentication throttled")

    async def _trace(self, who: bytes, peer: str, outcome: str, account: Account | None = None) -> None:
        known = (account.id, account.holder_id) if account else (0, 0)
        if self._failures:
            await self._failures.failed(who, peer, outcome, *known)

    async def _subject(self, subject: str, login: str) -> Account | None:
        return await self._db.aread(account_by_subject, self._keyring, subject, login)

    async def _device(self, account: Account | None, password: str) -> int:
        """Its number, or 0. Looked up for nobody too: what is asked depends on what was typed, never on who exists."""
        if not app_passwords.looks_like_one(password):
            return 0
        now, who = self._clock.now(), account.id if account else 0
        found = await self._db.aread(app_passwords.find, self._keyring, who, password, now)
        if found is None or account is None or not account.may_log_in:
            return 0
        number, is_news = found
        if is_news:
            await self._db.arun(app_passwords.note_use, number, now)
        return number

    async def _is_right(self, account: Account | None, password: str) -> bool:
        encoded = account.password_hash if account and account.may_log_in else None
        if account and encoded and self._known.fits(account.id, encoded, password):
            return True
        right = await asyncio.to_thread(verify_password, encoded, password)
        if right and account and encoded:
            self._known.keep(account.id, encoded, password)
        return right


class _Remembered:
    """Digests of right passwords, keyed with a secret of this process; the oldest go first."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._digests: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def fits(self, account_id: int, encoded: str, password: str) -> bool:
        """The account's hash is part of the digest: when it changes, nothing fits any more."""
        with self._lock:
            kept = self._digests.get(account_id, b"")
        return hmac.compare_digest(kept, self._digest(encoded, password))

    def keep(self, account_id: int, encoded: str, password: str) -> None:
        with self._lock:
            self._digests[account_id] = self._digest(encoded, password)
            self._digests.move_to_end(account_id)
            while len(self._digests) > REMEMBERED:
                self._digests.popitem(last=False)

    def _digest(self, encoded: str, password: str) -> bytes:
        text = encoded.encode() + b"\0" + password.encode(errors="surrogatepass")
        return hmac.digest(self._secret, text, hashlib.sha256)
