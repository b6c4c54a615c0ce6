"""How wide a text is in a picture whose letters nobody has set yet. Standard library only."""

from __future__ import annotations

import re

LETTERS = 13  # the size of the letters on the data map
# Widths of Arial's letters, in parts of their size; Liberation Sans and Helvetica are alike.
_EMS: dict[str, float] = {
    letter: ems
    for letters, ems in (
        ("ijl'і", 0.23),
        (" ,./:;\\!|Ift[]І·’", 0.29),
        ('()-{}`"rг•', 0.37),
        ("JcksvxyzкзстухэчьҗГ", 0.52),
        ("FTZЗКТҮҰдлғүұқөәъ", 0.63),
        ("ABEKPSVXY&АБВДЕЛРУХЧжмң", 0.69),
        ("CDHNRUwИЙНПСЦЭЯҚыю", 0.75),
        ("GOQОӘӨфшщФMmМ", 0.84),
        ("W%@ЖШЩЫЮЪҢ", 0.96),
        ("—…№◆", 1.08),
    )
    for letter in letters
}
_CAPITAL, _OTHER, _SQUARE, _SPARE = 0.78, 0.58, 1.0, 1.03
_FIRST_SQUARE = "\u2e80"  # from here on: letters of East Asia and pictures, as wide as high


def text_width(text: str, size: int = LETTERS) -> float:
    """About as wide as Arial sets it, and hardly ever less."""
    return sum(map(_ems, text)) * size * _SPARE


def _ems(letter: str) -> float:
    if letter >= _FIRST_SQUARE:
        return _SQUARE
    return _EMS.get(letter) or (_CAPITAL if letter.isupper() else _OTHER)


def wrap(text: str, room: int, size: int = LETTERS) -> list[str]:
    """Lines that fit; a word wider than the room is cut, after a hyphen or slash if it has one."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(joined, size) <= room:
            lines[-1] = joined
            continue
        pieces = _cut(word, room, size)
        if lines and len(pieces) > 1:
            joined = f"{lines[-1]} {pieces[0]}"
            if text_width(joined, size) <= room:
                lines[-1] = joined
                pieces = pieces[1:]
        lines.extend(pieces)
    return lines or [""]


def _cut(word: str, room: int, size: int) -> list[str]:
    if text_width(word, size) <= room:
        return [word]
    pieces = [""]
    for piece in re.findall(r"[^-/_.@]*[-/_.@]|[^-/_.@]+", word):
        if text_width(pieces[-1] + piece, size) <= room:
            pieces[-1] += piece
            continue
        pieces.append("")
        for letter in piece:
            if text_width(pieces[-1] + letter, size) > room:
                pieces.append("")
            pieces[-1] += letter
    return [piece for piece in pieces if piece]
