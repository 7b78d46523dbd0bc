"""Mail encrypted as its sender chose: only the recipient's key opens it; certificates that are not good are refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.address import Address
from core.clock import FakeClock
from core.db import Db
from core.errors import BadInput
from crypto.authority import Authority
from crypto.entitled import check_recipient
from crypto.trust import Trust
from crypto.verdict import Reason
from crypto.verify import verify_message
from mail import encryption
from mail.deciphering import decipher
from mail.seals import keep_seal
from mail.submit import Submitter
from tests.support.post_office import LEA, PAUL, PHARMACY, PostOffice

NOW = FakeClock().now()
TEXT = "Résultats confidentiels inventés."


class Place:
    """An office with an authority, seals for two, and a submitter that may encrypt."""

    def __init__(self, office: PostOffice) -> None:
        self.office, self.authority = office, Authority.create("Essai", now=NOW)
        self.seals = {}
        for who in (PHARMACY, LEA):
            self.seal(who)
        self.submitter = Submitter(office.db, office.keyring, office.clock, office.reception, self.may_receive)

    def seal(self, who: str, kind: str = "p256") -> None:
        self.seals[who] = self.authority.issue_smime(who, "Essai", now=NOW, key_kind=kind)
        self.office.db.run(keep_seal, self.office.keyring, self.office.mailboxes[who].id, self.seals[who])

    @property
    def trust(self) -> Trust:
        return Trust.load(self.authority.certificate_pem, crls=[self.authority.crl(now=NOW)])

    def may_receive(self, der: bytes, email: str, at):
        return check_recipient(der, email, self.trust, at)

    def judge(self, raw: bytes, sender: str | None, at):
        return verify_message(raw, trust=self.trust, at=at, envelope_sender=sender)

    def send(self, to: str = LEA, key: str = "k") -> int:
        mailbox = self.office.mailboxes[PHARMACY].id
        return self.submitter.submit(mailbox, [Address.parse(to)], "Glycémie", TEXT, "", key, encrypt=True)

    def opened(self, who: str, raw: bytes):
        office = self.office
        return decipher(office.db, office.keyring, self.judge, office.mailboxes[who].id, raw, PHARMACY, NOW)


@pytest.fixture
async def place(db: Db, tmp_path: Path) -> AsyncIterator[Place]:
    office = PostOffice(db, tmp_path)
    yield Place(office)
    await office.stop()


def test_only_the_recipient_and_the_author_read_it(place: Place) -> None:
    place.send()
    kept = place.office.inbox(LEA)[0]
    assert TEXT.encode() not in kept.raw and kept.meta.subject == "[...]"
    assert place.judge(kept.raw, PHARMACY, NOW).reason is Reason.ENCRYPTED
    for who in (LEA, PHARMACY):
        found = place.opened(who, kept.raw)
        assert found is not None and found.verdict.reason is Reason.OK and found.verdict.signer_email == PHARMACY
        assert found.letter.headers.first(b"subject") is not None and b"[...]" not in found.letter.headers.block
    assert place.opened(PAUL, kept.raw) is None


def test_a_published_certificate_comes_before_the_seal(place: Place) -> None:
    office, own = place.office, place.authority.issue_smime(LEA, "Carte", now=NOW, key_kind="rsa2048")
    office.db.run(encryption.publish, office.keyring, office.mailboxes[LEA].id, _der(own))
    place.send()
    raw = office.inbox(LEA)[0].raw
    assert place.opened(LEA, raw) is None  # the house has not its key
    from crypto.secret_mail import open_message

    assert verify_message(open_message(raw, own), trust=place.trust, at=NOW).reason is Reason.OK
    office.db.run(encryption.withdraw, office.mailboxes[LEA].id)
    place.send(key="again")
    assert place.opened(LEA, office.inbox(LEA)[1].raw) is not None


@pytest.mark.parametrize("fault", ["none", "revoked", "ed25519", "another address", "stranger"])
def test_without_a_good_certificate_nothing_is_sent(place: Place, fault: str) -> None:
    office, to = place.office, LEA
    if fault == "none":
        to = PAUL
    elif fault == "revoked":
        place.authority.revoke(place.seals[LEA].certificate, now=NOW)
    elif fault == "ed25519":
        place.seal(LEA, "ed25519")
    else:
        other = place.authority if fault == "another address" else Authority.create("Autre", now=NOW)
        wrong = other.issue_smime(PHARMACY if fault == "another address" else LEA, "X", now=NOW)
        office.db.run(encryption.publish, office.keyring, office.mailboxes[LEA].id, _der(wrong))
    with pytest.raises(BadInput, match="certificate"):
        place.send(to)
    assert office.inbox(to) == []


def test_an_installation_without_trust_says_so(place: Place) -> None:
    place.submitter = Submitter(place.office.db, place.office.keyring, place.office.clock, place.office.reception)
    with pytest.raises(BadInput, match="no trust"):
        place.send()


def test_what_is_not_encrypted_is_not_deciphered(place: Place) -> None:
    assert place.opened(LEA, b"From: a@b.example\r\n\r\nBonjour\r\n") is None


def _der(who) -> bytes:
    from tests.support.pki import der

    return der(who.certificate)
