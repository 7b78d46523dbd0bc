"""`pli serve`, `worker`, `migrate`, `verify-data`, `settings`: what keeps an instance alive and honest."""

import json

import typer

from ops.cli.common import DEFAULT_HOME, AsJson, Home, run


def register(app: typer.Typer) -> None:
    """Put these commands at the top level."""
    for command in (serve, worker, migrate, settings):
        app.command(command.__name__)(command)
    app.command("verify-data")(verify_data)


def serve(home: Home = DEFAULT_HOME) -> None:
    """Run the server until it is told to stop."""
    from ops.processes import run_server  # the whole house: other commands start without it

    raise typer.Exit(run_server(home))


def worker(home: Home = DEFAULT_HOME) -> None:
    """Run a worker beside `pli serve` (PostgreSQL, and a broker that reaches both)."""
    from ops.processes import run_worker

    run_worker(home)


def migrate(home: Home = DEFAULT_HOME) -> None:
    """Make the instance's folder, keyring and tables, or bring its tables up to date."""
    from core.settings import Settings
    from ops import instance

    revision = instance.create(Settings.load(home))
    print(f"schema at revision {revision}")


def settings(home: Home = DEFAULT_HOME) -> None:
    """Print every setting with its meaning, as a commented pli.toml."""
    from core.manual import describe
    from core.settings import Settings

    print(describe(Settings.load(home)))


def verify_data(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Open everything that is kept and compare it with what was written down; exit 1 when something is wrong."""
    report = run(home, "verify-data")
    if as_json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        for name, count in report["checked"].items():
            print(f"{count:>10}  {name}")
        print("\n".join(report["problems"]) or "everything is whole")
    raise typer.Exit(1 if report["problems"] else 0)
