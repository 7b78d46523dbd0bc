"""Fetched lists: only a better one takes a place, whoever brings it."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.authority import Authority
from crypto.list_store import load_authorities, merged, read_kept, weigh
from crypto.revocation import BadList
from tests.support.pki import DAY, NOW, pki

KNOWN = (pki().root.certificate, pki().mail_ca.certificate)
HOUR = dt.timedelta(hours=1)
NEW = pki().mail_ca.crl(now=NOW, days=7)
OLD = pki().mail_ca.crl(now=NOW - DAY, days=7)


def test_a_good_list_is_taken_in_der_and_pem():
    for data in (NEW, pki().mail_ca.crl_pem(now=NOW, days=7)):
        (one,) = weigh(data, KNOWN, NOW)
        assert one.until == NOW + 7 * DAY


def test_a_newer_list_takes_the_place_and_the_other_authority_keeps_its_own():
    root = pki().root.crl(now=NOW)
    kept = [*read_kept(OLD, KNOWN), *read_kept(root, KNOWN)]
    found = merged(kept, weigh(NEW, KNOWN, NOW, kept))
    assert {one.der for one in read_kept(found, KNOWN)} == {NEW, root}
    assert merged(read_kept(found, KNOWN), ()) == found


@pytest.mark.parametrize(
    "bad",
    [
        OLD,  # a replay
        pki().mail_ca.crl(now=NOW - 10 * DAY, days=7),  # out of date
        pki().mail_ca.crl(now=NOW + HOUR, days=7),  # from the future
        pki().stranger.crl(now=NOW),
        Authority.create("Messagerie d'essai", now=NOW - DAY).crl(now=NOW),  # the name of ours, another key
        NEW[:-1] + bytes([NEW[-1] ^ 1]),
        b"",
        b"<html>Service indisponible</html>",
        pki().root.certificate_pem,
        NEW + b"x",
    ],
)
def test_whatever_is_not_better_is_refused(bad):
    with pytest.raises(BadList):
        weigh(bad, KNOWN, NOW, read_kept(NEW, KNOWN))


def test_one_bad_list_in_a_file_refuses_the_file():
    file = pki().root.crl_pem(now=NOW) + pki().stranger.crl_pem(now=NOW)
    with pytest.raises(BadList):
        weigh(file, KNOWN, NOW)


def test_the_same_again_is_no_fault():
    assert [one.der for one in weigh(NEW, KNOWN, NOW, read_kept(NEW, KNOWN))] == [NEW]


def test_authorities_that_cannot_be_read_are_told():
    with pytest.raises(BadList):
        load_authorities(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


@given(st.binary(max_size=300))
def test_noise_is_refused(noise):
    with pytest.raises(BadList):
        weigh(noise, KNOWN, NOW)
    assert read_kept(noise, KNOWN) == []
