"""`pli account`: mailboxes and the accounts that open them."""

import json
from pathlib import Path
from typing import Annotated

import typer

from core.errors import BadInput
from ops.cli import devices, persons
from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="Mailboxes and the accounts that open them.", no_args_is_help=True)
app.add_typer(devices.app, name="device")
app.add_typer(persons.app, name="person")

Password = Annotated[str, typer.Option("--password", prompt=True, hide_input=True, help="Asked when absent.")]


@app.command("add")
def add(
    address: Annotated[str, typer.Argument(help="The mailbox's address, which is also the login.")],
    role: Annotated[str, typer.Option(help="pharmacist, physician, software or operator.")],
    password: Annotated[str, typer.Option(help="Of a person; asked when absent.")] = "",
    certificate: Annotated[
        Path | None, typer.Option(help="Of a software: its client certificate, PEM, in place of a password.")
    ] = None,
    kind: Annotated[str, typer.Option(help="PER, ORG or APP.")] = "PER",
    subject: Annotated[str, typer.Option(help="National identifier whose access tokens open a PER mailbox.")] = "",
    name: Annotated[str, typer.Option(help="Name shown to others.")] = "",
    home: Home = DEFAULT_HOME,
) -> None:
    """Create a mailbox and its account."""
    proof = {"certificate": _sha256(certificate)} if certificate else {"password": password or _asked()}
    run(home, "account.add", address=address, role=role, kind=kind, name=name, subject=subject, **proof)
    print("created")


@app.command("password")
def password(
    login: Annotated[str, typer.Argument(help="Login of the account.")],
    password: persons.NewPassword,
    factors: Annotated[
        bool, typer.Option("--forget-factors", help="Passkeys and codes by time are lost, too: they end.")
    ] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """A new password in place of a lost one; the pages that the old one opened ask for it."""
    print(json.dumps(run(home, "account.password", login=login, password=password, factors=factors)))


def _asked() -> str:
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _sha256(path: Path) -> str:
    """By which the server knows this certificate again: the first of a chain. Raises BadInput, OSError."""
    from crypto.tls import fingerprint

    try:
        return fingerprint(path.read_bytes())
    except ValueError:
        raise BadInput("the certificate is not one in PEM") from None


@app.command("grant")
def grant(
    address: Annotated[str, typer.Argument(help="The mailbox's address.")],
    subject: Annotated[str, typer.Argument(help="National identifier of the person (SubjectNameID).")],
    role: Annotated[str, typer.Option(help="pharmacist, physician or operator.")] = "pharmacist",
    home: Home = DEFAULT_HOME,
) -> None:
    """Let this person's access tokens open this mailbox."""
    run(home, "account.grant", address=address, subject=subject, role=role)
    print("granted")


@app.command("revoke")
def revoke(
    address: Annotated[str, typer.Argument(help="The mailbox's address.")],
    subject: Annotated[str, typer.Argument(help="National identifier of the person (SubjectNameID).")],
    home: Home = DEFAULT_HOME,
) -> None:
    """Take that right away."""
    run(home, "account.revoke", address=address, subject=subject)
    print("revoked")


@app.command("bulk")
def bulk(
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many.")],
    address: Annotated[str, typer.Option(help="Pattern: {n} runs from 0; its domain becomes local.")],
    password: Password,
    home: Home = DEFAULT_HOME,
) -> None:
    """Many mailboxes for load tests; refused in production."""
    print(json.dumps(run(home, "account.bulk", count=count, address=address, password=password)))


@app.command("list")
def list_accounts(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Accounts by role and state; addresses are not shown."""
    show(run(home, "account.list"), as_json)


@app.command("certificate")
def certificate(
    address: Annotated[str, typer.Argument(help="The mailbox's address.")],
    file: Annotated[Path | None, typer.Argument(help="Its owner's certificate, PEM; absent: the seal's again.")] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Publish the certificate to which mail for this mailbox is encrypted."""
    pem = file.read_text("ascii") if file else ""
    print(run(home, "account.certificate", address=address, pem=pem)["state"])


@app.command("suspend")
def suspend(address: Annotated[str, typer.Argument(help="The mailbox's address.")], home: Home = DEFAULT_HOME) -> None:
    """Keep what is there, take nothing new."""
    run(home, "account.suspend", address=address)
    print("suspended")


@app.command("reopen")
def reopen(address: Annotated[str, typer.Argument(help="The mailbox's address.")], home: Home = DEFAULT_HOME) -> None:
    """End a suspension, or open again what was closed."""
    run(home, "account.reopen", address=address)
    print("open")


@app.command("close")
def close(address: Annotated[str, typer.Argument(help="The mailbox's address.")], home: Home = DEFAULT_HOME) -> None:
    """Mail to it bounces, nobody enters, its publication ends; what it holds is kept."""
    run(home, "account.close", address=address)
    print("closed")


@app.command("delegate")
def delegate(
    address: Annotated[str, typer.Argument(help="Mailbox of a service or practice, or of a minor.")],
    person: Annotated[str, typer.Argument(help="Address of the person who acts for it.")],
    off: Annotated[bool, typer.Option("--off", help="End it.")] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Name somebody who acts for a mailbox: they log in as MAILBOX*PERSON with their own password."""
    print(run(home, "account.delegate", address=address, person=person, off=off)["state"])


@app.command("delegates")
def delegates(
    address: Annotated[str, typer.Argument(help="The mailbox's address.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Who acts for a mailbox, and since when."""
    show(run(home, "account.delegates", address=address), as_json, empty="nobody")
