"""The signed list: two styles are read, forged ones are not, and xmlsec agrees about both."""

import base64
import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from signxml import CanonicalizationMethod, SignatureMethod

from crypto.authority import Authority
from crypto.trust import Trust
from directory.trusted import parse_dn
from directory.whitelist import ListRules, judge_list
from tests.support.list_maker import (
    DN,
    DS,
    ENTRIES,
    GENERATED,
    NOW,
    OTHER_DN,
    authority,
    document,
    entry,
    resigned,
    seal,
    self_signed,
    with_filter,
    xades,
    xmldsig,
)

ROOT = authority()
SEAL = seal(ROOT)
RULES = ListRules(Trust.load(ROOT.certificate_pem))
DATA = document()
C11 = CanonicalizationMethod.CANONICAL_XML_1_1
C10 = CanonicalizationMethod.CANONICAL_XML_1_0
SIGNED = xmldsig(DATA, SEAL)
BELOW = ROOT.issue_authority("Autorité en dessous", now=NOW, key_kind="rsa2048")
ROOT_ONLY = RULES


def judge(data, rules=RULES, at=NOW):
    return judge_list(data, rules, at)


GOOD = {
    "XMLDSig": SIGNED,
    "XMLDSig, inclusive": xmldsig(DATA, SEAL, C10),
    "XMLDSig, inclusive 1.1": xmldsig(DATA, SEAL, C11),
    "XMLDSig, SHA-512": xmldsig(DATA, SEAL, method=SignatureMethod.RSA_SHA512),
    "XMLDSig, PSS": xmldsig(DATA, SEAL, method=SignatureMethod.SHA256_RSA_MGF1),
    "XMLDSig, P-256": xmldsig(DATA, seal(ROOT, kind="p256"), method=SignatureMethod.ECDSA_SHA256),
    "XMLDSig, filter": with_filter(SIGNED, SEAL),
    "XAdES": xades(DATA, SEAL),
    "XAdES, inclusive 1.1": xades(DATA, SEAL, C11),
    "XAdES, filter": with_filter(xades(DATA, SEAL), SEAL),
    "XAdES, three certificates": xades(DATA, seal(BELOW)),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_list(name):
    judged = judge(GOOD[name])
    assert judged.reason == "ok"
    assert judged.list.names == {"hopital.mssante.test": tuple(sorted((DN, OTHER_DN))), "cabinet.test": (DN,)}
    assert (judged.list.entries, judged.list.rejected) == (3, 0)


def wrapped(data):
    """The signed list moved below another root that claims more."""
    root = etree.fromstring(data)
    outer = etree.fromstring(document([("evil.test", DN)]))
    outer.append(root)
    return etree.tostring(outer)


def moved(data):
    """The signature taken over by another list, with the original hidden in an Object of it."""
    root = etree.fromstring(data)
    signature = root.find(f"{{{DS}}}Signature")
    forged = etree.fromstring(document([("evil.test", DN)]))
    root.remove(signature)
    etree.SubElement(signature, f"{{{DS}}}Object").append(root)
    forged.append(signature)
    return etree.tostring(forged)


def twice(data):
    root = etree.fromstring(data)
    root.append(etree.fromstring(etree.tostring(root.find(f"{{{DS}}}Signature"), with_tail=False)))
    return etree.tostring(root)


def changed(path, **attributes):
    def change(_root, signature):
        for name, value in attributes.items():
            signature.find(f".//{{{DS}}}{path}").set(name, value)

    return resigned(SIGNED, SEAL, change)


def with_step(algorithm, text=None):
    def change(_root, signature):
        step = etree.SubElement(signature.find(f".//{{{DS}}}Transforms"), f"{{{DS}}}Transform", Algorithm=algorithm)
        step.text = text
        signature.find(f".//{{{DS}}}Transforms").insert(1, step)

    return resigned(SIGNED, SEAL, change)


def without(path):
    def change(_root, signature):
        found = signature.find(f".//{{{DS}}}{path}")
        found.getparent().remove(found)

    return resigned(SIGNED, SEAL, change)


def other_properties(data):
    """Somebody else's certificate named by the signed properties."""
    root = etree.fromstring(data)
    node = root.find(".//{http://uri.etsi.org/01903/v1.3.2#}CertDigest/" + f"{{{DS}}}DigestValue")
    node.text = base64.b64encode(bytes(32)).decode()
    return etree.tostring(root)


def more_certificates(count):
    def change(_root, signature):
        data = signature.find(f".//{{{DS}}}X509Data")
        for _ in range(count):
            data.append(etree.fromstring(etree.tostring(data[0])))

    return resigned(SIGNED, SEAL, change)


STRANGER = authority("Autorité inconnue")
SMALL_ENTITY = DATA.replace(b"<ListeBlanche", b'<!DOCTYPE a [<!ENTITY x "y">]><ListeBlanche', 1)
BAD = {
    "unsigned": ("not-one-signature", DATA),
    "a domain changed": ("content-changed", SIGNED.replace(b"cabinet.test", b"cabinex.test")),
    "a name changed": ("content-changed", SIGNED.replace(b"1990000010", b"1990000011")),
    "an entry added": (
        "content-changed",
        SIGNED.replace(b"</ListeDomaines>", entry("evil.test", DN).encode() + b"</ListeDomaines>"),
    ),
    "the date changed": ("content-changed", SIGNED.replace(GENERATED.encode(), b"2026-06-01T11:31:00Z")),
    "spaces added": ("content-changed", SIGNED.replace(b"<ListeDomaines>", b"<ListeDomaines> ")),
    "truncated": ("malformed", SIGNED[:-200]),
    "wrapped": ("not-one-signature", wrapped(SIGNED)),
    "moved into its own Object": ("content-changed", moved(SIGNED)),
    "two signatures": ("not-one-signature", twice(SIGNED)),
    "signature value changed": (
        "bad-signature",
        SIGNED.replace(b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA", 1),
    ),
    "signature value in two": (
        "signature-structure",
        SIGNED.replace(b"<ds:SignatureValue>", b"<ds:SignatureValue><!---->"),
    ),
    "by a stranger": ("untrusted", xmldsig(DATA, seal(STRANGER))),
    "by the stranger of the same name": ("untrusted", xmldsig(DATA, seal(authority()))),
    "by a gateway": (
        "wrong-usage",
        xmldsig(DATA, ROOT.issue_client("gw", now=NOW, dns=["a.test"], key_kind="rsa2048")),
    ),
    "by the authority itself": ("wrong-usage", xmldsig(DATA, ROOT.identity)),
    "SHA-1": ("algorithm-not-allowed", changed("DigestMethod", Algorithm=DS + "sha1")),
    "SHA-1 signature": ("algorithm-not-allowed", changed("SignatureMethod", Algorithm=DS + "rsa-sha1")),
    "HMAC": ("algorithm-not-allowed", changed("SignatureMethod", Algorithm=DS + "hmac-sha1")),
    "with comments": (
        "algorithm-not-allowed",
        changed("CanonicalizationMethod", Algorithm=C10.value + "#WithComments"),
    ),
    "reference to a file": ("signature-structure", changed("Reference", URI="file:///etc/passwd")),
    "reference to the network": ("signature-structure", changed("Reference", URI="http://127.0.0.1:9/")),
    "reference to a part": ("signature-structure", changed("Reference", URI="#part")),
    "style sheet": ("signature-structure", with_step("http://www.w3.org/TR/1999/REC-xslt-19991116")),
    "XPath": ("signature-structure", with_step("http://www.w3.org/TR/1999/REC-xpath-19991116", "1=1")),
    "no transform": ("signature-structure", without("Transforms")),
    "no certificate": ("signature-structure", without("KeyInfo")),
    "certificate gone": ("no-certificate", without("X509Data")),
    "many certificates": ("signature-structure", more_certificates(4)),
    "filter that hides more": ("signature-structure", with_filter(SIGNED, SEAL, "/descendant::*")),
    "filter that keeps": ("signature-structure", with_filter(SIGNED, SEAL, subtract="intersect")),
    "properties of another": ("signed-properties", other_properties(xades(DATA, SEAL))),
    "DTD": ("dtd-or-entities", SMALL_ENTITY),
    "DTD in UTF-16": ("malformed", SMALL_ENTITY.decode().replace('encoding="UTF-8"', "").encode("utf-16")),
    "processing instruction": ("dtd-or-entities", SIGNED.replace(b"<ListeDomaines>", b"<ListeDomaines><?x y?>")),
    "another root": ("not-a-list", xmldsig(DATA.replace(b"ListeBlancheMSSante", b"ListeNoireMSSante"), SEAL)),
    "another namespace": ("not-a-list", xmldsig(DATA.replace(b"listeblanche.mssante", b"listenoire.mssante"), SEAL)),
    "no date": ("not-a-list", xmldsig(document(generated=""), SEAL)),
    "two lists": ("not-a-list", xmldsig(document(extra="<ListeDomaines/>"), SEAL)),
    "empty": ("malformed", b""),
    "not XML": ("malformed", b"\x00\xff" * 100),
    "deep": ("malformed", b"<a>" * 100_000),
    "too large": ("too-large", b" " * (33 * 1024 * 1024)),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_list(name):
    reason, data = BAD[name]
    judged = judge(data)
    assert (judged.reason, judged.list) == (reason, None)


@pytest.mark.parametrize("name", ["XMLDSig", "XMLDSig, inclusive", "XMLDSig, filter", "XAdES, inclusive 1.1"])
def test_xmlsec_agrees(name, tmp_path: Path):
    assert xmlsec(GOOD[name], tmp_path) and not xmlsec(GOOD[name].replace(b"cabinet.test", b"cabinex.test"), tmp_path)


def xmlsec(data, folder):
    (folder / "ca.pem").write_bytes(ROOT.certificate_pem)
    (folder / "list.xml").write_bytes(data)
    words = ["xmlsec1", "--verify", "--trusted-pem", "ca.pem", "--verification-time", f"{NOW:%Y-%m-%d %H:%M:%S}"]
    words += ["--id-attr:Id", "SignedProperties", "--id-attr:Id", "KeyInfo", "list.xml"]
    environment = os.environ | {"TZ": "UTC"}  # it takes the time for the machine's own
    return subprocess.run(words, cwd=folder, capture_output=True, check=False, env=environment).returncode == 0


def test_the_time_decides():
    assert judge(SIGNED, at=NOW - timedelta(days=2)).reason == "not-yet-valid"
    assert judge(SIGNED, at=NOW + timedelta(days=365 * 4)).reason == "expired"


def test_a_revoked_signer():
    ROOT.revoke(SEAL.certificate, now=NOW)
    rules = ListRules(Trust.load(ROOT.certificate_pem, crls=[ROOT.crl(now=NOW)]))
    ROOT.revoked.clear()
    assert judge(SIGNED, rules).reason == "revoked"


@pytest.mark.parametrize(
    "who", [SEAL, seal(STRANGER), self_signed()], ids=["below an authority", "a stranger's", "of its own"]
)
def test_a_signer_that_is_pinned_itself(who):
    rules = ListRules(Trust.load(who.certificate.public_bytes(Encoding.PEM)))
    data = xmldsig(DATA, who)
    assert judge(data, rules).reason == "ok"
    assert judge(data, rules, NOW - timedelta(days=2)).reason == "not-yet-valid"
    assert judge(data, rules, NOW + timedelta(days=20_000)).reason == "expired"
    assert judge(xmldsig(DATA, seal(ROOT)), rules).reason == "untrusted"
    assert judge(data, ListRules(rules.trust, parse_dn("CN=Somebody else"))).reason == "wrong-signer"


def test_only_the_expected_signer():
    for name, reason in ((SEAL.certificate.subject.rfc4514_string(), "ok"), ("CN=Somebody else", "wrong-signer")):
        assert judge(SIGNED, ListRules(RULES.trust, parse_dn(name))).reason == reason


def test_entries_that_say_nothing_usable_are_not_listed():
    odd = [
        ("", DN),
        ("evil.test", ""),
        ("evil.test", "not a name"),
        ("ev il.test", DN),
        ("canon<!-- not signed, so not there -->ical.test", DN),
        ("cabinet.test</Nom><Nom>evil.test", DN),
        ("localhost", DN),
        ("évil.test", DN),
        (" CABINET.TEST. ", OTHER_DN),
    ]
    found = judge(xmldsig(document(odd), SEAL)).list
    assert found.names == dict.fromkeys(("canonical.test", "xn--vil-9la.test"), (DN,)) | {"cabinet.test": (OTHER_DN,)}
    assert (found.entries, found.rejected) == (9, 6)


def test_fifteen_thousand_entries_are_all_there():
    many = [(f"d{n}.mssante.test", DN.replace("0010", f"{n % 400:04}")) for n in range(15_000)]
    found = judge(xmldsig(document(many), SEAL)).list
    assert found.entries == len(found.names) == 15_000


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(SIGNED)), st.binary(min_size=1, max_size=4))
def test_no_damage_passes(at, patch):
    damaged = SIGNED[:at] + patch + SIGNED[at + len(patch) :]
    judged = judge(damaged)
    assert judged.reason != "surprise"
    assert not judged.valid or judged.list.names == judge(SIGNED).list.names
    assert judge(patch).list is None


def test_every_entry_of_the_sample_is_an_operator():
    assert all(parse_dn(dn) for _domain, dn in ENTRIES)
    assert isinstance(ROOT, Authority)
