"""Keys that others have put on the homeserver, before nio reads them: it fails whole over one that is malformed. Pure.

Answers of /keys/query and /keys/claim (Client-Server API, "Key management API"), changed in place.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeGuard

from vodozemac import Curve25519PublicKey, Ed25519PublicKey


def keep_sound_devices(answer: dict[str, Any]) -> None:
    """Of an answer of /keys/query: devices whose keys are keys."""
    for user, devices in _users(answer, "device_keys"):
        _keep(devices, partial(_is_device, user))


def keep_sound_one_time_keys(answer: dict[str, Any]) -> None:
    """Of an answer of /keys/claim: one signed key for each device."""
    for _user, devices in _users(answer, "one_time_keys"):
        _keep(devices, lambda _name, keys: _is_claimed(keys))


def _users(answer: dict[str, Any], field: str) -> Iterator[tuple[str, dict[str, Any]]]:
    users = answer[field] if isinstance(answer.get(field), dict) else {}
    answer[field] = users
    _keep(users, lambda _user, devices: isinstance(devices, dict))
    yield from users.items()


def _keep(found: dict[str, Any], is_sound: Callable[[str, Any], bool]) -> None:
    for name in [name for name, value in found.items() if not is_sound(name, value)]:
        del found[name]


def _is_device(user: str, name: str, device: Any) -> bool:
    if not isinstance(device, dict) or (device.get("user_id"), device.get("device_id")) != (user, name):
        return False
    keys, unsigned = device.get("keys"), device.get("unsigned", {})
    return (
        _texts(keys)
        and _decodes(Ed25519PublicKey, keys.get(f"ed25519:{name}"))
        and _decodes(Curve25519PublicKey, keys.get(f"curve25519:{name}"))
        and isinstance(device.get("algorithms"), list)
        and all(isinstance(one, str) for one in device["algorithms"])
        and _signatures(device.get("signatures"))
        and isinstance(unsigned, dict)
        and isinstance(unsigned.get("device_display_name") or "", str)
    )


def _is_claimed(keys: Any) -> bool:
    if not isinstance(keys, dict) or len(keys) != 1:
        return False
    (key,) = keys.values()
    return (
        isinstance(key, dict) and _decodes(Curve25519PublicKey, key.get("key")) and _signatures(key.get("signatures"))
    )


def _signatures(value: Any) -> bool:
    return isinstance(value, dict) and all(_texts(one) for one in value.values())


def _texts(value: Any) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _decodes(kind: Any, text: Any) -> bool:
    try:
        kind.from_base64(text)
    except (ValueError, TypeError):
        return False
    return True
