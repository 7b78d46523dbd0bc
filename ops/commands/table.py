"""The administrator's commands by name, each a function of the wired app and plain JSON arguments."""

from collections.abc import Callable
from typing import Any

from core.errors import BadInput
from ops.commands import (
    account,
    audit,
    backup,
    chat,
    collect,
    devices,
    directory,
    doctor,
    glass,
    keyring,
    message,
    order,
    patient,
    persons,
    queue,
    record,
    refdata,
    rights,
    seal,
    software,
    trust,
    verify,
)
from ops.control import Progress
from ops.wiring import App

Command = Callable[[App, dict[str, Any], Progress], Any]

COMMANDS: dict[str, Command] = {
    **account.COMMANDS,
    **directory.COMMANDS,
    **audit.COMMANDS,
    **chat.COMMANDS,
    **collect.COMMANDS,
    **devices.COMMANDS,
    **backup.COMMANDS,
    **doctor.COMMANDS,
    **glass.COMMANDS,
    **keyring.COMMANDS,
    **message.COMMANDS,
    **order.COMMANDS,
    **patient.COMMANDS,
    **persons.COMMANDS,
    **queue.COMMANDS,
    **record.COMMANDS,
    **refdata.COMMANDS,
    **rights.COMMANDS,
    **seal.COMMANDS,
    **software.COMMANDS,
    **trust.COMMANDS,
    **verify.COMMANDS,
}


def run(app: App, name: str, arguments: dict[str, Any], progress: Progress) -> Any:
    """Do the command; returns JSON values. Raises BadInput for an unknown one, PliError as the command does."""
    if name not in COMMANDS:
        raise BadInput(f"unknown command {name}")
    return COMMANDS[name](app, arguments, progress)
