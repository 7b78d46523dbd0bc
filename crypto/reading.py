"""Reading certificates by `cryptography`: what it raises for those that it cannot read, one extension, and a
name to compare."""

import unicodedata
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

# found by fuzzing, not all documented
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)

Extension = TypeVar("Extension", bound=x509.ExtensionType)


def extension(leaf: x509.Certificate, kind: type[Extension]) -> Extension | None:
    """One extension's value; None where the certificate has none of this kind."""
    try:
        return leaf.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


Folded = tuple[frozenset[tuple[str, str]], ...]


@lru_cache(maxsize=4096)  # some thousand authorities at most, asked of in every verification
def folded(name: x509.Name) -> Folded:
    """RFC 5280 §7.1: two names are one where neither string types, case nor runs of spaces differ."""
    return tuple(frozenset((each.oid.dotted_string, _plain(each.value)) for each in rdn) for rdn in name.rdns)


def _plain(value: str | bytes) -> str:
    text = value.hex() if isinstance(value, bytes) else value
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
