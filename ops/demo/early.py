"""The demonstration's homeserver begins before the instance is filled: both take seconds, on a core each."""

import subprocess
from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import Any

from core.errors import Temporary
from core.settings import Settings
from ops.keys import open_keyring


class EarlyHost:
    """`begun` is a ChatHost, or None where the chat is left out."""

    def __init__(self, settings: Settings, loading: "subprocess.Popen[bytes] | None") -> None:
        self._settings, self._loading = settings, loading
        self.begun: Any = None

    def begin(self) -> None:
        """Called once the keyring is there. A port that is taken is told later, by the chat."""
        if not self._settings.matrix.enabled:
            return
        from instant.homeserver_config import Secrets  # not wanted without a chat
        from ops.chat_host import ChatHost

        Thread(target=import_module, args=("ops.chat",), name="chat-libraries").start()
        self.begun = ChatHost.open(self._settings, Secrets.of(open_keyring(self._settings)))
        if self.begun.homeserver:
            with suppress(Temporary):
                self.begun.homeserver.spawn(self._loading)
        elif self._loading:
            self._loading.terminate()  # the homeserver is not our child
