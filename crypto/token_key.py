"""The key that signs tokens of ours: derived from the keyring, the same after each start, kept nowhere else."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey

from crypto.keyring import Keyring

LABEL = "token-key"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SEC 2 §2.4.2
ALGORITHM = "ES256"


def token_key(keyring: Keyring, purpose: str) -> ECKey:
    """A P-256 key for ES256, of this purpose alone; its kid is the thumbprint (RFC 7638)."""
    wide = b"".join(keyring.mac(LABEL, f"{purpose}:{part}".encode()) for part in (1, 2))
    number = int.from_bytes(wide, "big") % (P256_ORDER - 1) + 1  # FIPS 186-5 §A.2.1: 256 bits more than the order has
    private = ec.derive_private_key(number, ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return ECKey.import_key(pem, {"use": "sig", "alg": ALGORITHM, "kid": ECKey.import_key(pem).thumbprint()})
