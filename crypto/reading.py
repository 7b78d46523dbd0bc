"""Reading certificates by `cryptography`: what it raises for those that it cannot read, and one extension of one."""

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
