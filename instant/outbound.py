"""Sends what is promised: parts of mails into their thread, words of the bridge's own. In order, once each.

The row's number is the transaction id: the homeserver answers a repeat with the first event. It remembers for a day;
after that the room is searched for the row's mark before anything is sent again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.orm import Session

from core.audit import Trail
from core.clock import Clock, epoch_ms
from core.db import Db
from core.errors import NotFound
from crypto.keyring import Keyring
from directory.mailboxes import get_mailbox
from instant import links, posts, trust
from instant.client import Client
from instant.exchange import ChatDenied, Gap
from instant.letter import file_content, file_of, mail_ids, text_content
from instant.names import REF
from instant.patience import Patience
from instant.posts import ORIGINAL, TEXT, Post
from instant.rooms import Room, get_room
from instant.services import Scanner
from mail.store import Opened, Store

REMEMBERED_MS = 23 * 3_600_000  # Synapse forgets transaction ids of a device after a day
HELD = "held"
TOO_LARGE, SAID_BEFORE = "M_TOO_LARGE", "M_DUPLICATE_ANNOTATION"
TOO_LONG = "Trop long pour un salon : voir la boîte aux lettres."
log = structlog.get_logger()


class Held(Exception):
    """A member's identity key has changed: nothing more is said in this room until somebody looks."""


@dataclass(frozen=True, slots=True, repr=False)
class Ready:
    """An event as it goes out."""

    kind: str
    content: Mapping[str, Any]
    root: str


class Outbound:
    """One sender for one device; used by one task."""

    def __init__(
        self, db: Db, keyring: Keyring, trail: Trail, clock: Clock, store: Store, scanner: Scanner, client: Client
    ) -> None:
        self._db, self._keyring, self._trail, self._clock = db, keyring, trail, clock
        self._store, self._scanner, self._client = store, scanner, client
        self._patience = Patience()

    async def send_pending(self) -> int:
        """All that waits and can go; returns how many went. A room that refuses keeps no other one waiting.

        Raises ChatLost, SessionEnded.
        """
        went = 0
        for number, room_id in await self._db.aread(posts.waiting_rooms):
            if self._client.has_company(room_id) and self._patience.is_over(number):
                try:
                    went += await self._send_to(number)
                    self._patience.done(number)
                except ChatDenied as error:
                    log.warning("chat.room_refuses", room=number, cause=error.cause)
                    self._patience.refused(number)
        return went

    async def _send_to(self, number: int) -> int:
        """What waits for one room, until it is through or held."""
        room = await self._db.aread(get_room, number)
        if room is None:
            return 0
        went = 0
        for post in await self._db.aread(posts.pending, self._keyring, number):
            try:
                await self._send(post, room)
            except Held:
                continue  # but for the word that says why
            went += 1
        return went

    async def _send(self, post: Post, room: Room) -> None:
        await self._check_devices(room, post)
        event_id = await self._search(post, room) if self._too_old(post) else ""
        ready = await self._ready(post, room)
        if not event_id and ready:
            await self._db.arun(posts.tried, post.id, self._clock.now())
            content = {**ready.content, REF: str(post.id)} if ready.kind != "m.reaction" else ready.content
            event_id = await self._put(room, ready.kind, content, str(post.id))
        await self._db.arun(self._sent, post, event_id or f"none:{post.id}", ready.root if ready else "")

    async def _put(self, room: Room, kind: str, content: Mapping[str, Any], transaction: str) -> str:
        """Into the room; where it is too large for one, that is said in its place. "" for a mark that is there."""
        try:
            return await self._client.send(room.room_id, kind, content, transaction)
        except ChatDenied as error:
            if error.cause == SAID_BEFORE:
                return ""
            if error.cause != TOO_LARGE:
                raise
        kept = {name: content[name] for name in ("m.relates_to", REF) if name in content}
        return await self._client.send(room.room_id, kind, _notice(TOO_LONG) | kept, transaction)

    def _sent(self, session: Session, post: Post, event_id: str, root: str) -> None:
        posts.sent(session, post.id, event_id)
        if post.part == TEXT and post.message_id:
            links.shown(session, post.room, post.message_id, event_id, root or event_id)

    async def _check_devices(self, room: Room, post: Post) -> None:
        """Keys are asked for now, not from memory: a device a minute old must be able to read this. Raises Held."""
        users = self._client.members(room.room_id)
        answer = await self._client.identities(users)
        own = self._client.user_id
        found = await self._db.arun(trust.weigh, self._trail, users, answer, own, self._clock.now())
        self._client.trust(found.devices)
        if found.changed and not post.part.startswith(HELD):
            log.warning("chat.key_changed", room=room.id, users=len(found.changed))
            await self._db.arun(self._tell_held, room)
            raise Held

    def _tell_held(self, session: Session, room: Room) -> None:
        """Once for each day, so that the room knows why nothing comes any more."""
        part = f"{HELD}:{self._clock.now():%Y%m%d}"
        if posts.exists(session, room.id, part):
            return
        text = (
            "La clé d'identité d'un membre de ce salon a changé. Par prudence, plus rien n'y est transmis jusqu'à ce "
            "que l'exploitant l'ait vérifiée."
        )
        posts.put_own(session, self._keyring, room.id, "m.room.message", {"msgtype": "m.notice", "body": text}, part)

    async def _ready(self, post: Post, room: Room) -> Ready | None:
        if post.own:
            return Ready(*post.own, root="")
        try:
            mail = await asyncio.to_thread(self._open, room, post.message_id or 0)
        except NotFound:  # deleted meanwhile
            return None
        root = await self._db.aread(self._root, room, mail, post.message_id or 0)
        content = await self._content(post, mail)
        if content is None:
            return None
        return Ready("m.room.message", content | _in_thread(root), root)

    def _open(self, room: Room, message_id: int) -> Opened:
        return self._store.open_message(message_id, self._db.read(get_mailbox, room.mailbox_id).holder_id)

    def _root(self, session: Session, room: Room, mail: Opened, message_id: int) -> str:
        """The mail's own thread once its text is shown; before that, the thread of what it answers."""
        own = links.root_of_mail(session, room.id, message_id)
        _id, answered = mail_ids(mail.raw, mail.meta.tree)
        return own or links.root_for(session, self._keyring, room.id, answered)

    async def _content(self, post: Post, mail: Opened) -> dict[str, Any] | None:
        if post.part == TEXT:
            return await asyncio.to_thread(text_content, mail.meta, mail.raw)
        if post.part == ORIGINAL:
            data, name, media = mail.raw, "message-original.eml", "message/rfc822"
        else:
            file = await asyncio.to_thread(file_of, mail.raw, mail.meta.tree, post.part)
            if file is None:
                return _notice("Pièce jointe illisible : voir le message d'origine.")
            data, name, media = file.data, file.name, file.media
        if await asyncio.to_thread(self._scanner.refuses, data):
            return _notice(f"{name} : retenu par l'antivirus.")
        upload = await self._client.upload(data)
        return file_content(f"{post.message_id}/{post.part}", name, media, len(data), upload.file)

    def _too_old(self, post: Post) -> bool:
        """Or the clock was set back, and nobody knows."""
        return bool(post.tried_at) and not 0 <= epoch_ms(self._clock.now()) - post.tried_at <= REMEMBERED_MS

    async def _search(self, post: Post, room: Room) -> str:
        """The event that carries this row's mark; empty where the room has none."""

        async def never(_event_id: str) -> bool:
            return False

        for found in await self._client.backfill(Gap(room.room_id, ""), never):
            if found.sender == self._client.user_id and found.content.get(REF) == str(post.id):
                return found.event_id
        return ""


def _in_thread(root: str) -> dict[str, Any]:
    if not root:
        return {}
    answer = {"m.in_reply_to": {"event_id": root}}
    return {"m.relates_to": {"rel_type": "m.thread", "event_id": root, "is_falling_back": True, **answer}}


def _notice(text: str) -> dict[str, Any]:
    return {"msgtype": "m.notice", "body": text}
