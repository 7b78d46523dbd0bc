"""What a mail becomes in a room fits into an event; who was refused waits a little longer each time."""

import json

import pytest

from instant.foreign_keys import keep_sound_devices, keep_sound_one_time_keys
from instant.letter import MOST_HEADER, MOST_TEXT, text_content
from instant.patience import FIRST_S, LONGEST_S, Patience
from mail.meta import MessageMeta
from mail.mime import walk
from mail.part import dumps

MOST_EVENT = 48_000  # octets of JSON: encrypted, and in base64, they are 64 KiB


@pytest.mark.parametrize("letter", ["a", "é", "ش", "💊"])
def test_a_mail_of_any_alphabet_fits_into_an_event(letter: str) -> None:
    raw = f"Content-Type: text/plain; charset=utf-8\r\n\r\n{letter * 90_000}\r\n".encode()
    known = {"from_": "a@b.test", "from_name": letter * 2000, "subject": letter * 3000}
    content = text_content(MessageMeta(**known | {"tree_json": dumps(walk(raw)).decode()}), raw)
    assert len(json.dumps(content)) < MOST_EVENT
    assert content["body"].endswith("La suite est dans le message d'origine, joint.")
    assert len(json.dumps(content["body"])) > MOST_TEXT - MOST_HEADER


def test_waits_grow_and_end() -> None:
    now = [0.0]
    patience = Patience(lambda: now[0])
    assert patience.is_over("a")
    waits = []
    for _ in range(10):
        patience.refused("a")
        began = now[0]
        while not patience.is_over("a"):
            now[0] += 1
        waits.append(now[0] - began)
        assert patience.is_over("b")
    assert waits[0] == FIRST_S and waits[1] == 2 * FIRST_S and waits[-1] == LONGEST_S
    patience.done("a")
    patience.refused("a")
    now[0] += FIRST_S
    assert patience.is_over("a")


KEY = "aSpVvZKHV7AmvJiaZxYvS8sVY2h5MhJCkSGqtEYjLVY"  # any 32 octets


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "@x:y"},
        {"device_id": "E"},
        {"keys": {"ed25519:D": KEY}},
        {"keys": {"ed25519:D": KEY, "curve25519:D": "garbage"}},
        {"keys": {"ed25519:D": KEY, "curve25519:D": KEY, "x:y": 5}},
        {"keys": []},
        {"algorithms": "m"},
        {"algorithms": [5]},
        {"signatures": 5},
        {"signatures": {"@u:s": 5}},
        {"unsigned": 5},
        {"unsigned": {"device_display_name": 5}},
    ],
)
def test_a_device_of_odd_keys_is_left_out_alone(change: dict) -> None:
    good = {"user_id": "@u:s", "device_id": "D", "algorithms": ["m"], "signatures": {"@u:s": {"ed25519:D": "x"}}}
    good["keys"] = {"ed25519:D": KEY, "curve25519:D": KEY}
    other = {"device_id": "E", "keys": {"ed25519:E": KEY, "curve25519:E": KEY}}
    answer = {"device_keys": {"@u:s": {"D": good | change, "E": good | other}, "@v:s": []}}
    keep_sound_devices(answer)
    assert answer == {"device_keys": {"@u:s": {"E": good | other}}}


@pytest.mark.parametrize("key", [None, {}, {"a": 5}, {"a": {"key": "x"}}, {"a": {"key": KEY}}, {"a": {}, "b": {}}])
def test_a_one_time_key_that_is_none_is_left_out_alone(key: object) -> None:
    good = {"signed_curve25519:A": {"key": KEY, "signatures": {"@u:s": {"ed25519:D": "x"}}}}
    answer = {"one_time_keys": {"@u:s": {"D": key, "E": good}}, "failures": {}}
    keep_sound_one_time_keys(answer)
    assert answer["one_time_keys"] == {"@u:s": {"E": good}}
