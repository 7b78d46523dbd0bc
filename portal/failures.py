"""From an exception to the status of HTTP and to the words for people: the same for pages and for programs."""

from core.errors import BadInput, NotFound, PliError, Refused, Temporary
from mail.replies import MailError
from portal.doors import SignInNeeded
from portal.guard import TooLarge
from portal.language import N_

_MAIL = {  # enhanced codes of SMTP, RFC 3463
    "5.1.1": N_("Cette adresse n'existe pas dans l'espace de confiance. Vérifiez-la dans l'annuaire."),
    "5.1.2": N_("Le domaine de cette adresse n'est pas dans l'espace de confiance."),
    "5.2.1": N_("La boîte de ce destinataire est fermée."),
    "5.3.4": N_("Le message est trop volumineux."),
    "5.7.1": N_("Vous ne pouvez pas écrire à ce destinataire."),
}
_STATUS: tuple[tuple[type[PliError], int], ...] = (  # the first that fits
    (SignInNeeded, 401),
    (TooLarge, 413),
    (NotFound, 404),
    (BadInput, 400),
    (Temporary, 503),
    (Refused, 409),
)
_NOT_SENT = N_("Le message a été refusé : il n'est pas parti.")


def status_of(error: PliError) -> int:
    """400 to 503."""
    if isinstance(error, MailError):
        return 400 if error.code >= 500 else 503
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)


def told(error: PliError) -> str:
    """What people read, SMTP's English included; empty where the general sentence of the status says it."""
    if isinstance(error, MailError):
        return _MAIL.get(error.enhanced, _NOT_SENT) if error.code >= 500 else ""
    return "" if isinstance(error, Temporary) else error.public
