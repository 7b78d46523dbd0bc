"""What each SMTP verb does: translates between the wire and `mail.reception`, decides nothing itself. RFC 5321 §4.1."""

from collections.abc import Awaitable, Callable

from core.value import replace
from mail.incoming import Door, Incoming
from mail.limits import RECIPIENTS_OVERSHOOT
from mail.line import Line
from mail.replies import MailError
from mail.smtp_auth import exchange, mechanisms
from mail.smtp_line import parse_helo, parse_mail, parse_rcpt
from mail.transfer import Chunked, parse_bdat, receive_data, skip_chunk

OFFERS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING")
REFUSED_RECIPIENTS = 50  # in one mail: more is a harvest of addresses


class Verbs:
    """The state of one SMTP session (RFC 5321 §4.1.4) and the verbs that move it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._house = line.house
        self._mail: Incoming | None = None
        self._chunked: Chunked | None = None
        self._refused = 0
        self._beyond = 0  # recipients named beyond as many as a mail may have
        self._utf8 = False  # addresses of this mail may be written in UTF-8
        self._failed_logins = 0
        self._verbs: dict[str, Callable[[str], Awaitable[None]]] = {
            "EHLO": self._ehlo,
            "HELO": self._helo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail_from,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "NOOP": self._noop,
            "VRFY": self._vrfy,
            "HELP": self._help,
            "QUIT": self._quit,
        }

    async def do(self, command: str, argument: str) -> None:
        """One command. Raises MailError, the errors of reception, ConnectionError."""
        verb = self._verbs.get(command)
        if verb is None:
            raise MailError(500, "5.5.1", "command not recognised")
        await verb(argument)

    async def _ehlo(self, argument: str) -> None:
        self._line.introduce(parse_helo(argument), extended=True)
        self.forget_mail()
        self._line.junk += 1
        offers = [*OFFERS, f"SIZE {self._house.message_octets}"]
        if self._line.starttls is not None:
            offers.append("STARTTLS")
        if self._line.peer.tls:
            offers.append("REQUIRETLS")  # RFC 8689 §3: only there
        if self._may_authenticate():
            offers.append("AUTH " + " ".join(mechanisms(self._line)))
        *most, last = [self._house.host, *offers]
        self._line.say(*(f"250-{offer}" for offer in most), f"250 {last}")

    async def _helo(self, argument: str) -> None:
        self._line.introduce(parse_helo(argument), extended=False)
        self.forget_mail()
        self._line.junk += 1
        self._line.say(f"250 {self._house.host}")

    async def _starttls(self, argument: str) -> None:
        _no(argument)
        if self._line.starttls is None:
            raise MailError(502, "5.5.1", "STARTTLS is not offered")
        self._line.say("220 2.0.0 ready to start TLS")
        await self._line.start_tls()
        self.forget_mail()  # RFC 3207 §4.2: as if the connection had just been made
        self._line.identity = None

    async def _auth(self, argument: str) -> None:
        self._want_helo()
        if self._line.door is not Door.SUBMISSION:
            raise MailError(502, "5.5.1", "AUTH is not offered")
        if self._line.identity is not None or self._mail is not None:
            raise MailError(503, "5.5.1", "not now")  # RFC 4954 §4
        if not self._may_authenticate():
            raise MailError(538, "5.7.11", "encryption is required for authentication")
        try:
            self._line.identity = await exchange(self._line, argument)
        except MailError as error:
            self._failed_logins += error.code == 535
            if self._failed_logins < self._house.failed_logins:
                raise
            self._line.say(error.reply)
            return self._line.goodbye(421, "4.7.0", "too many failed logins")
        return self._line.say("235 2.7.0 authentication successful")

    async def _mail_from(self, argument: str) -> None:
        self._want_helo()
        if self._mail is not None:
            raise MailError(503, "5.5.1", "one mail at a time")
        given = parse_mail(argument)
        if given.size is not None and given.size > self._house.message_octets:
            raise MailError(552, "5.3.4", "the message is larger than the size we told")
        if given.require_tls and not self._line.peer.tls:
            raise MailError(530, "5.7.10", "REQUIRETLS is asked for under TLS")
        mail = Incoming(
            self._line.door,
            self._line.peer,
            self._house.reception.clock.now(),
            identity=self._line.identity,
            sender=given.sender,
            size=given.size,
            wishes=given.wishes,
            require_tls=given.require_tls,
        )
        await self._house.reception.sender(mail)
        self._mail, self._refused, self._beyond, self._utf8 = mail, 0, 0, given.utf8
        self._line.say("250 2.1.0 sender ok")

    async def _rcpt(self, argument: str) -> None:
        mail = self._want_mail()
        if self._chunked is not None:
            raise MailError(503, "5.5.1", "the message has begun")
        to = parse_rcpt(argument, self._house.postmaster, utf8=self._utf8)
        if len(mail.recipients) >= self._house.recipients:
            self._beyond += 1
            if self._beyond > RECIPIENTS_OVERSHOOT:
                return self._line.goodbye(421, "4.7.0", "far too many recipients")
            raise MailError(452, "4.5.3", "too many recipients")
        try:
            found = await self._house.reception.recipient(mail, to.address)
        except MailError:
            self._refused += 1
            if self._refused > REFUSED_RECIPIENTS:
                return self._line.goodbye(421, "4.7.0", "too many unknown recipients")
            raise
        if all(found.address != each.address for each in mail.recipients):
            wished = found if to.wishes == found.wishes else replace(found, wishes=to.wishes)
            self._mail = replace(mail, recipients=(*mail.recipients, wished))
        return self._line.say("250 2.1.5 recipient ok")

    async def _data(self, argument: str) -> None:
        _no(argument)
        mail = self._want_mail()
        if not mail.recipients:
            raise MailError(503, "5.5.1", "no valid recipient yet")
        if self._chunked is not None:
            raise MailError(503, "5.5.1", "this mail comes by BDAT")  # RFC 3030 §2
        self._line.say("354 end data with <CR><LF>.<CR><LF>")
        self.forget_mail()
        await receive_data(self._line, mail)
        self._line.served()

    async def _bdat(self, argument: str) -> None:
        """RFC 3030 §2: whatever the answer is, the chunk's octets are taken off the line first."""
        try:
            size, last = parse_bdat(argument)
        except MailError as error:  # where the next command begins, nobody knows
            return self._line.goodbye(error.code, error.enhanced, error.public)
        if self._mail is None or not self._mail.recipients:
            await skip_chunk(self._line, size)
            raise MailError(503, "5.5.1", "MAIL and a valid recipient first")
        self._chunked = self._chunked or Chunked(self._line)
        try:
            await self._chunked.chunk(size)
            if not last:
                return self._line.say(f"250 2.0.0 {size} octets taken")
            await self._chunked.deliver(self._mail)
        except BaseException:
            self.forget_mail()
            raise
        self._chunked = None
        self.forget_mail()
        return self._line.served()

    async def _rset(self, argument: str) -> None:
        _no(argument)
        self.forget_mail()
        self._line.junk += 1
        self._line.say("250 2.0.0 reset")

    async def _noop(self, _argument: str) -> None:
        self._line.junk += 1
        self._line.say("250 2.0.0 ok")

    async def _vrfy(self, _argument: str) -> None:
        self._line.junk += 1
        self._line.say("252 2.0.0 send mail and see")  # RFC 5321 §3.5.3: nobody learns who has a mailbox

    async def _help(self, _argument: str) -> None:
        self._line.junk += 1
        self._line.say("214 2.0.0 see RFC 5321")

    async def _quit(self, argument: str) -> None:
        _no(argument)
        self._line.goodbye(221, "2.0.0", "goodbye")

    def forget_mail(self) -> None:
        """Whatever was begun; also when the peer has gone."""
        self._mail = None
        if self._chunked is not None:
            self._chunked.discard()
            self._chunked = None

    def _want_helo(self) -> None:
        if not self._line.peer.helo:
            raise MailError(503, "5.5.1", "say EHLO first")

    def _want_mail(self) -> Incoming:
        if self._mail is None:
            raise MailError(503, "5.5.1", "MAIL first")
        return self._mail

    def _may_authenticate(self) -> bool:
        return self._line.door is Door.SUBMISSION and (self._line.peer.tls or self._line.trusted_clear)


def _no(argument: str) -> None:
    if argument:
        raise MailError(501, "5.5.4", "no argument is taken here")
