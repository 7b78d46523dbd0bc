"""matrix-nio as a bridge can stand on it: keys are kept whole before anybody relies on them, no stranger stops it.

nio keeps a session's ratchet and the room key that came by it in two commits: killed between them, the key is lost. It
offers one-time keys before it has kept their private halves, makes no more once all are taken, and no fallback key. A
malformed message to the device, or an odd event in a room, makes it raise, again and again.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import nio
import structlog

from instant.foreign_keys import keep_sound_devices, keep_sound_one_time_keys

ODD = (ValueError, TypeError, KeyError, AttributeError, AssertionError, IndexError)
_CURVE = "signed_curve25519"
log = structlog.get_logger()


class Device(nio.AsyncClient):  # type: ignore[misc]  # nio tells no types
    """One device; `identities` is the last answer of /keys/query, whole: nio throws cross-signing keys away."""

    identities: Mapping[str, Any] = {}
    trusted: Mapping[str, frozenset[str]] = {}  # user → device ids that may have our room keys
    _fallback_due = False

    async def parse_body(self, transport_response: Any) -> dict[Any, Any]:
        parsed: dict[Any, Any] = await super().parse_body(transport_response)
        if isinstance(parsed, dict):
            if "device_keys" in parsed and "one_time_keys" not in parsed:
                keep_sound_devices(parsed)
                self.identities = parsed
            elif "one_time_keys" in parsed:
                keep_sound_one_time_keys(parsed)
            unused = parsed.get("device_unused_fallback_key_types")
            if "next_batch" in parsed and isinstance(unused, list):
                self._fallback_due = _CURVE not in unused
        return parsed

    async def receive_response(self, response: nio.Response) -> None:
        """All that an answer changes in the store is one commit, or none."""
        parts = _device_by_device(response) if isinstance(response, nio.KeysClaimResponse) else [response]
        with self.store.database.atomic() if self.store else nullcontext():
            for part in parts:
                await super().receive_response(part)

    def load_store(self) -> None:
        """Whom we trust is weighed for each message: no list of it in files, by names that strangers chose."""
        super().load_store()
        self.olm.is_device_blacklisted = lambda device: device.id not in self.trusted.get(device.user_id, ())
        self.olm.is_device_ignored = lambda _device: True

    @property
    def keys_due(self) -> bool:
        """Whether the homeserver lacks keys by which others begin to speak to us."""
        return self.should_upload_keys or self._fallback_due

    async def keys_upload(self) -> Any:
        """Private halves are in the store before anybody can use the public ones. Client-Server API, "/keys/upload"."""
        keys = self.olm.share_keys() if self.should_upload_keys else {}
        if self._fallback_due:
            keys["fallback_keys"] = self._fallback()
        self.olm.save_account()
        method, path, data = nio.Api.keys_upload(self.access_token, keys)
        answer = await self._send(nio.KeysUploadResponse, method, path, data)
        self._fallback_due = self._fallback_due and not isinstance(answer, nio.KeysUploadResponse)
        return answer

    def _fallback(self) -> dict[str, Any]:
        """For whoever comes when the one-time keys are all taken, as after a long stop of ours."""
        account = self.olm.account._account
        if not account.fallback_key:
            account.generate_fallback_key()
        found = {}
        for name, key in account.fallback_key.items():
            value = {"key": key.to_base64(), "fallback": True}
            signature = self.olm.sign_json(value)
            signed = {"signatures": {self.user_id: {f"ed25519:{self.device_id}": signature}}}
            found[f"{_CURVE}:{name}"] = value | signed
        return found

    def _handle_olm_events(self, response: nio.SyncResponse) -> None:
        super()._handle_olm_events(response)
        if response.device_key_count.signed_curve25519 == 0:  # nio takes it for "not said"
            self.olm.uploaded_key_count = 0

    def _handle_olm_response(self, response: Any) -> None:
        if isinstance(response, nio.KeysClaimResponse):
            _guarded(super()._handle_olm_response, response)
        else:
            super()._handle_olm_response(response)

    def _handle_messages_response(self, response: Any) -> None:
        _guarded(super()._handle_messages_response, response)

    def _handle_decrypt_to_device(self, to_device_event: Any) -> Any:
        return _guarded(super()._handle_decrypt_to_device, to_device_event)

    def _handle_joined_state(self, room_id: str, join_info: Any, encrypted_rooms: set[str]) -> None:
        if room_id not in self.rooms:
            self.rooms[room_id] = _Room(room_id, self.user_id, room_id in self.encrypted_rooms)
        super()._handle_joined_state(room_id, join_info, encrypted_rooms)

    def _handle_timeline_event(self, event: Any, room_id: str, room: Any, encrypted_rooms: set[str]) -> Any:
        return _guarded(super()._handle_timeline_event, event, room_id, room, encrypted_rooms)


class _Room(nio.MatrixRoom):  # type: ignore[misc]  # nio tells no types
    """Takes from an event what it understands."""

    def handle_event(self, event: Any) -> None:
        _guarded(super().handle_event, event)

    def handle_membership(self, event: Any) -> bool:
        return bool(_guarded(super().handle_membership, event))


def _device_by_device(answer: nio.KeysClaimResponse) -> list[nio.KeysClaimResponse]:
    """With some keys, which are keys, no session can be made: the others' are."""
    return [
        nio.KeysClaimResponse({user: {device: key}}, answer.failures, answer.room_id)
        for user, devices in answer.one_time_keys.items()
        for device, key in devices.items()
    ]


def _guarded(work: Callable[..., Any], *args: Any) -> Any:
    """What it returns; None for what it cannot digest. Failures of the store are not caught: the key would be lost."""
    try:
        return work(*args)
    except ODD as error:
        log.warning("chat.odd_event", kind=type(error).__name__)
        return None
