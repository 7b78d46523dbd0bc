"""What the reading says to people, in French; never the word that would vouch for a prescription."""

from record.reading.picture import BROKEN, TOO_LARGE
from record.unpack.facts import Problem

# Where it was read, best first. A code is a number to scan; a signature speaks of the file, not of the care.
ORIGINS = {
    "signed": "structuré et signé",
    "structured": "structuré",
    "signed_pdf": "PDF signé",
    "code": "code présent",
    "pdf": "PDF",
    "text": "texte",
    "photo": "photo",
}
UNREADABLE = (
    "Photo illisible : reprenez la photo à plat, de face et bien éclairée. "
    "Une ordonnance écrite à la main est lue par le pharmacien, jamais devinée."
)
NO_TEXT = "Aucun texte lisible : reprenez la photo, ou envoyez le document d'origine."
NOT_NOW = "Document illisible pour l'instant : réessayez dans un moment."
MISSING_READER = (
    "Lecture des photos indisponible : installez les paquets tesseract-ocr et tesseract-ocr-fra. "
    "D'ici là, les photos sont à lire sur l'image."
)
_FORMAT = "Ce type de fichier n'est pas pris : envoyez une photo, un PDF ou le document d'origine."
_DAMAGED = "Fichier abîmé : renvoyez le document d'origine."
REFUSALS: dict[str, str] = {
    Problem.EMPTY: "Le fichier est vide.",
    Problem.TOO_LARGE: "Fichier trop lourd : envoyez une photo ou un PDF plus léger.",
    Problem.UNKNOWN_TYPE: _FORMAT,
    Problem.TYPE_NOT_TAKEN: _FORMAT,
    Problem.POLYGLOT: "Fichier refusé : il peut être lu de deux façons. Reprenez la photo ou renvoyez l'original.",
    Problem.BROKEN: _DAMAGED,
    Problem.ENCRYPTED: "PDF protégé par un mot de passe : envoyez-le sans mot de passe.",
    Problem.ACTIVE: "Fichier refusé : il contient un programme.",
    Problem.TOO_MANY_PAGES: "Document trop long pour une ordonnance.",
    Problem.TOO_MANY_PIXELS: TOO_LARGE,
    Problem.TOO_SLOW: BROKEN,
    Problem.DOCTYPE: _DAMAGED,
    Problem.ENCODING: _DAMAGED,
}
