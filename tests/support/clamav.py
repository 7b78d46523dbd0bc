"""Debian's clamd with one hand-written signature: EICAR's test file. No network: freshclam is not asked."""

import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.support.process import stop, wait_until

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
CONF = """
DatabaseDirectory {home}/db
LocalSocket {home}/clamd.sock
TemporaryDirectory {home}/tmp
LogFile {home}/clamd.log
Foreground yes
StreamMaxLength 30M
MaxThreads 4
"""


class ClamAv:
    """A context manager; `socket` is where it answers."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="clam-", dir="/tmp"))
        for folder in ("db", "tmp"):
            (self.home / folder).mkdir()
        (self.home / "db" / "test.ndb").write_text(f"Eicar-Test:0:*:{EICAR.hex()}\n")
        (self.home / "clamd.conf").write_text(CONF.format(home=self.home))
        self.socket = self.home / "clamd.sock"

    def __enter__(self) -> Self:
        command = ["/usr/sbin/clamd", "--config-file", str(self.home / "clamd.conf")]
        with (self.home / "out").open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        wait_until(self._answers, seconds=60, what="clamd")
        return self

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise OSError(f"clamd ended: {(self.home / 'out').read_text()}")
        with socket.socket(socket.AF_UNIX) as client:  # the file is there a little before anybody listens
            return client.connect_ex(str(self.socket)) == 0

    def __exit__(self, *exc: object) -> None:
        stop(self._process)
