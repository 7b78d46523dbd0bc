"""One LDAP search over the annuaire: candidates, then the filter on each entry; the latest searches are remembered."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from directory.annuaire import Annuaire
from directory.edition.card import Card, unpack
from directory.ldap import messages as m
from directory.ldap import tree
from directory.ldap.filters import Filter, matches
from directory.ldap.plan import texts
from directory.ldap.tree import Attributes, normal

REMEMBERED = 512
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
        self._known: OrderedDict[tuple[int, str, int], list[Card]] = OrderedDict()
        self._lock = Lock()

    def find(self, asked: m.Search, limit: int) -> Answer:
        """Entries that fit, at most `limit`. Raises DatabaseDown."""
        base = normal(asked.base)
        if base not in _BASES and not base.startswith("mail="):
            return Answer([], code=m.NO_SUCH_OBJECT)
        if asked.scope == m.BASE and not base.startswith("mail="):
            return self._container(asked, base)
        found: dict[str, tuple[Card, Attributes]] = {}
        for dn, card, attributes in self._candidates(asked.filter, base, limit):
            if dn in found or not _below(dn, base, asked.scope):
                continue
            if matches(_renamed(asked.filter), attributes, tree.KNOWN):
                found[dn] = card, attributes
            if len(found) > limit:
                break
        listed = list(found.items())[:limit]
        certificates = self._certificates([one["mail"][0] for _, (_, one) in listed]) if _wants(asked) else {}
        entries = [_entry(dn, attributes, asked, certificates) for dn, (_, attributes) in listed]
        return Answer(entries, more=len(found) > limit)

    def _container(self, asked: m.Search, base: str) -> Answer:
        name = "o" if base == tree.ROOT else "ou"
        kind = "organization" if name == "o" else "organizationalUnit"
        attributes: Attributes = {"objectclass": ["top", kind], name: [base.partition(",")[0].partition("=")[2]]}
        fits = matches(asked.filter, attributes, tree.KNOWN)
        return Answer([_entry(base, attributes, asked, {})] if fits else [])

    def _candidates(self, wanted: Filter, base: str, limit: int) -> Iterable[tuple[str, Card, Attributes]]:
        asked = [base[5:].partition(",")[0]] if base.startswith("mail=") else texts(wanted)
        cards = self._everybody(limit) if asked is None else self._searched(asked, limit)
        for card in cards:
            for dn, attributes in tree.entries_of(card):
                yield dn, card, attributes

    def _searched(self, asked: list[str], limit: int) -> Iterable[Card]:
        for text in asked:
            yield from self._one(text, limit)

    def _one(self, text: str, limit: int) -> list[Card]:
        key = (self._annuaire.serial, text, limit)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        cards = [one.card for one in self._annuaire.search(text, limit=limit + 1)]
        with self._lock:
            self._known[key] = cards
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return cards

    def _everybody(self, limit: int) -> Iterable[Card]:
        """From the first card on: those with a mailbox stand there."""
        reader = self._annuaire.reader()
        for _, text in reader.cards_after(-1, limit * 4) if reader else ():
            card = unpack(text)
            yield replace(card, boxes=tuple(box for box in card.boxes if not box.red_list))


_BASES = frozenset(("", tree.ROOT, tree.PEOPLE, tree.PLACES))


def _below(dn: str, base: str, scope: int) -> bool:
    where = normal(dn)
    if base.startswith("mail="):
        return where == base and scope != m.ONE
    parent = where.partition(",")[2]
    if scope == m.ONE:
        return parent == base
    return not base or parent == base or parent.endswith(f",{base}")


def _renamed(wanted: Filter) -> Filter:
    """With the names that entries use."""
    name = tree.ALIASES.get(wanted.attribute, wanted.attribute)
    return Filter(wanted.kind, name, wanted.values, tuple(_renamed(part) for part in wanted.parts))


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
