"""`pli account person`: who works at an organisation's mailbox, each with a login and a password of their own."""

import json
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run, show

app = typer.Typer(help="People at an organisation's mailbox, each with a login of their own.", no_args_is_help=True)

Mailbox = Annotated[str, typer.Argument(help="The organisation's mailbox.")]
Login = Annotated[str, typer.Argument(help="What the person signs in with, of the form of an address.")]
NewPassword = Annotated[
    str, typer.Option("--password", prompt=True, confirmation_prompt=True, hide_input=True, help="Asked when absent.")
]


@app.command("add")
def add(
    address: Mailbox,
    login: Login,
    name: Annotated[str, typer.Option(help="Name shown to colleagues and patients, and in the trail.")],
    password: NewPassword,
    role: Annotated[str, typer.Option(help="pharmacist or physician.")] = "pharmacist",
    home: Home = DEFAULT_HOME,
) -> None:
    """One more person, or one who comes back. They sign in, then choose their code for the quick switch."""
    print(
        json.dumps(
            run(home, "account.person.add", address=address, login=login, name=name, password=password, role=role)
        )
    )


@app.command("list")
def list_people(address: Mailbox, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Everybody who was given this mailbox, with their state."""
    show(run(home, "account.person.list", address=address), as_json, empty="nobody")


@app.command("remove")
def remove(address: Mailbox, login: Login, home: Home = DEFAULT_HOME) -> None:
    """This person opens the mailbox no longer; what is open ends within a minute."""
    print(json.dumps(run(home, "account.person.remove", address=address, login=login)))
