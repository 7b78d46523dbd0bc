"""`order.hook`: keeps one promised call. The body names an order, or a row of a record; the answer's body is not read.

A call that fails is repeated by the outbox with growing waits, then buried and shown; 410 stops the address for good.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2
import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.clock import Clock
from core.db import Db
from core.errors import NotFound, PliError, Temporary
from crypto.keyring import Keyring
from directory.mailboxes import get_mailbox
from portal import hook_target
from portal.hook_signature import signed
from portal.hooks import FAILED, PING, SENT, STOPPED, Call, Hook, hooks_of
from portal.record_hooks import may_hear, named
from portal.tables import web_hook_calls, web_hooks

TIMEOUT_S = 10.0
GONE = 410

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, repr=False)
class _Known:
    call: Call
    hook: Hook


class CallHook:
    """The handler of `order.hook`; its ref is a call. `inside`: our own network may be called."""

    def __init__(self, db: Db, keyring: Keyring, clock: Clock, *, inside: bool) -> None:
        self._db, self._keyring, self._clock, self._inside = db, keyring, clock, inside

    def __call__(self, call_id: int) -> None:
        """A receiver may see a call twice: its id says so. Raises Temporary, Refused to be tried again and shown."""
        try:
            known = self._db.read(self._known, call_id)
        except NotFound:
            log.info("hook.gone", call_id=call_id)
            return
        if known.call.state == SENT or known.hook.stopped or not self._db.read(self._may, known):
            return
        try:
            status = self._post(known)
        except PliError:
            self._db.run(_keep, call_id, FAILED, 0)
            raise
        self._settle(known, status)

    def _settle(self, known: _Known, status: int) -> None:
        """Raises Temporary for every answer that is not a yes."""
        if 200 <= status < 300:
            self._db.run(_keep, known.call.id, SENT, status)
            return
        if status == GONE:
            self._db.run(_stop, known, status)
            return
        self._db.run(_keep, known.call.id, FAILED, status)
        raise Temporary("le serveur appelé a refusé", f"hook answered {status}")

    def _post(self, known: _Known) -> int:
        target = hook_target.found(known.hook.url, inside=self._inside)
        body = body_of(known.call)
        headers = signed(known.hook.secret, str(known.call.id), int(self._clock.now().timestamp()), body)
        headers |= {"host": target.host, "content-type": "application/json", "user-agent": "Pli"}
        name = target.host.rpartition("@")[2].partition(":")[0]
        try:
            with (
                httpx2.Client(trust_env=False, timeout=TIMEOUT_S, follow_redirects=False) as client,
                client.stream(
                    "POST", target.at, content=body, headers=headers, extensions={"sni_hostname": name}
                ) as answer,
            ):
                return answer.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise Temporary("le serveur appelé ne répond pas", f"hook: {type(error).__name__}") from None

    def _may(self, session: Session, known: _Known) -> bool:
        """Whether a registered program may still hear of it: consents and keys end between promise and call."""
        call, now = known.call, self._clock.now()
        is_record = known.hook.software_id is not None and call.what != PING
        return not is_record or may_hear(session, self._keyring, known.hook, call.what, call.order_id, now)

    def _known(self, session: Session, call_id: int) -> _Known:
        row = session.execute(select(web_hook_calls).where(web_hook_calls.c.id == call_id)).mappings().one_or_none()
        if row is None:
            raise NotFound("appel introuvable", "no such call")
        call = Call(**row)
        mailbox_id = session.execute(select(web_hooks.c.mailbox_id).where(web_hooks.c.id == call.hook_id)).scalar_one()
        holder_id = get_mailbox(session, mailbox_id).holder_id
        hooks = hooks_of(session, self._keyring, mailbox_id, holder_id)
        return _Known(call, next(hook for hook in hooks if hook.id == call.hook_id))


def body_of(call: Call) -> bytes:
    """What is said: which order and version, or which document, consent or opening; what kind of change, when."""
    at = datetime.fromtimestamp(call.at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data = {"order": call.number, "version": call.version} if call.number else named(call.what, call.order_id)
    return json.dumps({"type": call.what, "timestamp": at, "data": data}, separators=(",", ":")).encode()


def _keep(session: Session, call_id: int, state: str, status: int) -> None:
    values = {"state": state, "status": status, "attempts": web_hook_calls.c.attempts + 1}
    session.execute(update(web_hook_calls).where(web_hook_calls.c.id == call_id).values(values))


def _stop(session: Session, known: _Known, status: int) -> None:
    _keep(session, known.call.id, STOPPED, status)
    session.execute(update(web_hooks).where(web_hooks.c.id == known.hook.id).values(stopped=True))
