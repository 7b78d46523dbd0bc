"""All words of an edition being built, and the cards of each; in memory, as tightly as the standard library allows."""

from array import array
from collections.abc import Iterable, Iterator

from directory.edition import postings


class Vocabulary:
    """Words get numbers in the order in which they come. Two lists a word: cards with a mailbox stand before others."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self._first: list[array[int]] = []
        self._rest: list[array[int]] = []

    def numbers_of(self, words: Iterable[str]) -> tuple[int, ...]:
        """The numbers of these words, new ones included."""
        numbers, found = self.numbers, []
        for word in words:
            number = numbers.get(word)
            if number is None:
                number = numbers[word] = len(numbers)
                self._first.append(array("I"))
                self._rest.append(array("I"))
            found.append(number)
        return tuple(found)

    def post(self, card: int, numbers: Iterable[int], *, first: bool) -> None:
        """The card holds these words, each named once. Cards of each list come in ascending order."""
        lists = self._first if first else self._rest
        for number in numbers:
            lists[number].append(card)

    def rows(self, size: int) -> Iterator[tuple[int, str, int, bytes]]:
        """Rows of `words`."""
        for word, number in self.numbers.items():
            cards = self._first[number]
            cards.extend(self._rest[number])
            self._first[number] = self._rest[number] = _NONE
            yield number, word, len(cards), postings.pack(cards, size)

    def plain(self) -> list[str]:
        """The words without the letters of their fields."""
        return sorted({word[1:] for word in self.numbers})


_NONE: "array[int]" = array("I")
