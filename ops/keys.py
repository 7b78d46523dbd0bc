"""The keyring that the settings describe: a file, locked by a passphrase or not, or a PKCS#11 token."""

import json
import os
from pathlib import Path

from core.errors import Permanent
from core.settings import Settings
from crypto.keyfile import KeyringBroken
from crypto.keyring import FileKeyring, Rotating

KEYRING = "keyring.json"
CREDENTIAL = "pli-keyring"  # LoadCredential= of the systemd unit
ELSEWHERE = "pli-keyring-pkcs11"


class NoKeys(Permanent):
    """The keyring does not open; one line says why."""


def keyring_file(home: Path) -> Path:
    """Where the keyring is, or what says where: without it nothing that is kept can be read."""
    return home / KEYRING


def open_keyring(settings: Settings) -> Rotating:
    """Raises NoKeys."""
    try:
        if settings.keyring.pkcs11_module:
            from crypto.token_keyring import TokenKeyring  # the module is loaded only where there is a token

            return TokenKeyring(*_token(settings))
        return FileKeyring.open(keyring_file(settings.home), passphrase(settings))
    except KeyringBroken as error:
        raise NoKeys(str(error)) from None


def create_keyring(settings: Settings) -> None:
    """Make new keys; the file beside says where they are. Raises NoKeys, FileExistsError."""
    try:
        if settings.keyring.pkcs11_module:
            from crypto.token_keyring import TokenKeyring

            TokenKeyring.create(*_token(settings))
            note = {"format": ELSEWHERE, "token": settings.keyring.pkcs11_token}
            keyring_file(settings.home).write_text(json.dumps(note))
        else:
            FileKeyring.create(keyring_file(settings.home), passphrase(settings))
    except KeyringBroken as error:
        raise NoKeys(str(error)) from None


def passphrase(settings: Settings) -> str:
    """From the file of the settings, else from systemd's credential; empty where there is none. Raises NoKeys."""
    chosen = settings.keyring.passphrase_file
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    path = settings.home / chosen if chosen else Path(folder) / CREDENTIAL
    if not chosen and not (folder and path.exists()):
        return ""
    return secret_line(path)


def _token(settings: Settings) -> tuple[str, str, str]:
    chosen = settings.keyring
    return chosen.pkcs11_module, chosen.pkcs11_token, secret_line(settings.home / chosen.pkcs11_pin_file)


def secret_line(path: Path) -> str:
    """The one line of a file. Raises NoKeys."""
    try:
        found = path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, ValueError):
        raise NoKeys(f"{path.name} with the keyring's passphrase cannot be read") from None
    if not found:
        raise NoKeys(f"{path.name} with the keyring's passphrase is empty")
    return found
