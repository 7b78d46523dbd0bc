"""The keyring's file: JSON with a checksum, mode 0600, written beside and put in place only once it is on disk.

With a passphrase the same JSON is sealed under a key that argon2id makes of it: who copies the file has nothing.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from crypto.committing import KEY_BYTES, SealBroken
from crypto.passwords import stretch
from crypto.sealed import seal, unseal

FORMAT = "pli-keyring-1"
LOCKED = "pli-keyring-2"  # the same, sealed under a passphrase
SALT_BYTES = 16
MAX_BYTES = 1 << 20


Secrets = tuple[bytes, dict[int, bytes], int]  # root, KEKs by number, number of the current one


class KeyringBroken(Exception):
    """The keyring file cannot be used. The text never contains key material."""


def create_file(path: Path, secrets: Secrets, passphrase: str = "") -> None:
    """Writes a new file, durably. Raises FileExistsError."""
    draft = _write_draft(path, _encode(secrets, passphrase))
    try:
        os.link(draft, path)  # unlike rename, link refuses to replace
    finally:
        draft.unlink()
    _sync_directory(path.parent)


def replace_file(path: Path, secrets: Secrets, passphrase: str = "") -> None:
    """Replaces the file in one step: a crash leaves the old keys or the new ones, never half."""
    _write_draft(path, _encode(secrets, passphrase)).replace(path)
    _sync_directory(path.parent)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """One process at a time changes this keyring; the lock ends with the process."""
    handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read_file(path: Path, passphrase: str = "") -> Secrets:
    """Raises KeyringBroken (damaged, readable by others, another passphrase), FileNotFoundError."""
    with path.open("rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise KeyringBroken("the keyring file can be read by others: chmod 600")
        data = file.read(MAX_BYTES + 1)
    try:
        content = json.loads(data[:MAX_BYTES])
        if content.get("format") == LOCKED:
            content = _unlocked(content, passphrase)
        return _decode(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise KeyringBroken("the keyring file is damaged") from None


def _unlocked(content: dict[str, object], passphrase: str) -> dict[str, object]:
    if not passphrase:
        raise KeyringBroken("the keyring file is locked: its passphrase is asked for (keyring.passphrase_file)")
    salt, sealed = (base64.b64decode(str(content[name]), validate=True) for name in ("salt", "sealed"))
    try:
        found: dict[str, object] = json.loads(unseal(stretch(passphrase, salt), sealed, LOCKED.encode()))
    except SealBroken:
        raise KeyringBroken("the keyring file does not open: wrong passphrase, or damaged") from None
    return found


def _decode(content: dict[str, object]) -> Secrets:
    check = content.pop("check")
    if content["format"] != FORMAT or check != _check(content):
        raise ValueError("format or checksum")
    named = content["keks"]
    if not isinstance(named, dict):
        raise TypeError("keks")
    keks = {int(number): _key(text) for number, text in named.items()}
    current = int(str(content["current"]))
    if current not in keks:
        raise ValueError("current")
    return _key(content["root"]), keks, current


def _key(text: object) -> bytes:
    key = base64.b64decode(str(text), validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError("key length")
    return key


def _check(content: dict[str, object]) -> str:
    """Against accidents, not against attackers: who can write this file owns the keys anyway."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _encode(secrets: Secrets, passphrase: str) -> bytes:
    root, keks, current = secrets
    named = {str(number): base64.b64encode(key).decode() for number, key in sorted(keks.items())}
    content: dict[str, object] = {
        "format": FORMAT,
        "root": base64.b64encode(root).decode(),
        "keks": named,
        "current": current,
    }
    plain = json.dumps({**content, "check": _check(content)}, indent=1).encode()
    return _locked(plain, passphrase) if passphrase else plain


def _locked(plain: bytes, passphrase: str) -> bytes:
    salt = os.urandom(SALT_BYTES)
    sealed = seal(stretch(passphrase, salt), plain, LOCKED.encode())
    encoded = {"salt": base64.b64encode(salt).decode(), "sealed": base64.b64encode(sealed).decode()}
    return json.dumps({"format": LOCKED, **encoded}, indent=1).encode()


def _write_draft(path: Path, content: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
