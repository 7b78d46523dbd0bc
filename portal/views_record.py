"""`/p/dossier`: the patient's documents, who read them, who may, and the end of it all."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import BadInput, NotFound
from portal.doors import ActingPatient, Patient, RowId, TheFront
from portal.language import N_
from portal.my_record import MyRecord, reader
from portal.showing import document_response
from portal.work import TheReviews
from record.visibility import Mask, codes_of

router = APIRouter(prefix="/p/dossier")
DONE = {
    "cache": N_("Ce document est maintenant caché aux professionnels."),
    "montre": N_("Ce document est de nouveau visible."),
    "retire": N_("Le document est retiré et détruit."),
    "droits": N_("Votre choix est enregistré."),
}
_MARKS = {"pro": Mask.PROFESSIONALS, "rep": Mask.REPRESENTATIVES}
Of = Annotated[int, Query(alias="de", ge=0, le=2**63 - 1)]
OfForm = Annotated[int, Form(alias="de", ge=0, le=2**63 - 1)]
Word = Annotated[str, Query(max_length=20)]


def _mine(front: TheFront) -> MyRecord:
    return MyRecord(front.services)


TheRecord = Annotated[MyRecord, Depends(_mine)]


@router.get("")
def documents(
    request: Request,
    front: TheFront,
    mine: TheRecord,
    visitor: Patient,
    de: Of = 0,
    q: Annotated[str, Query(max_length=200)] = "",
    fait: Word = "",
) -> Response:
    """Newest first; with `q` those that hold the words."""
    owner = mine.owner(visitor, de)
    hits = mine.found(visitor, owner, q) if q.strip() else ()
    found = tuple((hit.shown, hit.excerpt) for hit in hits)
    if not q.strip():
        found = tuple((each, "") for each in mine.documents(visitor, owner))
    shown: dict[str, Any] = {"owner": owner, "wards": mine.wards(visitor), "found": found, "asked": q.strip()}
    shown |= {"done": DONE.get(fait, ""), "codes": codes_of, "de": de}
    return front.pages.show(request, "record.html", visitor=visitor, **shown)


@router.get("/document/{document_id}")
def document(front: TheFront, visitor: Patient, document_id: RowId) -> Response:
    """The document as browsers show it, in a response that runs nothing."""
    read = front.services.records.read(reader(visitor), document_id)
    return document_response(read, front.services.clock.now())


@router.post("/document/{document_id}/visible")
def hide(
    mine: TheRecord,
    visitor: ActingPatient,
    document_id: RowId,
    qui: Annotated[str, Form(max_length=3)] = "pro",
    cacher: Annotated[str, Form(max_length=3)] = "",
    de: OfForm = 0,
) -> Response:
    """From professionals (`qui=pro`) or legal representatives (`qui=rep`)."""
    if qui not in _MARKS:
        raise BadInput("Choisissez à qui le document est caché.", "unknown mark")
    mine.mask(visitor, document_id, _MARKS[qui], cacher == "oui")
    return RedirectResponse(f"/p/dossier?fait={'cache' if cacher == 'oui' else 'montre'}&de={de}", 303)


@router.post("/document/{document_id}/retirer")
def remove(
    mine: TheRecord,
    visitor: ActingPatient,
    document_id: RowId,
    sur: Annotated[str, Form(max_length=3)] = "",
    de: OfForm = 0,
) -> Response:
    """Content and key are destroyed."""
    if sur != "oui":
        raise BadInput("Cochez la case : un document retiré est détruit pour de bon.", "not confirmed")
    mine.remove(visitor, document_id)
    return RedirectResponse(f"/p/dossier?fait=retire&de={de}", 303)


@router.get("/synthese")
def synthesis(request: Request, front: TheFront, mine: TheRecord, visitor: Patient, de: Of = 0) -> Response:
    """One page of extracts, each with its source."""
    owner = mine.owner(visitor, de)
    told = mine.synthesis(visitor, owner)
    return front.pages.show(request, "synthesis.html", visitor=visitor, owner=owner, told=told, de=de)


@router.get("/acces")
def readers(
    request: Request, front: TheFront, mine: TheRecord, reviews: TheReviews, visitor: Patient, de: Of = 0
) -> Response:
    """Who read what, when and why; the emergencies first."""
    owner = mine.owner(visitor, de)
    shown: dict[str, Any] = {"alarms": reviews.of_patient(visitor, owner), "read": mine.readers(visitor, owner)}
    return front.pages.show(request, "readers.html", visitor=visitor, owner=owner, de=de, **shown)


@router.get("/droits")
def rights(
    request: Request, front: TheFront, mine: TheRecord, visitor: Patient, de: Of = 0, fait: Word = ""
) -> Response:
    """Consents, oppositions, legal representatives, connected software."""
    owner = mine.owner(visitor, de)
    shown: dict[str, Any] = {"owner": owner, "rights": mine.rights(owner), "done": DONE.get(fait, ""), "de": de}
    return front.pages.show(request, "rights.html", visitor=visitor, **shown)


@router.post("/droits")
def settle(
    mine: TheRecord,
    visitor: ActingPatient,
    pour: Annotated[str, Form(max_length=20)],
    qui: Annotated[int, Form(ge=0, le=2**63 - 1)] = 0,
    accord: Annotated[str, Form(max_length=3)] = "",
    de: OfForm = 0,
) -> Response:
    """One choice; it takes effect at once."""
    mine.settle(visitor, mine.owner(visitor, de), pour, qui, accord == "oui")
    return RedirectResponse(f"/p/dossier/droits?fait=droits&de={de}", 303)


@router.post("/droits/representant")
def dismiss(
    mine: TheRecord, visitor: ActingPatient, qui: Annotated[int, Form(ge=0, le=2**63 - 1)], de: OfForm = 0
) -> Response:
    """Somebody of age ends what a representative may."""
    mine.dismiss(visitor, mine.owner(visitor, de), qui)
    return RedirectResponse(f"/p/dossier/droits?fait=droits&de={de}", 303)


@router.get("/effacer")
def farewell(request: Request, front: TheFront, visitor: Patient) -> Response:
    """What erasing means, before it is done."""
    return front.pages.show(request, "erase.html", visitor=visitor)


@router.post("/effacer")
def erase(
    front: TheFront, mine: TheRecord, visitor: ActingPatient, mot: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """The keys are destroyed; nothing of the record or the mailbox can be read again."""
    if front.services.erase is None:
        raise NotFound("L'effacement n'est pas ouvert ici : demandez-le à l'établissement.", "no eraser")
    if mot.strip().upper() != "EFFACER":
        raise BadInput("Écrivez EFFACER pour confirmer : c'est définitif.", "not confirmed")
    front.services.erase(mine.owner(visitor).patient.id, visitor.actor)
    return RedirectResponse("/", 303)
