"""The signed list of trusted domains (*liste blanche*): octets, trust and time in; domains with their names out.

Domains are read from the canonical octets that the signature covers, from nowhere else.
"""

import enum
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lxml import etree

from core.errors import BadInput
from crypto.path import PathCache
from crypto.routes import Path
from crypto.signer import check_pinned_seal, check_seal
from crypto.trust import Trust
from crypto.verdict import Reason, Refusal
from crypto.xmldsig import BadSignedXml, SignedXml, XmlReason, open_signed, read_xml
from directory.trusted import Dn, domain_key, parse_dn

NAMESPACE = "https://listeblanche.mssante.fr/schema"
ROOT = "ListeBlancheMSSante"
MAX_ENTRIES = 100_000
_NAME, _DN = f"{{{NAMESPACE}}}Nom", f"{{{NAMESPACE}}}DNCertificatOperateur"


class ListReason(enum.Enum):
    """Why the list is not taken, beside the reasons of its signature and of its signer's certificate."""

    OK = "ok"
    NOT_A_LIST = "not-a-list"
    WRONG_SIGNER = "wrong-signer"
    SURPRISE = "surprise"


@dataclass(frozen=True, slots=True)
class TrustedList:
    """A list that holds. `names`: domain → the names as written; `rejected`: entries that say nothing usable."""

    generated: datetime
    names: Mapping[str, tuple[str, ...]]
    entries: int
    rejected: int
    signer: str


@dataclass(frozen=True, slots=True)
class Judged:
    """`list` is there only where it is valid; `reason` is a word of a closed list."""

    reason: str
    list: TrustedList | None = None

    @property
    def valid(self) -> bool:
        return self.list is not None


@dataclass(frozen=True, slots=True)
class ListRules:
    """Whom we trust to sign it. `signer`: the certificate's name; None where any seal under the anchors will do."""

    trust: Trust
    signer: Dn | None = field(default=None)


class _NotAList(ValueError):
    pass


def judge_list(data: bytes, rules: ListRules, at: datetime) -> Judged:
    """Never raises for what the list holds. `at` (aware): the certificates must have been good then."""
    try:
        signed = open_signed(data)
        _check_signer(signed, rules, at)
        found = _read(signed)
    except BadSignedXml as error:
        return Judged(error.reason.value)
    except Refusal as refusal:
        return Judged(refusal.reason.value)
    except _NotAList as error:
        return Judged(str(error))
    except Exception:  # hostile octets reach two parsers: whatever they raise is an answer
        return Judged(ListReason.SURPRISE.value)
    return Judged(ListReason.OK.value, found)


def _check_signer(signed: SignedXml, rules: ListRules, at: datetime) -> None:
    """Pinned itself, or a path to our anchors at that time; a certificate for seals, the expected name.

    Raises Refusal, _NotAList.
    """
    path = None if signed.signer in rules.trust.anchors else _path(signed, rules.trust, at)
    if path is None:
        check_pinned_seal(signed.signer, at)
    else:
        check_seal(signed.signer)
    if rules.signer is not None and _dn(signed.subject) != rules.signer:
        raise _NotAList(ListReason.WRONG_SIGNER.value)
    if path is not None:
        rules.trust.check_revocation(path, at)


def _path(signed: SignedXml, trust: Trust, at: datetime) -> Path:
    """Raises Refusal."""
    beside = [other for other in signed.others if other not in trust.anchors]
    paths = PathCache(trust.anchors, (*trust.intermediates, *beside)) if beside else trust.paths
    return paths.find(signed.signer, at)


def _dn(subject: str) -> Dn:
    try:
        return parse_dn(subject)
    except BadInput:
        raise Refusal(Reason.BAD_CERTIFICATE) from None


def _read(signed: SignedXml) -> TrustedList:
    root = read_xml(signed.content)
    if root.tag != _tag(ROOT):
        raise _NotAList(ListReason.NOT_A_LIST.value)
    generated = _moment(_only(root, "DateDeGeneration"))
    names: defaultdict[str, set[str]] = defaultdict(set)
    entries = rejected = 0
    known: dict[str, bool] = {}
    for entry in _only(root, "ListeDomaines").iterchildren(_tag("Domaine")):
        entries += 1
        found = _entry(entry, known) if entries <= MAX_ENTRIES else None
        if found is None:
            rejected += 1
        else:
            names[found[0]].add(found[1])
    if entries > MAX_ENTRIES:
        raise BadSignedXml(XmlReason.TOO_LARGE)
    return TrustedList(generated, {d: tuple(sorted(n)) for d, n in names.items()}, entries, rejected, signed.subject)


def _entry(entry: etree._Element, known: dict[str, bool]) -> tuple[str, str] | None:
    """Domain and name; None where one of them is missing, repeated or unreadable: then it is not listed."""
    texts: dict[object, str] = {}
    for child in entry:
        if child.tag in texts or len(child):
            return None  # said twice, or cut in two by something inside
        texts[child.tag] = child.text or ""
    key, name = domain_key(texts.get(_NAME, "")), texts.get(_DN, "").strip()
    if key is None or not name:
        return None
    if name not in known:  # some hundred names for thousands of domains
        known[name] = _readable(name)
    return (key, name) if known[name] else None


def _readable(name: str) -> bool:
    try:
        return bool(parse_dn(name))
    except BadInput:
        return False


def _only(root: etree._Element, name: str) -> etree._Element:
    found = list(root.iterchildren(_tag(name)))
    if len(found) != 1:
        raise _NotAList(ListReason.NOT_A_LIST.value)
    return found[0]


def _moment(node: etree._Element) -> datetime:
    try:
        found = datetime.fromisoformat((node.text or "").strip())
    except ValueError:
        raise _NotAList(ListReason.NOT_A_LIST.value) from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
