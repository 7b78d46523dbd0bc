"""What the bridge asks of matrix-nio: one device, its keys, its timeline.

nio keeps its own sync token before it has kept the room keys, and loses both on a crash: the token here is ours, kept
by the caller with what it has made of the batch. nio returns errors: here they are raised.
"""

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import nio
from aiohttp import ClientError
from nio.crypto import decrypt_attachment
from nio.exceptions import EncryptionError, OlmTrustError

from instant.device import ODD, Device
from instant.exchange import Batch, ChatDenied, ChatLost, Gap, Invitation, Received, SessionEnded, Upload

TIMELINE = 250
SYNC_MS = 30_000
REQUEST_S = 30
TOO_MANY = 429
PAGE = 100
HAND_OUTS = 2  # the second for those who came during the first
_FILTER: dict[str, Any] = {
    "presence": {"types": []},
    "account_data": {"types": []},
    "room": {
        "timeline": {"limit": TIMELINE},
        "ephemeral": {"types": []},
        "account_data": {"types": []},
        "state": {"lazy_load_members": False},
    },
}
_ENDED = frozenset({"M_UNKNOWN_TOKEN", "M_USER_LOCKED", "M_USER_DEACTIVATED"})
_CONNECTION = (OSError, TimeoutError, ClientError)


class Client:
    """One device. Not for several tasks at once, but for `send`, which takes its turn."""

    def __init__(self, url: str, user_id: str, device: str, store: Path, pickle_key: str) -> None:
        store.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = nio.AsyncClientConfig(
            store_sync_tokens=False,
            encryption_enabled=True,
            pickle_key=pickle_key,
            max_timeouts=1,
            max_limit_exceeded=3,
            request_timeout=REQUEST_S,
        )
        self.user_id, self.device = user_id, device
        self._nio = Device(url, user_id, device, str(store), config)
        self.access = ""
        self._fresh = True
        self._turn = asyncio.Lock()

    async def open(self, token: str) -> None:
        """Take up the session: keys from the store, public ones uploaded. Raises ChatLost, SessionEnded."""
        self.access = token
        self._nio.restore_login(self.user_id, self.device, token)
        await self._tell_own_keys()
        if self._nio.keys_due:
            await self._checked(self._nio.keys_upload())

    async def _tell_own_keys(self) -> None:
        """Again, where the homeserver has lost them with a device that was signed out."""
        answer = await self.identities([self.user_id])
        known = answer["device_keys"].get(self.user_id, {}).get(self.device, {}).get("keys")
        ours = {f"{kind}:{self.device}": key for kind, key in self.own_keys.items()}
        if known != ours:
            self._nio.olm.account.shared = False

    async def close(self) -> None:
        """Let go of the connection."""
        await self._nio.close()

    @property
    def own_keys(self) -> Mapping[str, Any]:
        """Identity keys of this device."""
        return dict(self._nio.olm.account.identity_keys)

    async def batch(self, since: str) -> Batch:
        """What happened after `since`; waits up to 30 s. Nothing is lost when the token is not kept: ask again.

        Raises ChatLost, SessionEnded.
        """
        answer = await self._checked(self._nio.sync(SYNC_MS, _FILTER, since or None, full_state=self._fresh or None))
        self._fresh = False
        for room_id in answer.rooms.leave:  # nio goes on believing that it is in
            self._nio.rooms.pop(room_id, None)
        await self._keys_in_step()
        return self._batch(answer, since)

    async def backfill(self, gap: Gap, known: Callable[[str], Awaitable[bool]]) -> list[Received]:
        """Events before `gap.before` that `known(event_id)` does not know, oldest first; back to a page where it knows
        some, or to when we came.

        Raises ChatLost, SessionEnded.
        """
        found: list[Received] = []
        start, more = gap.before, True
        while more:
            answer = await self._checked(self._nio.room_messages(gap.room_id, start, limit=PAGE))
            for event in answer.chunk:
                if self._is_arrival(event):
                    return found[::-1]
                if await known(event.event_id):
                    more = False  # but for what of this page was written at the same time
                else:
                    found += _received(gap.room_id, event)
            more = more and bool(answer.end and answer.chunk and answer.end != start)
            start = answer.end
        return found[::-1]

    def _is_arrival(self, event: Any) -> bool:
        """What was said before it was not said to us."""
        ours = isinstance(event, nio.RoomMemberEvent) and event.state_key == self.user_id
        return ours and event.membership == "join" and event.prev_membership != "join"

    def decrypt(self, source: Mapping[str, Any], room_id: str) -> Received | None:
        """Try again what could not be read; None while its key is missing."""
        event = nio.Event.parse_encrypted_event(dict(source))
        event.room_id = room_id
        try:
            return next(iter(_received(room_id, self._nio.decrypt_event(event))), None)
        except (EncryptionError, *ODD):
            return None

    async def ask_for_key(self, source: Mapping[str, Any], room_id: str) -> None:
        """Ask other devices once for the key of this event. Raises ChatLost, SessionEnded."""
        event = nio.Event.parse_encrypted_event(dict(source))
        event.room_id = room_id
        with suppress(nio.exceptions.LocalProtocolError, ChatDenied, *ODD):  # asked already, or too odd to ask for
            await self._checked(self._nio.request_room_key(event), local=False)

    async def identities(self, users: Iterable[str]) -> Mapping[str, Any]:
        """Device and cross-signing keys of these users, asked now. Raises ChatLost, SessionEnded."""
        wanted = [user for user in users if user]
        self._nio.olm.users_for_key_query.update(wanted)
        if wanted:
            await self._checked(self._nio.keys_query())
        return self._nio.identities

    def trust(self, trusted: Mapping[str, frozenset[str]]) -> None:
        """User → device ids that may have our room keys; others of these users get none."""
        self._nio.trusted = {**self._nio.trusted, **trusted}

    def keys_of(self, user: str, devices: Iterable[str]) -> frozenset[str]:
        """By which these devices of a user are known in what they encrypt, after `identities`."""
        known = self._nio.device_store[user]
        return frozenset(known[one].curve25519 for one in devices if one in known)

    def members(self, room_id: str) -> tuple[str, ...]:
        """Joined and invited users of a room that the bridge is in."""
        room = self._nio.rooms.get(room_id)
        return tuple(room.users) if room else ()

    def has_company(self, room_id: str) -> bool:
        """Whether anybody but us has joined: what is said before has no reader, and nobody can open it later."""
        room = self._nio.rooms.get(room_id)
        return bool(room and set(room.users) - set(room.invited_users) - {self.user_id})

    def knows(self, room_id: str) -> bool:
        """Whether the bridge is in this room, as far as it has synced."""
        return room_id in self._nio.rooms

    async def send(self, room_id: str, kind: str, content: Mapping[str, Any], transaction: str) -> str:
        """Send, encrypted where the room is; the same transaction id gives the same event id. Returns the event id.

        Raises ChatLost, SessionEnded.
        """
        async with self._turn:
            await self._hand_out_key(room_id)
            sending = self._nio.room_send(room_id, kind, dict(content), transaction, ignore_unverified_devices=True)
            answer = await self._checked(sending)
        return str(answer.event_id)

    async def _hand_out_key(self, room_id: str) -> None:
        """To just those who are there. Who comes or goes while nio hands a room's key out is overlooked by it: whoever
        came could read nothing, whoever went could go on reading."""
        room = self._nio.rooms.get(room_id)
        if room is None or not room.encrypted:
            return
        if not room.members_synced:
            await self._checked(self._nio.joined_members(room_id))
        for _ in range(HAND_OUTS):
            self._compare_holders(room_id, room.users)
            if not self._nio.olm.should_share_group_session(room_id):
                return
            await self._checked(self._nio.share_group_session(room_id, ignore_unverified_devices=True))

    def _compare_holders(self, room_id: str, users: Iterable[str]) -> None:
        """A new key where somebody has it who should not, or was passed over; to be shared where somebody lacks it."""
        key = self._nio.olm.outbound_group_sessions.get(room_id)
        if key is None:
            return
        due = {
            (user, device.id)
            for user in users
            for device in self._nio.device_store.active_user_devices(user)
            if device.id != self.device and not self._nio.olm.is_device_blacklisted(device)
        }
        if key.users_shared_with - due or key.users_ignored & due:
            del self._nio.olm.outbound_group_sessions[room_id]
        elif due - key.users_shared_with:
            key.shared = False

    async def upload(self, data: bytes) -> Upload:
        """Put a file into the store, encrypted with a key of its own, and nameless: the store is told names in clear.

        Raises ChatLost, SessionEnded.
        """
        try:
            answer, keys = await self._nio.upload(
                lambda *_: io.BytesIO(data), "application/octet-stream", None, encrypt=True, filesize=len(data)
            )
        except _CONNECTION as error:
            raise ChatLost("la messagerie instantanée ne répond pas", type(error).__name__) from None
        self._check(answer)
        return Upload({**(keys or {}), "url": answer.content_uri})

    async def download(self, file: Mapping[str, Any]) -> bytes:
        """The octets of a message's encrypted `file`. Raises ChatLost, SessionEnded, ValueError where it is forged."""
        answer = await self._checked(self._nio.download(str(file["url"])))
        try:
            return bytes(decrypt_attachment(answer.body, file["key"]["k"], file["hashes"]["sha256"], file["iv"]))
        except (EncryptionError, KeyError, TypeError) as error:
            raise ValueError("attachment does not open") from error

    async def join(self, room_id: str) -> None:
        """Accept an invitation. Raises ChatLost, SessionEnded."""
        await self._checked(self._nio.join(room_id))

    async def leave(self, room_id: str) -> None:
        """Leave a room. Raises ChatLost, SessionEnded."""
        await self._checked(self._nio.room_leave(room_id))

    async def create(
        self,
        name: str,
        invite: Iterable[str],
        states: list[dict[str, Any]],
        kind: str = "",
        powers: Mapping[str, Any] | None = None,
    ) -> str:
        """A new private room; returns its id. `powers` replaces power levels. Raises ChatLost, SessionEnded."""
        making = self._nio.room_create(
            name=name,
            room_type=kind,
            invite=list(invite),
            preset=nio.RoomPreset.private_chat,
            federate=False,
            initial_state=states,
            power_level_override=dict(powers) if powers else None,
        )
        return str((await self._checked(making)).room_id)

    async def invite(self, room_id: str, user_id: str) -> None:
        """Ask a user in. Raises ChatLost, SessionEnded."""
        await self._checked(self._nio.room_invite(room_id, user_id))

    async def silence(self, room_id: str) -> None:
        """Nobody but us may write or change anything any more. Raises ChatLost, SessionEnded."""
        levels = {"events_default": 100, "state_default": 100, "invite": 100, "redact": 100, "users_default": 0}
        await self._checked(self._nio.room_put_state(room_id, "m.room.power_levels", levels))

    async def seen(self, room_id: str, event_id: str) -> None:
        """A read receipt, for the room and its threads: nio's own call names the main timeline, and Synapse refuses it
        for what was said in a thread. Raises ChatLost, SessionEnded."""
        await self._checked(self._nio.room_read_markers(room_id, event_id, event_id))

    async def _keys_in_step(self) -> None:
        """What nio's own loop does after each answer."""
        if self._nio.keys_due:
            await self._checked(self._nio.keys_upload())
        if self._nio.should_query_keys:
            await self._checked(self._nio.keys_query())
        if self._nio.should_claim_keys:
            await self._checked(self._nio.keys_claim(self._nio.get_users_for_key_claiming()))
        for message in tuple(self._nio.outgoing_to_device_messages):
            try:
                await self._checked(self._nio.to_device(message))
            except ChatDenied:  # an answer to something odd: asked again, it would be refused again
                self._nio.outgoing_to_device_messages.remove(message)

    def _batch(self, answer: Any, since: str) -> Batch:
        joins = answer.rooms.join
        gaps = [
            Gap(room_id, info.timeline.prev_batch)
            for room_id, info in joins.items()
            if since and info.timeline.limited and info.timeline.prev_batch
        ]
        events = [
            one for room, info in joins.items() for event in info.timeline.events for one in _received(room, event)
        ]
        invitations = [
            Invitation(room_id, state.sender)
            for room_id, info in answer.rooms.invite.items()
            for state in info.invite_state
            if isinstance(state, nio.InviteMemberEvent) and state.state_key == self.user_id
        ]
        keys = frozenset(
            event.session_id
            for event in answer.to_device_events
            if isinstance(event, (nio.RoomKeyEvent, nio.ForwardedRoomKeyEvent))
        )
        return Batch(
            answer.next_batch,
            tuple(events),
            tuple(invitations),
            tuple(gaps),
            tuple(answer.rooms.leave),
            keys,
        )

    async def _checked(self, asked: Any, *, local: bool = True) -> Any:
        try:
            answer = await asked
        except OlmTrustError as error:
            raise ChatDenied("un appareil n'est pas de confiance", type(error).__name__) from None
        except nio.exceptions.LocalProtocolError as error:
            if not local:
                raise
            raise ChatDenied("la messagerie instantanée n'est pas prête", type(error).__name__) from None
        except _CONNECTION as error:
            raise ChatLost("la messagerie instantanée ne répond pas", type(error).__name__) from None
        self._check(answer)
        return answer

    def _check(self, answer: Any) -> None:
        if isinstance(answer, nio.ErrorResponse):
            cause = str(answer.status_code or type(answer).__name__)
            if cause in _ENDED:
                raise SessionEnded("la session du pont est terminée", cause)
            status = getattr(answer.transport_response, "status", 500)
            kind = ChatDenied if 400 <= status < 500 and status != TOO_MANY else ChatLost
            raise kind("la messagerie instantanée refuse", cause)


def _received(room_id: str, event: Any) -> list[Received]:
    """In our words; events without an id or a sender are none of ours."""
    source = getattr(event, "source", None)
    if not isinstance(source, Mapping) or not getattr(event, "event_id", ""):
        return []
    facts = (event.event_id, room_id, event.sender, int(event.server_timestamp))
    if isinstance(event, nio.MegolmEvent):
        return [Received(*facts, "m.room.encrypted", {}, unread=source)]
    content = source.get("content")
    sender_key = event.sender_key if getattr(event, "decrypted", False) else ""
    redacts = str(source.get("redacts") or (content or {}).get("redacts") or source.get("state_key") or "")
    content = content if isinstance(content, Mapping) else {}
    return [Received(*facts, str(source.get("type")), content, redacts=redacts, sender_key=sender_key)]
