"""`collect.*`: mailboxes that are kept at another operator."""

from typing import Any

from core.address import Address
from core.errors import BadInput, NotFound
from directory.mailboxes import address_of, find_mailbox
from mail import collect_rows
from mail.collect_rows import Source
from ops.control import Progress
from ops.wiring import App


def add(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """Register one for a mailbox of ours; the running server follows it within seconds. Raises NotFound, BadInput."""
    mailbox = app.db.read(find_mailbox, app.keyring, Address.parse(arguments["address"]))
    if mailbox is None:
        raise NotFound("no mailbox of ours has this address")
    host, port = str(arguments["host"]), int(arguments["port"])
    if not host or not 0 < port < 65536 or not arguments["login"] or not arguments["password"]:
        raise BadInput("host, port, login and password are needed")
    source = Source(host, port, arguments["login"], arguments["password"], arguments["folder"], arguments["ca"])
    return {"id": str(app.db.run(collect_rows.register, app.keyring, mailbox.id, source))}


def list_all(app: App, _arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """Which are followed, and how it goes; logins are not shown."""
    return [
        {
            "id": str(each.id),
            "to": app.db.read(address_of, app.keyring, each.mailbox_id).masked,
            "host": f"{each.source.host}:{each.source.port}",
            "folder": each.source.folder,
            "seen": each.seen_at.isoformat(timespec="seconds") if each.seen_at else None,
            "problem": each.reason,
        }
        for each in app.db.read(collect_rows.listed, app.keyring)
    ]


def remove(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """Follow it no longer. Raises NotFound."""
    number = str(arguments["number"])
    if not number.isascii() or not number.isdigit() or len(number) > 19:
        raise BadInput("a number has digits only, see `pli collect list`")
    app.db.run(collect_rows.remove, int(number))
    return {"removed": number}


COMMANDS = {"collect.add": add, "collect.list": list_all, "collect.remove": remove}
