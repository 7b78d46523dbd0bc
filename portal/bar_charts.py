"""Bars as SVG, made on the server: they print, need no script, and the table they are drawn from stands behind them.

Lengths along the page are in per cent and heights in pixels, so that the words keep their size on a phone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from portal.language import N_

SEE = N_("le tableau dessous donne les chiffres")
TALL, ROW = 140, 30  # pixels: the highest of upright bars, and the place of a lying one
_NAMES, _BARS = 42.0, 48.0  # per cent: where lying bars begin, and the longest
Rows = Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: its table is `rows`, label and value. `upright` is for many short labels in a row, such as hours."""

    title: str
    rows: tuple[tuple[str, float], ...]
    upright: bool = False

    def svg(self, tr: Callable[[str], str] = str) -> str:
        """The picture, with its words said by `tr`; colours come from the page's own style sheet."""
        rows = [(tr(label), value) for label, value in self.rows]
        drawn, height = _standing(rows) if self.upright else _lying(rows)
        said = escape(f"{tr(self.title)} : {tr(SEE)}")
        return f'<svg class="chart" width="100%" height="{height}" role="img" aria-label="{said}">{drawn}</svg>'


def _lying(rows: Rows) -> tuple[str, int]:
    """One under the other, for words that are long; with the height in pixels."""
    most, parts = _most(rows), []
    for place, (label, value) in enumerate(rows):
        top, long = 8 + place * ROW, value / most * _BARS
        parts.append(f'<text x="{_NAMES - 2}%" y="{top + 15}" text-anchor="end">{escape(label)}</text>')
        parts.append(f'<rect class="bar" x="{_NAMES}%" y="{top}" width="{long:.1f}%" height="{ROW - 8}"/>')
        parts.append(f'<text x="{_NAMES + long + 1:.1f}%" y="{top + 15}">{value:g}</text>')
    return "".join(parts), 8 + len(rows) * ROW


def _standing(rows: Rows) -> tuple[str, int]:
    """Side by side; every third has its label."""
    most, parts, step = _most(rows), [], 100 / max(len(rows), 1)
    for place, (label, value) in enumerate(rows):
        tall, left = round(value / most * TALL), (place + 0.15) * step
        middle, wide = left + step * 0.35, step * 0.7
        parts.append(f'<rect class="bar" x="{left:.1f}%" y="{TALL - tall + 20}" width="{wide:.1f}%" height="{tall}"/>')
        if value:
            parts.append(f'<text x="{middle:.1f}%" y="{TALL - tall + 14}" text-anchor="middle">{value:g}</text>')
        if place % 3 == 0:
            parts.append(f'<text x="{left:.1f}%" y="{TALL + 38}">{escape(label)}</text>')
    return f'<line class="axis" x1="0" y1="{TALL + 20}" x2="100%" y2="{TALL + 20}"/>' + "".join(parts), TALL + 46


def _most(rows: Rows) -> float:
    return max((value for _label, value in rows), default=0) or 1
