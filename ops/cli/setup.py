"""`pli setup` and `pli config describe`: an instance made or brought up to date, and what systemd runs it with."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.common import DEFAULT_HOME, Home

config = typer.Typer(help="The settings.", no_args_is_help=True)
UNIT = """[Unit]
Description=Pli, {what}
After=network-online.target postgresql.service
Wants=network-online.target

[Service]
Type=exec
User=pli
ExecStart={program} {command} --home {home}
# LoadCredential=pli-keyring:/etc/pli/passphrase
Restart=on-failure
RestartSec=2
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ProtectHome=yes
ReadWritePaths={home}
AmbientCapabilities=CAP_NET_BIND_SERVICE

[Install]
WantedBy=multi-user.target
"""


@config.callback()
def settings() -> None:
    """The settings."""


@config.command("describe")
def describe(home: Home = DEFAULT_HOME) -> None:
    """Every setting with its meaning and the value in force, as a commented pli.toml; passwords are not shown."""
    from core.manual import describe as manual
    from core.settings import Settings

    print(manual(Settings.load(home)), end="")


def setup(
    home: Annotated[Path, typer.Option("--home", envvar="PLI_HOME", help="The instance's folder.")] = DEFAULT_HOME,
    systemd: Annotated[bool, typer.Option("--systemd", help="Print the systemd units, change nothing.")] = False,
) -> None:
    """Make the instance: folder, keyring, tables, and a commented pli.toml. What is there is never overwritten; run it
    again after each update."""
    if systemd:
        _print_units(home.absolute())
        return
    from core.manual import describe as manual
    from core.settings import FILE_NAME, Settings
    from ops.instance import create

    chosen = Settings.load(home)
    revision = create(chosen)
    place = home / FILE_NAME
    if place.exists():
        print(f"{place}: kept as it is")
    else:
        with place.open("x", encoding="utf-8") as file:
            file.write(manual(chosen))
        print(f"{place}: written")
    print(f"schema {revision}; next: `pli account add`, certificates in {home / 'tls'}, `pli doctor`, `pli serve`")


def register(app: typer.Typer) -> None:
    app.command("setup")(setup)
    app.add_typer(config, name="config")


def _print_units(home: Path) -> None:
    import sys

    program = Path(sys.argv[0]).absolute()
    for name, what, command in (("pli", "the server", "serve"), ("pli-worker", "a worker", "worker")):
        print(f"# /etc/systemd/system/{name}.service")
        print(UNIT.format(what=what, command=command, home=home, program=program))
