"""Find medicines by what somebody wrote or a machine read. Names with tolerance, strength and unit by an exact gate.

The index lives in memory: a name is looked up exactly, as the beginning of names, as a substance, and only then by
resemblance. Whatever is found still has to pass the gate.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rapidfuzz import fuzz, process

from record.medicines.medicine import Medicine
from record.medicines.names import key, plain, words
from record.medicines.strengths import Gate, Strength, gate, parse

QUERY_CHARACTERS = 200
RESEMBLANCE = 84.0  # of 100: one letter in six may be wrong
SHORT = 5  # names of so few letters resemble too many others
NAMES_TRIED = 12
_NUMBER = re.compile(r"\d")  # no word of a form: a strength passes the gate, and where none was given none is guessed
_FORMS = {
    "cp": "comprime",
    "cpr": "comprime",
    "cps": "comprime",
    "comprimes": "comprime",
    "gel": "gelule",
    "gelules": "gelule",
    "inj": "injectable",
    "susp": "suspension",
    "sol": "solution",
    "amp": "ampoule",
    "suppo": "suppositoire",
    "spray": "pulverisation",
    "patch": "dispositif",
}


@dataclass(frozen=True, slots=True)
class Found:
    """Medicines whose name fits, best first, and how they fit: `sure` names were found without resemblance; `names` is
    how many names the one written may stand for, whatever their strengths."""

    medicines: tuple[Medicine, ...] = ()
    score: float = 0.0
    sure: bool = False
    gate: Gate = Gate.SHUT
    names: int = 0

    def __bool__(self) -> bool:
        return bool(self.medicines)

    @property
    def only(self) -> Medicine | None:
        """The medicine, when what was written means one and no other (one label, whoever imports it)."""
        labels = {plain(medicine.label) for medicine in self.medicines}
        return self.medicines[0] if len(labels) == 1 else None

    @property
    def flags(self) -> frozenset[str]:
        """What holds for each of them: then it holds whichever is meant."""
        each = [medicine.flags for medicine in self.medicines]
        return frozenset.intersection(*each) if each else frozenset()


class Index:
    """Read-only once made; safe to share between threads."""

    def __init__(self, medicines: Iterable[Medicine]) -> None:
        self.medicines = tuple(medicines)
        self.by_cis = {medicine.cis: medicine for medicine in self.medicines}
        self._by_key: dict[str, list[Medicine]] = defaultdict(list)
        self._by_start: dict[str, list[str]] = defaultdict(list)
        self._by_substance: dict[str, list[Medicine]] = defaultdict(list)
        for medicine in self.medicines:
            self._by_key[medicine.key].append(medicine)
            for substance in medicine.substances:
                self._by_substance[key(substance)].append(medicine)
        for name in self._by_key:
            if name:
                self._by_start[name.partition(" ")[0]].append(name)
        self._vocabulary = tuple(self._names())

    def search(self, text: str, limit: int = 10) -> tuple[Medicine, ...]:
        """For somebody who types: name, perhaps strength, perhaps form, best first."""
        name, strength, rest = self._split(text[:QUERY_CHARACTERS])
        found = self._passing(self._named(name), strength)
        ranked = sorted(found.medicines, key=lambda one: _rank(one, words(rest), strength))
        return tuple(ranked[:limit])

    def match(self, name: str, strength: str = "", form: str = "") -> Found:
        """For a line read: the medicines that it may mean. With a strength that none of them has, the gate is shut."""
        asked = parse(strength, bare=True)
        named = self._named(key(name))
        if not named:
            return named
        names = len({medicine.key for medicine in named.medicines})
        passed = self._passing(named, asked)
        if asked and not passed:
            return replace(named, gate=Gate.SHUT, names=names)
        beside = tuple(word for word in words(form) if word not in words(name) and not _NUMBER.search(word))
        return replace(_narrow(passed, beside, asked), names=names)

    def knows(self, word: str) -> bool:
        """Whether a name begins with this word."""
        return key(word) in self._by_start or key(word) in self._by_substance

    def _names(self) -> set[str]:
        """Whole names, substances, and the first word of names, for those who leave the maker out."""
        found = {name for name in (*self._by_key, *self._by_substance) if len(name) >= SHORT}
        return found | {start for start in self._by_start if len(start) >= SHORT}

    def _split(self, text: str) -> tuple[str, Strength, str]:
        """Name, strength and the rest; the longest beginning that is a name counts (`A 313`, `VITAMINE B12`)."""
        parts = text.split()
        for count in range(min(len(parts), 8), 0, -1):
            name = key(" ".join(parts[:count]))
            if name in self._by_key and any(letter.isdigit() for letter in "".join(parts[:count])):
                return name, parse(" ".join(parts[count:]), bare=True), " ".join(parts[count:])
        at = next((n for n, part in enumerate(parts) if part[0].isdigit()), len(parts))
        rest = " ".join(parts[at:])
        return key(" ".join(parts[:at])), parse(rest.partition(", ")[0], bare=True), rest

    def _named(self, name: str) -> Found:
        """Everything that the name may mean."""
        if not name:
            return Found()
        exact = self._by_key.get(name, []) + [m for longer in self._beginning_with(name) for m in self._by_key[longer]]
        exact += self._by_substance.get(name, [])
        if exact:
            return Found(_once(exact), 100.0, True)
        shorter = self._beginning_of(name)
        return Found(_once(shorter), 95.0, True) if shorter else self._resembling(name)

    def _beginning_with(self, name: str) -> list[str]:
        """Names of which this is the first words."""
        first = name.partition(" ")[0]
        return [longer for longer in self._by_start.get(first, ()) if longer.startswith(name + " ")]

    def _beginning_of(self, name: str) -> list[Medicine]:
        """Names, or substances, which are the first words of this (`DOLIPRANE cp`)."""
        parts = name.split()
        for count in range(len(parts) - 1, 0, -1):
            start = " ".join(parts[:count])
            if len(start) >= 4 and (start in self._by_key or start in self._by_substance):
                longer = [medicine for name in self._beginning_with(start) for medicine in self._by_key[name]]
                return self._by_key.get(start, []) + longer + self._by_substance.get(start, [])
        return []

    def _resembling(self, name: str) -> Found:
        """By the likeness of letters; the best names only, and never a short one."""
        if len(name) < SHORT:
            return Found()
        close = process.extract(name, self._vocabulary, scorer=fuzz.ratio, score_cutoff=RESEMBLANCE, limit=NAMES_TRIED)
        if not close:
            return Found()
        best = close[0][1]
        found: list[Medicine] = []
        for near, score, _at in close:
            if score >= best - 4:
                found += self._named(near).medicines
        return Found(_once(found), best, False)

    def _passing(self, named: Found, asked: Strength) -> Found:
        """Those whose strength is the one asked; without one asked, all."""
        if not asked:
            return named
        gates = {medicine.cis: gate(asked, medicine.strengths) for medicine in named.medicines}
        best = max(gates.values(), key=lambda way: way.value, default=Gate.SHUT)
        if best is Gate.SHUT:
            return Found()
        kept = tuple(medicine for medicine in named.medicines if gates[medicine.cis] is best)
        return Found(kept, named.score, named.sure, best)


def has_form(medicine: Medicine, written: str) -> bool:
    """Whether this form, or what it is short for, is the medicine's; nothing written contradicts nothing."""
    asked = words(written)
    return not asked or any({word, _FORMS.get(word, word)} & medicine.form_words for word in asked)


def _once(medicines: list[Medicine]) -> tuple[Medicine, ...]:
    return tuple({medicine.cis: medicine for medicine in medicines}.values())


def _rank(medicine: Medicine, form: tuple[str, ...], asked: Strength) -> tuple[float, ...]:
    """Smaller is better: of the form written, marketed, one strength, the shorter label."""
    wanted = {_FORMS.get(word, word) for word in form}
    alone = not asked and medicine.strengths and medicine.strengths[0].several
    return (-len(wanted & medicine.form_words), not medicine.marketed, bool(alone), len(medicine.label))


def _narrow(found: Found, form: tuple[str, ...], asked: Strength) -> Found:
    """Those that fit the form best; marketed ones before the others."""
    ranked = sorted(found.medicines, key=lambda one: _rank(one, form, asked))
    first = _rank(ranked[0], form, asked)[:2]
    kept = tuple(medicine for medicine in ranked if _rank(medicine, form, asked)[:2] == first)
    return Found(kept, found.score, found.sure, found.gate)
