"""Notices leave by an operator's smart host, plain SMTP outside of the trusted space."""

import asyncio

import aiosmtplib

from core.errors import Permanent, Temporary
from core.setting_notices import Notices
from portal.notice_letters import Letterhead

TIMEOUT_S = 20.0


class SmartHost:
    """A connection for each letter: there are few, and workers are many."""

    def __init__(self, settings: Notices) -> None:
        self._settings = settings

    def carry(self, recipient: str, letter: bytes) -> None:
        """From a worker's thread. Raises Temporary, Permanent; neither repeats what the host said."""
        try:
            asyncio.run(self._carry(recipient, letter))
        except aiosmtplib.SMTPResponseException as error:
            kind = Permanent if error.code >= 500 else Temporary
            raise kind("l'avis n'est pas parti", f"smart host said {error.code}") from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            lasting = all(each.code >= 500 for each in error.recipients)
            raise (Permanent if lasting else Temporary)("l'avis n'est pas parti", "smart host refuses it") from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise Temporary("l'avis n'est pas parti", f"smart host: {type(error).__name__}") from None

    async def _carry(self, recipient: str, letter: bytes) -> None:
        kept = self._settings
        await aiosmtplib.send(
            letter,
            sender=kept.sender,
            recipients=[recipient],
            hostname=kept.host,
            port=kept.port,
            username=kept.user or None,
            password=kept.password or None,
            use_tls=kept.security == "tls",
            start_tls=kept.security == "starttls",
            timeout=TIMEOUT_S,
        )


def letterhead(settings: Notices) -> Letterhead:
    return Letterhead(settings.sender, settings.link, settings.quiet_minutes * 60.0)
