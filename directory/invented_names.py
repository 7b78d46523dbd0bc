"""Invented French-looking names and places in any number, from a seed, as skewed as real ones are."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, product

_STARTS_TEXT = (
    "Bau Be Bel Ber Blan Bo Bon Bou Bre Bru Ca Cha Char Che Cla Co Cor Cou Da De Del Des Du Du Fa Fer Fon For "
    "Fou Ga Gau Ger Gi Gou Gra Gué Gui Ha Hé Hu Ja Jo Jou Ka Ker La Lam Lau Le Lé Lo Lou Ma Mar Mau Me Mi Mo "
    "Mon Mou Na Ni Pa Pas Pe Pé Per Pi Po Pou Pru Qué Ra Ré Ri Ro Rou Sa Sau Se Sé Si Sou Ta Té Thé Ti Tou Tré "
    "Va Ver Vi Vau Ysa"
)
_STARTS = _STARTS_TEXT.split()
_MIDDLES_TEXT = (
    "ba be bi bo cha chi co da de di do du fa gé gi gu la lé li lo lu ma mé mi mo na né ni no pi ra ré ri ro ru "
    "sa sé si so ta té ti to tu va vé vi vo zi"
)
_MIDDLES = _MIDDLES_TEXT.split()
_ENDS_TEXT = (
    "bert bin champ chet court dard deau din dot eau er et ez fort ge gnon gny gue lac lain lard lat let lier "
    "lin lon lot mand mont nard nat net nier non quet rand rat rel rier rin ron rot roux sac set sier sin son "
    "tard teau tel ter thier tin ton val vel ville vin"
)
_ENDS = _ENDS_TEXT.split()
_GIVEN_TEXT = (
    "Marie Jean Pierre Michel Philippe Nathalie Isabelle Alain Catherine Patrick Anne Christophe Françoise "
    "Nicolas Sophie Laurent Frédéric Céline Stéphane Valérie Julien Camille Thomas Julie Alexandre Émilie "
    "Sébastien Aurélie Éric Sandrine Olivier Véronique Pauline Antoine Claire Mathieu Hélène Vincent Élodie "
    "Benoît Chloé François Gaëlle Guillaume Marion Romain Lucie Maxime Manon Quentin Sarah Hugo Léa Théo Inès "
    "Raphaël Zoé Loïc Noémie Anaïs Rémi Jérôme Agnès Étienne Maëlys Kévin Océane Yann Solène Gwenaël Mélanie "
    "Cédric Delphine Bérengère Adélaïde Corentin Héloïse Léonie Clémence Thérèse Geneviève Jean-Baptiste Jean- "
    "Noël Marie-Laure Anne-Sophie Jean-François Marie-Hélène Jean-Luc Pierre-Yves Anne-Laure Mohamed Fatima "
    "Karim Samira Nguyen Linh Wei Ibrahima Aïssatou Wanda"
)
_GIVEN = _GIVEN_TEXT.split()
_PARTICLES = ("de ", "du ", "de la ", "d'", "le ", "van ", "von der ", "N'", "ben ")
_SAINTS = "Amour Aubin Brice Cyr Denis Élix Firmin Gildas Hilaire Jude Lô Malo Ours Paterne Rémy Sulpice Usuge Yvoire"
_RIVERS = ("sur-Aubance", "sur-Brenne", "en-Vexois", "les-Bains", "lès-Prés", "sous-Bois", "le-Vieux", "d'Ouche", "")
DEPARTMENTS = (*(f"{n:02d}" for n in range(1, 96) if n != 20), "2A", "2B", "971", "972", "973", "974")


@dataclass(frozen=True, slots=True)
class Commune:
    """An invented place with its postcode and its department's code and name."""

    postcode: str
    name: str
    department_code: str
    department: str


class Skewed:
    """Draws from `values`, the first ones much more often: weights 1/(rank + shift)^power."""

    def __init__(self, draw: random.Random, values: Sequence[str], power: float, shift: float) -> None:
        self.values = values
        self._draw = draw
        self._weights = list(accumulate((rank + shift) ** -power for rank in range(1, len(values) + 1)))

    def many(self, count: int) -> list[str]:
        return self._draw.choices(self.values, cum_weights=self._weights, k=count)


def families(draw: random.Random, count: int) -> list[str]:
    """`count` family names in the order of their frequency: some with particle, hyphen or apostrophe."""
    found = list(
        dict.fromkeys(
            [f"{start}{end}" for start, end in product(_STARTS, _ENDS)]
            + [f"{start}{middle}{end}" for start, middle, end in product(_STARTS, _MIDDLES, _ENDS)]
        )
    )
    common, rest = found[: len(_STARTS) * len(_ENDS)], found[len(_STARTS) * len(_ENDS) :]
    draw.shuffle(common)
    draw.shuffle(rest)
    plain = (common + rest)[: max(1, count * 9 // 10)]
    for _ in range(count - len(plain)):
        one = draw.choice(plain)
        plain.append(draw.choice(_PARTICLES) + one if draw.random() < 0.4 else f"{one}-{draw.choice(plain)}")
    return list(dict.fromkeys(plain))


def given_names(draw: random.Random) -> list[str]:
    """Given names in the order of their frequency."""
    second = [f"{one}-{other}" for one in _GIVEN[:12] for other in _GIVEN[12:40]]
    draw.shuffle(second)
    return [*_GIVEN, *second]


def communes(draw: random.Random, count: int) -> list[Commune]:
    """Places in the order of their size, spread over the departments."""
    names = [
        f"{before}{saint}-{river}".strip("-")
        for before, saint, river in product(("Saint-", "Bourg-", "Val-", "Mont-"), _SAINTS.split(), _RIVERS)
    ]
    names += [f"{start}{end}" for start, end in product(_STARTS, ("ville", "gnac", "court", "mont", "sac", "ligny"))]
    draw.shuffle(names)
    found = []
    for number in range(count):
        code = draw.choice(DEPARTMENTS)
        digits = {"2A": "20", "2B": "20"}.get(code, code)
        postcode = f"{digits}{number % 10 ** (5 - len(digits)):0{5 - len(digits)}d}"
        found.append(Commune(postcode, names[number % len(names)].upper(), code, f"Département {code}"))
    return found
