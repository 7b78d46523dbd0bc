"""Archives as the field sends them, and as attackers do: METADATA.XML by hand, zip records byte by byte."""

import hashlib
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass

from core.ins import Ins

RIM = 'xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"'
LCM = 'xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"'


def slot(name: str, *values: str) -> str:
    listed = "".join(f"<rim:Value>{value}</rim:Value>" for value in values)
    return f'<rim:Slot name="{name}"><rim:ValueList>{listed}</rim:ValueList></rim:Slot>'


def line(
    uri: str,
    data: bytes,
    ins: Ins | None = None,
    *,
    media: str = "text/xml",
    code: str = "57833-6",
    title: str = "Titre du lot",
    sha1: str | None = None,
    size: int | None = None,
    extra: str = "",
) -> str:
    """One ExtrinsicObject."""
    patient = f"{ins.matricule}^^^&amp;{ins.oid}&amp;ISO^NH" if ins else "4711^^^&amp;1.2.3&amp;ISO^PI"
    slots = slot("hash", sha1 if sha1 is not None else hashlib.sha1(data).hexdigest())
    slots += slot("size", str(len(data) if size is None else size)) + (slot("URI", uri) if uri else "")
    return f"""<rim:ExtrinsicObject id="urn:uuid:00000000-0000-4000-8000-000000000001" mimeType="{media}"
 objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1">{slots}{extra}
<rim:Name><rim:LocalizedString value="{title}"/></rim:Name>
<rim:Classification classificationScheme="urn:uuid:f0306f51-975f-434e-a61c-c59651d33983" nodeRepresentation="{code}"/>
<rim:Classification classificationScheme="urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f" nodeRepresentation="N"/>
<rim:ExternalIdentifier identificationScheme="urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427" value="{patient}"/>
<rim:ExternalIdentifier identificationScheme="urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab" value="2.25.77^1"/>
<rim:ExternalIdentifier identificationScheme="urn:uuid:99999999-0000-4000-8000-000000000000" value="inconnu"/>
</rim:ExtrinsicObject>"""


def metadata(*lines: str, package: str = "", declared: str = f"{RIM} {LCM}") -> bytes:
    inside = "".join(lines) + f'<rim:RegistryPackage id="s">{package}</rim:RegistryPackage>'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><lcm:SubmitObjectsRequest {declared}><rim:RegistryObjectList>'
        f"{inside}</rim:RegistryObjectList></lcm:SubmitObjectsRequest>"
    ).encode()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """As a well-behaved writer does it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def xdm(document: bytes, ins: Ins | None = None, folder: str = "IHE_XDM/SUBSET01", **facts: object) -> bytes:
    """The plainest archive: one set, one document."""
    name = str(facts.pop("name", "DOC00001.XML"))
    told = metadata(line(name, document, ins, **facts))  # type: ignore[arg-type]
    return zipped({"INDEX.HTM": b"<html/>", f"{folder}/METADATA.XML": told, f"{folder}/{name}": document})


@dataclass
class Part:
    """One entry, each field free to lie."""

    name: bytes
    data: bytes = b""
    local_name: bytes | None = None
    flags: int = 0
    method: int = 8
    size: int | None = None
    packed: bytes | None = None
    crc: int | None = None
    external: int = 0
    maker: int = 0
    extra: bytes = b""
    header_at: int | None = None
    absent: bool = False  # only in the directory: its header is another's

    @property
    def body(self) -> bytes:
        if self.packed is not None:
            return self.packed
        if self.method == 0:
            return self.data
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflater.compress(self.data) + deflater.flush()


def raw_zip(
    *parts: Part, front: bytes = b"", between: bytes = b"", comment: bytes = b"", count: int | None = None
) -> bytes:
    """Zip records as given."""
    out, directory = bytearray(front), bytearray()
    for part in parts:
        at = len(out) if part.header_at is None else part.header_at
        size = len(part.data) if part.size is None else part.size
        sums = struct.pack("<III", zlib.crc32(part.data) if part.crc is None else part.crc, len(part.body), size)
        if not part.absent:
            name = part.name if part.local_name is None else part.local_name
            out += b"PK\3\4" + struct.pack("<HHHHH", 20, part.flags, part.method, 0, 33) + sums
            out += struct.pack("<HH", len(name), 0) + name + part.body + between
        directory += b"PK\1\2" + struct.pack("<HHHHHH", part.maker, 20, part.flags, part.method, 0, 33) + sums
        directory += struct.pack("<HHHHHII", len(part.name), len(part.extra), 0, 0, 0, part.external, at)
        directory += part.name + part.extra
    at, total = len(out), len(parts) if count is None else count
    end = struct.pack("<HHHHIIH", 0, 0, total, total, len(directory), at, len(comment))
    return bytes(out + directory) + b"PK\5\6" + end + comment
