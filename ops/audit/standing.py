"""The notary that the settings describe, with a signing key that only this keyring makes."""

from core.audit import Trail
from core.clock import Clock
from core.db import Db
from core.settings import Settings
from crypto.checkpoint import Signer
from crypto.keyring import Keyring
from ops.audit.notary import Notary, Often
from ops.audit.witness import Witness


def standing_notary(settings: Settings, keyring: Keyring, db: Db, trail: Trail, clock: Clock) -> Notary:
    """Not started yet."""
    witness = Witness(settings.checkpoints, Signer(keyring.mac("audit-checkpoint", b"ed25519")))
    often = Often(settings.audit.checkpoint_seconds, settings.audit.checkpoint_entries)
    return Notary(db, trail, witness, clock, often)
