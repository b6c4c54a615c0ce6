"""Sheets of paper: letters that a font has, lines, blocks of them, pages, drawn as PDF.

What ``registry.papers`` stands on. fpdf2 only draws: its own tables and paragraphs cannot keep a
heading with what follows it, repeat a header or hold signatures together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

import fontpkg
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.fonts import TTFFont
from fpdf.output import OutputProducer, PDFInfo

LANGUAGES = ("ru", "kk", "en")
BOX = "□"
NOTHING = "–"

# Points. The left margin is the wider one: papers are bound into files.
_MM = 72 / 25.4
_WIDTH, HEIGHT = 210 * _MM, 297 * _MM
LEFT, _RIGHT, TOP, BOTTOM = 25 * _MM, 15 * _MM, 20 * _MM, 18 * _MM
INNER = _WIDTH - LEFT - _RIGHT
LABELS_SHARE = 0.34  # the share of the labels in a list of facts
COLUMN_GAP = 10.0
# The window of an envelope E65 or DL, on the right: a letter is folded into thirds.
WINDOW_LEFT, WINDOW_WIDTH = 110 * _MM, 85 * _MM
WINDOW_TOP, WINDOW_END = 48 * _MM, 96 * _MM
_BLACK, GREY, RULE, HAIRLINE = 0, 95, 150, 205

# Letters of neighbours' names that the font lacks and has a twin of: printed as the twin, read
# back as themselves (Azerbaijani schwa, Uzbek turned comma, two dashes).
_TWINS = {"Ə": "Ә", "ə": "ә", "ʻ": "‘", "‐": "-", "―": "—"}
_SPELT = {"→": "->", "←": "<-", "\t": "    "}
_LINE_ENDS = frozenset("\n\v\f\x85\u2028\u2029")
_BOX_WIDTH = 620
# A line may end at spaces, but not after a number sign, or after a hyphen between letters: never
# inside № 152-ФЗ nor 2026-01-12.
_CHANCES = re.compile(r"((?<![№§]) +)|(?<=[^\W\d_]-)(?=[^\W\d_])")


@dataclass(frozen=True)
class Style:
    size: float
    leading: float
    bold: bool = False
    shade: int = _BLACK


BODY = Style(10.5, 15.5)
LABEL = Style(10.5, 15.5, shade=GREY)
TITLE = Style(17, 22.5, bold=True)
SUBTITLE = Style(11.5, 16.5)
HEADING = Style(12.5, 17, bold=True)
CELL = Style(9.5, 13)
COLUMN = Style(9.5, 13, bold=True)
SMALL = Style(8, 11, shade=GREY)


# --- letters --------------------------------------------------------------------------------------


@cache
def glyph_widths(bold: bool) -> dict[str, int]:
    """What the font can print, and how wide, in thousandths of the size; once a process."""
    with TTFont(_font_file(bold), lazy=True) as font:
        advances, scale = font["hmtx"].metrics, 1000 / font["head"].unitsPerEm
        known = {
            chr(code): round(scale * advances[name][0])
            for code, name in font.getBestCmap().items()
            if unicodedata.category(chr(code)) not in ("Cc", "Cf", "Co")
        }
    known.update((letter, known[twin]) for letter, twin in _TWINS.items())
    return known | {BOX: _BOX_WIDTH}


def _font_file(bold: bool) -> str:
    return str(fontpkg.path("PT Sans", 700 if bold else 400))


def printable(text: str, language: str) -> str:
    """The text in letters that the font has; what directs or is not seen is left out."""
    known = glyph_widths(False)
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    if all(letter in known or letter == "\n" for letter in text):
        return text
    printed: list[str] = []
    for letter in text:
        kind = unicodedata.category(letter)
        if letter in known:
            printed.append(letter)
        elif letter in _LINE_ENDS:
            printed.append("\n")
        elif letter in _SPELT:
            printed.append(_SPELT[letter])
        elif letter == "₸":  # PT Sans has the signs of fifteen currencies and not this one.
            printed.append("KZT" if language == "en" else "тг")
        elif kind == "Zs":
            printed.append(" ")
        elif kind in ("Cc", "Cf") or _selects(letter) or (kind[0] == "M" and printed[-1:] == [BOX]):
            # Neither control characters nor the marks of a letter that is a box already.
            continue
        else:
            alike = unicodedata.normalize("NFKC", letter)
            printed.append(alike if all(part in known for part in alike) else BOX)
    return "".join(printed)


def _selects(letter: str) -> bool:
    """A variation selector: says how the letter before it looks, and is none itself."""
    return "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef"


def measured(text: str, style: Style) -> float:
    widths = glyph_widths(style.bold)
    return sum(widths[letter] for letter in text) * style.size / 1000


def broken_lines(text: str, style: Style, width: float) -> list[str]:
    """The text broken into lines of this width; its own line breaks stay, a long word is cut."""
    lines = []
    for row in text.split("\n"):
        line, used = "", 0.0
        for piece in filter(None, _CHANCES.split(row)):
            wide = measured(piece, style)
            if used + wide <= width:
                line, used = line + piece, used + wide
                continue
            if piece.isspace():
                # The break takes the place of the spaces that no longer fit.
                line, used = line + piece, width
                continue
            if line.strip():
                lines.append(line.rstrip(" "))
                line, used = "", 0.0
            for letter in piece if wide > width else (piece,):
                step = measured(letter, style)
                if line and used + step > width:
                    lines.append(line)
                    line, used = "", 0.0
                line, used = line + letter, used + step
        lines.append(line.rstrip(" "))
    return lines


# --- blocks: what is printed, in strips that a page may end between -------------------------------


@dataclass
class Block:
    """Strips of one height each. ``whole``: never cut; ``with_next``: the last strip stays with
    the first one of the next block. ``header`` is printed again where a page begins with this.
    """

    heights: list[float]
    gap: float = 0.0
    pad: float = 0.0
    whole: bool = False
    with_next: bool = False
    header: Block | None = None

    def keeps(self, strip: int) -> bool:
        """Whether this strip must be on the page of the one that follows it."""
        last = len(self.heights) - 1
        if strip == last:
            return self.with_next
        # No single line of a text at the end of a page nor at the beginning of one.
        return self.whole or strip == 0 or strip == last - 1

    def draw(self, sheet: Sheet, y: float, start: int, stop: int) -> None:
        """Print the strips from ``start`` to ``stop`` with the top of the part at ``y``."""

    def extent(self, start: int, stop: int) -> float:
        return 2 * self.pad + sum(self.heights[start:stop])


@dataclass
class Cell:
    x: float
    style: Style
    lines: list[str]


@dataclass
class Cells(Block):
    """Texts beside each other; ``rule`` is the shade of the line under them."""

    cells: list[Cell] = field(default_factory=list)
    rule: int | None = None
    framed: bool = False

    def draw(self, sheet: Sheet, y: float, start: int, stop: int) -> None:
        bottom = y + self.extent(start, stop)
        for cell in self.cells:
            for row, line in enumerate(cell.lines[start:stop]):
                # The capitals (0.7 of the size) stand in the middle of the strip.
                base = y + self.pad + (row + 0.5) * self.heights[0] + 0.35 * cell.style.size
                sheet.put(cell.x, base, line, cell.style)
        if self.rule is not None:
            sheet.line(LEFT, INNER, bottom, self.rule)
        if self.framed:
            sheet.frame(LEFT, y, INNER, bottom - y)


@dataclass
class Signature(Block):
    """A place to sign: the position, a line for the signature, the name, a line for the date."""

    cells: list[Cell] = field(default_factory=list)
    lines: list[tuple[float, float, str]] = field(default_factory=list)

    def draw(self, sheet: Sheet, y: float, start: int, stop: int) -> None:
        base = y + self.heights[0] - 14
        for cell in self.cells:
            for up, line in zip(range(len(cell.lines) - 1, -1, -1), cell.lines, strict=True):
                sheet.put(cell.x, base - 2 - up * cell.style.leading, line, cell.style)
        for x, width, caption in self.lines:
            sheet.line(x, width, base, GREY)
            middle = x + (width - measured(caption, SMALL)) / 2
            sheet.put(middle, base + 9.5, caption, SMALL)


# --- pages ----------------------------------------------------------------------------------------


@dataclass
class _Part:
    block: Block
    y: float
    start: int
    stop: int


def _together(blocks: Sequence[Block]) -> Iterator[list[tuple[Block, int]]]:
    """The strips in runs that want to be on one page."""
    run: list[tuple[Block, int]] = []
    for block in blocks:
        for strip in range(len(block.heights)):
            run.append((block, strip))
            if not block.keeps(strip):
                yield run
                run = []
    if run:
        yield run


def paged(blocks: Sequence[Block], bottom: float) -> list[list[_Part]]:
    """Every strip on a page, in order and once; only headers of tables come again."""
    pages: list[list[_Part]] = [[]]
    y = TOP

    def cost(run: Iterable[tuple[Block, int]]) -> float:
        last = (pages[-1][-1].block, pages[-1][-1].stop) if pages[-1] else None
        total = 0.0
        for block, strip in run:
            if last and last[0] is block and last[1] == strip:
                total += block.heights[strip]
            else:
                total += (block.gap if last else 0) + block.extent(strip, strip + 1)
            last = (block, strip + 1)
        return total

    def place(block: Block, strip: int) -> None:
        nonlocal y
        y_before, y = y, y + cost([(block, strip)])
        parts = pages[-1]
        if parts and parts[-1].block is block and parts[-1].stop == strip:
            parts[-1].stop += 1
        else:
            parts.append(_Part(block, y_before + (block.gap if parts else 0), strip, strip + 1))

    def turn(block: Block) -> None:
        nonlocal y
        pages.append([])
        y = TOP
        header = block.header
        if header and header.extent(0, len(header.heights)) < (bottom - TOP) / 3:
            for strip in range(len(header.heights)):
                place(header, strip)

    def begun(block: Block) -> bool:
        return any(part.block is not block.header for part in pages[-1])

    for run in _together(blocks):
        if y + cost(run) > bottom and begun(run[0][0]):
            turn(run[0][0])
        for block, strip in run:
            # True only in a run that is longer than a page.
            if y + cost([(block, strip)]) > bottom and begun(block):
                turn(block)
            place(block, strip)
    return pages


class Sheet:
    """A document of fpdf2 with the fonts, and three strokes."""

    def __init__(self) -> None:
        self.pdf = FPDF(unit="pt", format="A4")
        self.pdf.set_auto_page_break(False)
        for style in ("", "B"):
            self.pdf.add_font("paper", style, _font_file(style == "B"))
        for font in self.pdf.fonts.values():
            if isinstance(font, TTFFont):
                _lend_letters(font)

    def put(self, x: float, base: float, text: str, style: Style) -> None:
        if text:
            self.pdf.set_font("paper", "B" if style.bold else "", style.size)
            self.pdf.set_text_color(style.shade)
            self.pdf.text(x, base, text)

    def line(self, x: float, width: float, y: float, shade: int) -> None:
        self.pdf.set_line_width(0.6)
        self.pdf.set_draw_color(shade)
        self.pdf.line(x, y, x + width, y)

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        self.pdf.set_line_width(0.6)
        self.pdf.set_draw_color(RULE)
        self.pdf.rect(x, y, width, height)


def _lend_letters(font: TTFFont) -> None:
    """Give the font of one document the twins and the box."""
    pen = TTGlyphPen(None)
    for corners in (
        [(60, 0), (60, 560), (560, 560), (560, 0)],
        [(105, 45), (515, 45), (515, 515), (105, 515)],
    ):
        pen.moveTo(corners[0])
        for corner in corners[1:]:
            pen.lineTo(corner)
        pen.closePath()
    font.ttfont["glyf"]["box"] = pen.glyph()
    font.ttfont["hmtx"]["box"] = (_BOX_WIDTH, 60)
    font.ttfont.getReverseGlyphMap(rebuild=True)
    names = {BOX: "box"} | {letter: font.cmap[ord(twin)] for letter, twin in _TWINS.items()}
    for letter, name in names.items():
        font.cmap[ord(letter)] = name
        font.glyph_ids[ord(letter)] = font.ttfont.getGlyphID(name)
        font.cw[ord(letter)] = glyph_widths(font.emphasis.name == "B")[letter]


class Undated(OutputProducer):
    """No moment given, none invented: fpdf2 would take the clock's."""

    def _add_info(self) -> PDFInfo:
        info = super()._add_info()
        info.creation_date = None  # type: ignore[assignment]
        return info
