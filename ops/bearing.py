"""Who stands behind an access token: the issuer's keys, kept and renewed; the issuer itself, where it may be asked."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import structlog

from core.clock import Clock
from core.errors import PliError
from core.settings import Settings
from crypto.jwks import BadKeys, TokenKeys
from crypto.jwt import TokenReason, TokenRules, TokenVerdict, check_introspected, subject_of, verify_token
from mail.bearer import Bearer, TokenCheck
from ops.fetch import NotFetched, fetch, is_address, post_form

KEYS_OCTETS = 262_144
ANSWER_OCTETS = 65_536
AGAIN = timedelta(seconds=60)  # a token with an unknown key makes us read the keys again, but not more often

log = structlog.get_logger()


def token_check(settings: Settings, clock: Clock) -> TokenCheck | None:
    """What the mail room asks about tokens; None where no issuer is set."""
    return _Check(settings, clock).__call__ if settings.tokens.issuer else None


class _Check:
    """Verifies here, then asks the issuer where the settings say so."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._tokens = settings.tokens
        self._clock = clock
        self._keys = KeptKeys(
            settings.tokens.keys if is_address(settings.tokens.keys) else str(settings.token_keys),
            timedelta(hours=settings.tokens.keys_hours),
        )

    async def __call__(self, token: str, certificate_sha256: str) -> Bearer | None:
        """Raises NotFetched when the issuer has to be asked and does not answer."""
        return await asyncio.to_thread(self._bearer, token, certificate_sha256)

    def _bearer(self, token: str, certificate_sha256: str) -> Bearer | None:
        now = self._clock.now()
        verdict = self._verified(token, certificate_sha256, now)
        if verdict.valid and self._tokens.introspection:
            verdict = self._introspected(token, verdict, now)
        subject = subject_of(verdict.claims) if verdict.valid else None
        log.info("auth.token", reason=verdict.reason.value, named=subject is not None)
        return Bearer(subject, datetime.fromtimestamp(verdict.claims["exp"], UTC)) if subject else None

    def _verified(self, token: str, certificate_sha256: str, now: datetime) -> TokenVerdict:
        verdict = TokenVerdict(TokenReason.UNKNOWN_KEY)
        for renew in (False, True):  # the issuer may have changed its keys since we read them
            keys = self._keys.at(now, renew=renew)
            verdict = verify_token(token, self._rules(keys), now, certificate_sha256 or None)
            if verdict.reason is not TokenReason.UNKNOWN_KEY:
                break
        return verdict

    def _rules(self, keys: TokenKeys) -> TokenRules:
        return TokenRules(keys, self._tokens.issuer, self._tokens.audience, self._tokens.algorithms)

    def _introspected(self, token: str, verdict: TokenVerdict, now: datetime) -> TokenVerdict:
        """RFC 7662 §2."""
        secret = (self._tokens.client_id, self._tokens.client_secret)
        fields = {"token": token, "token_type_hint": "access_token"}
        answer = post_form(self._tokens.introspection, fields, secret, ANSWER_OCTETS)
        return check_introspected(answer, verdict.claims, now)


class KeptKeys:
    """The last good set of keys. Safe for use by several threads."""

    def __init__(self, place: str, every: timedelta) -> None:
        self._place = place
        self._every = every
        self._keys: TokenKeys | None = None
        self._read_at: datetime | None = None
        self._lock = threading.Lock()

    def at(self, now: datetime, *, renew: bool = False) -> TokenKeys:
        """The keys, read again when they are old. Raises NotFetched when none could be read, ever."""
        with self._lock:
            wait = AGAIN if renew or self._keys is None else self._every
            if self._read_at is None or abs(now - self._read_at) >= wait:
                self._read_at = now
                self._read()
            if self._keys is None:
                raise NotFetched("the issuer of tokens does not answer", "no keys of the token issuer")
            return self._keys

    def _read(self) -> None:
        try:
            self._keys = TokenKeys.load(fetch(self._place, KEYS_OCTETS))
        except (PliError, BadKeys) as error:
            log.warning("auth.token_keys", cause=type(error).__name__, kept=self._keys is not None)
