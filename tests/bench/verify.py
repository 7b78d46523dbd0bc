"""Full verifications a second on one core, a revocation list of 100,000 entries loaded: ours, pyHanko's way, openssl's.

Run: `python tests/bench/verify.py [SECONDS]`. The same 200 messages for all; no message is judged twice in a row.
"""

import asyncio
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from asn1crypto import cms, x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.sign.validation.generic_cms import async_validate_cms_signature
from pyhanko_certvalidator import ValidationContext

from crypto.authority import Authority
from crypto.rawmime import take_apart
from crypto.sign import sign_message
from crypto.trust import Trust
from crypto.verify import verify_message
from tests.support.pki import DAY, HEADERS, NOW, PART, SIGNER

SIGNERS, MESSAGES, REVOKED = 50, 200, 100_000


def world():
    root = Authority.create("Racine", now=NOW - DAY)
    below = root.issue_authority("Messagerie", now=NOW - DAY)
    below.revoked.update({1000 + n: NOW - DAY for n in range(REVOKED)})
    people = [below.issue_smime(SIGNER, f"Personne {n}", now=NOW - DAY) for n in range(SIGNERS)]
    mails = [
        sign_message(HEADERS, PART.replace(b"Bonjour", b"Message %d" % n), who.key, who.certificate)
        for n, who in ((n, people[n % SIGNERS]) for n in range(MESSAGES))
    ]
    return root, below, mails, (root.crl(now=NOW), below.crl(now=NOW))


def ours(root, below, mails, crls):
    trust = Trust.load(root.certificate_pem, below.certificate_pem, crls)

    def judge(raw):
        assert verify_message(raw, trust=trust, at=NOW, envelope_sender=SIGNER).reason.value == "ok"

    return judge


def pyhanko(root, below, mails, crls):
    given = {"trust_roots": [_der(root)], "other_certs": [_der(below)], "crls": list(crls)}
    context = ValidationContext(moment=NOW, allow_fetching=False, revocation_mode="require", **given)

    def judge(raw):
        pieces = take_apart(raw)
        signed = cms.ContentInfo.load(pieces.cms)["content"]
        digest = hashlib.sha256(pieces.content).digest()
        checked = async_validate_cms_signature(signed, raw_digest=digest, validation_context=context)
        status = asyncio.run(checked)
        assert status.valid and status.intact

    return judge


def openssl(root, below, mails, crls):
    folder = Path(tempfile.mkdtemp())
    lists = root.crl_pem(now=NOW) + below.crl_pem(now=NOW)
    (folder / "ca.pem").write_bytes(root.certificate_pem + below.certificate_pem + lists)
    words = ["openssl", "cms", "-verify", "-CAfile", "ca.pem"]
    words += ["-crl_check_all", "-attime", str(int(NOW.timestamp())), "-in", "mail", "-out", "/dev/null"]

    def judge(raw):
        (folder / "mail").write_bytes(raw)
        done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr

    return judge


def _der(authority):
    return x509.Certificate.load(authority.certificate.public_bytes(Encoding.DER))


def rate(judge, mails, seconds):
    for raw in mails[:SIGNERS] if seconds > 3 else mails[:1]:
        judge(raw)
    began, done = perf_counter(), 0
    while perf_counter() - began < seconds:
        judge(mails[done % len(mails)])
        done += 1
    return done / (perf_counter() - began)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    made = world()
    for name, maker, time in (("Pli", ours, seconds), ("openssl cms -verify", openssl, 3.0), ("pyHanko", pyhanko, 3.0)):
        try:
            print(f"{name:<22} {rate(maker(*made), made[2], time):8.1f} verifications/s")
        except Exception as error:
            print(f"{name:<22} did not run: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
