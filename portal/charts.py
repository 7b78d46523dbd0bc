"""A bar chart as figures for an SVG; the same figures stand in a table behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, FOOT = 720, 160, 18


@dataclass(frozen=True, slots=True)
class Bar:
    """In the chart's own units, from the top left."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int
    marked: bool  # has a label under it


@dataclass(frozen=True, slots=True)
class Chart:
    bars: tuple[Bar, ...]
    top: int  # the highest value
    width: int = WIDTH
    height: int = HEIGHT


def chart(values: Sequence[tuple[str, int]]) -> Chart:
    """Bars of equal width, the highest as high as the chart; every sixth has its label."""
    top = max((value for _, value in values), default=0)
    step, room = WIDTH / max(len(values), 1), HEIGHT - FOOT
    bars = []
    for place, (label, value) in enumerate(values):
        height = room * value / top if top else 0.0
        x, y = round(place * step + 1, 1), round(room - height, 1)
        bars.append(Bar(x, y, round(step - 2, 1), round(height, 1), label, value, place % 6 == 0))
    return Chart(tuple(bars), top)
