"""How mail programs reach this instance, as its settings say: for the pages that tell it, and for the doctor."""

from core.settings import Settings
from portal.autoconfig import MailDoors


def mail_doors(settings: Settings) -> MailDoors:
    """Ports and host; the domains are asked where they are needed."""
    listen = settings.listen
    ports = listen.port("imaps"), listen.port("submissions"), listen.port("submission")
    return MailDoors(listen.hostname, *ports)
