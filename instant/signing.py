"""Cross-signing: the bridge signs its own device, and knows whose devices are signed by their owners.

Clients in strict mode withhold keys from a device that its owner has not signed, and nio signs none. Client-Server API
"Cross-signing", "Signing JSON".
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vodozemac import Account, Ed25519PublicKey, Ed25519Signature, KeyException, SignatureException

PICKLE = "utf-8"
MASTER, SELF_SIGNING, USER_SIGNING = "master", "self_signing", "user_signing"
Sign = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, repr=False)
class Seeds:
    """The three cross-signing keys; `pickled` is for the sealed store."""

    master: Account
    self_signing: Account
    user_signing: Account

    @classmethod
    def fresh(cls) -> "Seeds":
        """New keys."""
        return cls(Account(), Account(), Account())

    def pickled(self, key: bytes) -> bytes:
        """For the store; `key` has 32 bytes."""
        return json.dumps([one.pickle(key) for one in (self.master, self.self_signing, self.user_signing)]).encode()

    @classmethod
    def opened(cls, pickled: bytes, key: bytes) -> "Seeds":
        """From the store."""
        return cls(*(Account.from_pickle(text, key) for text in json.loads(pickled)))


@dataclass(frozen=True, slots=True)
class Standing:
    """What /keys/query says of a user: the master key (empty without one) and the devices that it vouches for."""

    master: str
    signed: frozenset[str]
    devices: frozenset[str]


def key_uploads(seeds: Seeds, user_id: str) -> dict[str, Any]:
    """The body of /keys/device_signing/upload."""
    master = _public(seeds.master, user_id, MASTER)
    signed = {
        f"{usage}_key": _signed(_public(account, user_id, usage), user_id, seeds.master)
        for usage, account in ((SELF_SIGNING, seeds.self_signing), (USER_SIGNING, seeds.user_signing))
    }
    return {"master_key": master, **signed}


def device_signature(seeds: Seeds, user_id: str, device: Mapping[str, Any]) -> dict[str, Any]:
    """The body of /keys/signatures/upload that vouches for one device; `device` as /keys/query has it."""
    bare = {name: value for name, value in device.items() if name not in ("unsigned", "signatures")}
    return {user_id: {str(device["device_id"]): _signed(bare, user_id, seeds.self_signing)}}


def standing(user_id: str, answer: Mapping[str, Any]) -> Standing:
    """Whom a user's keys vouch for, in an answer of /keys/query; forged or odd keys vouch for nobody."""
    devices = _mapping(_mapping(answer.get("device_keys")).get(user_id))
    master = _mapping(_mapping(answer.get("master_keys")).get(user_id))
    signing = _mapping(_mapping(answer.get("self_signing_keys")).get(user_id))
    master_key = _only_key(master)
    every = frozenset(devices)
    if not master_key:
        return Standing("", frozenset(), every)
    if not _holds(signing, user_id, master_key):
        return Standing(master_key, frozenset(), every)
    by = _only_key(signing)
    good = frozenset(
        name for name, device in devices.items() if _is_his(device, user_id, name) and _holds(device, user_id, by)
    )
    return Standing(master_key, good, every)


def _public(account: Account, user_id: str, usage: str) -> dict[str, Any]:
    key = account.ed25519_key.to_base64()
    return {"user_id": user_id, "usage": [usage], "keys": {f"ed25519:{key}": key}}


def _signed(value: Mapping[str, Any], user_id: str, signer: Account) -> dict[str, Any]:
    key = signer.ed25519_key.to_base64()
    signature = signer.sign(canonical(value)).to_base64()
    return {**value, "signatures": {user_id: {f"ed25519:{key}": signature}}}


def _is_his(device: Any, user_id: str, name: str) -> bool:
    return isinstance(device, Mapping) and device.get("user_id") == user_id and device.get("device_id") == name


def _holds(value: Mapping[str, Any], user_id: str, key: str) -> bool:
    """Whether `key` (base64) has signed this object in this user's name."""
    signature = _mapping(_mapping(value.get("signatures")).get(user_id)).get(f"ed25519:{key}")
    if not key or not isinstance(signature, str):
        return False
    bare = {name: part for name, part in value.items() if name not in ("unsigned", "signatures")}
    try:
        public = Ed25519PublicKey.from_base64(key)
        public.verify_signature(canonical(bare), Ed25519Signature.from_base64(signature))
    except (KeyException, SignatureException, ValueError):
        return False
    return True


def _only_key(value: Mapping[str, Any]) -> str:
    found = list(_mapping(value.get("keys")).values())
    return found[0] if len(found) == 1 and isinstance(found[0], str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def canonical(value: Mapping[str, Any]) -> bytes:
    """Canonical JSON (Matrix appendices): sorted keys, no white space, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
