"""Small charts as SVG, drawn on the server: no script, no style but the office's own classes.

Standard library only. Every number stands in the picture as text, and the whole is told in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, BAR, GAP, HEIGHT, BELOW, ABOVE = 560, 22, 8, 72, 15, 14
ROW, NAME = 24, 210


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what stands under it, how many, and how it looks (``late``, ``today``, empty)."""

    label: str
    count: int
    mood: str = ""


def columns(title: str, bars: Sequence[Bar]) -> str:
    """Bars side by side, the tallest as high as the picture; numbers above, labels below."""
    step = WIDTH / max(len(bars), 1)
    most = max((bar.count for bar in bars), default=0) or 1
    parts = []
    for place, bar in enumerate(bars):
        high = round(HEIGHT * bar.count / most)
        # What is there is seen, however little it is beside the tallest.
        high = max(high, 2) if bar.count else 0
        left = round(place * step + GAP / 2)
        wide = round(step - GAP)
        middle = left + wide / 2
        parts.append(
            f'<rect class="bar {escape(bar.mood)}" x="{left}" y="{ABOVE + HEIGHT - high}" '
            f'width="{wide}" height="{high}"></rect>'
        )
        if bar.count:
            parts.append(
                f'<text class="count" x="{middle:g}" y="{ABOVE + HEIGHT - high - 3}" '
                f'text-anchor="middle">{bar.count}</text>'
            )
        # A word on each line: side by side, "Wed 25" would run into the next one.
        parts += [
            f'<text x="{middle:g}" y="{ABOVE + HEIGHT + (line + 1) * BELOW - 4}" '
            f'text-anchor="middle">{escape(word)}</text>'
            for line, word in enumerate(bar.label.split(maxsplit=1))
        ]
    lines = max((len(bar.label.split(maxsplit=1)) for bar in bars), default=0)
    return _svg(title, bars, ABOVE + HEIGHT + lines * BELOW, parts)


def rows(title: str, bars: Sequence[Bar]) -> str:
    """Bars below each other, the longest as wide as the picture; labels before, numbers behind."""
    most = max((bar.count for bar in bars), default=0) or 1
    room = WIDTH - NAME - 40
    parts = []
    for place, bar in enumerate(bars):
        top = place * ROW
        long = max(round(room * bar.count / most), 2) if bar.count else 0
        parts.append(f'<text x="0" y="{top + 16}">{escape(_short(bar.label))}</text>')
        parts.append(
            f'<rect class="bar {escape(bar.mood)}" x="{NAME}" y="{top + 4}" width="{long}" '
            f'height="{ROW - 8}"></rect>'
        )
        parts.append(f'<text class="count" x="{NAME + long + 6}" y="{top + 16}">{bar.count}</text>')
    return _svg(title, bars, len(bars) * ROW, parts)


def _short(label: str) -> str:
    return label if len(label) <= 32 else f"{label[:31]}…"


def _svg(title: str, bars: Sequence[Bar], height: int, parts: Sequence[str]) -> str:
    told = "; ".join(f"{bar.label}: {bar.count}" for bar in bars)
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(f"{title}. {told}")}">{"".join(parts)}</svg>'
    )
