"""Cards in the order in which people want them: what was typed first, then those that can be written to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from directory.edition.card import PERSON, Box, Card, Place, department_of
from directory.query import Query
from directory.words import name_words, words_of

BEGINS = 0.9
ELSEWHERE = 0.97  # a word of the name weighs a little more than the same one in a place
LEAST = 0.55
Alike = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Found:
    """A card and how well it fits: 1 is exactly."""

    card: Card
    score: float


def rank(cards: Iterable[Card], query: Query, limit: int, *, see_red: bool, alike: Alike | None = None) -> list[Found]:
    """The best first. Of each card, the place that fits stands first and the boxes in the order of preference.

    `alike`: typed word → words taken for it, with how well they fit.
    """
    asked = _Asked(query, alike or {})
    scored = [(asked.score(card), -order, card) for order, card in enumerate(cards)]
    best = sorted((one for one in scored if one[0] >= LEAST), key=lambda one: (*order(query, one[0], one[2]), -one[1]))
    return [Found(_shown(card, asked, see_red=see_red), round(score, 4)) for score, _, card in best[:limit]]


def order(query: Query, score: float, card: Card) -> tuple[float, int, float]:
    """The smallest first. Of a beginning alone, who can be written to comes before who has the shorter name."""
    alone = len(query.words) == 1
    return -(BEGINS if alone and BEGINS <= score < 1 else score), _reach(card), -score


class _Likes(dict[str, float]):
    """How well each word met fits one typed word, worked out once for all cards."""

    def __init__(self, word: str, alike: Mapping[str, float], *, unfinished: bool) -> None:
        super().__init__(alike)
        self._word = word
        self._unfinished = unfinished
        self[word] = 1.0

    def __missing__(self, other: str) -> float:
        begins = self._unfinished and other.startswith(self._word)
        score = self[other] = BEGINS + 0.09 * len(self._word) / len(other) if begins else 0.0
        return score

    def best(self, others: Sequence[str]) -> float:
        return max(map(self.__getitem__, others), default=0.0)


class _Asked:
    """The query's words with all that they were compared with."""

    def __init__(self, query: Query, alike: Alike) -> None:
        last = query.words[-1] if query.words else ""
        self.words = [_Likes(word, alike.get(word, {}), unfinished=word == last) for word in query.words]
        self.profession = [_Likes(word, alike.get(word, {}), unfinished=True) for word in query.profession]
        self.place = [_Likes(word, alike.get(word, {}), unfinished=True) for word in query.place]

    def score(self, card: Card) -> float:
        """The mean over all words of how well the best word of the card fits."""
        names = (*name_words(card.family), *name_words(card.given))
        jobs = words_of(card.profession) + words_of(card.specialty)
        places: tuple[str, ...] | None = None
        scores = []
        for likes in self.words:
            best = likes.best(names)
            if best < BEGINS:  # a name that begins so is meant, whatever else does
                places = place_texts(card) if places is None else places
                best = max(best, likes.best(jobs) * ELSEWHERE, likes.best(places) * ELSEWHERE)
            scores.append(best)
        if scores and sum(scores) / len(scores) < LEAST:
            return 0.0  # somebody of that profession in that place, but not whom was asked for
        scores += [likes.best(jobs) for likes in self.profession]
        if self.place:
            places = place_texts(card) if places is None else places
            scores += [likes.best(places) for likes in self.place]
        return sum(scores) / len(scores) if scores else 1.0

    def place_score(self, place: Place) -> float:
        """How much of what was typed stands in this place."""
        words = _place_words(place)
        return sum(likes.best(words) >= BEGINS for likes in (*self.words, *self.place))


def place_texts(card: Card) -> tuple[str, ...]:
    """All words of a card's places."""
    return tuple(word for place in card.places for word in _place_words(place))


def _place_words(place: Place) -> tuple[str, ...]:
    return _words_of_place(place.postcode, place.city, place.name, place.department)


@lru_cache(maxsize=1 << 15)
def _words_of_place(postcode: str, city: str, name: str, department: str) -> tuple[str, ...]:
    numbers = (postcode.lower(), department_of(postcode)) if postcode else ()
    return tuple(dict.fromkeys((*numbers, *name_words(city), *name_words(name), *name_words(department))))


def _reach(card: Card) -> int:
    """Who has a mailbox that takes paperless mail comes first, then who has one, then the others."""
    if not card.boxes:
        return 2
    return 0 if any(box.digital for box in card.boxes) else 1


def _shown(card: Card, asked: _Asked, *, see_red: bool) -> Card:
    if len(card.boxes) < 2 and len(card.places) < 2 and not any(box.red_list for box in card.boxes):
        return card  # as most are: nothing to hide, nothing to order
    boxes = [box for box in card.boxes if see_red or not box.red_list]
    places = card.places
    if len(places) > 1 and card.type == PERSON:
        places = tuple(sorted(places, key=lambda place: -asked.place_score(place)))
    return card._replace(boxes=tuple(sorted(boxes, key=_preferred)), places=places)


def _preferred(box: Box) -> tuple[int, bool]:
    """Rank 1 first, unknown ranks last; then those that take paperless mail."""
    return box.rank or 1_000, not box.digital
