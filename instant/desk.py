"""Does what events in rooms ask for: answers leave as signed mail, commands are answered, files are filed.

For threads. Harmless twice: a mail has the event as its key, a post its own word.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from core.address import Address, NotAnAddress
from core.audit import Event as Trace
from core.audit import Trail
from core.clock import Clock
from core.db import Db
from core.errors import Permanent, Refused
from crypto.keyring import Keyring
from directory.mailboxes import address_of, find_mailbox, get_mailbox
from instant import inbound, links, policy, posts
from instant.accounts import (
    Account,
    account_of_mailbox,
    find_account,
    get_account,
    may_speak_for,
    people_behind,
    set_rule,
    shown_name,
)
from instant.case_desk import CaseDesk
from instant.gate import load_person
from instant.inbound import CHANGE, COMMAND, REACTION, REPLY, Event
from instant.letter import answer_text, reference_chain
from instant.rooms import Room
from instant.services import Asker, Helpers, Scanner, Submitter
from mail.compose import Attachment
from mail.content import safe_name
from mail.store import Store
from mail.submit import message_id_of

UNSIGNED = "l'appareil d'où vient ce message n'est pas vérifié : vérifiez-le dans votre logiciel, puis renvoyez-le"
MAILED, FILED_MARK = "✉️", "📁"
HELP = """Commandes du pont (elles restent dans ce salon) :
!aide – cette aide
!annuaire NOM VILLE – chercher un confrère, une pharmacie, un service
!patient MATRICULE – ce que vous pouvez voir du dossier
!classer – en réponse à une pièce jointe : la classer dans le dossier (après accord du patient)
!classer MATRICULE – classer un fichier de ce salon dans le dossier de ce patient
!inviter ADRESSE – inviter un confrère dans ce salon
!bloquer ADRESSE, !autoriser ADRESSE – qui peut vous inviter (ADRESSE ou * pour tous)
!cas – en réponse à un courriel : ouvrir un salon sur son patient ; ou !cas MATRICULE
!clore – dans un salon de dossier : le fermer, l'archive va au dossier du patient
Répondre dans le fil d'un courriel envoie votre réponse, signée, à son expéditeur.
Une réaction 📁 sur une pièce jointe la classe."""
Download = Callable[[Mapping[str, Any]], bytes]
Invite = Callable[[Room, str], None]
Silence = Callable[[Room], None]
Vouched = Callable[[Event], bool]


@dataclass(frozen=True)
class Hands:
    """What the desk asks of the bridge's client, from its thread."""

    download: Download
    invite: Invite
    silence: Silence
    vouched: Vouched


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the room is told: a text in the thread, a reaction on the event; empty where there is nothing to say."""

    text: str = ""
    mark: str = ""


class Desk:
    """One event at a time."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        trail: Trail,
        clock: Clock,
        store: Store,
        submitter: Submitter,
        helpers: Helpers,
        scanner: Scanner,
        cases: CaseDesk,
    ) -> None:
        self._cases = cases
        self._db, self._keyring, self._trail, self._clock = db, keyring, trail, clock
        self._store, self._submitter, self._helpers, self._scanner = store, submitter, helpers, scanner
        self._work: dict[str, Callable[[Event, Room, Asker, Hands], Outcome]] = {
            COMMAND: self._command,
            REPLY: self._reply,
            CHANGE: self._change,
            REACTION: self._reaction,
        }

    def handle(self, event: Event, room: Room, hands: Hands) -> None:
        """Do it, and tell the room, in the transaction that ends the event. Raises Temporary to be tried again."""
        try:
            outcome = self._do(event, room, hands)
        except Permanent as error:
            outcome = Outcome(f"Non fait : {error.public}.")
        self._db.run(self._end, event, room, outcome)

    def give_up(self, event: Event, room: Room) -> None:
        """After the last attempt the room is told: nothing is dropped silently."""
        text = "Non transmis : le service n'a pas pu traiter ce message. L'exploitant est prévenu."
        self._db.run(self._end, event, room, Outcome(text), inbound.FAILED)

    def _do(self, event: Event, room: Room, hands: Hands) -> Outcome:
        asker = self._db.read(self._asker, event.sender, room)
        if event.type == "m.room.message" and not hands.vouched(event):
            raise Refused(UNSIGNED, "written on an unsigned device")
        return self._work[event.kind](event, room, asker, hands)

    def _asker(self, session: Session, sender: str, room: Room) -> Asker:
        """Raises Refused for whoever does not speak for the room's mailbox."""
        if not may_speak_for(session, room.mailbox_id, sender):
            raise Refused("seul le titulaire de la boîte, ou une personne désignée, peut le demander", "no speaker")
        account: Account | None = find_account(session, sender)
        return Asker(sender, account.id if account else 0, room.mailbox_id)

    def _end(self, session: Session, event: Event, room: Room, outcome: Outcome, state: str = inbound.DONE) -> None:
        inbound.finished(session, event.id, state)
        if outcome.mark:
            relation = {"rel_type": "m.annotation", "event_id": event.event_id, "key": outcome.mark}
            self._post(session, room, "m.reaction", {"m.relates_to": relation}, f"mark:{event.id}")
        if outcome.text:
            content = {"msgtype": "m.notice", "body": outcome.text, "m.relates_to": _beside(event)}
            self._post(session, room, "m.room.message", content, f"say:{event.id}")
        done = "told" if outcome.text else "done"
        self._trail.record(
            session, Trace("chat", f"chat.{event.kind}", done, self._clock.now(), event.id, detail=state)
        )

    def _post(self, session: Session, room: Room, kind: str, content: Mapping[str, Any], part: str) -> None:
        posts.put_own(session, self._keyring, room.id, kind, content, part)

    def _reply(self, event: Event, room: Room, asker: Asker, hands: Hands) -> Outcome:
        """An answer in the thread of a mail, text or file."""
        if event.content.get("msgtype") == "m.notice":
            return Outcome()
        files = self._files(event, hands)
        text = answer_text(event.content) if not files else f"Pièce jointe : {files[0].filename}"
        return self._mail(event, room, asker, text, files)

    def _files(self, event: Event, hands: Hands) -> tuple[Attachment, ...]:
        file = event.content.get("file")
        if not isinstance(file, Mapping):
            return ()
        info = event.content.get("info")
        media = str(info.get("mimetype", "")) if isinstance(info, Mapping) else ""
        media = media if "/" in media and media.isascii() and media.isprintable() and '"' not in media else ""
        name = safe_name(str(event.content.get("filename") or event.content.get("body") or "")) or "fichier"
        try:
            data = hands.download(file)
        except ValueError:
            raise Refused("ce fichier ne s'ouvre pas", "attachment does not decrypt") from None
        if self._scanner.refuses(data):
            raise Refused("ce fichier est refusé par l'antivirus", "malware in an attachment")
        return (Attachment(media or "application/octet-stream", name, data),)

    def _mail(
        self, event: Event, room: Room, asker: Asker, text: str, files: tuple[Attachment, ...], prefix: str = ""
    ) -> Outcome:
        """Submit in the thread's mail conversation. The tie is kept first: the mail is known when it comes back."""
        key = f"chat:{event.event_id}"
        sender, author = self._db.read(self._names, room, asker)
        rfc_id = message_id_of(self._keyring, room.mailbox_id, key, sender)
        answered = self._answered(event, room, rfc_id)
        if answered is None:
            return Outcome()
        self._db.run(self._tie, room, rfc_id, event.event_id, answered.root)
        self._submitter.submit(
            room.mailbox_id,
            (answered.to,),
            prefix + answered.subject,
            f"{text}\n\n-- \n{author}, par la messagerie instantanée\n",
            answered.last,
            key,
            files,
            (),
            answered.chain,
        )
        return Outcome(mark=MAILED)

    def _names(self, session: Session, room: Room, asker: Asker) -> tuple[Address, str]:
        author = shown_name(session, self._keyring, get_account(session, asker.account_id))
        return address_of(session, self._keyring, room.mailbox_id), author

    def _tie(self, session: Session, room: Room, rfc_id: str, event_id: str, root: str) -> None:
        links.tie(session, self._keyring, room.id, rfc_id, event_id=event_id, root=root)

    def _answered(self, event: Event, room: Room, own: str) -> "Answered | None":
        """The mail to answer: the last one of the thread that came in. `own`: the answer's id, tied before a crash."""
        root = self._db.read(self._root_of, event, room)
        whole = self._db.read(links.thread, self._keyring, room.id, root) if root else []
        thread = [link for link in whole if link.mail_lookup != links.lookup(self._keyring, own)]
        came = [link for link in thread if link.message_id]
        if not came:
            return None
        last = came[-1]
        holder = self._db.read(get_mailbox, room.mailbox_id).holder_id
        mail = self._store.open_message(last.message_id or 0, holder)
        try:
            to = Address.parse(mail.meta.from_)
        except NotAnAddress:
            raise Refused("ce courriel n'a pas d'expéditeur à qui répondre", "no sender to answer") from None
        subject = mail.meta.subject if mail.meta.subject.lower().startswith("re:") else f"Re: {mail.meta.subject}"
        chain = reference_chain(mail.raw, mail.meta.tree)
        latest = thread[-1].rfc_id
        chain += [latest] if latest not in chain else []
        return Answered(root, to, subject[:900], latest, tuple(chain))

    def _root_of(self, session: Session, event: Event, room: Room) -> str:
        relation = inbound.relation_of(event.content)
        answered = relation.get("m.in_reply_to")
        named = [relation.get("event_id"), answered.get("event_id") if isinstance(answered, Mapping) else ""]
        for ref in (*named, event.redacts):
            found = _root(session, self._keyring, room.id, str(ref or ""))
            if found:
                return found
        return ""

    def _change(self, event: Event, room: Room, asker: Asker, _hands: Hands) -> Outcome:
        """An edit or a redaction of what was mailed: mail cannot be called back, so a second one says it."""
        relation = inbound.relation_of(event.content)
        target = str(relation.get("event_id") or event.redacts)
        link = self._db.read(links.of_event, self._keyring, room.id, target)
        if link is None or link.message_id:
            return Outcome()  # not mailed, or not theirs
        said = self._db.read(self._event_at, target)
        if event.type == "m.room.message" and (said is None or said.sender != event.sender):
            return Outcome()  # nobody corrects another's words (Client-Server API, "Validity of replacement events")
        if event.type == "m.room.redaction":
            text = "Je retire mon message précédent : merci de ne pas en tenir compte."
            outcome = self._mail(event, room, asker, text, (), "Retrait : ")
            return Outcome("Le courriel est déjà parti : un message de retrait vient d'être envoyé.", outcome.mark)
        new = event.content.get("m.new_content")
        text = answer_text(new) if isinstance(new, Mapping) else ""
        outcome = self._mail(
            event, room, asker, f"Correction de mon message précédent :\n\n{text}", (), "Correction : "
        )
        return Outcome("Le courriel est déjà parti : une correction vient d'être envoyée.", outcome.mark)

    def _reaction(self, event: Event, _room: Room, asker: Asker, _hands: Hands) -> Outcome:
        """A folder on an attachment of a mail files it."""
        relation = inbound.relation_of(event.content)
        if str(relation.get("key", "")).rstrip("\ufe0f") not in ("📁", "🗂", "📂"):
            return Outcome()
        return self._file(str(relation.get("event_id", "")), asker)

    def _file(self, target: str, asker: Asker) -> Outcome:
        found = self._db.read(posts.part_of, target)
        if found is None:
            raise Refused("ce n'est pas une pièce jointe de courriel", "nothing to file")
        return Outcome(self._helpers.file_mail(asker, *found), FILED_MARK)

    def _command(self, event: Event, room: Room, asker: Asker, hands: Hands) -> Outcome:
        word, _, rest = answer_text(event.content).removeprefix("!").partition(" ")
        commands: dict[str, Callable[[], Outcome]] = {
            "aide": lambda: Outcome(HELP),
            "annuaire": lambda: Outcome(self._helpers.find_colleagues(rest.strip())),
            "patient": lambda: Outcome(self._helpers.show_patient(asker, rest.strip())),
            "classer": lambda: self._classify(event, asker, hands, rest.strip()),
            "inviter": lambda: self._invite(room, asker, hands, rest.strip()),
            "bloquer": lambda: self._rule(asker, rest.strip(), allow=False),
            "autoriser": lambda: self._rule(asker, rest.strip(), allow=True),
            "cas": lambda: self._case(event, asker, rest.strip()),
            "clore": lambda: Outcome(self._cases.close(event, room, asker, hands.silence)),
        }
        return commands.get(word.lower(), lambda: Outcome(f"Commande inconnue.\n{HELP}"))()

    def _classify(self, event: Event, asker: Asker, hands: Hands, words: str) -> Outcome:
        target = _answered_event(event)
        if not words:
            return self._file(target, asker)
        source = self._db.read(self._event_at, target)
        files = self._files(source, hands) if source else ()
        if not files:
            raise Refused("répondez au fichier à classer", "no file in the answered event")
        return Outcome(self._helpers.file_for(asker, words, files[0], f"file:{target}"), FILED_MARK)

    def _event_at(self, session: Session, event_id: str) -> Event | None:
        return inbound.by_event_id(session, self._keyring, event_id)

    def _case(self, event: Event, asker: Asker, words: str) -> Outcome:
        """About the patient of the mail that is answered, or of the matricule."""
        key = f"event:{event.event_id}"
        if words:
            return Outcome(self._cases.open_from_words(asker, words, key))
        root = self._db.read(posts.part_of, _answered_event(event))
        if root is None:
            raise Refused("répondez à un courriel, ou donnez un matricule : !cas MATRICULE", "no mail to open a case")
        return Outcome(self._cases.open_from_message(asker, root[0], key))

    def _rule(self, asker: Asker, words: str, *, allow: bool) -> Outcome:
        """The asker's own list: who may invite him."""
        subject = words if words == "*" or words.startswith("@") else self._db.read(self._user_at, words)
        own = self._db.read(find_account, asker.user_id)
        if own is None:
            raise Refused("ce compte n'existe plus", "no account for a rule")
        self._db.run(set_rule, own.id, subject, allow)
        who = "Tous" if subject == "*" else words
        return Outcome(f"{who} : {'peut vous inviter' if allow else 'ne peut plus vous inviter'}.")

    def _invite(self, room: Room, asker: Asker, hands: Hands, words: str) -> Outcome:
        wanted = self._db.read(self._wanted, asker, words)
        for user_id in wanted:
            self._cases.check_member(asker, room, user_id)
        for user_id in wanted:
            hands.invite(room, user_id)
        return Outcome("Invitation envoyée." if len(wanted) == 1 else f"{len(wanted)} invitations envoyées.")

    def _wanted(self, session: Session, asker: Asker, words: str) -> list[str]:
        """A person; an organisation and who is on call for it, or these alone while it is away.

        The bridge invites as the asker might. Raises Refused.
        """
        user_id = words if words.startswith("@") else self._user_at(session, words)
        account = find_account(session, user_id)
        on_call = [one.user_id for one in people_behind(session, account.id, on_call=True)] if account else []
        wanted = on_call if account and account.away and on_call else [user_id, *on_call]
        inviter = load_person(session, asker.user_id)
        for one in wanted:
            found = policy.invite(inviter, load_person(session, one), inviter.server, frozenset())
            if not found.allowed:
                raise Refused(found.sentence.rstrip("."), found.word)
        return wanted

    def _user_at(self, session: Session, words: str) -> str:
        mailbox = find_mailbox(session, self._keyring, Address.parse(words))
        account = account_of_mailbox(session, mailbox.id) if mailbox else None
        if account is None:
            raise Refused("ce confrère n'a pas de messagerie instantanée ici", "no chat account to invite")
        return account.user_id


@dataclass(frozen=True, slots=True, repr=False)
class Answered:
    """To whom, under which subject, after which mail: `last` and `chain` are Message-IDs."""

    root: str
    to: Address
    subject: str
    last: str
    chain: tuple[str, ...]


def _answered_event(event: Event) -> str:
    """The event that this one answers; empty where there is none."""
    relation = inbound.relation_of(event.content)
    answered = relation.get("m.in_reply_to")
    return str(answered.get("event_id", "") if isinstance(answered, Mapping) else relation.get("event_id", ""))


def _root(session: Session, keyring: Keyring, room: int, event_id: str) -> str:
    if not event_id:
        return ""
    link = links.of_event(session, keyring, room, event_id)
    if link:
        return link.root or link.event_id
    if links.thread(session, keyring, room, event_id):
        return event_id
    part = posts.part_of(session, event_id)
    return links.root_of_mail(session, room, part[0]) if part else ""


def _beside(event: Event) -> dict[str, Any]:
    """In the event's thread where it has one, as an answer to it."""
    relation = inbound.relation_of(event.content)
    answer = {"m.in_reply_to": {"event_id": event.event_id}}
    if relation.get("rel_type") == "m.thread":
        return {"rel_type": "m.thread", "event_id": relation["event_id"], "is_falling_back": False, **answer}
    return answer
