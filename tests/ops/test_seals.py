"""Seals near their end: the operator is told, one command renews, what was encrypted to the old key is read on."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.address import Address
from core.clock import epoch_ms
from core.errors import BadInput, NotFound
from core.tables import audit
from crypto.authority import Authority
from crypto.identity import Identity, IdentityBroken
from crypto.secret_mail import encrypt_message
from crypto.trust import Trust
from crypto.verdict import Reason
from crypto.verify import verify_message
from directory.mailboxes import close
from mail.compose import Draft, header_block, mime_entity
from mail.deciphering import decipher
from mail.seals import PAST, keep_seal, open_seal, open_seals
from mail.tables import seal_keys
from ops.doctor import rows
from ops.seals import SOON, Seals
from tests.support.kept import PHARMACY, Kept, open_kept

LIFE = timedelta(days=1095)  # of the seals that `issue_smime` makes
TEXT = "Confidence inventée."


@pytest.fixture
def kept(database_url: str, tmp_path: Path) -> Iterator[Kept]:  # noqa: F811
    found = open_kept(database_url, tmp_path)
    yield found
    found.db.close()


def judge_of(kept: Kept):
    def judge(raw: bytes, sender: str | None, at):
        crl = kept.authority.crl(now=at, days=365)
        trust = Trust.load(kept.authority.certificate_pem, crls=[crl])
        return verify_message(raw, trust=trust, at=at, envelope_sender=sender)

    return judge


def seals(kept: Kept, authority: Authority | None = None, *, here: bool = True) -> Seals:
    own = (authority or kept.authority) if here else None
    return Seals(kept.db, kept.keyring, kept.trail, kept.clock, judge_of(kept), own)


def seal(kept: Kept) -> Identity:
    return kept.db.read(open_seal, kept.keyring, kept.pharmacy.mailbox.id)


def light(kept: Kept):
    (found,) = kept.db.read(rows.seals, kept.clock.now())
    return found


def near_the_end(kept: Kept, days: int = 20) -> None:
    kept.clock.advance((LIFE - timedelta(days=days)).total_seconds())


def secret(kept: Kept) -> bytes:
    address = Address.parse(PHARMACY)
    draft = Draft(address, "", [address], "Secret", TEXT, "s@d.test", kept.clock.now())
    own = seal(kept)
    return encrypt_message(header_block(draft), mime_entity(draft), own, [own.certificate])


def test_the_doctor_tells_in_time_and_one_command_renews(kept: Kept) -> None:
    assert light(kept).state == "good" and seals(kept).ends(SOON) == ()
    near_the_end(kept)
    assert light(kept).state == "warn" and "pli seal renew" in light(kept).todo
    old = seal(kept)
    done = seals(kept).renew(SOON)
    assert (done.done, done.left) == (1, ())
    new = seal(kept)
    assert light(kept).state == "good" and new.key_pem != old.key_pem
    assert new.certificate.subject == old.certificate.subject
    assert new.certificate.not_valid_after_utc > old.certificate.not_valid_after_utc
    assert seals(kept).renew(SOON).done == 0
    query = select(audit.c.actor, audit.c.ref).where(audit.c.action == "seal.renew")
    found = kept.db.read(lambda session: [tuple(row) for row in session.execute(query)])
    assert found == [("operator", kept.pharmacy.mailbox.id)]


@pytest.mark.parametrize(("days", "state"), [(29, "warn"), (5, "bad"), (-1, "bad")])
def test_the_nearer_the_end_the_redder(kept: Kept, days: int, state: str) -> None:
    near_the_end(kept, days)
    assert light(kept).state == state
    assert seals(kept).renew(SOON).done == 1 and light(kept).state == "good"


def test_what_was_encrypted_before_is_read_after(kept: Kept) -> None:
    raw, now = secret(kept), kept.clock.now()
    for _ in range(3):
        assert seals(kept).renew(SOON, kept.pharmacy.mailbox.id).done == 1
    args = (kept.keyring, judge_of(kept), kept.pharmacy.mailbox.id, raw, PHARMACY, now)
    found = decipher(kept.db, *args)
    assert found is not None and found.verdict.reason is Reason.OK
    assert len(kept.db.read(open_seals, kept.keyring, kept.pharmacy.mailbox.id)) == 4


def test_no_more_than_so_many_are_kept_and_none_twice(kept: Kept) -> None:
    box = kept.pharmacy.mailbox.id
    for _ in range(PAST + 3):
        kept.db.run(keep_seal, kept.keyring, box, kept.authority.issue_smime(PHARMACY, "X", now=kept.clock.now()))
    last = seal(kept)
    kept.db.run(keep_seal, kept.keyring, box, last)
    found = kept.db.read(open_seals, kept.keyring, box)
    assert len(found) == PAST + 1 and len({each.key_pem for each in found}) == PAST + 1


def test_another_authority_s_seal_is_listed_and_put(kept: Kept) -> None:
    stranger, now = Authority.create("Autre", now=kept.clock.now()), kept.clock.now()
    box = kept.pharmacy.mailbox.id
    kept.db.run(keep_seal, kept.keyring, box, stranger.issue_smime(PHARMACY, "X", now=now))
    done = seals(kept).renew(SOON, box)
    assert done.done == 0 and [each.mailbox_id for each in done.left] == [box]
    new = kept.authority.issue_smime(PHARMACY, "Venue d'ailleurs", now=now)
    seals(kept, here=False).put(box, new.certificate_pem, new.key_pem)
    assert seal(kept).sha256 == new.sha256


@pytest.mark.parametrize("fault", ["address", "stranger", "expired", "revoked", "ca", "key", "nonsense"])
def test_a_seal_that_recipients_would_refuse_takes_no_place(kept: Kept, fault: str) -> None:
    before, now, own = seal(kept).sha256, kept.clock.now(), kept.authority
    made = own.issue_smime(PHARMACY, "X", now=now)
    if fault == "address":
        made = own.issue_smime("autre@demo.mssante.test", "X", now=now)
    elif fault == "stranger":
        made = Authority.create("DÉMO", now=now).issue_smime(PHARMACY, "X", now=now)
    elif fault == "expired":
        made = own.issue_smime(PHARMACY, "X", now=now - timedelta(days=40), days=30)
    elif fault == "revoked":
        own.revoke(made.certificate, now=now)
    elif fault == "ca":
        made = own.identity
    certificate, key = made.certificate_pem, made.key_pem
    if fault == "key":
        key = own.issue_smime(PHARMACY, "X", now=now).key_pem
    elif fault == "nonsense":
        certificate = b"\x00 rien"
    with pytest.raises((BadInput, IdentityBroken)):
        seals(kept).put(kept.pharmacy.mailbox.id, certificate, key)
    assert seal(kept).sha256 == before


def test_an_authority_that_is_not_trusted_renews_nothing(kept: Kept) -> None:
    other, box = Authority.create("Autre", now=kept.clock.now()), kept.pharmacy.mailbox.id
    kept.db.run(keep_seal, kept.keyring, box, other.issue_smime(PHARMACY, "X", now=kept.clock.now()))
    before = seal(kept).sha256
    with pytest.raises(BadInput, match="not accepted"):
        seals(kept, other).renew(SOON, box)
    with pytest.raises(BadInput, match="key of the authority"):
        seals(kept, here=False).renew(SOON)
    assert seal(kept).sha256 == before


def test_closed_mailboxes_and_those_without_a_seal_are_left_alone(kept: Kept) -> None:
    near_the_end(kept)
    with pytest.raises(NotFound):
        seals(kept).renew(SOON, kept.patient.mailbox.id)
    kept.db.run(close, kept.pharmacy.mailbox.id)
    assert seals(kept).ends() == () and light(kept).state == "off"
    with pytest.raises(NotFound):
        seals(kept).renew(SOON, kept.pharmacy.mailbox.id)


def test_rows_of_earlier_versions_learn_their_end(kept: Kept) -> None:
    kept.db.run(lambda session: session.execute(update(seal_keys).values(ends_at=None)) and None)
    assert light(kept).state == "off"
    (found,) = seals(kept).ends()
    assert found.ends_at == epoch_ms(seal(kept).certificate.not_valid_after_utc) and light(kept).state == "good"
