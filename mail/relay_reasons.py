"""Why mail waits or failed: our words, each with its status (RFC 3463) and a sentence for the operator and for people.

A peer's own text is never repeated to anybody but the sender: it may quote addresses.
"""

import enum
from typing import NamedTuple


class Told(NamedTuple):
    """`status`: the enhanced code; a 5 ends it, a 4 is tried again. `english` for the operator, `french` for users."""

    status: str
    english: str
    french: str


class Reason(enum.Enum):
    """In the queue's rows: the value."""

    NO_DOMAIN = "no-such-domain"
    NULL_MX = "takes-no-mail"
    DNS = "dns"
    NO_ROUTE = "no-route"
    UNLISTED = "unlisted"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    NOT_WELCOME = "not-welcome"
    NO_STARTTLS = "no-starttls"
    TLS = "tls"
    CERTIFICATE = "certificate"
    LOST = "lost"
    PEER_LATER = "peer-later"
    PEER_REFUSED = "peer-refused"
    TOO_LARGE = "too-large"
    EIGHT_BIT = "eight-bit"
    UTF8 = "utf8"
    REQUIRE_TLS = "require-tls"
    MALFORMED = "malformed"
    EXPIRED = "expired"
    DROPPED = "dropped"
    LOCAL = "local"

    @property
    def told(self) -> Told:
        """Status and sentences."""
        return _TOLD[self]

    @property
    def permanent(self) -> bool:
        """Whether trying again is of no use."""
        return self.told.status.startswith("5")


def explain(word: str) -> str:
    """The sentence for the operator; the word itself where a newer version has written one that we do not know."""
    try:
        return Reason(word).told.english if word else ""
    except ValueError:
        return word


_TOLD = {
    Reason.NO_DOMAIN: Told("5.1.2", "the domain does not exist", "ce domaine n'existe pas"),
    Reason.NULL_MX: Told("5.1.10", "the domain says that it takes no mail", "ce domaine ne reçoit pas de courrier"),
    Reason.DNS: Told("4.4.3", "the name service does not answer", "le service de noms ne répond pas"),
    Reason.NO_ROUTE: Told("4.4.4", "no server is named for the domain", "aucun serveur n'est indiqué pour ce domaine"),
    Reason.UNLISTED: Told(
        "4.7.0",
        "the domain is not on the trusted list (any more)",
        "ce domaine ne figure pas sur la liste de confiance",
    ),
    Reason.UNREACHABLE: Told("4.4.1", "no server of the domain answers", "aucun serveur de ce domaine ne répond"),
    Reason.TIMEOUT: Told("4.4.2", "the server answers too slowly", "le serveur destinataire répond trop lentement"),
    Reason.NOT_WELCOME: Told(
        "4.3.2", "the server takes no connection from us now", "le serveur destinataire refuse la connexion"
    ),
    Reason.NO_STARTTLS: Told(
        "4.7.4",
        "the server offers no encryption; nothing was sent",
        "le serveur destinataire ne propose pas de chiffrement ; rien n'a été transmis",
    ),
    Reason.TLS: Told(
        "4.7.5",
        "encryption could not be set up, or the certificate does not hold; nothing was sent",
        "la connexion chiffrée n'a pas pu être établie ; rien n'a été transmis",
    ),
    Reason.CERTIFICATE: Told(
        "4.7.5",
        "the server's certificate is not the one listed for the domain; nothing was sent",
        "le certificat du serveur n'est pas celui de la liste de confiance ; rien n'a été transmis",
    ),
    Reason.LOST: Told("4.4.2", "the connection broke", "la connexion a été interrompue"),
    Reason.PEER_LATER: Told(
        "4.0.0", "the server asks us to try again later", "le serveur destinataire demande de réessayer plus tard"
    ),
    Reason.PEER_REFUSED: Told("5.0.0", "the server refused it", "le serveur destinataire a refusé ce message"),
    Reason.TOO_LARGE: Told(
        "5.3.4", "larger than the server takes", "le message est trop volumineux pour le serveur destinataire"
    ),
    Reason.EIGHT_BIT: Told(
        "5.6.3",
        "the server takes no 8-bit mail, and mail is never rewritten",
        "le serveur destinataire n'accepte pas le format de ce message",
    ),
    Reason.UTF8: Told(
        "5.6.7",
        "the server takes no UTF-8 header, and mail is never rewritten",
        "le serveur destinataire n'accepte pas les en-têtes de ce message",
    ),
    Reason.REQUIRE_TLS: Told(
        "5.7.30",
        "the sender requires TLS on the whole way, which the server does not promise",
        "le serveur destinataire ne garantit pas le chiffrement de bout en bout du trajet",
    ),
    Reason.MALFORMED: Told(
        "5.6.0", "its line ends are not those of mail", "le message contient des fins de ligne interdites"
    ),
    Reason.EXPIRED: Told(
        "4.4.7", "it waited as long as mail may wait", "le message n'a pas pu être transmis dans le délai prévu"
    ),
    Reason.DROPPED: Told("5.3.0", "dropped by the operator", "l'exploitant a retiré ce message de la file d'attente"),
    Reason.LOCAL: Told("4.3.0", "an error of our own, see the log", "une erreur locale est survenue"),
}
