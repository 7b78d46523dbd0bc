"""`pli`: every act of the administrator is a command here. Errors are one clear line and a non-zero exit."""

import gc
import sys
from typing import NoReturn

import typer
from typer.exceptions import Abort, TyperException

from core.errors import PliError
from ops.cli import (
    account,
    audit,
    backup,
    chat,
    collect,
    demo,
    directory,
    doctor,
    keyring,
    message,
    order,
    patient,
    prescription,
    queue,
    record,
    refdata,
    seal,
    serve,
    setup,
    software,
    token,
    trust,
    verify,
)

GARBAGE_AFTER = 100_000  # objects made: to look through what imports leave took a fifth of a start

app = typer.Typer(
    name="pli",
    help="Pli: a secure health messaging server in the manner of MSSanté.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(account.app, name="account")
app.add_typer(audit.app, name="audit")
app.add_typer(chat.app, name="chat")
app.add_typer(keyring.app, name="keyring")
app.add_typer(directory.app, name="directory")
app.add_typer(collect.app, name="collect")
app.add_typer(message.app, name="message")
app.add_typer(order.app, name="order")
app.add_typer(patient.app, name="patient")
app.add_typer(prescription.app, name="prescription")
app.add_typer(queue.app, name="queue")
app.add_typer(record.app, name="record")
app.add_typer(refdata.app, name="refdata")
app.add_typer(seal.app, name="seal")
app.add_typer(software.app, name="software")
app.add_typer(token.app, name="token")
app.add_typer(trust.app, name="trust")
backup.register(app)
demo.register(app)
doctor.register(app)
serve.register(app)
setup.register(app)
verify.register(app)


def main() -> None:
    """Entry point: turns each foreseen failure into one line on standard error."""
    gc.set_threshold(GARBAGE_AFTER, 20, 50)
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        _stop(error.format_message(), error.exit_code)
    except PliError as error:
        _stop(error.public, 1)
    except OSError as error:  # a folder that may not be written, a full disk
        _stop(f"{error.filename or 'the machine'}: {error.strerror or type(error).__name__}", 1)
    except (KeyboardInterrupt, Abort):
        _stop("stopped", 130)
    sys.exit(code if isinstance(code, int) else 0)


def _stop(text: str, code: int) -> NoReturn:
    print(f"pli: {' '.join(text.split())}", file=sys.stderr)
    sys.exit(code)
