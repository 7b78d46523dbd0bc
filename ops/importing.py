"""The annuaire's importer as this instance is set, and the look by the clock after an import that was cut short."""

from dataclasses import dataclass, replace

from core.db import Db
from core.errors import Refused
from core.settings import Settings
from directory.annuaire import Annuaire
from directory.importing import Importer, Progress, Rules


def importer(
    settings: Settings, db: Db, annuaire: Annuaire, progress: Progress, *, force: bool = False, dry_run: bool = False
) -> Importer:
    """One that imports into this instance."""
    limits, identity = settings.annuaire, settings.identity
    rules = Rules(limits.shrink_percent, limits.rejected_percent, identity.patient_domains, settings.ins_oid)
    return Importer(db, annuaire, replace(rules, force=force, dry_run=dry_run), progress)


@dataclass(frozen=True)
class Finishing:
    """Ends an import that was cut short once its edition was in use: where its process was killed, or the database was
    away for a while."""

    settings: Settings
    db: Db
    annuaire: Annuaire

    def run(self) -> None:
        """One that is under way is left to whoever runs it. Raises PliError, OSError: the next look tries again."""
        try:
            importer(self.settings, self.db, self.annuaire, lambda *_: None).finish()
        except Refused:
            return
