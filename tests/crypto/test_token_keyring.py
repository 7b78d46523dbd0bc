"""The keyring in a PKCS#11 token (SoftHSM2): the same promises as the file's, and the master keys never leave it."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crypto.keyring import KeyringBroken
from crypto.sealed import SealBroken, new_key
from crypto.token_keyring import TokenKeyring

pytestmark = pytest.mark.slow

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "1234-essai"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where SoftHSM keeps its tokens; the library reads the variable once."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    yield folder
    os.environ.pop("SOFTHSM2_CONF")
    if before:
        os.environ["SOFTHSM2_CONF"] = before


@pytest.fixture(scope="module")
def ring(place: Path) -> TokenKeyring:
    command = ["softhsm2-util", "--init-token", "--free", "--label", "pli", "--pin", PIN, "--so-pin", PIN]
    subprocess.run(command, check=True, capture_output=True)
    return TokenKeyring.create(MODULE, "pli", PIN)


def test_a_holder_key_comes_back(ring: TokenKeyring):
    key = new_key()
    wrapped = ring.wrap_holder(key, b"holder 7")
    assert ring.unwrap_holder(wrapped, b"holder 7") == key and key not in wrapped
    for broken in (wrapped[:-1], wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"", b"PliHold1\0\0\0\x63" + wrapped[12:]):
        with pytest.raises(SealBroken):
            ring.unwrap_holder(broken, b"holder 7")
    with pytest.raises(SealBroken):
        ring.unwrap_holder(wrapped, b"holder 8")


def test_an_older_key_opens_until_it_is_forgotten(ring: TokenKeyring):
    key = new_key()
    wrapped, before = ring.wrap_holder(key), ring.current
    number = ring.rotate()
    assert ring.current == number == before + 1
    fresh = ring.rewrap(wrapped)
    assert ring.kek_of(fresh) == number and ring.unwrap_holder(fresh) == ring.unwrap_holder(wrapped) == key
    ring.forget(before)
    with pytest.raises(SealBroken):
        ring.unwrap_holder(wrapped)
    with pytest.raises(ValueError, match="only an older key"):
        ring.forget(number)
    assert ring.unwrap_holder(fresh) == key


def test_opened_again_it_is_the_same_keyring(ring: TokenKeyring):
    again = TokenKeyring(MODULE, "pli", PIN)
    key = new_key()
    assert again.unwrap_holder(ring.wrap_holder(key)) == key
    assert again.blind("ins", "x") == ring.blind("ins", "x") and again.mac("a", b"x") == ring.mac("a", b"x")


def test_several_threads(ring: TokenKeyring):
    keys = [new_key() for _ in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda key: ring.unwrap_holder(ring.wrap_holder(key)), keys)) == keys


def test_master_keys_do_not_leave(ring: TokenKeyring):
    from pkcs11 import Attribute, exceptions

    for key in ring._objects.values():  # noqa: SLF001
        with pytest.raises(exceptions.PKCS11Error):
            key[Attribute.VALUE]


def test_what_is_refused(ring: TokenKeyring):
    with pytest.raises(FileExistsError):
        TokenKeyring.create(MODULE, "pli", PIN)
    for module, token, pin in ((MODULE, "none", PIN), ("/nowhere.so", "pli", PIN)):
        with pytest.raises(KeyringBroken):
            TokenKeyring(module, token, pin)
