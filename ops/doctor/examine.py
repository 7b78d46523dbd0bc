"""All lights, each asked by itself: one that fails is a red light, never the end of the examination."""

from collections.abc import Callable

import structlog

from core.clock import Clock
from core.errors import PliError
from core.settings import Settings
from directory.local_domains import local_domain_names
from ops.doctor import machine, names, rows, services
from ops.doctor.annuaire import annuaire
from ops.doctor.chat import chat
from ops.doctor.loop import loop
from ops.wiring import App
from portal.lights import Light

log = structlog.get_logger()
Look = Callable[[], list[Light]]


def examine(app: App, *, send: bool = True) -> tuple[Light, ...]:
    """Everything; `send`: with the mail to ourselves."""
    settings, clock = app.settings, app.clock
    looks: dict[str, Look] = {
        **machine_looks(settings, clock),
        "dns": lambda: names.names(settings, app.db.read(local_domain_names)),
        "database": lambda: rows.database(settings),
        "queue": lambda: app.db.read(rows.queue, clock.now()),
        "trusted_list": lambda: app.db.read(rows.trusted, settings, clock.now()),
        "audit": lambda: app.db.read(rows.trail, app.witness, clock.now(), settings.audit.checkpoint_seconds),
        "seals": lambda: app.db.read(rows.seals, clock.now()),
        "annuaire": lambda: annuaire(app),
        "chat": lambda: chat(app),
        "backup": lambda: app.db.read(rows.backups, clock.now()),
    }
    if send:
        looks["loop"] = lambda: loop(app)
    return tuple(light for name, look in looks.items() for light in _asked(name, look))


def examine_machine(settings: Settings, clock: Clock, cause: str) -> tuple[Light, ...]:
    """Where the instance does not open: `cause` says why, the machine is examined all the same."""
    broken = Light("instance", "Instance", "bad", f"Elle ne s’ouvre pas : {cause}", "Corrigez cette cause d’abord.")
    return (broken, *(light for name, look in machine_looks(settings, clock).items() for light in _asked(name, look)))


def machine_looks(settings: Settings, clock: Clock) -> dict[str, Look]:
    """What needs no database."""
    return {
        "ports": lambda: machine.ports(settings),
        "certificates": lambda: machine.certificates(settings, clock.now()),
        "revocation": lambda: machine.revocation(settings, clock.now()),
        "clock": machine.clock,
        "disk": lambda: machine.disk(settings),
        "ocr": machine.reading,
        "broker": lambda: services.broker(settings),
        "settings": lambda: services.settled(settings),
        "keyring": lambda: services.keyring(settings),
        "antivirus": lambda: services.antivirus(settings),
    }


def _asked(name: str, look: Look) -> list[Light]:
    try:
        return look()
    except (PliError, OSError, ValueError, LookupError) as error:
        log.warning("doctor.failed", light=name, cause=type(error).__name__)
        return [Light(name, name, "bad", f"L’examen a échoué ({type(error).__name__}).", "Voyez les journaux.")]
