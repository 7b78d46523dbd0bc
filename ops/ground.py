"""What every part of an open instance stands on: settings, time, keys, database, trail, bodies, messages."""

from dataclasses import dataclass
from functools import partial

from core.address import PatientRules, use_patient_rules
from core.audit import Trail
from core.clock import Clock
from core.db import Db
from core.settings import Settings
from crypto.keyring import Rotating
from mail.blobs import Blobs
from mail.store import Store
from ops.keys import open_keyring


@dataclass(frozen=True)
class Ground:
    """Opened once a process, handed to whoever wires something."""

    settings: Settings
    clock: Clock
    keyring: Rotating
    db: Db
    trail: Trail
    blobs: Blobs
    store: Store

    @classmethod
    def open(cls, settings: Settings, clock: Clock) -> "Ground":
        """Raises DatabaseDown, OSError, PliError."""
        use_patient_rules(PatientRules(settings.identity.patient_domains, settings.ins_oid))
        keyring = open_keyring(settings)
        db, blobs = Db.open(settings.database_url), Blobs(settings.home / "blobs")
        trail = Trail(partial(keyring.mac, "audit"))
        return cls(settings, clock, keyring, db, trail, blobs, Store(db, keyring, blobs))
