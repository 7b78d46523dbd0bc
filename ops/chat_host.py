"""Where the chat stands: the gate's listening socket and, where it is our child, the homeserver that asks there."""

import socket
from dataclasses import dataclass

from core.settings import Settings
from instant.homeserver import Homeserver
from instant.homeserver_config import Places, Secrets, prepare_sqlite, write_files


@dataclass
class ChatHost:
    """`homeserver` is None where it runs elsewhere. What asks before the gate serves waits in the socket's queue."""

    gate: socket.socket
    homeserver: Homeserver | None

    @classmethod
    def open(cls, settings: Settings, secrets: Secrets) -> "ChatHost":
        """The socket is bound, the homeserver's files are written; nothing runs. Raises OSError."""
        gate = socket.create_server(("127.0.0.1", settings.matrix.policy_port))
        if settings.matrix.url:
            return cls(gate, None)
        folder, listen = (settings.home / "matrix").absolute(), settings.listen
        port = gate.getsockname()[1]
        places = Places(folder, listen.host, listen.port("matrix"), f"http://127.0.0.1:{port}/")
        write_files(settings, secrets, places)
        if not settings.matrix.database_url:
            prepare_sqlite(folder)
        return cls(gate, Homeserver(folder, places.host, places.port))
