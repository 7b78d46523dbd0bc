"""One LDAP search over the annuaire: candidates from its index, then the filter on each entry."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from directory.annuaire import Annuaire
from directory.edition.card import Box, Card, unpack
from directory.edition.readers import Reader
from directory.ldap import messages as m
from directory.ldap import tree
from directory.ldap.filters import Filter, matches, named
from directory.ldap.plan import Lookup, plan
from directory.ldap.tree import Attributes, normal
from directory.listing import (
    MOST,
    Listed,
    Numbered,
    by_beginning_first,
    by_piece_of_address,
    by_pieces,
    everything,
)
from directory.query import parse
from directory.ranking import rank
from directory.search import search

EACH = 2  # cards for each entry that is wanted: some have no mailbox, some do not fit
LIKELIEST = 40  # of the words that begin so
LOOKED_AT = 10_000  # cards, where a filter names nothing that is indexed
CERTIFICATE = "usercertificate"
Certificates = Callable[[Sequence[str]], Mapping[str, Sequence[bytes]]]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is given to a client: spelled names with their values as octets."""

    dn: str
    attributes: list[tuple[str, list[bytes]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """`more`: there was more than the limit allows."""

    entries: list[Entry]
    more: bool = False
    code: int = m.SUCCESS


class Finder:
    """Searches for many clients at once, each call in a thread of its own."""

    def __init__(self, annuaire: Annuaire, certificates: Certificates) -> None:
        self._annuaire = annuaire
        self._certificates = certificates

    def find(self, asked: m.Search, limit: int) -> Answer:
        """Entries that fit, at most `limit`. Raises DatabaseDown."""
        base = normal(asked.base)
        if base not in _BASES and not base.startswith("mail="):
            return Answer([], code=m.NO_SUCH_OBJECT)
        if asked.scope == m.BASE and not base.startswith("mail="):
            return self._container(asked, base)
        found: dict[str, Attributes] = dict(_containers(asked, base))
        look = _Look(self._annuaire.reader(), asked.filter, base, limit)
        wanted = _renamed(asked.filter)
        needed, shown = frozenset(named(wanted)), _shown(asked)
        exists = not base.startswith("mail=")
        for card, box in look.candidates():
            dn = tree.dn_of(card, box)
            exists = exists or normal(dn) == base
            inside = dn not in found and _below(dn, base, asked.scope)
            if inside and matches(wanted, tree.attributes_of(card, box, needed), tree.KNOWN):
                found[dn] = tree.attributes_of(card, box, shown)
            if len(found) > limit:
                break
        code = m.SUCCESS if exists else m.NO_SUCH_OBJECT
        return self._answer(asked, found, limit, m.ADMIN_LIMIT if look.was_cut and len(found) <= limit else code)

    def _answer(self, asked: m.Search, found: dict[str, Attributes], limit: int, code: int) -> Answer:
        listed = list(found.items())[:limit]
        addresses = [one["mail"][0] for _, one in listed if "mail" in one]
        certificates = self._certificates(addresses) if addresses and _wants(asked) else {}
        entries = [_entry(dn, attributes, asked, certificates) for dn, attributes in listed]
        return Answer(entries, more=len(found) > limit, code=code)

    def _container(self, asked: m.Search, base: str) -> Answer:
        attributes = _described(base)
        fits = matches(_renamed(asked.filter), attributes, tree.KNOWN)
        return Answer([_entry(base, attributes, asked, {})] if fits else [])


class _Look:
    """The cards that one filter may be about: those that fit best first, as many as the limit may need; then all that
    the index has, or, where it has too many, a bounded number (`was_cut`)."""

    def __init__(self, reader: Reader | None, wanted: Filter, base: str, limit: int) -> None:
        self._reader = reader
        self._limit = limit
        self._lookups = [Lookup(address=_address_of(base))] if base.startswith("mail=") else plan(wanted)
        self._has_everybody = False
        self.was_cut = False

    def candidates(self) -> Iterator[tuple[Card, Box]]:
        """Each mailbox once, with the card of whom it is. Nothing of the red list."""
        seen: set[tuple[str, str]] = set()
        for card in self._cards():
            if (card.type, card.key) not in seen:
                seen.add((card.type, card.key))
                yield from ((card, box) for box in card.boxes if not box.red_list)

    def _cards(self) -> Iterator[Card]:
        reader, lookups = self._reader, self._lookups
        if reader is None:
            return
        if lookups is None:
            yield from self._everybody(reader)
            return
        whole = True
        for lookup in lookups:
            found = self._first(reader, lookup)
            whole &= found.whole
            yield from (one.card for one in found.cards)
        for more in (self._longer, self._all) if not whole else ():
            for lookup in lookups:
                yield from more(reader, lookup)

    def _first(self, reader: Reader, lookup: Lookup) -> Listed:
        """Of words those that begin so, the likeliest of them, in the order in which people want them."""
        if lookup.alike:
            found = search(reader, parse(_text(lookup)), limit=self._limit + 1)
            return Listed([Numbered(0, one.card) for one in found], whole=True)
        if lookup.address:
            return by_beginning_first(reader, lookup.address, self._limit * EACH)
        if not lookup.words:
            return _all(reader, lookup)
        asked = [(fields, word, False) for fields, word, _ in lookup.words]
        listed = by_pieces(reader, asked, self._limit * EACH + 1, LIKELIEST)
        ranked = rank((one.card for one in listed.cards), parse(_text(lookup)), len(listed.cards), see_red=False)
        rest = {found.card.key for found in ranked}
        cards = [found.card for found in ranked] + [one.card for one in listed.cards if one.card.key not in rest]
        inside = any(inside for _, _, inside in lookup.words)
        return Listed([Numbered(0, card) for card in cards], whole=listed.whole and not inside)

    def _longer(self, reader: Reader, lookup: Lookup) -> Iterator[Card]:
        """A word that stands in many names, but begins few: those that begin with a longer one."""
        if len(lookup.words) == 1 and not lookup.alike:
            listed = by_pieces(reader, lookup.words, self._limit * EACH, LIKELIEST, longer=True)
            yield from (one.card for one in listed.cards)

    def _all(self, reader: Reader, lookup: Lookup) -> Iterator[Card]:
        listed = _all(reader, lookup)
        if not listed.whole and (not listed.cards or reader.size <= LOOKED_AT):
            yield from self._everybody(reader)
            return
        self.was_cut = self.was_cut or not listed.whole
        yield from (one.card for one in listed.cards)

    def _everybody(self, reader: Reader) -> Iterator[Card]:
        """From the first card on, once: those with a mailbox stand there."""
        if self._has_everybody:
            return
        self._has_everybody = True
        for number, one in enumerate(everything(reader, "", -1)):
            if number >= LOOKED_AT:
                self.was_cut = True
                return
            yield one.card


def _all(reader: Reader, lookup: Lookup) -> Listed:
    """Every card of a look-up, if they are not too many."""
    if lookup.key:
        rows = reader.cards_beginning(lookup.key, MOST + 1)
        return Listed([Numbered(number, unpack(text)) for number, text in rows[:MOST]], whole=len(rows) <= MOST)
    if lookup.address:
        return by_beginning_first(reader, lookup.address, MOST)
    if lookup.held:
        found = by_piece_of_address(reader, lookup.held)
        return Listed(found or [], whole=found is not None)
    return by_pieces(reader, lookup.words, MOST)


def _text(lookup: Lookup) -> str:
    return " ".join(word for _, word, _ in lookup.words)


def _address_of(base: str) -> str:
    return tree.unescaped(base[5:].partition(f",{tree.PEOPLE}")[0].partition(f",{tree.PLACES}")[0])


def _containers(asked: m.Search, base: str) -> Iterator[tuple[str, Attributes]]:
    """The root and its two branches, where they are in the scope and fit."""
    for dn in (tree.ROOT, tree.PEOPLE, tree.PLACES):
        inside = _below(dn, base, asked.scope) or (asked.scope == m.SUBTREE and dn == base)
        attributes = _described(dn)
        if inside and matches(_renamed(asked.filter), attributes, tree.KNOWN):
            yield dn, attributes


def _described(dn: str) -> Attributes:
    """The attributes of a branch."""
    name = "o" if dn == tree.ROOT else "ou"
    kind = "organization" if name == "o" else "organizationalUnit"
    return {"objectclass": ["top", kind], name: [dn.partition(",")[0].partition("=")[2]]}


_BASES = frozenset(("", tree.ROOT, tree.PEOPLE, tree.PLACES))


def _below(dn: str, base: str, scope: int) -> bool:
    if base.startswith("mail="):
        return normal(dn) == base and scope != m.ONE
    parent = dn.partition(",")[2]
    if scope == m.ONE:
        return parent == base
    return not base or parent == base or parent.endswith(f",{base}")


def _renamed(wanted: Filter) -> Filter:
    """With the names that entries use."""
    name = tree.ALIASES.get(wanted.attribute, wanted.attribute)
    return Filter(wanted.kind, name, wanted.values, tuple(_renamed(part) for part in wanted.parts))


def _shown(asked: m.Search) -> frozenset[str] | None:
    """The attributes to be read of what fits; None: all."""
    names = {tree.ALIASES.get(name.lower(), name.lower()) for name in asked.attributes}
    return frozenset(names | {"mail"}) if names and "*" not in names else None


def _wants(asked: m.Search) -> bool:
    return (
        any(name.partition(";")[0].lower() in (CERTIFICATE, "*") for name in asked.attributes) or not asked.attributes
    )


def _entry(dn: str, attributes: Attributes, asked: m.Search, certificates: Mapping[str, Sequence[bytes]]) -> Entry:
    """With the attributes asked for: none named or `*` is all, `1.1` is none (RFC 4511 §4.5.1.8)."""
    chosen = given(attributes, asked.attributes, types_only=asked.types_only)
    held = certificates.get(attributes.get("mail", [""])[0], ())
    if held:
        chosen.append(("userCertificate;binary", [] if asked.types_only else list(held)))
    return Entry(dn, chosen)


def given(attributes: Attributes, names: Sequence[str], *, types_only: bool) -> list[tuple[str, list[bytes]]]:
    """The chosen attributes as they are sent, each under the name by which it was asked for."""
    found: list[tuple[str, list[bytes]]] = []
    everything = not names or "*" in names
    asked = {tree.ALIASES.get(name.lower(), name.lower()): name for name in names}
    for key, values in attributes.items():
        if everything or key in asked:
            spelled = asked.get(key) or tree.SPELLED.get(key, key)
            found.append((spelled, [] if types_only else [value.encode() for value in values]))
    return found
