"""`pli backup`, `pli restore`, `pli export`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.cli.common import DEFAULT_HOME, Home, run

export = typer.Typer(help="A mailbox or a patient's record as one ZIP.", no_args_is_help=True)
Zip = Annotated[Path, typer.Argument(help="New file, ending in .zip.")]


def backup(target: Annotated[Path, typer.Argument(help="New folder.")], home: Home = DEFAULT_HOME) -> None:
    """Copy everything but the keyring, beside a server at work. Keep HOME/keyring.json and HOME/erased elsewhere."""
    print(json.dumps(run(home, "backup", target=str(target.absolute()))))


def restore(
    folder: Annotated[Path, typer.Argument(help="Folder made by `pli backup`.")],
    keyring: Annotated[Path, typer.Option(help="The keyring's file that was kept apart.")],
    home: Annotated[Path, typer.Option("--home", envvar="PLI_HOME", help="New folder of the instance.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
) -> None:
    """Put a backup back into a new folder, erase again what was erased since, verify it all. Exit code 1 when the
    verification finds something."""
    found = _restore(folder, keyring, home, dry_run=dry_run)
    print(json.dumps(found))
    if found.get("problems"):
        raise typer.Exit(1)


def _restore(folder: Path, keyring: Path, home: Path, *, dry_run: bool) -> dict[str, Any]:
    from core.clock import SystemClock
    from core.settings import Settings
    from ops.backup.restore import look, put_back
    from ops.erasure import LEDGER, Eraser
    from ops.ground import Ground
    from ops.lock import HomeLock
    from ops.migrate import upgrade
    from ops.verify_data import verify

    settings = Settings.load(home)
    if dry_run:
        manifest = look(folder, keyring, settings)
        return {"dry_run": True, "made_at": manifest.made_at, "files": len(manifest.files), "octets": manifest.octets}
    manifest = put_back(folder, keyring, settings)
    settings = Settings.load(home)
    with HomeLock(home):
        upgrade(settings.database_url)
        here = Ground.open(settings, SystemClock())  # no certificate is needed for this, nor there yet
        try:
            erased = Eraser(here.db, here.trail, here.blobs, here.clock, home / LEDGER).again()
            report = verify(here.db, here.keyring, here.trail, here.blobs.root)
        finally:
            here.db.close()
    whole = {"messages": manifest.messages, "erased_again": erased, "checked": report.checked}
    return whole | {"problems": list(report.problems), "notes": list(report.notes)}


@export.command("mailbox")
def export_mailbox(
    login: Annotated[str, typer.Argument(help="A login of the mailbox.")], target: Zip, home: Home = DEFAULT_HOME
) -> None:
    """Every message of a mailbox as .eml, folder by folder, byte for byte; each is traced first."""
    print(json.dumps(run(home, "export.mailbox", login=login, target=str(target.absolute()))))


@export.command("patient")
def export_patient(
    login: Annotated[str, typer.Argument(help="The patient's login.")], target: Zip, home: Home = DEFAULT_HOME
) -> None:
    """Identity, documents, orders, mail and accesses of a patient; each is traced first."""
    print(json.dumps(run(home, "export.patient", login=login, target=str(target.absolute()))))


def register(app: typer.Typer) -> None:
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.add_typer(export, name="export")
