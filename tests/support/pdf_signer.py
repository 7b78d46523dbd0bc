"""Signed PDFs for tests, made by pyHanko's own signer with the small world's certificates."""

from __future__ import annotations

from io import BytesIO

from asn1crypto import keys
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

from crypto.identity import Identity
from tests.support.pki import der


def signed_pdf(
    pdf: bytes,
    who: Identity,
    *,
    field: str = "Signature",
    digest: str = "sha256",
    pades: bool = True,
    certify: bool = True,
) -> bytes:
    """`pdf` with one more signature, as an incremental update. `certify`: nothing may change afterwards (DocMDP 1)."""
    private = who.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    store = SimpleCertificateStore()
    store.register_multiple([asn1.Certificate.load(der(each)) for each in who.chain])
    signer = signers.SimpleSigner(asn1.Certificate.load(der(who.certificate)), keys.PrivateKeyInfo.load(private), store)
    meta = signers.PdfSignatureMetadata(
        field_name=field,
        md_algorithm=digest,
        subfilter=SigSeedSubFilter.PADES if pades else SigSeedSubFilter.ADOBE_PKCS7_DETACHED,
        certify=certify,
        docmdp_permissions=MDPPerm.NO_CHANGES if certify else MDPPerm.FILL_FORMS,
    )
    out = BytesIO()
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    fields.append_signature_field(writer, fields.SigFieldSpec(field))
    signers.sign_pdf(writer, meta, signer, output=out)
    return out.getvalue()


def with_update(pdf: bytes) -> bytes:
    """An honest-looking incremental update behind the signature, that changes what the first page shows."""
    from pyhanko.pdf_utils import generic

    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    page = writer.root["/Pages"]["/Kids"][0]
    stream = generic.StreamObject(stream_data=b"BT /F1 30 Tf 60 400 Td (10 comprimes) Tj ET")
    page[generic.pdf_name("/Contents")] = writer.add_object(stream)
    writer.update_container(page)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()
