"""Who is signed in proves it once more before what opens the account is changed (OWASP ASVS 5, V7.5.1).

A screen that somebody left open, or a post taken over by a colleague's short code, is enough to work at, not to stay in
for good. Each session proves for itself; a session that passes to a colleague has proved nothing.
"""

from typing import Any

from starlette.concurrency import run_in_threadpool

from core.errors import Refused
from mail.accounts import Account, get_account
from portal.factors import TOTP, Factors
from portal.language import N_
from portal.passes import Passes
from portal.services import Services
from portal.session import Visitor

CONFIRMED = "confirmed"
LONGEST = 256  # of a password; the same as at the door
SLOW = N_("Trop d'essais. Attendez un quart d'heure, puis recommencez.")
REFUSALS = {"1": N_("Ce n'est pas le bon mot de passe, ou le code n'est plus valable. Rien n'est changé."), "2": SLOW}


class Confirming:
    """Proofs last as long as passes do: five minutes."""

    def __init__(self, services: Services, passes: Passes, factors: Factors) -> None:
        self._services = services
        self._passes = passes
        self._factors = factors

    def is_fresh(self, visitor: Visitor) -> bool:
        """Whether this session proved who it is a moment ago."""
        return self._passes.holds(CONFIRMED, visitor.session)

    def demand(self, visitor: Visitor) -> None:
        """Raises Refused."""
        if not self.is_fresh(visitor):
            raise Refused("Confirmez d'abord que c'est bien vous, puis recommencez.", "not confirmed")

    def note(self, visitor: Visitor) -> None:
        """This session has proved it: by password, passkey, or at Pro Santé Connect."""
        self._passes.mark(CONFIRMED, visitor.session, visitor.account_id)

    def shown(self, visitor: Visitor, said: str, then: str = "") -> dict[str, Any]:
        """What `confirm.html` asks for: `said` is why the last proof did not do, by the word of its address; `then` the
        page to come back to. Without a password a new sign-in proves it."""
        return {
            "confirmed": self.is_fresh(visitor),
            "has_password": self._account(visitor).password_hash is not None,
            "has_code": bool(self._factors.of(visitor.account_id, TOTP)),
            "refusal": REFUSALS.get(said, ""),
            "next": then,
        }

    async def by_password(self, visitor: Visitor, password: str, code: str, peer: str) -> bool:
        """All that signing in asks for; guessed no faster than at the door. Raises Throttled."""
        mine = await self._services.db.aread(get_account, self._services.keyring, visitor.account_id)
        if not await is_password_of(self._services, mine, password, peer):
            return False
        return await run_in_threadpool(self._factors.code_is_right, mine.id, code)

    def _account(self, visitor: Visitor) -> Account:
        return self._services.db.read(get_account, self._services.keyring, visitor.account_id)


async def is_password_of(services: Services, account: Account, password: str, peer: str) -> bool:
    """Raises Throttled."""
    if len(password) > LONGEST:
        return False
    login = str(account.profile.get("login") or "")
    right = await services.authenticator.password(login, password, peer)
    return right is not None and right.account_id == account.id
