"""RET, ENVID, NOTIFY and ORCPT: RFC 3461 §4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.dsn_parameters import (
    MailWishes,
    Notify,
    RecipientWishes,
    Ret,
    from_xtext,
    mail_wishes,
    mail_words,
    recipient_wishes,
    recipient_words,
    to_xtext,
)
from mail.replies import MailError

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)


@given(PRINTABLE)
def test_xtext_there_and_back(text: str) -> None:
    assert from_xtext(to_xtext(text)) == text


@given(st.text(max_size=40))
def test_any_text_is_xtext_or_refused(text: str) -> None:
    try:
        assert all(" " <= char <= "~" for char in from_xtext(text))
    except MailError as error:
        assert error.code == 501


@pytest.mark.parametrize("given_", [{}, {"SIZE": "3"}])
def test_nothing_said(given_: dict[str, str]) -> None:
    assert mail_wishes(given_) == MailWishes(None, None)
    wishes = recipient_wishes(given_)
    assert wishes.wants(Notify.FAILURE) and wishes.wants(Notify.DELAY) and not wishes.wants(Notify.SUCCESS)
    assert mail_words(MailWishes()) == recipient_words(wishes) == []


def test_what_is_said_is_understood_and_said_again() -> None:
    given_ = {"RET": "hdrs", "ENVID": "QQ+2B314159", "SIZE": "3"}
    assert mail_wishes(given_) == MailWishes(Ret.HEADERS, "QQ+314159") and given_ == {"SIZE": "3"}
    assert mail_words(MailWishes(Ret.HEADERS, "QQ+314159")) == ["RET=HDRS", "ENVID=QQ+2B314159"]
    found = recipient_wishes({"NOTIFY": "delay,SUCCESS", "ORCPT": "rfc822;a+2Bb@c.example"})
    assert found == RecipientWishes(Notify.SUCCESS | Notify.DELAY, "rfc822;a+b@c.example")
    assert not found.wants(Notify.FAILURE)
    assert recipient_words(found) == ["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;a+2Bb@c.example"]
    never = recipient_wishes({"NOTIFY": "NEVER"})
    assert not never.wants(Notify.FAILURE | Notify.DELAY | Notify.SUCCESS)
    assert recipient_words(never) == ["NOTIFY=NEVER"]


@pytest.mark.parametrize(
    "bad",
    [
        {"NOTIFY": ""},
        {"NOTIFY": "NEVER,SUCCESS"},
        {"NOTIFY": "SUCCESS,SUCCESS"},
        {"NOTIFY": "SUCCESS,"},
        {"NOTIFY": "ALWAYS"},
        {"ORCPT": "rfc822"},
        {"ORCPT": ";a@b"},
        {"ORCPT": "rfc822;"},
        {"ORCPT": "rfc822;a+0Ab"},
        {"ORCPT": "rfc822;a+2bb"},
        {"ORCPT": "rf c;a"},
        {"ORCPT": "rfc822;" + "a" * 500},
    ],
)
def test_a_recipient_wish_that_is_none(bad: dict[str, str]) -> None:
    with pytest.raises(MailError) as caught:
        recipient_wishes(bad)
    assert caught.value.code == 501


@pytest.mark.parametrize("bad", [{"RET": "ALL"}, {"RET": ""}, {"ENVID": ""}, {"ENVID": "a=b"}, {"ENVID": "x" * 101}])
def test_a_mail_wish_that_is_none(bad: dict[str, str]) -> None:
    with pytest.raises(MailError) as caught:
        mail_wishes(bad)
    assert caught.value.code == 501
