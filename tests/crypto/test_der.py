"""The bounded walk over ASN.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.cms import CERTIFICATES
from crypto.der import MAX_DEPTH, MAX_NODES, BadDer, encode_oid, walk
from crypto.rawmime import take_apart
from tests.support.pki import der, person, signed


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


@given(st.binary(max_size=70_000))
def test_a_value_is_found_whole(content):
    node = walk(tlv(0x04, content))
    assert (node.content, node.raw, node.strict) == (content, tlv(0x04, content), True)


def test_a_certificate_is_strict_der():
    node = walk(der(person().certificate))
    assert node.strict
    assert len(node.children) == 3


LEAF = st.binary(max_size=5).map(lambda content: tlv(0x04, content))


@given(
    st.recursive(LEAF, lambda inner: st.lists(inner).map(lambda children: tlv(0x30, b"".join(children))), max_leaves=8)
)
def test_children_cover_their_parent(data):
    def cover(node):
        assert b"".join(child.raw for child in node.children) == (node.content if node.tag == 0x30 else b"")
        for child in node.children:
            cover(child)

    cover(walk(data))


def shape(node):
    return node.tag, node.raw, node.content, node.strict, [shape(child) for child in node.children]


def outcome(data, *familiar):
    try:
        return shape(walk(data, *familiar))
    except BadDer:
        return "refused"


SIGNED = take_apart(signed()).cms


@given(st.lists(st.tuples(st.integers(0, len(SIGNED) - 1), st.binary(max_size=2)), max_size=3))
def test_what_was_walked_before_is_walked_alike(changes):
    data = SIGNED
    for at, new in changes:
        data = data[:at] + new + data[at + len(new) :]
    assert outcome(data, CERTIFICATES) == outcome(data) == outcome(data, CERTIFICATES)


@pytest.mark.parametrize("value", [b"\x30\x80\x00\x00", b"\x30\x81\x00", b"\x1f\x01\x00", b"\x30", b"\x30\x84", b""])
def test_odd_values_in_a_familiar_place(value):
    data = tlv(0x30, tlv(0xA0, value))
    assert outcome(data, (2, 0xA0)) == outcome(data)


def test_bounds_count_what_was_walked_before():
    deep = b""
    for _ in range(MAX_DEPTH - 2):
        deep = tlv(0x30, deep)
    many = tlv(0x30, tlv(0x04, b"") * 1000)
    for _ in range(2):
        assert outcome(tlv(0x30, tlv(0xA0, deep)), (2, 0xA0)) != "refused"
        assert outcome(tlv(0x30, tlv(0xA0, tlv(0x30, deep))), (2, 0xA0)) == "refused"
        assert outcome(tlv(0x30, tlv(0xA0, many * 19)), (2, 0xA0)) != "refused"
        assert outcome(tlv(0x30, tlv(0xA0, many * 20)), (2, 0xA0)) == "refused"


def test_indefinite_lengths_are_read_and_marked():
    node = walk(b"\x30\x80\x04\x01a\x04\x01b\x00\x00")
    assert [child.content for child in node.children] == [b"a", b"b"]
    assert not node.strict
    assert all(child.strict for child in node.children)


@pytest.mark.parametrize(
    "data", [b"\x04\x81\x01a", b"\x04\x82\x00\x01a", b"\x30\x04\x04\x81\x01a", b"\x04\x82\x00\x85" + b"a" * 133]
)
def test_longer_lengths_than_needed_are_marked(data):
    assert not walk(data).strict


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x05\x04\x01a",
        b"\x30\x80\x04\x01a",
        b"\x30\x80\x04\x01a\x00",
        b"\x30\x04\x30\x80\x04\x00",
        b"\x30\x06\x30\x80\x04\x01a\x00\x00",
        b"\x04\x80a\x00\x00",
        b"\x04\x01a!",
        b"\x04\x85\x00\x00\x00\x00\x01a",
        b"\x04\x84\x7f\xff\xff\xffa",
        b"\x1f\x81\x01\x00",
        b"\x06\x00",
        b"\x02\x00",
        tlv(0x06, b"\x01" * 65),
        tlv(0x02, b"\x01" * 1101),
        tlv(0x30, b"\x05\x00" * MAX_NODES),
    ],
)
def test_what_leaves_the_bounds_is_refused(data):
    with pytest.raises(BadDer):
        walk(data)


def test_depth_is_bounded_exactly():
    data = b""
    for _ in range(MAX_DEPTH):
        data = tlv(0x30, data)
    walk(data)
    with pytest.raises(BadDer):
        walk(tlv(0x30, data))


@pytest.mark.parametrize(
    ("dotted", "octets"),
    [("2.5.29.14", "551d0e"), ("1.2.840.113549.1.7.2", "2a864886f70d010702"), ("2.999.3", "883703")],
)
def test_identifiers_are_encoded_as_the_standard_says(dotted, octets):
    assert encode_oid(dotted).hex() == octets
