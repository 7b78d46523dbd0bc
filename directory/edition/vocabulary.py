"""All words of an edition being built, and the cards of each; in memory, as tightly as the standard library allows."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator

from directory.edition import postings


class Vocabulary:
    """Words get numbers in the order in which they come. So do phrases, words that stand together on cards: a card is
    noted once for all of them."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self._cards: list[array[int]] = []  # by number, of words and of phrases
        self._phrases: defaultdict[int, array[int]] = defaultdict(lambda: array("I"))  # those that hold a word

    def numbers_of(self, words: Iterable[str]) -> tuple[int, ...]:
        """The numbers of these words, new ones included."""
        numbers, found = self.numbers, []
        for word in words:
            number = numbers.get(word)
            if number is None:
                number = numbers[word] = self._next()
            found.append(number)
        return tuple(found)

    def phrase_of(self, words: Iterable[str]) -> tuple[int, ...]:
        """The number of a new phrase of these words; of less than two words, theirs."""
        numbers = self.numbers_of(words)
        if len(numbers) < 2:
            return numbers
        phrase = self._next()
        for number in numbers:
            self._phrases[number].append(phrase)
        return (phrase,)

    def post(self, card: int, numbers: Iterable[int]) -> None:
        """The card holds these words and phrases."""
        cards = self._cards
        for number in numbers:
            cards[number].append(card)

    def rows(self, size: int) -> Iterator[tuple[int, str, int, bytes]]:
        """Rows of `words`."""
        for word, number in self.numbers.items():
            lists = [self._cards[one] for one in (number, *self._phrases.pop(number, ()))]
            yield number, word, *postings.pack_all(lists, size)

    def plain(self) -> list[str]:
        """The words without the letters of their fields."""
        return sorted({word[1:] for word in self.numbers})

    def _next(self) -> int:
        self._cards.append(array("I"))
        return len(self._cards) - 1
