"""Signed lists of domains, made by signxml (and by hand where it cannot): another hand than the one that reads them."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import CanonicalizationMethod, SignatureMethod, XMLSigner
from signxml.xades import XAdESSigner

from crypto.authority import Authority
from crypto.identity import Identity, new_private_key
from directory.whitelist import NAMESPACE

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
GENERATED = "2026-06-01T11:30:00Z"
DN = "CN=mss.operateur.test,OU=1990000010,O=OPÉRATEUR INVENTÉ,ST=Paris (75),C=FR"
OTHER_DN = "C=FR, L=Lyon, O=Autre opérateur, OU=399000000000011, CN=proxy.autre.test"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
ENTRIES = [("hopital.mssante.test", DN), ("hopital.mssante.test", OTHER_DN), ("cabinet.test", DN)]


def entry(domain, dn):
    return (
        f"<Domaine><Nom>{domain}</Nom><Description>Domaine inventé</Description>"
        f"<DNCertificatOperateur>{dn}</DNCertificatOperateur><ResponsableContact>a@x.test</ResponsableContact>"
        f"<SupportContact>b@x.test</SupportContact><DateMAJ>2026-05-01</DateMAJ></Domaine>"
    )


def document(entries=ENTRIES, generated=GENERATED, extra=""):
    listed = "\n    ".join(entry(*one) for one in entries)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<ListeBlancheMSSante xmlns="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        f"  <DateDeGeneration>{generated}</DateDeGeneration>\n  <ListeDomaines>\n    {listed}\n  </ListeDomaines>\n"
        f"{extra}</ListeBlancheMSSante>\n"
    ).encode()


def authority(name="Autorité des listes", now=NOW):
    return Authority.create(name, now=now, demo=False, key_kind="rsa2048")


def seal(above, name="Liste blanche inventée", now=NOW, kind="rsa2048", **more):
    return above.issue_smime("liste@ans.test", name, now=now, key_kind=kind, **more)


def self_signed(name="Liste blanche seule", now=NOW):
    """A signer under no authority, as `openssl req -x509` makes it."""
    key, dn = new_private_key("rsa2048"), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start, end = now - timedelta(days=1), now + timedelta(days=365)
    builder = x509.CertificateBuilder(dn, dn, key.public_key(), x509.random_serial_number(), start, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Identity(builder.sign(key, hashes.SHA256()), key)


def xmldsig(data, who, c14n=EXCLUSIVE, method=SignatureMethod.RSA_SHA256, **more):
    signer = XMLSigner(signature_algorithm=method, c14n_algorithm=c14n)
    return _text(signer.sign(etree.fromstring(data), key=who.key, cert=who.certificate_pem.decode(), **more))


def xades(data, who, c14n=EXCLUSIVE):
    signer = XAdESSigner(c14n_algorithm=c14n)
    return _text(signer.sign(etree.fromstring(data), key=who.key, cert=who.certificate_pem.decode()))


def resigned(data, who, change):
    """The signed document after `change(root, signature)`, with digest and value made anew over what stands there."""
    root = etree.fromstring(data)
    signature = root.find(f"{{{DS}}}Signature")
    change(root, signature)
    info = signature.find(f"{{{DS}}}SignedInfo")
    whole = info.find(f"{{{DS}}}Reference")
    bare = etree.fromstring(etree.tostring(root))
    own = bare.find(f"{{{DS}}}Signature")
    tail, before = own.tail or "", own.getprevious()
    before.tail = (before.tail or "") + tail
    bare.remove(own)
    octets = etree.tostring(bare, method="c14n", exclusive=True)
    whole.find(f"{{{DS}}}DigestValue").text = base64.b64encode(hashlib.sha256(octets).digest()).decode()
    signed = etree.tostring(etree.fromstring(etree.tostring(info, with_tail=False)), method="c14n", exclusive=True)
    value = who.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    signature.find(f"{{{DS}}}SignatureValue").text = base64.b64encode(value).decode()
    return _text(root)


def with_filter(data, who, path="/descendant::ds:Signature", subtract="subtract"):
    """The enveloped-signature transform replaced by an xmldsig-filter2 one, as European tools write it."""

    def change(_root, signature):
        step = signature.find(f".//{{{DS}}}Transform")
        step.set("Algorithm", "http://www.w3.org/2002/06/xmldsig-filter2")
        name = "{http://www.w3.org/2002/06/xmldsig-filter2}XPath"
        etree.SubElement(step, name, nsmap={"ds": DS, "f": name[1:-6]}, Filter=subtract).text = path

    return resigned(data, who, change)


def _text(root):
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
