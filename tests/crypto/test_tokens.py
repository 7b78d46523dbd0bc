"""One-use tokens."""

import pytest

from crypto.tokens import Token, new_token, token_digest, token_matches


def test_a_token_matches_its_digest_only():
    one, other = new_token(), new_token()
    assert token_matches(one.text, one.digest)
    assert not token_matches(one.text, other.digest)


@pytest.mark.parametrize("text", ["", "x", "\0", "é", "\ud800", "A" * 10_000])
def test_odd_texts_are_a_plain_no(text):
    assert not token_matches(text, new_token().digest)


def test_tokens_are_long_and_never_repeat():
    tokens = {new_token().text for _ in range(1000)}
    assert len(tokens) == 1000
    assert min(map(len, tokens)) >= 43


def test_the_digest_is_not_the_text_and_nothing_prints_it():
    token = new_token()
    assert len(token.digest) == 32
    assert token_digest(token.text) == token.digest
    assert token.text not in repr(token)
    assert repr(Token("a", b"b")) == "Token(…)"
