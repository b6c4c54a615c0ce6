"""Papers as PDF: A4, PT Sans, in the paper's own language. Knows nothing of people.

A ``Paper`` takes plain strings, breaks them into lines and prints them; the same strings and the
same ``made_at`` give the same bytes. A letter that the font lacks is printed as a box, never left
out and never refused: a name may have any letter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.utils.translation import gettext, override
from fpdf import ViewerPreferences
from fpdf.output import OutputProducer

from registry.sheets import (
    BODY,
    BOTTOM,
    BOX,
    CELL,
    COLUMN,
    COLUMN_GAP,
    GREY,
    HAIRLINE,
    HEADING,
    HEIGHT,
    INNER,
    LABEL,
    LABELS_SHARE,
    LANGUAGES,
    LEFT,
    NOTHING,
    RULE,
    SMALL,
    SUBTITLE,
    TITLE,
    TOP,
    WINDOW_END,
    WINDOW_LEFT,
    WINDOW_TOP,
    WINDOW_WIDTH,
    Block,
    Cell,
    Cells,
    Sheet,
    Signature,
    Style,
    Undated,
    broken_lines,
    measured,
    paged,
    printable,
)


class Paper:
    """One paper; what is added first is printed first. An empty text is printed as a dash.

    ``language``: of the paper, not of its reader. ``made_at``: with its time zone; only in the
    properties of the file, a day that the reader must see is a fact. ``footer`` and ``number``
    stand on each page. ``sender`` and ``window``: of a letter, whose address stands where the
    window of the envelope is, beside who sends it. Refuses what only a mistake in a program can
    give, by ValueError.
    """

    def __init__(
        self,
        title: str,
        *,
        language: str,
        number: str = "",
        subtitle: str = "",
        made_at: datetime | None = None,
        footer: str = "",
        sender: Sequence[str] = (),
        window: Sequence[str] = (),
    ) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"No papers in {language!r}, only in {', '.join(LANGUAGES)}.")
        if made_at is not None and made_at.utcoffset() is None:
            raise ValueError("The moment of a paper needs its time zone.")
        self.language = language
        self._made_at = made_at.astimezone(UTC) if made_at else None
        self._title = " ".join("".join(map(_property_letter, title)).split())
        self._blocks: list[Block] = []
        self._footer = " · ".join(text for text in (number, footer) if text.strip())
        if sender or window:
            self._window(sender, window)
        if number.strip():
            self._paragraph(number, LABEL, whole=True)
        self._paragraph(title, TITLE, whole=True)
        if subtitle.strip():
            self._paragraph(subtitle, SUBTITLE, gap=3, whole=True)
        self._blocks.append(Cells([10.0], with_next=True, rule=RULE))

    def _window(self, sender: Sequence[str], window: Sequence[str]) -> None:
        """The head of a letter; without an address only its sender, and no empty space."""
        left = self._cell(LEFT, WINDOW_LEFT - LEFT - COLUMN_GAP, LABEL, "\n".join(sender))
        cells = [left]
        if window:
            cells.append(self._cell(WINDOW_LEFT, WINDOW_WIDTH, BODY, "\n".join(window)))
            self._blocks.append(Block([WINDOW_TOP - TOP], with_next=True))
        tall = max(len(cell.lines) for cell in cells)
        self._blocks.append(Cells([BODY.leading] * tall, whole=True, with_next=True, cells=cells))
        left_over = WINDOW_END - WINDOW_TOP - tall * BODY.leading
        if window and left_over > 0:
            self._blocks.append(Block([left_over], with_next=True))
        elif not window:
            self._blocks.append(Block([BODY.leading], with_next=True))

    def heading(self, text: str) -> None:
        """A heading; never the last line of a page."""
        self._paragraph(text, HEADING, gap=20, whole=True)

    def text(self, paragraph: str) -> None:
        """A paragraph; its line breaks stay. One that ends in a colon stays with what follows."""
        self._paragraph(paragraph, BODY, gap=self._gap(), colon=True)

    def facts(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Labels and values beside each other."""
        label_width = INNER * LABELS_SHARE - COLUMN_GAP
        spots = _spots([label_width, INNER * (1 - LABELS_SHARE)], COLUMN_GAP)
        gap = self._gap() - 3
        for pair in pairs:
            row = self._row(spots, [LABEL, BODY], pair, pad=3.5)
            row.gap, gap = gap, 0.0

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        widths: Sequence[float] | None = None,
    ) -> None:
        """A table; ``widths`` are shares of any unit, without them the texts decide.

        The names of the columns come again on each page. Without rows there is one of dashes.
        """
        listed = [list(row) for row in rows] or [[""] * len(columns)]
        if not columns or any(len(row) != len(columns) for row in listed):
            raise ValueError("A row of the table has not the cells of its columns.")
        if widths is not None and (len(widths) != len(columns) or min(widths) <= 0):
            raise ValueError("The widths of the table are not those of its columns.")
        columns = [printable(name, self.language) for name in columns]
        listed = [[printable(value, self.language) for value in row] for row in listed]
        shares = list(widths) if widths is not None else _shares(columns, listed)
        wide = [share * (INNER + COLUMN_GAP) / sum(shares) - COLUMN_GAP for share in shares]
        spots = _spots(wide, COLUMN_GAP)
        gap = self._gap()
        header = self._row(spots, [COLUMN] * len(columns), columns, pad=4.5, rule=GREY)
        header.gap, header.whole, header.with_next = gap, True, True
        for row in listed:
            self._row(spots, [CELL] * len(columns), row, pad=4.5).header = header

    def quote(self, text: str) -> None:
        """A text of somebody else's in a frame, of any length; its line breaks stay."""
        lines = broken_lines(self._shown(text.strip("\r\n")), BODY, INNER - 24)
        self._blocks.append(
            Cells(
                [BODY.leading] * len(lines),
                gap=self._gap() + 2,
                pad=9,
                cells=[Cell(LEFT + 12, BODY, lines)],
                framed=True,
            )
        )

    def signatures(self, people: Iterable[tuple[str, str]]) -> None:
        """A place to sign for each (position, name), all on one page with the end of the text.

        Without a name there is a line to write it on.
        """
        with override(self.language):
            captions = gettext("signature"), gettext("date"), gettext("full name")
        spots = _spots([150, 104, 132, 66], 10)
        for place, (position, name) in enumerate(people):
            self._blocks[-1].with_next = True
            lines = [(*spots[1], captions[0]), (*spots[3], captions[1])]
            cells = [self._cell(*spots[0], BODY, position)]
            if name.strip():
                cells.append(self._cell(*spots[2], BODY, name))
            else:
                lines.append((*spots[2], captions[2]))
            tall = max(len(cell.lines) for cell in cells) * BODY.leading
            self._blocks.append(
                Signature([tall + 32], gap=6 if place else 18, cells=cells, lines=lines)
            )

    def render(self) -> bytes:
        """The file; may be asked for again."""
        small = broken_lines(printable(self._footer, self.language), SMALL, INNER - 110)
        pages = paged(self._blocks, HEIGHT - BOTTOM - 10 - len(small) * SMALL.leading)
        sheet = Sheet()
        pdf = sheet.pdf
        pdf.set_lang(self.language)
        pdf.set_title(self._title)
        pdf.set_producer("Personal Data Office")
        pdf.viewer_preferences = ViewerPreferences(display_doc_title=True)
        # Without a moment fpdf2 takes the clock's, and hashes it into the file's identifier.
        pdf.set_creation_date(self._made_at or datetime.min.replace(tzinfo=UTC))
        for page, parts in enumerate(pages, 1):
            pdf.add_page()
            for part in parts:
                part.block.draw(sheet, part.y, part.start, part.stop)
            self._foot(sheet, small, page, len(pages))
        return bytes(pdf.output(output_producer_class=OutputProducer if self._made_at else Undated))

    def _foot(self, sheet: Sheet, lines: Sequence[str], page: int, pages: int) -> None:
        top = HEIGHT - BOTTOM - len(lines) * SMALL.leading
        sheet.line(LEFT, INNER, top - 2, HAIRLINE)
        for row, line in enumerate(lines, 1):
            sheet.put(LEFT, top + row * SMALL.leading, line, SMALL)
        with override(self.language):
            text = gettext("page %(page)d of %(pages)d") % {"page": page, "pages": pages}
        right = LEFT + INNER - measured(text, SMALL)
        sheet.put(right, top + SMALL.leading, text, SMALL)

    def _shown(self, text: str) -> str:
        shown = printable(text, self.language)
        return shown if shown.strip() else NOTHING

    def _cell(self, x: float, width: float, style: Style, text: str) -> Cell:
        return Cell(x, style, broken_lines(self._shown(text), style, width))

    def _gap(self) -> float:
        """The space above, less under a heading."""
        block = self._blocks[-1]
        under = isinstance(block, Cells) and block.cells and block.cells[0].style is HEADING
        return 5.0 if under else 11.0

    def _paragraph(
        self, text: str, style: Style, *, gap: float = 0, whole: bool = False, colon: bool = False
    ) -> None:
        cell = self._cell(LEFT, INNER, style, text)
        together = cell.lines[-1].endswith(":") if colon else whole
        heights = [style.leading] * len(cell.lines)
        self._blocks.append(Cells(heights, gap, whole=whole, with_next=together, cells=[cell]))

    def _row(
        self,
        spots: Sequence[tuple[float, float]],
        styles: Sequence[Style],
        texts: Sequence[str],
        *,
        pad: float,
        rule: int = HAIRLINE,
    ) -> Cells:
        cells = [
            self._cell(x, width, style, text)
            for (x, width), style, text in zip(spots, styles, texts, strict=True)
        ]
        count = max(len(cell.lines) for cell in cells)
        row = Cells([cells[0].style.leading] * count, pad=pad, cells=cells, rule=rule)
        # A row that would leave half a page empty may go on over the page.
        row.whole = row.extent(0, count) < (HEIGHT - TOP - BOTTOM) / 2
        self._blocks.append(row)
        return row


def _property_letter(letter: str) -> str:
    """For the properties of the file, where any letter is printed but none may direct."""
    kind = unicodedata.category(letter)
    return " " if kind == "Cc" else "" if kind == "Cf" else BOX if kind == "Cs" else letter


def _spots(widths: Sequence[float], gap: float) -> list[tuple[float, float]]:
    return [(LEFT + sum(widths[:place]) + place * gap, w) for place, w in enumerate(widths)]


def _shares(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[float]:
    """Widths by the texts: no word cut while there is room, the rest to the longer texts."""
    room = INNER + COLUMN_GAP
    least, most = [], []
    for place, name in enumerate(columns):
        texts = [(name, COLUMN), *((row[place], CELL) for row in rows)]
        words = max(
            (measured(word, style) for text, style in texts for word in text.split()), default=0
        )
        whole = max(measured(line, style) for text, style in texts for line in text.split("\n"))
        least.append(min(words, room / 5) + COLUMN_GAP + 1)
        most.append(max(whole, words) + COLUMN_GAP + 1)
    if sum(most) <= room or sum(least) >= room:
        return most if sum(most) <= room else least
    spare = (room - sum(least)) / (sum(most) - sum(least))
    return [low + (high - low) * spare for low, high in zip(least, most, strict=True)]
