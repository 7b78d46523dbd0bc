"""`/officine`: the board, one order, its documents, and what the pharmacist does with them."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import BadInput, NotFound
from portal import counter
from portal.desk import actor, reader
from portal.doors import ActingPharmacist, Pharmacist, RowId, TheFront
from portal.files import file_response
from portal.language import language_of
from portal.pages import for_reader
from portal.reference import said_of
from portal.showing import document_response
from portal.work import TheChecking, TheDesk, ThePreferences, TheTeam, TheThreads
from record.lines import posology_text
from record.order_detail import PROVENANCE
from record.orders import LABELS, State
from record.reading.picture import Unopened
from record.reading.preview import preview

router = APIRouter(prefix="/officine")

Text = Annotated[str, Form(max_length=4000)]
Texts = Annotated[list[str], Form(max_length=60)]
Version = Annotated[int, Form(ge=0, le=2**31)]


@router.get("")
def board(
    request: Request,
    front: TheFront,
    desk: TheDesk,
    checking: TheChecking,
    visitor: Pharmacist,
    fait: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """All orders under way, in columns."""
    columns, language = desk.board(visitor), language_of(request)
    done = next((label for state, label in LABELS.items() if state.value == fait), "")
    shown: dict[str, Any] = {
        "columns": columns,
        "done": done,
        "asked": fait == State.QUESTION,
        "doubts": checking.count(visitor),
    }
    shown["drawn"] = lambda card: for_reader(front.pages.card(card, language), visitor)
    return front.pages.show(request, "board.html", visitor=visitor, **shown)


@router.get("/commande/{number}")
def order(
    request: Request,
    front: TheFront,
    desk: TheDesk,
    threads: TheThreads,
    preferences: ThePreferences,
    team: TheTeam,
    visitor: Pharmacist,
    number: str,
    modele: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One order: lines beside the document, the moves, the mails, the history."""
    sheet = desk.sheet(visitor, number)
    today = front.services.clock.now().date().isoformat()
    kept, name = preferences.of(visitor.mailbox_id, visitor.holder_id), desk.name_of(visitor.mailbox_id)
    now, zone = front.services.clock.now(), front.services.zone
    templates = tuple(
        (key, title, kept.filled(key, name, now, zone)) for key, (title, _text) in preferences.templates.items()
    )
    thread = threads.of(visitor, sheet.card.order)
    threads.seen(sheet.card.order)
    shown: dict[str, Any] = {
        "sheet": sheet,
        "card": sheet.card,
        "labels": LABELS,
        "posology": posology_text,
        "reference": said_of(front.services.medicines, sheet.card.lines),
        "today": today,
        "origins": PROVENANCE,
        "thread": thread,
        "may_encrypt": threads.may_encrypt(visitor, sheet.card.order),
        "names": {member.account_id: member.name for member in team.members(visitor)},
        "templates": templates,
        "chosen": next((text for key, _title, text in templates if key == modele), ""),
    }
    return front.pages.show(request, "order.html", visitor=visitor, **shown)


@router.post("/commande/{number}/etat")
def move(
    front: TheFront,
    desk: TheDesk,
    visitor: ActingPharmacist,
    number: str,
    vers: Text,
    version: Version,
    note: Text = "",
    promis: Texts = [],  # noqa: B006  FastAPI's way of saying "may be missing"
    jour: Texts = [],  # noqa: B006
    retour: Text = "",
) -> Response:
    """One move of the table. Raises what `OrderBook.move` raises."""
    known, to = desk.order(visitor, number), counter.state(vers)
    wish, services = counter.wish(note, promis, jour), front.services
    now = services.clock.now()
    services.db.run(services.orders.move, known.id, to, actor(visitor), now, version=version, wish=wish)
    if retour == "commande":
        return RedirectResponse(f"/officine/commande/{known.number}", 303)
    return RedirectResponse(f"/officine?fait={to.value}", 303)


@router.post("/commande/{number}/lignes")
def confirm(
    front: TheFront,
    desk: TheDesk,
    visitor: ActingPharmacist,
    number: str,
    version: Version,
    nom: Texts,
    dosage: Texts,
    posologie: Texts,
    duree: Texts,
    ensuite: Text = "",
) -> Response:
    """The lines as the pharmacist read them on the document; with `ensuite`, on to preparation or ready at once."""
    if not len(nom) == len(dosage) == len(posologie) == len(duree):
        raise BadInput("Le formulaire est incomplet. Rechargez la page et recommencez.", "uneven columns")
    known, services = desk.order(visitor, number), front.services
    counter.check_version(known, version)
    typed = [counter.Typed(*row) for row in zip(nom, dosage, posologie, duree, strict=True)]
    then = State(ensuite) if ensuite in (State.PREPARING, State.READY) else None
    now = services.clock.now()
    services.db.run(counter.confirm, services.orders, known, typed, actor(visitor), now, then=then)
    return RedirectResponse(f"/officine?fait={then}" if then else f"/officine/commande/{known.number}", 303)


@router.get("/document/{document_id}")
def document(front: TheFront, visitor: Pharmacist, document_id: RowId) -> Response:
    """The document as browsers show it, by the record's own door."""
    read = front.services.records.read(reader(visitor), document_id)
    return document_response(read, front.services.clock.now())


@router.get("/document/{document_id}/page/{page}")
def page(front: TheFront, visitor: Pharmacist, document_id: RowId, page: Annotated[int, Path(ge=1, le=20)]) -> Response:
    """One page of it as a picture, to stand beside the lines."""
    read = front.services.records.read(reader(visitor), document_id)
    try:
        drawn = preview(read.content, read.meta.media_type, page)
    except Unopened:
        raise NotFound("Cette page ne peut pas être affichée.", "page cannot be drawn") from None
    return file_response(drawn, "image/jpeg", f"document-{document_id}-{page}")
