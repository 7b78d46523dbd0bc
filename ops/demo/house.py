"""The demonstration's instance: made once, then found again; and demo.json, which tells outside tools where all is."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.clock import Clock
from core.durable import sync
from core.errors import Refused
from core.setting_groups import PortName
from core.settings import Settings
from ops import instance, migrate
from ops.control import Progress
from ops.demo.cast import COLLEAGUES, NEIGHBOUR, PHARMACY, players
from ops.demo.papers import Papers
from ops.demo.population import populate
from ops.lock import HomeLock
from ops.wiring import build

BEGUN = "demo.begun"  # the first file to be made: without it nothing in the folder is ours to wipe
COMPLETE = "demo.complete"  # the last file to be made: without it the instance is made anew
KEPT = {"lock", "pli.toml", "pli.log", BEGUN}
FACTS = "demo.json"
SIGNERS = {
    "desk": "dossier@demo.mssante.test",
    "postmaster": "postmaster@demo.mssante.test",
    "neighbour-signer": f"laboratoire@{NEIGHBOUR}",
}


def prepare(
    settings: Settings, clock: Clock, progress: Progress, begun: Callable[[], None], *, reset: bool = False
) -> None:
    """Make the instance unless it is there; `begun` is called when its keyring is. `reset` wipes it.

    Raises InstanceBusy when a server runs on it, Refused where a folder or database holds something else than a
    demonstration.
    """
    home = settings.home
    instance.make_home(home)
    with HomeLock(home):
        (home / FACTS).unlink(missing_ok=True)
        if (home / COMPLETE).exists() and not reset:
            migrate.upgrade(settings.database_url)
            begun()
            return
        _check_ours(settings)
        (home / BEGUN).touch()
        sync(home)
        _wipe(home)
        _make(settings, clock, progress, begun)
        _settle(home)
        (home / COMPLETE).touch()
        sync(home)


def write_facts(settings: Settings, chat: dict[str, Any] | None = None) -> dict[str, Any]:
    """demo.json: ports, authority, users with their passwords and keys. Written when every listener answers."""
    facts = _facts(settings) | ({"matrix": chat} if chat else {})
    coming = settings.home / f"{FACTS}.coming"
    coming.write_text(json.dumps(facts, ensure_ascii=False, indent=1))
    coming.rename(settings.home / FACTS)
    return facts


def _facts(settings: Settings) -> dict[str, Any]:
    listen, papers = settings.listen, Papers(settings.home.absolute())
    names: tuple[PortName, ...] = ("mx", "submission", "submissions", "imap", "imaps", "http", "ldap", "ldaps")
    ports = {name: listen.port(name) for name in names}
    users = [
        player.facts()
        | {"certificate": str(papers.keys / f"{player.stem}.pem"), "key": str(papers.keys / f"{player.stem}.key")}
        for player in players()
    ]
    return {
        "smtp": {"host": listen.host} | {name: ports[name] for name in ("mx", "submission", "submissions")},
        "ldap": {"host": listen.host, "ldap": ports["ldap"], "ldaps": ports["ldaps"]},
        "imap": {"host": listen.host, "imap": ports["imap"], "imaps": ports["imaps"]},
        "http": {"url": f"http://{listen.host}:{ports['http']}"},
        "ca_file": str(settings.ca_file.absolute()),
        "pharmacy": PHARMACY,
        "users": users,
        "colleagues": [each.facts() for each in COLLEAGUES],
        "neighbour": {
            "domain": NEIGHBOUR,
            "certificate": str(papers.keys / "neighbour.pem"),
            "key": str(papers.keys / "neighbour.key"),
        },
    }


def _make(settings: Settings, clock: Clock, progress: Progress, begun: Callable[[], None]) -> None:
    papers = Papers(settings.home)
    instance.make_keys(settings)
    begun()
    instance.create(settings)
    progress("certificats", 0, 1)
    papers.issue(players(), SIGNERS, clock.now())
    progress("certificats", 1, 1)
    app = build(settings, clock)
    try:
        populate(app, papers, progress)
    finally:
        app.close()


def _check_ours(settings: Settings) -> None:
    """Raises Refused rather than wipe what no demonstration has made."""
    home, url = settings.home, settings.database_url
    ours = (home / BEGUN).exists() or {path.name for path in home.iterdir()} <= KEPT
    if settings.production or not ours:
        raise Refused("this folder holds something else: give the demonstration an empty one")
    if not url.startswith("sqlite") and migrate.current(url) is not None:
        raise Refused("the database is not empty: give the demonstration a new one")


def _wipe(home: Path) -> None:
    """An instance half made, or one that is to be made anew: everything but the lock, the log and the settings."""
    for path in home.iterdir():
        if path.name in KEPT:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _settle(home: Path) -> None:
    """Keys and certificates must outlive a power cut: sync each file and folder."""
    for folder, _names, files in os.walk(home):
        for path in (*(Path(folder) / name for name in files), Path(folder)):
            sync(path)
