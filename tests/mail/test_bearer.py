"""Login by access token: what SASL carries, who may open which mailbox."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.clock import FakeClock
from core.db import Db
from core.errors import Refused, Temporary
from core.settings import Settings
from mail import throttle
from mail.accounts import NewAccount, account_by_login, accounts_of, create_account, set_state, set_subject
from mail.auth import Authenticator, Throttled
from mail.bearer import TokenLogin, decode_oauthbearer, decode_xoauth2
from mail.sasl import BadSasl
from ops.bearing import token_check
from ops.cli import main as cli
from tests.support.post_office import AUBIN, PASSWORD, PHARMACY, PostOffice
from tests.support.token_maker import AUDIENCE, ISSUER, SUBJECT, Maker, claims

MAKER = Maker()
OTHER = "899700218897"


def settings(home: Path, **changes: str) -> Settings:
    (home / "tokens").mkdir(exist_ok=True)
    (home / "tokens" / "jwks.json").write_bytes(MAKER.jwks)
    return Settings.load(home, tokens={"issuer": ISSUER, "audience": AUDIENCE, **changes})


@pytest.fixture
async def office(db: Db, tmp_path: Path) -> AsyncIterator[PostOffice]:
    made = PostOffice(db, tmp_path)
    own = db.read(account_by_login, made.keyring, AUBIN)
    db.run(set_subject, made.keyring, own.id, SUBJECT)
    yield made
    await made.stop()


def door(office: PostOffice, home: Path, **changes: str) -> Authenticator:
    check = token_check(settings(home, **changes), FakeClock())
    return Authenticator(office.db, office.keyring, FakeClock(), check)


def fresh(**changes):
    now = int(FakeClock().now().timestamp())
    return MAKER.token(claims(**{"iat": now, "exp": now + 120, **changes}))


async def test_the_person_opens_the_own_mailbox(office: PostOffice, tmp_path: Path) -> None:
    at = door(office, tmp_path)
    assert at.takes_tokens and not office.authenticator.takes_tokens
    for login in (AUBIN, AUBIN.upper(), ""):
        found = await at.bearer(TokenLogin(login, fresh()))
        assert found is not None and found.address.text == AUBIN
    office.db.run(set_state, found.account_id, "suspended")
    assert await at.bearer(TokenLogin(AUBIN, fresh())) is None


async def test_an_organisation_opens_by_grant_never_by_claim(office: PostOffice, tmp_path: Path) -> None:
    at, org = door(office, tmp_path), office.mailboxes[PHARMACY].id
    claiming = fresh(SubjectOrganizationID="1490000015", SubjectOrganization="Pharmacie", email=PHARMACY)
    assert await at.bearer(TokenLogin(PHARMACY, claiming)) is None
    granted = office.db.run(create_account, office.keyring, NewAccount("grant 1", "pharmacist", org, subject=SUBJECT))
    found = await at.bearer(TokenLogin(PHARMACY, fresh()))
    assert found is not None and (found.account_id, found.mailbox_id) == (granted, org)
    assert await at.bearer(TokenLogin("", fresh())) is None  # two mailboxes: the client has to say which
    assert await at.bearer(TokenLogin(PHARMACY, fresh(preferred_username=OTHER))) is None
    with pytest.raises(Refused):
        office.db.run(create_account, office.keyring, NewAccount("grant 2", "pharmacist", org, subject=SUBJECT))
    office.db.run(set_subject, office.keyring, granted, None)
    assert await at.bearer(TokenLogin(PHARMACY, fresh())) is None
    assert len(office.db.read(accounts_of, office.keyring, org)) == 2


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        MAKER.token(),  # long expired for the clock of this test, or not yet valid
        fresh(aud="account"),
        fresh(preferred_username=None),
        Maker().token(),
    ],
)
async def test_a_token_that_does_not_hold_opens_nothing(office: PostOffice, tmp_path: Path, token: str) -> None:
    changed = token.replace(token[-3:], "AAA") if token == "x" else token
    assert await door(office, tmp_path).bearer(TokenLogin(AUBIN, changed)) is None


async def test_old_tokens_lock_nobody_out(office: PostOffice, tmp_path: Path) -> None:
    """A client that comes back with the token of yesterday; strangers who name a mailbox, or none."""
    at, old = door(office, tmp_path), fresh(exp=int(FakeClock().now().timestamp()) - 60)
    for number in range(throttle.LOGIN + 1):
        assert await at.bearer(TokenLogin((AUBIN, "")[number % 2], old), peer=f"192.0.2.{number % 3}") is None
    assert await at.bearer(TokenLogin(AUBIN, fresh()), peer="192.0.2.1") is not None
    assert await at.bearer(TokenLogin("", fresh()), peer="192.0.2.1") is not None
    assert await at.password(AUBIN, PASSWORD, "192.0.2.1") is not None


async def test_one_address_with_nothing_but_refused_tokens_is_not_heard_for_a_while(
    office: PostOffice, tmp_path: Path
) -> None:
    at = door(office, tmp_path)
    for _ in range(throttle.TOKENS):
        await at.bearer(TokenLogin(AUBIN, "x.y.z"), peer="192.0.2.1")
    with pytest.raises(Throttled):
        await at.bearer(TokenLogin(AUBIN, fresh()), peer="192.0.2.1")
    assert await at.bearer(TokenLogin(AUBIN, fresh()), peer="192.0.2.2") is not None


async def test_without_the_issuers_keys_nobody_is_told_no(office: PostOffice, tmp_path: Path) -> None:
    at = door(office, tmp_path, keys="nowhere.json")
    with pytest.raises(Temporary):
        await at.bearer(TokenLogin(AUBIN, fresh()))


def test_xoauth2() -> None:
    found = decode_xoauth2(b"user=dr.aubin@cabinet.example\x01auth=Bearer abc.def\x01\x01")
    assert (found.login, found.token) == (AUBIN, "abc.def")


def test_oauthbearer() -> None:
    found = decode_oauthbearer(b"n,a=dr=2Caubin@x.example,\x01host=imap\x01port=993\x01auth=Bearer abc.def\x01\x01")
    assert (found.login, found.token) == ("dr,aubin@x.example", "abc.def")
    assert decode_oauthbearer(b"n,,\x01auth=bearer t\x01\x01").login == ""


@pytest.mark.parametrize("auth", [b"", b"Bearer ", b"bearer"])
def test_whoever_brings_no_token_asks_what_is_wanted(auth: bytes) -> None:
    for found in (
        decode_xoauth2(b"user=a\x01auth=" + auth + b"\x01\x01"),
        decode_oauthbearer(b"n,a=a,\x01host=imap\x01port=143\x01auth=" + auth + b"\x01\x01"),  # RFC 7628 §4.3
    ):
        assert (found.login, found.token) == ("a", "")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x01",
        b"\x01\x01",
        b"user=a\x01auth=Basic x\x01\x01",
        b"user=a\x01user=b\x01auth=Bearer x\x01\x01",
        b"user=a\x01auth=Bearer x\x01",
        b"n,a=x\x01auth=Bearer x\x01\x01",
        b"n,a=x,,\x01auth=Bearer x\x01\x01",
        b"p=tls-unique,,\x01auth=Bearer x\x01\x01",
        b"n,,\x01auth=Bearer \xff\x01\x01",
        b"n,,\x01auth=Bearer a\0b\x01\x01",
        b"\x01" * 1000,
    ],
)
def test_odd_answers(answer: bytes) -> None:
    for decode in (decode_xoauth2, decode_oauthbearer):
        with pytest.raises(BadSasl):
            decode(answer)


def verify(tmp_path: Path, lines: bytes, *more: str):
    keys = tmp_path / "jwks.json"
    keys.write_bytes(MAKER.jwks)
    words = ["token", "verify", "--json", "--jwks", str(keys), "--issuer", ISSUER, "--audience", AUDIENCE]
    return CliRunner().invoke(cli.app, [*words, *more], input=lines)


def test_the_command_answers_line_for_line(tmp_path: Path) -> None:
    good = MAKER.token()
    lines = [good, "", "A" * 50_000, good + "\r", MAKER.token(alg="none", signature=b"x"), good]
    done = verify(tmp_path, "\n".join(lines).encode(), "--at", "2026-06-01T12:00:30+00:00")
    assert done.exit_code == 0
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["reason"] for one in answers] == [
        *("ok", "malformed", "too-large", "ok", "algorithm-not-allowed", "ok")
    ]
    assert all(one == {"valid": one["reason"] == "ok", "reason": one["reason"]} for one in answers)


def test_the_command_that_cannot_run_says_why(tmp_path: Path) -> None:
    words = ["token", "verify", "--jwks", str(tmp_path / "none"), "--issuer", ISSUER, "--audience", AUDIENCE]
    done = CliRunner().invoke(cli.app, words, input="x\n")
    assert done.exit_code == 2 and done.stderr.count("\n") == 1
    assert verify(tmp_path, b"x\n", "--at", "soon").exit_code == 2
    assert verify(tmp_path, b"x\n", "--algorithm", "HS256").exit_code == 2
