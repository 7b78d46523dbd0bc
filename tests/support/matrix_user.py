"""A professional with a plain matrix-nio client: an independent peer of the bridge."""

import asyncio
import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import nio
from aiohttp import ClientError
from nio.crypto import decrypt_attachment

from instant.signing import Seeds, device_signature, key_uploads, standing

WAIT_S = 60.0
# Of users who have signed a device: they sign each that comes, for the bridge gives keys to no other. By server, user.
SEEDS: dict[tuple[str, str], Seeds] = {}
WHOLE = {"room": {"timeline": {"limit": 1000}}}  # by itself Synapse leaves out all but ten events since the last answer


class MatrixUser:
    """Logs in with a password, joins what it is asked into, keeps every event it has seen."""

    def __init__(
        self, url: str, user_id: str, password: str, folder: Path, kind: type[nio.AsyncClient] = nio.AsyncClient
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        config = nio.AsyncClientConfig(
            store_sync_tokens=False, encryption_enabled=True, request_timeout=30, max_timeout_retry_wait_time=2
        )
        self.url, self.user_id, self.password = url, user_id, password
        self.client = kind(url, user_id, store_path=str(folder), config=config)
        self.events: list[tuple[str, Any]] = []
        self._grown = asyncio.Condition()

    async def __aenter__(self) -> "MatrixUser":
        answer = await self.client.login(self.password, device_name="test")
        assert isinstance(answer, nio.LoginResponse), answer
        await self.client.keys_upload()
        if (self.url, self.user_id) in SEEDS:
            await self.cross_sign()
        self._task = asyncio.ensure_future(self._sync())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.client.close()

    async def _sync(self) -> None:
        since, full = None, True
        while True:
            answer = None
            with suppress(ClientError):  # the homeserver ended over its answer
                answer = await self.client.sync(10_000, sync_filter=WHOLE, since=since, full_state=full)
            if not isinstance(answer, nio.SyncResponse):
                await asyncio.sleep(0.2)
                continue
            since, full = answer.next_batch, None
            async with self._grown:
                for room_id, info in answer.rooms.join.items():
                    self.events += [(room_id, event) for event in info.timeline.events]
                if answer.to_device_events:  # a key that comes after its event opens it, as in every client
                    self.events = [(room_id, self._read(event)) for room_id, event in self.events]
                self._grown.notify_all()
            with suppress(ClientError):
                await self._keys_in_step()
                for room_id in answer.rooms.invite:
                    await self._join(room_id)

    async def _join(self, room_id: str) -> None:
        """An invitation is told once; a busy homeserver may refuse the first answer to it."""
        for _ in range(5):
            if isinstance(await self.client.join(room_id), nio.JoinResponse):
                return
            await asyncio.sleep(1)

    def _read(self, event: Any) -> Any:
        if isinstance(event, nio.MegolmEvent):
            with suppress(nio.exceptions.EncryptionError, nio.exceptions.LocalProtocolError):
                return self.client.decrypt_event(event)
        return event

    async def _keys_in_step(self) -> None:
        if self.client.should_upload_keys:
            await self.client.keys_upload()
        if self.client.should_query_keys:
            await self.client.keys_query()
        if self.client.should_claim_keys:
            await self.client.keys_claim(self.client.get_users_for_key_claiming())
        await self.client.send_to_device_messages()

    async def until(self, wanted: Callable[[str, Any], bool], what: str) -> Any:
        """The first event for which `wanted(room_id, event)` holds."""

        def found() -> Any:
            return next((event for room_id, event in self.events if wanted(room_id, event)), None)

        async with self._grown:
            try:
                await asyncio.wait_for(self._grown.wait_for(found), WAIT_S)
            except TimeoutError:
                seen = [type(event).__name__ for _room, event in self.events]
                raise AssertionError(f"{what} did not come; seen: {seen}") from None
            return found()

    async def text(self, room_id: str, words: str) -> Any:
        """The first message of the room, decrypted, that holds these words."""
        return await self.until(lambda room, event: room == room_id and words in getattr(event, "body", ""), words)

    async def joined(self, room_id: str) -> None:
        """Until this client is in the room."""
        await self.until(lambda room, event: room == room_id, "the room")

    async def send(self, room_id: str, content: dict[str, Any], kind: str = "m.room.message") -> str:
        """Encrypted, to devices asked now; returns the event id."""
        self.client.olm.users_for_key_query.update(self.client.rooms[room_id].users)
        await self.client.keys_query()
        answer = await self.client.room_send(room_id, kind, content, ignore_unverified_devices=True)
        assert isinstance(answer, nio.RoomSendResponse), answer
        return answer.event_id

    async def say(self, room_id: str, words: str, thread: str = "") -> str:
        content: dict[str, Any] = {"msgtype": "m.text", "body": words}
        if thread:
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread}
        return await self.send(room_id, content)

    async def send_file(self, room_id: str, name: str, data: bytes, media: str, thread: str = "") -> str:
        answer, keys = await self.client.upload(
            lambda *_: io.BytesIO(data), media, name, encrypt=True, filesize=len(data)
        )
        info = {"mimetype": media, "size": len(data)}
        content = {"msgtype": "m.file", "body": name, "info": info, "file": {**keys, "url": answer.content_uri}}
        if thread:
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread}
        return await self.send(room_id, content)

    async def fetch(self, event: Any) -> bytes:
        """The decrypted octets of a file event."""
        file = event.source["content"]["file"]
        answer = await self.client.download(file["url"])
        return decrypt_attachment(answer.body, file["key"]["k"], file["hashes"]["sha256"], file["iv"])

    async def cross_sign(self) -> None:
        """Sign the own device, as current clients do; the user's keys are made for the first one."""
        seeds = SEEDS.setdefault((self.url, self.user_id), Seeds.fresh())
        keys = await self.keys([self.user_id])
        if self.user_id not in keys["master_keys"]:
            made = key_uploads(seeds, self.user_id)
            status, told = await self.call("POST", "/_matrix/client/v3/keys/device_signing/upload", made)
            assert status == 200, told
        body = device_signature(seeds, self.user_id, keys["device_keys"][self.user_id][self.client.device_id])
        _, told = await self.call("POST", "/_matrix/client/v3/keys/signatures/upload", body)
        assert told == {"failures": {}}
        assert self.client.device_id in standing(self.user_id, await self.keys([self.user_id])).signed

    async def keys(self, users: list[str]) -> dict[str, Any]:
        """/keys/query, whole."""
        return (await self.call("POST", "/_matrix/client/v3/keys/query", {"device_keys": dict.fromkeys(users, [])}))[1]

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        """A request of the client API past the client."""
        async with httpx2.AsyncClient(base_url=self.url, trust_env=False, timeout=30) as http:
            headers = {"Authorization": f"Bearer {self.client.access_token}"}
            answer = await http.request(method, path, json=body, headers=headers)
            return answer.status_code, answer.json()


def room_path(room_id: str, *rest: str) -> str:
    """`/_matrix/client/v3/rooms/…`."""
    return "/".join(["/_matrix/client/v3/rooms", quote(room_id), *rest])
