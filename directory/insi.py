"""The answer of the INSi téléservice (CNAM, `RESULTAT`) read into a qualified identity; nothing else makes one.

Only what the national service itself confirmed qualifies an INS: code 00, the active number, its OID and the traits.
Read strictly: no DTD, no entity, no network, bounds first.
"""

import re

from lxml import etree

from core.errors import BadInput, Refused
from core.ins import Ins, NotAnIns, require_environment
from directory.patients import Identity

NAMESPACE = "http://www.cnamts.fr/INSiResultat"
OCTETS = 64 * 1024
FOUND = "00"
_TOLD = {
    "01": "INSi ne trouve aucune identité : l'INS n'est pas qualifiée",
    "02": "INSi trouve plusieurs identités : l'INS n'est pas qualifiée",
}
_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def read_answer(data: bytes, production: bool) -> Identity:
    """The identity of an answer, bare or in its SOAP envelope.

    Raises BadInput (no such answer, a trait is missing), Refused (nobody or several found, other environment).
    """
    result = _result(data)
    code = _text(result, "CR/CodeCR")
    if code != FOUND:
        raise Refused(_TOLD.get(code, "INSi n'a pas confirmé cette identité"), "INSi did not confirm")
    ins = _ins(result)
    require_environment(ins, production)
    given = _text(result, "INDIVIDU/TIQ/Prenom") or _text(result, "INDIVIDU/TIQ/ListePrenom").partition(" ")[0]
    return Identity(
        ins,
        _text(result, "INDIVIDU/TIQ/NomNaissance"),
        given,
        _text(result, "INDIVIDU/TIQ/DateNaissance"),
        _text(result, "INDIVIDU/TIQ/Sexe"),
    )


def _ins(result: etree._Element) -> Ins:
    number = _text(result, "INDIVIDU/INSACTIF/IdIndividu/NumIdentifiant")
    key = _text(result, "INDIVIDU/INSACTIF/IdIndividu/Cle")
    try:
        return Ins(number + key, _text(result, "INDIVIDU/INSACTIF/OID"))
    except NotAnIns:
        raise BadInput("réponse INSi sans matricule valide", "INSi answer without a valid INS") from None


def _result(data: bytes) -> etree._Element:
    if len(data) > OCTETS or _DOCTYPE.search(data) or b"\0" in data:
        raise BadInput("ce n'est pas une réponse INSi", "not an INSi answer: size, DTD or NUL")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise BadInput("ce n'est pas une réponse INSi", "INSi answer is no XML") from None
    found = list(root.iter(f"{{{NAMESPACE}}}RESULTAT"))
    if len(found) != 1:
        raise BadInput("ce n'est pas une réponse INSi", "not one RESULTAT")
    return found[0]


def _text(result: etree._Element, path: str) -> str:
    """The text at a path of names, which must lead to one place at most."""
    found = result.findall("/".join(f"{{{NAMESPACE}}}{name}" for name in path.split("/")))
    if len(found) > 1:
        raise BadInput("réponse INSi ambiguë", "an element of the INSi answer is repeated")
    return (found[0].text or "").strip() if found else ""
