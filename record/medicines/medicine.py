"""One medicine of the reference data as the rest of the house sees it."""

import re
from dataclasses import dataclass
from functools import cached_property

from record.medicines.names import key, plain, words
from record.medicines.strengths import Strength, variants

NARCOTIC, SECURED, HOSPITAL, SHORTAGE, UNMARKETED = "narcotic", "secured", "hospital", "shortage", "unmarketed"
_HEAD_END = re.compile(r"\s*,(?![0-9])")  # a comma before a digit is a decimal
_UNITS = r"[mknµ]?g\b|[mc]?l\b|microg|milli|u\.?i|unit|%|m\.?u\.?i?|mmol|meq|.?bq|ch\b|dh\b|pour cent|x\b|/ ?[0-9]|\+"
_AMOUNT = re.compile(rf"(?<![\w.,])[0-9][0-9 .,]*\s?(?:{_UNITS})", re.IGNORECASE)


@dataclass(frozen=True)
class Medicine:
    """A speciality of the BDPM; `conditions` are the publisher's words."""

    cis: str
    label: str
    form: str
    marketed: bool
    holder: str
    atc: str
    substances: tuple[str, ...]
    conditions: tuple[str, ...]
    groups: tuple[str, ...]
    shortage: tuple[str, ...]

    @cached_property
    def head(self) -> str:
        """Name and strength: what stands before the form."""
        return _HEAD_END.split(self.label, maxsplit=1)[0]

    @cached_property
    def name(self) -> str:
        """The name without the strength, as printed."""
        found = _AMOUNT.search(self.head)
        return (self.head[: found.start()] if found else self.head).strip(" ,-") or self.head

    @cached_property
    def key(self) -> str:
        return key(self.name)

    @cached_property
    def strengths(self) -> tuple[Strength, ...]:
        """The strength and the other ways to write it."""
        return variants(self.head[len(self.name) :])

    @cached_property
    def form_words(self) -> frozenset[str]:
        return frozenset(words(self.label[len(self.name) :])) | frozenset(words(self.form))

    @cached_property
    def flags(self) -> frozenset[str]:
        """What a pharmacist wants to see at once; no judgement of the prescription."""
        said = [plain(condition) for condition in self.conditions]
        found = {
            NARCOTIC: any("stupefiant" in one for one in said),
            SECURED: any("ordonnance securisee" in one for one in said),
            HOSPITAL: any(one.startswith("reserve a l'usage hospitalier") for one in said),
            SHORTAGE: bool(self.shortage),
            UNMARKETED: not self.marketed,
        }
        return frozenset(flag for flag, holds in found.items() if holds)
