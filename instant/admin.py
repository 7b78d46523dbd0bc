"""The homeserver's administration: our own services signed in, accounts made, renamed, locked, deactivated.

Sync, for threads. Synapse manual: "Register a user", "User Admin API".
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx2

from core.errors import Permanent, Temporary
from instant.names import BRIDGE_STATE, STEWARD, user_id
from instant.signing import Seeds, device_signature, key_uploads

LIMIT_S = 20.0


class ChatDown(Temporary):
    """The homeserver does not answer."""


class ChatRefused(Permanent):
    """The homeserver refuses what we ask: its errcode is the cause."""


class Admin:
    """`service_secret` is what our own services type as password."""

    def __init__(self, url: str, server: str, registration_secret: str, service_secret: str) -> None:
        self._server, self._registration, self._service = server, registration_secret, service_secret
        secure = url.startswith("https:")  # on loopback there is nothing to verify, and loading authorities takes long
        self._http = httpx2.Client(base_url=url, timeout=LIMIT_S, trust_env=False, verify=secure)
        self._token = ""

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def sign_in(self, localpart: str, device: str, *, admin: bool = False) -> str:
        """A token for one of our own services, which is registered where it is new. Raises ChatDown, ChatRefused."""
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": localpart},
            "password": self._service,
            "device_id": device,
            "initial_device_display_name": "Pli",
        }
        try:
            answer = self._call("POST", "/_matrix/client/v3/login", body, token="")
        except ChatRefused:
            self._register(localpart, admin=admin)
            answer = self._call("POST", "/_matrix/client/v3/login", body, token="")
        return str(answer["access_token"])

    def provision(self, matrix_id: str, shown: str) -> None:
        """The account exists, with this display name, and is neither locked nor deactivated."""
        body = {"displayname": shown, "admin": False, "deactivated": False, "locked": False}
        self._admin("PUT", f"/_synapse/admin/v2/users/{quote(matrix_id)}", body)

    def lock(self, matrix_id: str, *, locked: bool) -> None:
        """A locked account keeps its devices, which are answered M_USER_LOCKED."""
        self._admin("PUT", f"/_synapse/admin/v2/users/{quote(matrix_id)}", {"locked": locked})

    def deactivate(self, matrix_id: str) -> None:
        """For good: its devices are signed out, it leaves its rooms. Harmless twice."""
        self._admin("POST", f"/_synapse/admin/v1/deactivate/{quote(matrix_id)}", {"erase": False})

    def unlimited(self, localpart: str) -> None:
        """Our own bridge is not slowed down."""
        path = f"/_synapse/admin/v1/users/{quote(user_id(localpart, self._server))}/override_ratelimit"
        self._admin("POST", path, {"messages_per_second": 0, "burst_count": 0})

    def devices(self, matrix_id: str) -> list[str]:
        """Ids of a user's devices."""
        found = self._admin("GET", f"/_synapse/admin/v2/users/{quote(matrix_id)}/devices")
        return [device["device_id"] for device in found["devices"]]

    def version(self) -> str:
        """Synapse's version."""
        return str(self._admin("GET", "/_synapse/admin/v1/server_version")["server_version"])

    def cross_sign(
        self, access: str, matrix_id: str, seeds: Seeds, device: Mapping[str, Any], has_master: bool
    ) -> None:
        """Upload the cross-signing keys where there are none, and the device's signature. Raises as the others."""
        if not has_master:
            body = key_uploads(seeds, matrix_id)
            self._call("POST", "/_matrix/client/v3/keys/device_signing/upload", body, token=access)
        body = device_signature(seeds, matrix_id, device)
        self._call("POST", "/_matrix/client/v3/keys/signatures/upload", body, token=access)

    def rooms_by_ref(self, access: str, known: Collection[str]) -> dict[str, str]:
        """Rooms, none of the known ones, that the bridge made and that nobody wrote down before a crash: their ids by
        our references."""
        joined = self._call("GET", "/_matrix/client/v3/joined_rooms", None, token=access)["joined_rooms"]
        found = {}
        for room_id in set(joined) - set(known):
            path = f"/_matrix/client/v3/rooms/{quote(room_id)}/state/{BRIDGE_STATE}/"
            with suppress(ChatRefused):  # a room without this state
                found[str(self._call("GET", path, None, token=access).get("ref", ""))] = str(room_id)
        return found

    def _admin(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        if not self._token:
            self._token = self.sign_in(STEWARD, "PLI", admin=True)
        try:
            return self._call(method, path, body, token=self._token)
        except ChatRefused as error:
            if error.cause != "M_UNKNOWN_TOKEN":
                raise
            self._token = self.sign_in(STEWARD, "PLI", admin=True)
            return self._call(method, path, body, token=self._token)

    def _register(self, localpart: str, *, admin: bool) -> None:
        """Shared-secret registration: HMAC-SHA1 over nonce, name, password, right."""
        path = "/_synapse/admin/v1/register"
        nonce = self._call("GET", path, None, token="")["nonce"]
        right = "admin" if admin else "notadmin"
        text = "\0".join((nonce, localpart, self._service, right))
        mac = hmac.new(self._registration.encode(), text.encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": localpart, "password": self._service, "admin": admin, "mac": mac}
        self._call("POST", path, body | {"inhibit_login": True}, token="")

    def _call(self, method: str, path: str, body: dict[str, Any] | None, *, token: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = self._http.request(method, path, json=body, headers=headers)
            value = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ChatDown("la messagerie instantanée ne répond pas", type(error).__name__) from None
        if answer.status_code >= 500:
            raise ChatDown("la messagerie instantanée ne répond pas", f"homeserver status {answer.status_code}")
        if answer.status_code >= 400:
            raise ChatRefused("la messagerie instantanée refuse", str(value.get("errcode", answer.status_code)))
        return dict(value)
