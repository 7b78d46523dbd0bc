"""The administrator's commands by name, each a function of the wired app and plain JSON arguments."""

from collections.abc import Callable
from typing import Any

from core.errors import BadInput
from ops import (
    account_commands,
    audit_commands,
    backup_commands,
    chat_commands,
    collect_commands,
    directory_commands,
    doctor_commands,
    glass_commands,
    keyring_commands,
    message_commands,
    order_commands,
    patient_commands,
    queue_commands,
    record_commands,
    refdata_commands,
    rights_commands,
    seal_commands,
    software_commands,
    trust_commands,
    verify_commands,
)
from ops.control import Progress
from ops.wiring import App

Command = Callable[[App, dict[str, Any], Progress], Any]

COMMANDS: dict[str, Command] = {
    **account_commands.COMMANDS,
    **directory_commands.COMMANDS,
    **audit_commands.COMMANDS,
    **chat_commands.COMMANDS,
    **collect_commands.COMMANDS,
    **backup_commands.COMMANDS,
    **doctor_commands.COMMANDS,
    **glass_commands.COMMANDS,
    **keyring_commands.COMMANDS,
    **message_commands.COMMANDS,
    **order_commands.COMMANDS,
    **patient_commands.COMMANDS,
    **queue_commands.COMMANDS,
    **record_commands.COMMANDS,
    **refdata_commands.COMMANDS,
    **rights_commands.COMMANDS,
    **seal_commands.COMMANDS,
    **software_commands.COMMANDS,
    **trust_commands.COMMANDS,
    **verify_commands.COMMANDS,
}


def run(app: App, name: str, arguments: dict[str, Any], progress: Progress) -> Any:
    """Do the command; returns JSON values. Raises BadInput for an unknown one, PliError as the command does."""
    if name not in COMMANDS:
        raise BadInput(f"unknown command {name}")
    return COMMANDS[name](app, arguments, progress)
