"""Whatever bytes come: an answer, no exception; and "pass" only for the genuine content of the genuine signer."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crypto.der import BadDer, walk
from crypto.rawmime import take_apart
from crypto.verdict import Refusal
from crypto.verify import Reason, Signature, signed_content
from tests.support.cms_maker import Recipe, mail, opaque_mail, signed_data
from tests.support.pki import PART, SIGNER, custom, der, key_of, openssl_sign, person, pki, signed
from tests.support.pki import verdict_of as verdict

# A negative number in a hostile certificate makes the library warn; the answer is what counts.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")

TRUST = pki().trust_with(*pki().crls())
BOXES = [
    signed_data(Recipe()),
    signed_data(Recipe(who=person(kind="rsa2048"), by_key_identifier=True)),
    take_apart(openssl_sign(person(kind="rsa2048"), "-keyopt", "rsa_padding_mode:pss", "-cades")).cms,
    signed_data(Recipe(who=custom(key_of("p384")), digest="sha384")),
]
OPAQUE = [signed_data(Recipe(embed=True)), take_apart(openssl_sign(person(), "-nodetach", "-stream")).cms]
MAILS = [signed(), openssl_sign(person()), opaque_mail(OPAQUE[0]), openssl_sign(person(), "-nodetach", "-stream")]
TOKENS = [
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b'"',
    b"--",
    b";",
    b"(",
    b"=?utf-8?q?",
    b"From: ",
    b"Content-Type: multipart/signed; ",
    b"boundary=",
    b"\x30\x80",
    b"\xa0\x82",
    b"\x06",
    b"\xff" * 8,
]


def check(raw: bytes) -> None:
    answer = verdict(raw, trust=TRUST)
    assert answer.reason is not Reason.SURPRISE  # a parser raised what we did not foresee
    if answer.signature is Signature.PASS:
        assert signed_content(raw) == PART
        assert answer.signer_email == SIGNER


def mutate(data: bytes, draw: st.DataObject) -> bytes:
    """One to four small edits: flip, cut, repeat, insert, overwrite."""
    out = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, max(0, len(out) - 1)))
        size = draw.draw(st.integers(1, 40))
        action = draw.draw(st.sampled_from("flip cut copy token byte length".split()))
        if not out:
            return b""
        if action == "flip":
            out[at] ^= 1 << draw.draw(st.integers(0, 7))
        elif action == "cut":
            del out[at : at + size]
        elif action == "copy":
            to = draw.draw(st.integers(0, len(out)))
            out[to:to] = out[at : at + size]
        elif action == "token":
            out[at:at] = draw.draw(st.sampled_from(TOKENS))
        elif action == "byte":
            out[at] = draw.draw(st.integers(0, 255))
        else:
            out[at] = (out[at] + draw.draw(st.sampled_from([1, -1, 127]))) % 256
    return bytes(out)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(BOXES), st.data())
def test_mutated_signatures(box, draw):
    check(mail(mutate(box, draw)))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(OPAQUE), st.data())
def test_mutated_opaque_signatures(box, draw):
    check(opaque_mail(mutate(box, draw)))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MAILS), st.data())
def test_mutated_messages(raw, draw):
    check(mutate(raw, draw))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=30)), max_size=30))
def test_assembled_rubble(pieces):
    check(b"".join(pieces))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
@example(b"")
@example(b"\x30\x80\x00\x00")
def test_random_bytes_as_signature(noise):
    check(mail(noise))
    check(opaque_mail(noise))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_as_asn1_stay_within_their_bounds(noise):
    try:
        node = walk(noise)
    except BadDer:
        return
    stack = [node]
    while stack:
        one = stack.pop()
        assert 0 <= one.start < one.body <= one.stop <= one.end <= len(noise)
        for left, right in zip(one.children, one.children[1:], strict=False):
            assert left.end == right.start
        stack.extend(one.children)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(MAILS), st.data())
def test_taking_apart_answers_or_refuses(raw, draw):
    try:
        pieces = take_apart(mutate(raw, draw))
    except Refusal:
        return
    assert isinstance(pieces.cms, bytes)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_thousands_of_mutations_of_a_signature(seed):
    """Plain and fast: three bytes changed at random, a thousand times for each seed."""
    chance = random.Random(seed)
    for _ in range(1000):
        box = bytearray(chance.choice(BOXES))
        for _ in range(3):
            box[chance.randrange(len(box))] = chance.randrange(256)
        check(mail(bytes(box)))


@pytest.mark.slow
@pytest.mark.parametrize("box", BOXES[:2], ids=["p256", "rsa2048"])
def test_every_single_flipped_byte_of_a_signature(box):
    """What may change without harm is what nobody signs and nobody uses: versions, digest list, other certificates."""
    passed = []
    for at in range(len(box)):
        raw = mail(box[:at] + bytes([box[at] ^ 0x01]) + box[at + 1 :])
        check(raw)
        if verdict(raw, trust=TRUST).signature is Signature.PASS:
            passed.append(at)
    above = der(pki().mail_ca.certificate)
    unused = range(box.index(above), box.index(above) + len(above))
    assert len([at for at in passed if at not in unused]) <= 24


@pytest.mark.slow
def test_a_changed_certificate_never_passes():
    leaf, box = der(person().certificate), BOXES[0]
    start = box.index(leaf)
    for at in range(start, start + len(leaf)):
        raw = mail(box[:at] + bytes([box[at] ^ 0x10]) + box[at + 1 :])
        assert verdict(raw, trust=TRUST).signature is not Signature.PASS
