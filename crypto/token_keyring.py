"""A keyring whose KEKs never leave a PKCS#11 token: SoftHSM2 in tests, a security module in production.

The token holds one AES-256 key for each KEK (`pli-kek-1`, `pli-kek-2`, …) and a secret from which the root of the blind
indexes is derived at the start (HMAC); that root is in memory, as every look-up needs it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any, Self

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass

from crypto.committing import KEY_BYTES, SealBroken
from crypto.keyfile import KeyringBroken
from crypto.keyring import HOLDER_MAGIC, ID_BYTES, Keys, SoftKeyring

ROOT, KEK = "pli-root", "pli-kek-"
NONCE_BYTES, TAG_BITS = 12, 128


class TokenKeyring(SoftKeyring):
    """As a file keyring, with the KEKs in a token. Safe for use by several threads: they take turns."""

    def __init__(self, module: str, token: str, pin: str) -> None:
        """Opens a token that `create` has prepared. Raises KeyringBroken."""
        self._turn = threading.RLock()
        try:
            self._session = _session(module, token, pin)
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            raise KeyringBroken(f"the token does not open: {type(error).__name__}") from None
        self._objects: dict[int, Any] = {}
        super().__init__(Keys(self._root()))
        self._look()
        if not self._objects:
            raise KeyringBroken("the token holds no key of ours")

    @classmethod
    def create(cls, module: str, token: str, pin: str) -> Self:
        """Makes the keys in a token that has none of ours. Raises FileExistsError, KeyringBroken."""
        try:
            with _session(module, token, pin) as session:
                if any(session.get_objects({Attribute.LABEL: ROOT})):
                    raise FileExistsError("the token holds keys already")
                _secret(session)
                _aes(session, 1)
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            raise KeyringBroken(f"the token refuses: {type(error).__name__}") from None
        return cls(module, token, pin)

    @property
    def current(self) -> int:
        return max(self._objects)

    def numbers(self) -> frozenset[int]:
        return frozenset(self._objects)

    def wrap_holder(self, key: bytes, aad: bytes = b"") -> bytes:
        """Sealed inside the token: AES-256-GCM."""
        if len(key) != KEY_BYTES:
            raise ValueError("a holder key has 32 bytes")
        with self._turn:
            number = self.current
            head, nonce = HOLDER_MAGIC + number.to_bytes(ID_BYTES, "big"), os.urandom(NONCE_BYTES)
            sealed = self._objects[number].encrypt(
                key, mechanism=Mechanism.AES_GCM, mechanism_param=_gcm(nonce, head + aad)
            )
        return head + nonce + bytes(sealed)

    def unwrap_holder(self, wrapped: bytes, aad: bytes = b"") -> bytes:
        """Opened inside the token. Raises SealBroken."""
        number, wrapped = self.kek_of(wrapped), bytes(wrapped)
        size = len(HOLDER_MAGIC) + ID_BYTES
        head, nonce, sealed = wrapped[:size], wrapped[size : size + NONCE_BYTES], wrapped[size + NONCE_BYTES :]
        with self._turn:
            if number not in self._objects:
                self._look()
            if number not in self._objects or len(sealed) != KEY_BYTES + TAG_BITS // 8:
                raise SealBroken
            try:
                found = self._objects[number].decrypt(
                    sealed, mechanism=Mechanism.AES_GCM, mechanism_param=_gcm(nonce, head + aad)
                )
            except pkcs11.PKCS11Error:
                raise SealBroken from None
        return bytes(found)

    def rewrap(self, wrapped: bytes, aad: bytes = b"") -> bytes:
        if self.kek_of(wrapped) == self.current:
            return wrapped
        return self.wrap_holder(self.unwrap_holder(wrapped, aad), aad)

    def rotate(self) -> int:
        """A new key in the token. Out: its number."""
        with self._turn:
            self._look()
            number = self.current + 1
            self._objects[number] = _aes(self._session, number)
            return number

    def forget(self, number: int) -> None:
        """Destroys a key in the token, for good. Raises ValueError for the current or an unknown one."""
        with self._turn:
            self._look()
            if number == self.current or number not in self._objects:
                raise ValueError("only an older key of this keyring can be forgotten")
            self._objects.pop(number).destroy()

    def _look(self) -> None:
        found: dict[int, Any] = {}
        kind = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES}
        keys: Iterable[Any] = self._session.get_objects(kind)
        for key in keys:
            name = str(key.label)
            if name.startswith(KEK) and name.removeprefix(KEK).isdigit():
                found[int(name.removeprefix(KEK))] = key
        self._objects = found

    def _root(self) -> bytes:
        try:
            secret: Any = next(iter(self._session.get_objects({Attribute.LABEL: ROOT})))
            return bytes(secret.sign(b"pli/root", mechanism=Mechanism.SHA256_HMAC))
        except StopIteration:
            raise KeyringBroken("the token holds no key of ours") from None


def _session(module: str, token: str, pin: str) -> Any:
    """PKCS#11 v2.40 §5.6: a login counts for the whole process, so a second session needs none."""
    found = pkcs11.lib(module).get_token(token_label=token)
    try:
        return found.open(user_pin=pin, rw=True)
    except pkcs11.UserAlreadyLoggedIn:
        return found.open(rw=True)


def _secret(session: Any) -> None:
    session.generate_key(
        KeyType.GENERIC_SECRET,
        KEY_BYTES * 8,
        label=ROOT,
        store=True,
        template={Attribute.SIGN: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    )


def _aes(session: Any, number: int) -> Any:
    locked = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.ENCRYPT: True, Attribute.DECRYPT: True}
    return session.generate_key(KeyType.AES, KEY_BYTES * 8, label=f"{KEK}{number}", store=True, template=locked)


def _gcm(nonce: bytes, aad: bytes) -> Any:
    return GCMParams(nonce=nonce, aad=aad, tag_bits=TAG_BITS)
