"""`pli`: every act of the administrator is a command here. Errors are one clear line and a non-zero exit."""

import gc
import sys
from typing import NoReturn

import typer
from typer.exceptions import Abort, TyperException

from core.errors import PliError
from ops import (
    cli_account,
    cli_audit,
    cli_backup,
    cli_chat,
    cli_collect,
    cli_demo,
    cli_directory,
    cli_doctor,
    cli_keyring,
    cli_message,
    cli_order,
    cli_patient,
    cli_prescription,
    cli_queue,
    cli_record,
    cli_refdata,
    cli_seal,
    cli_serve,
    cli_setup,
    cli_software,
    cli_token,
    cli_trust,
    cli_verify,
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
app.add_typer(cli_account.app, name="account")
app.add_typer(cli_audit.app, name="audit")
app.add_typer(cli_chat.app, name="chat")
app.add_typer(cli_keyring.app, name="keyring")
app.add_typer(cli_directory.app, name="directory")
app.add_typer(cli_collect.app, name="collect")
app.add_typer(cli_message.app, name="message")
app.add_typer(cli_order.app, name="order")
app.add_typer(cli_patient.app, name="patient")
app.add_typer(cli_prescription.app, name="prescription")
app.add_typer(cli_queue.app, name="queue")
app.add_typer(cli_record.app, name="record")
app.add_typer(cli_refdata.app, name="refdata")
app.add_typer(cli_seal.app, name="seal")
app.add_typer(cli_software.app, name="software")
app.add_typer(cli_token.app, name="token")
app.add_typer(cli_trust.app, name="trust")
cli_backup.register(app)
cli_demo.register(app)
cli_doctor.register(app)
cli_serve.register(app)
cli_setup.register(app)
cli_verify.register(app)


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


if __name__ == "__main__":
    main()
