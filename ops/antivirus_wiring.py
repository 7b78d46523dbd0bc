"""The virus scanner, wired where the operator has one."""

from core.settings import Settings
from mail.antivirus import Clamd
from mail.stages.no_virus import NoVirus, WhenDown
from mail.stages.stage import Stage


class RoomScanner:
    """The same scanner for files that cross the chat's bridge."""

    def __init__(self, clamd: Clamd) -> None:
        self._clamd = clamd

    def refuses(self, data: bytes) -> bool:
        """Whether the file must not pass. Raises ScannerDown: it waits."""
        return not self._clamd.scan(data).clean


def scanning(settings: Settings) -> tuple[Stage, ...]:
    """The stage for the listeners; none without a scanner."""
    chosen = settings.antivirus
    return (NoVirus(Clamd(chosen.clamd), WhenDown(chosen.when_down)),) if chosen.clamd else ()
