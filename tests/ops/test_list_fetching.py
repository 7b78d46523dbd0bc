"""Revocation lists over HTTP: asked, verified, put in place; what is bad or silent leaves the last good copy."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import FakeClock
from core.errors import BadInput
from core.settings import Settings
from crypto.authority import Authority
from crypto.trust import Trust
from crypto.verdict import Reason
from crypto.verify import verify_message
from ops.list_fetching import LIST_OCTETS, ListFetcher
from tests.support.pki import SIGNER, signed
from tests.support.publisher import Publisher

START = FakeClock().now()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as made:
        yield made


class Place:
    """An instance's files of trust, an authority, and the fetcher."""

    def __init__(self, home: Path, *sources: str) -> None:
        self.clock, self.authority = FakeClock(), Authority.create("Autorité", now=START - timedelta(days=30))
        (home / "tls").mkdir()
        (home / "tls" / "ca.pem").write_bytes(self.authority.certificate_pem)
        self.settings = Settings.load(home, tls={"crl_sources": list(sources)})
        self.fetcher = ListFetcher(self.settings, self.clock)

    def crl(self) -> bytes:
        return self.authority.crl(now=self.clock.now())

    def states(self) -> list[str]:
        return [each["state"] for each in self.fetcher.refresh()]

    def reason(self, raw: bytes) -> Reason:
        lists = (self.settings.crl_file.read_bytes(),)
        trust = Trust.load(self.authority.certificate_pem, crls=lists)
        return verify_message(raw, trust=trust, at=self.clock.now()).reason


def test_a_published_revocation_counts_and_what_is_known_is_not_sent_again(tmp_path: Path, publisher: Publisher):
    place = Place(tmp_path, publisher.url)
    who = place.authority.issue_smime(SIGNER, "A", now=START - timedelta(days=1))
    publisher.body = place.crl()
    assert place.states() == ["new"] and place.reason(signed(who)) is Reason.OK
    assert place.states() == ["same"] and (publisher.asked, publisher.whole) == (2, 1)
    place.clock.advance(30)
    place.authority.revoke(who.certificate, now=place.clock.now())
    publisher.body = place.crl()
    assert place.states() == ["new"] and place.reason(signed(who)) is Reason.REVOKED


def test_what_is_bad_leaves_the_last_good_copy_which_then_grows_stale(tmp_path: Path, publisher: Publisher):
    place = Place(tmp_path, publisher.url)
    who = place.authority.issue_smime(SIGNER, "A", now=START - timedelta(days=1))
    publisher.body = good = place.crl()
    place.fetcher.chore()
    before = place.settings.crl_file.read_bytes()
    for status, body in ((500, good), (200, b"<html>"), (200, b""), (302, good), (200, b"x" * (LIST_OCTETS + 1))):
        publisher.status, publisher.body = status, body
        assert place.fetcher.chore() in ("not fetched 1", "refused 1")
        assert place.settings.crl_file.read_bytes() == before
    publisher.close()
    assert place.fetcher.chore() == "not fetched 1"
    place.clock.advance(8 * 86_400)
    assert place.reason(signed(who)) is Reason.REVOCATION_STALE


def test_an_old_list_played_again_is_refused(tmp_path: Path, publisher: Publisher):
    place = Place(tmp_path, publisher.url)
    old = place.crl()
    place.clock.advance(60)
    publisher.body = place.crl()
    place.fetcher.refresh()
    publisher.body = old
    assert place.states() == ["refused: the list is older than the one that is kept"]


def test_one_silent_source_does_not_keep_the_other(tmp_path: Path, publisher: Publisher):
    place = Place(tmp_path, "http://127.0.0.1:9/liste.crl", publisher.url, str(tmp_path / "fichier.crl"))
    publisher.body = place.crl()
    assert place.states() == ["not fetched", "new", "not fetched"]
    (tmp_path / "fichier.crl").write_bytes(publisher.body)
    assert place.states() == ["not fetched", "same", "same"]


def test_without_a_source_it_says_so(tmp_path: Path):
    place = Place(tmp_path)
    assert place.fetcher.chore() == "no source"
    with pytest.raises(BadInput):
        place.fetcher.refresh()
