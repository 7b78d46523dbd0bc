"""Search as people type: words in any order, without accents, unfinished, misspelt, or spelt as they sound.

A word stands for several of the annuaire: itself, those that begin so, those nearly alike. What all words of the query
have in common are the candidates; they are read and compared letter by letter. Several rounds, the next one only where
the one before found too little: exactly, unfinished, misspelt, then with a word that fits nowhere.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from directory.edition.candidates import Group, Groups, Variant
from directory.edition.card import AT, JOB, NAME, WHERE, Card, unpack
from directory.edition.neighbours import letter_buckets, sound_buckets
from directory.edition.readers import Reader
from directory.nearness import by_letters, by_sound
from directory.query import Query
from directory.ranking import Found, order, rank
from directory.words import name_words

FIELDS = NAME + WHERE + JOB + AT
CANDIDATES = 24
EACH_WAY, WAYS = 5, 10  # cards of each way to read a misspelt word
GOOD, FITS, CERTAIN = 0.75, 0.95, 0.97
MANY_WORDS = 4  # whoever types so many means somebody: one that fits is enough
VARIANTS = 14
BEGINNINGS = 24
SHORTEST_ALIKE = 3
MANY_OF = 1_000  # one card in so many has a word of what structures are, not of what one is called
MEANT = 0.96  # how well a word fits that people use for another
# What people say for a word of the register.
SAID_FOR = {
    "anesthesiste": ("anesthesie",),
    "ch": ("hospitalier",),
    "chu": ("hospitalier", "universitaire"),
    "generaliste": ("generale",),
    "hopital": ("hospitalier",),
    "officine": ("pharmacie",),
    "orl": ("oto",),
    "psy": ("psychologue", "psychiatrie"),
}
LONGEST_RUN = 5  # words that are one in the annuaire: `val jude sur brenne`
# What all groups have in common; where that is too much, by each of the ways to read a misspelt word.
Plan = tuple[list[Group], list[list[Group]]]
_NUMBER_KEYS = ("8", "1", "0", "3", "4", "")


def search(reader: Reader, query: Query, *, limit: int = 10, see_red: bool = False) -> list[Found]:
    """The best first, at most `limit`. Unless `see_red`, no red-listed mailbox is shown, nor told whose it is."""
    if query.is_empty or reader.size == 0:
        return []
    cards = _by_number(reader, query, limit) if query.number else None
    if cards is None and query.address:
        found = _unique(reader.cards(reader.boxes(query.address, limit * 2)))
        cards = [card for card in found if see_red or _shows(card, query.address)]
    if cards is not None:
        ranked = rank(_narrowed(cards, query), query, len(cards), see_red=see_red)
        return sorted(ranked, key=lambda one: not _is_of(one.card, query.number))[:limit]
    return _Search(reader, query, limit, see_red=see_red).found()


def _by_number(reader: Reader, query: Query, limit: int) -> list[Card]:
    """RPPS, FINESS with those who work there, SIRET; the beginning of one where nothing is whole."""
    rows = reader.cards_by_key([f"{kind}{query.number}" for kind in _NUMBER_KEYS])
    if not rows:
        for kind in ("8", "1"):
            rows = rows + reader.cards_beginning(kind + query.number, limit)
    people = reader.people_of_structure(f"1{query.number}", limit * 3)
    return _unique(rows + reader.cards_by_key(people))


def _shows(card: Card, beginning: str) -> bool:
    """Whether an address that begins so is one that may be shown."""
    return any(box.address.startswith(beginning) and not box.red_list for box in card.boxes)


def _is_of(card: Card, number: str) -> bool:
    """Whose number it is, before those who work there."""
    return bool(number) and number in (card.key, card.key[1:])


def _narrowed(cards: list[Card], query: Query) -> list[Card]:
    """With the profession and the place that were asked for."""
    if not query.profession and not query.place:
        return cards
    asked = Query(profession=query.profession, place=query.place)
    return [found.card for found in rank(cards, asked, len(cards), see_red=True) if found.score > 0.6]


@dataclass(frozen=True, slots=True)
class _Word:
    """A typed word, or several that are one: the fields in which it may stand, and whether its end may lack."""

    text: str
    fields: str
    unfinished: bool


@dataclass
class _Search:
    """One query by words: what was read of the annuaire is kept from round to round."""

    reader: Reader
    query: Query
    limit: int
    see_red: bool
    alike: dict[str, dict[str, float]] = field(default_factory=dict)
    _cards: dict[int, Card] = field(default_factory=dict)
    _rows: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    _near: dict[str, dict[str, float]] = field(default_factory=dict)
    _groups: dict[_Word, Group] = field(default_factory=dict)

    def __post_init__(self) -> None:
        last = self.query.words[-1] if self.query.words else ""
        self._words = [
            *(_Word(word, FIELDS, word == last) for word in self.query.words),
            *(_Word(word, JOB, True) for word in self.query.profession),
            *(_Word(word, WHERE, True) for word in self.query.place),
        ]
        runs = [run for _, _, run in self._runs()]
        meant = [other for word in self._words for other in SAID_FOR.get(word.text, ())]
        self._look_up([word.text for word in self._words] + meant + runs)

    def found(self) -> list[Found]:
        """Round after round until enough is good."""
        found: dict[str, Found] = {}
        for round_, enough in _ROUNDS:
            for one in self._ranked(self._numbers(round_(self))):
                before = found.get(one.card.key)
                if before is None or before.score < one.score:
                    found[one.card.key] = one
            if self._is_enough(found.values(), enough):
                break
        best = sorted(found.values(), key=lambda one: order(self.query, one.score, one.card))
        return (best if any(one.score >= CERTAIN for one in best) else self._by_turns(best))[: self.limit]

    def _is_enough(self, found: Iterable[Found], enough: int) -> bool:
        """Of few words, a name that fits may be the slip for another: some more are shown beside it."""
        scores = [one.score for one in found]
        fitting = sum(score >= FITS for score in scores)
        if fitting >= (1 if len(self._words) >= MANY_WORDS else enough):
            return True
        return not fitting and enough == 1 and any(score >= GOOD for score in scores)

    def _numbers(self, plans: Iterable[Plan]) -> list[int]:
        """Of each plan in turn, as long as there are too few. Where a misspelt word fills the list, each of the ways
        to read it has a share."""
        numbers: dict[int, None] = {}
        for groups, ways in plans:
            found = Groups(self.reader, groups).numbers(self._most)
            if ways and len(found) >= self._most:
                each = max(EACH_WAY, self.limit)
                found = [number for way in ways for number in Groups(self.reader, way).numbers(each)]
            numbers.update(dict.fromkeys(found))
            if len(numbers) >= self._most:
                break
        return list(numbers)

    @property
    def _most(self) -> int:
        return max(CANDIDATES, self.limit * 2)

    def _ranked(self, numbers: Iterable[int]) -> list[Found]:
        wanted = list(numbers)
        if not wanted:
            return []
        missing = [number for number in wanted if number not in self._cards]
        for number, text in self.reader.cards(missing):
            self._cards[number] = unpack(text)
        cards = (self._cards[number] for number in sorted(wanted) if number in self._cards)
        kept = self._most * 2 if self._near else self.limit * 2
        return rank(cards, self.query, kept, see_red=self.see_red, alike=self.alike)

    def exactly(self) -> list[Plan]:
        """Every word as it is; words that follow each other and are one name in the annuaire, as that name."""
        groups = [self._exact(word) for word in self._words]
        joined = [found for run in self._joined() if (found := self._with_run(run, groups))]
        whole = [group for group in groups if group]
        return [(one, []) for one in joined + ([whole] if len(whole) == len(groups) else [])]

    def unfinished(self) -> list[Plan]:
        """The last word typed, and what narrows the search, may lack their ends; the words before are whole, but for
        professions cut short."""
        groups = []
        for word in self._words:
            exact = self._exact(word)
            begun = self._beginning(word) if word.unfinished else () if exact else self._cut_short(word)
            if not exact and not begun:
                return []
            groups.append(Group((*(exact.variants if exact else ()), *begun)))
        return [(groups, [])]

    def misspelt(self) -> list[Plan]:
        """Words that the annuaire does not hold, for those that are nearly alike; the others as they are."""
        unknown = [place for place, word in enumerate(self._words) if not self._exact(word)]
        if not unknown:
            return []
        groups = [self._exact(word) or self._nearly(word) for word in self._words]
        return [(known, self._ways(known, self._words[unknown[0]])) for known in _bearable(groups)]

    def misused(self) -> list[Plan]:
        """A slip may have made another word: each in turn is taken for those alike, the others as they are."""
        exact = [self._exact(word) for word in self._words]
        found = []
        for place, word in enumerate(self._words):
            others = [group or self._nearly(other) for group, other in zip(exact, self._words, strict=True)]
            others[place] = self._nearly(word)
            found += [(known, self._ways(known, word)) for known in _bearable(others)]
        return found

    def _ways(self, groups: list[Group], word: _Word) -> list[list[Group]]:
        """A word that may be one of several alike: a query for each of the likeliest, so that none fills the list."""
        taken_for = self._nearly(word)
        if taken_for not in groups:
            return []
        others = [group for group in groups if group is not taken_for]
        near = self._near[word.text]
        likeliest = sorted(near, key=lambda other: -near[other])[:WAYS]
        found = []
        for other in likeliest:
            exact = self._exact(_Word(other, word.fields, unfinished=False))
            if exact:
                found.append([exact, *others])
        return found

    def all_misused(self) -> list[Plan]:
        """Every word may be misspelt."""
        groups = [self._nearly(word) for word in self._words] if len(self._words) > 1 else []
        return [(known, []) for known in _bearable(groups)]

    def lacking(self) -> list[Plan]:
        """All but one word, each in turn: somebody works in the next town, or was told wrong."""
        groups = [group for word in self._words if (group := self._exact(word) or self._nearly(word)).variants]
        if len(groups) < 3:
            return []
        return [(groups[:place] + groups[place + 1 :], []) for place in range(len(groups))]

    def _by_turns(self, found: Sequence[Found]) -> list[Found]:
        """Where nobody has the very name, the best of each way to read it come first, then the second ones."""
        near = {word for words in self._near.values() for word in words}
        turns: dict[frozenset[str], int] = {}
        places = []
        for one in found:
            read = near.intersection((*name_words(one.card.family), *name_words(one.card.given)))
            turn = turns[frozenset(read)] = turns.get(frozenset(read), -1) + 1
            places.append((turn, -one.score))
        return [found[place] for place in sorted(range(len(found)), key=lambda place: places[place])]

    def _likelihood(self, word: str) -> float:
        """Of two names that are equally near, the more frequent one is meant more often."""
        row = self._rows.get(NAME + word)
        return min(0.04, 0.004 * row[1].bit_length()) if row else 0.0

    def _runs(self) -> list[tuple[int, int, str]]:
        """Words that follow each other as one: first, one past the last, text."""
        words = self.query.words
        return [
            (start, end, "".join(words[start:end]))
            for start in range(len(words) - 1)
            for end in range(start + 2, min(len(words), start + LONGEST_RUN) + 1)
        ]

    def _joined(self) -> list[tuple[int, int, str]]:
        """Runs that the annuaire holds as a name, the longest first."""
        held = [run for run in self._runs() if any(self._rows.get(one + run[2]) for one in NAME + WHERE + AT)]
        return sorted(held, key=lambda run: run[0] - run[1])[:2]

    def _with_run(self, run: tuple[int, int, str], groups: Sequence[Group | None]) -> list[Group] | None:
        start, end, text = run
        others = [group for place, group in enumerate(groups) if not start <= place < end]
        if not all(others):
            return None
        for word in self.query.words[start:end]:
            self.alike.setdefault(word, {})[text] = 1.0
        made = self._exact(_Word(text, NAME + WHERE + AT, unfinished=False))
        return [group for group in (made, *others) if group]

    def _look_up(self, words: Iterable[str]) -> None:
        """Number and count of each word in each field, in one statement."""
        wanted = {one + word for word in words for one in FIELDS} - self._rows.keys()
        self._rows.update(dict.fromkeys(wanted))
        self._rows.update((word, (number, cards)) for number, word, cards in self.reader.words(wanted))

    def _exact(self, word: _Word) -> Group | None:
        rows = [(one, row) for one in word.fields if (row := self._rows.get(one + word.text))]
        variants = tuple(Variant(*row, 1.0, one == NAME) for one, row in rows) + self._said_for(word)
        return Group(variants) if variants else None

    def _said_for(self, word: _Word) -> tuple[Variant, ...]:
        """What people call otherwise than the register does."""
        found = []
        for other in SAID_FOR.get(word.text, ()):
            rows = [row for one in JOB + AT if one in word.fields and (row := self._rows.get(one + other))]
            found += [Variant(*row, MEANT) for row in rows]
            self.alike.setdefault(word.text, {})[other] = MEANT
        return tuple(found)

    def _cut_short(self, word: _Word) -> tuple[Variant, ...]:
        """`kine`, `cardio`, `labo`: professions that begin so, and what many structures are called."""
        if len(word.text) < SHORTEST_ALIKE:
            return ()
        rows = self.reader.beginning_each([one + word.text for one in JOB + AT if one in word.fields])
        frequent = [row for row in rows if row[1][0] == JOB or row[2] > self.reader.size // MANY_OF]
        likeliest = sorted(frequent, key=lambda row: -row[2])[:BEGINNINGS]
        self.alike.setdefault(word.text, {}).update((text[1:], MEANT) for _, text, _ in likeliest)
        return tuple(Variant(number, cards, MEANT) for number, _, cards in likeliest)

    def _beginning(self, word: _Word) -> tuple[Variant, ...]:
        return tuple(
            Variant(number, cards, 0.9, text[0] == NAME)
            for number, text, cards in self.reader.beginning_most([one + word.text for one in word.fields], BEGINNINGS)
            if text[1:] != word.text
        )

    def _nearly(self, word: _Word) -> Group:
        """The word itself, those that resemble it, those that begin with it where its end may lack."""
        made = self._groups.get(word)
        if made is None:
            made = self._groups[word] = self._made_nearly(word)
        return made

    def _made_nearly(self, word: _Word) -> Group:
        near = self._near.get(word.text)
        if near is None:
            near = self._near[word.text] = _alike(self.reader, word.text)
            self._look_up(near)
            near.update((other, score + self._likelihood(other)) for other, score in list(near.items()))
            self.alike.setdefault(word.text, {}).update(near)
        scores = {word.text: 1.0} | near
        rows = [(one, text, row) for text in scores for one in word.fields if (row := self._rows.get(one + text))]
        variants = tuple(Variant(*row, scores[text], one == NAME) for one, text, row in rows)
        return Group(variants + (self._beginning(word) if word.unfinished else ()))


# Each round, and how many good answers make the next one needless.
_ROUNDS: tuple[tuple[Callable[[_Search], list[Plan]], int], ...] = (
    (_Search.exactly, 5),
    (_Search.unfinished, 3),
    (_Search.misspelt, 1),
    (_Search.misused, 1),
    (_Search.all_misused, 1),
    (_Search.lacking, 1),
)


def _bearable(groups: Sequence[Group]) -> list[list[Group]]:
    """A word that nothing resembles is passed over, if others are left."""
    known = [group for group in groups if group.variants]
    return [known] if known and len(known) * 2 >= len(groups) else []


def _alike(reader: Reader, word: str) -> dict[str, float]:
    """Words of the annuaire that resemble this one, the most alike first."""
    if len(word) < SHORTEST_ALIKE or word[0].isdigit():
        return {}
    found = by_letters(word, reader.neighbours(letter_buckets(word)))
    for other, score in by_sound(word, reader.neighbours(sound_buckets(word))).items():
        found[other] = max(score, found.get(other, 0.0))
    found.pop(word, None)
    return dict(sorted(found.items(), key=lambda item: -item[1])[:VARIANTS])


def _unique(rows: Iterable[tuple[int, str]]) -> list[Card]:
    return [unpack(text) for text in dict(sorted(rows)).values()]
