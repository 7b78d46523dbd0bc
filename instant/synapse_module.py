"""Runs inside Synapse: asks Pli over loopback what is allowed, and refuses whatever is not answered within two seconds.

The rules are elsewhere (`instant/policy.py`). Synapse module API: "Spam checker", "Third-party rules", "Password auth".
"""

from collections.abc import Mapping
from typing import Any

from synapse.api.errors import Codes, SynapseError
from synapse.events import EventBase
from synapse.logging.context import make_deferred_yieldable, run_in_background
from synapse.module_api import NOT_SPAM, ModuleApi
from synapse.spam_checker_api import RegistrationBehaviour
from synapse.util.async_helpers import timeout_deferred

LIMIT_S = 2.0
CLOSED = "Le service de l'annuaire ne répond pas : réessayez dans un instant."
FORCED = {
    "m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2"},
    "m.room.guest_access": {"guest_access": "forbidden"},
}
ENCRYPTED = frozenset({"algorithm", "ciphertext", "sender_key", "device_id", "session_id", "m.relates_to"})


class PliPolicy:
    """`config`: `url` of the gate and its `secret`."""

    def __init__(self, config: Mapping[str, str], api: ModuleApi) -> None:
        self._url, self._api = config["url"], api
        self._headers = {b"Authorization": [f"Bearer {config['secret']}".encode()]}
        api.register_spam_checker_callbacks(
            user_may_invite=self.invite,
            federated_user_may_invite=self.federated_invite,
            user_may_send_3pid_invite=self.email_invite,
            user_may_join_room=self.join,
            user_may_create_room=self.create,
            user_may_create_room_alias=self.alias,
            user_may_publish_room=self.publish,
            check_username_for_spam=self.hidden,
            check_login_for_spam=self.login,
            check_registration_for_spam=self.register,
        )
        api.register_third_party_rules_callbacks(check_event_allowed=self.event, on_create_room=self.private)
        api.register_password_auth_provider_callbacks(
            auth_checkers={("m.login.password", ("password",)): self.password}
        )

    async def _ask(self, question: str, **facts: Any) -> tuple[bool, str]:
        try:
            asked = run_in_background(
                self._api.http_client.post_json_get_json, self._url, {"question": question, **facts}, self._headers
            )
            limited = timeout_deferred(deferred=asked, timeout=LIMIT_S, clock=self._api._hs.get_clock())
            answer = await make_deferred_yieldable(limited)
            return answer["allowed"] is True, str(answer["sentence"])
        except Exception:  # whatever it was: closed
            return False, CLOSED

    async def _spam(self, question: str, **facts: Any) -> Any:
        allowed, sentence = await self._ask(question, **facts)
        return NOT_SPAM if allowed else (Codes.FORBIDDEN, {"error": sentence})

    async def invite(self, inviter: str, invitee: str, _room: str) -> Any:
        return await self._spam("invite", user=inviter, other=invitee)

    async def federated_invite(self, event: EventBase) -> Any:
        return await self._spam("invite", user=event.sender, other=event.state_key)

    async def email_invite(self, inviter: str, _medium: str, _address: str, _room: str) -> Any:
        return await self._spam("email", user=inviter)

    async def join(self, user: str, _room: str, invited: bool) -> Any:
        return await self._spam("join", user=user, invited=invited)

    async def create(self, user: str, config: Mapping[str, Any]) -> Any:
        return await self._spam("create", user=user, config=dict(config))

    async def alias(self, user: str, _alias: Any) -> Any:
        return await self._spam("alias", user=user)

    async def publish(self, user: str, _room: str) -> Any:
        return await self._spam("publish", user=user)

    async def hidden(self, profile: Mapping[str, Any], asking: str) -> bool:
        allowed, _ = await self._ask("see", user=asking, other=profile["user_id"])
        return not allowed

    async def login(self, user: str, *_: Any) -> Any:
        return await self._spam("login", user=user)

    async def register(self, _threepid: Any, localpart: str | None, *_: Any) -> RegistrationBehaviour:
        allowed, _sentence = await self._ask("register", localpart=localpart or "")
        return RegistrationBehaviour.ALLOW if allowed else RegistrationBehaviour.DENY

    async def password(self, user: str, _type: str, typed: Mapping[str, Any]) -> tuple[str, None] | None:
        name = self._api.get_qualified_user_id(user)
        allowed, _ = await self._ask("password", user=name, password=str(typed.get("password")))
        return (name, None) if allowed else None

    async def event(self, event: EventBase, _state: Any) -> tuple[bool, None]:
        if not event.is_state() and event.type == "m.room.encrypted" and set(event.content) <= ENCRYPTED:
            return True, None
        asked_before = event.content.get("membership") != "knock" and "reason" not in event.content
        if event.type == "m.room.member" and asked_before:
            return True, None  # by `invite` and `join`
        facts = {"type": event.type, "content": dict(event.content), "state": event.is_state()}
        facts["state_key"] = event.get_state_key()
        allowed, sentence = await self._ask("event", user=event.sender, **facts)
        if not allowed:
            raise SynapseError(403, sentence, Codes.FORBIDDEN)
        return True, None

    async def private(self, _requester: Any, config: dict[str, Any], _admin: bool) -> None:
        """Every new room is encrypted from the first event, and closed to guests; `create` refuses public ones."""
        states = [state for state in config.get("initial_state", []) if state.get("type") not in FORCED]
        forced = [{"type": kind, "state_key": "", "content": content} for kind, content in FORCED.items()]
        config["initial_state"] = [*states, *forced]
