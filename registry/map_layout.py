"""Where the boxes and lines of a data map stand, in units of the picture. No Django.

fast-sugiyama orders the boxes of each column so that few lines cross; it knows neither boxes of
different heights nor sheets of paper, so the places within a column are found here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fast_sugiyama import from_edges

from registry.data_map import Border, Box, DataMap, Layer, Line, Node
from registry.lettering import LETTERS, wrap

# Four columns and the gaps between them, wide enough for what is written in the gap.
COLUMN = 196
GAPS = (72, 124, 200)
WIDTH = 4 * COLUMN + sum(GAPS)
LEFTS = tuple(layer * COLUMN + sum(GAPS[:layer]) for layer in range(4))
# As high as a sheet of A4 on its side, with margins of 10 mm, is at this width.
PAGE = (WIDTH + 6) * 190 // 277
HEAD = 66  # the title and the names of the columns
PAD, LINE, SMALL_LINE = 10, 17, 15
INDENT = 20
BETWEEN_ITEMS, BETWEEN_BOXES = 5, 18
ROOM = 16  # an arrow with the space above and below it
TRUNK = (18, 92, 158)  # the last stretch, shared by all lines that end alike
MOST_ITEMS = 40  # in one box; a longer list is for the table
PORT_AT_MOST = PAGE // 2  # a line enters a tall box where one sees both of its ends


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an item's text, on lines of its own; ``small``: what is said about the name."""

    text: str
    css: str = ""
    small: bool = False


@dataclass(slots=True)
class Text:
    """One line of text with its baseline."""

    x: int
    y: int
    text: str
    css: str = ""


@dataclass(slots=True)
class Item:
    """One row of the register in its box; ``tag``: its number or a dot. None: the rest of them."""

    node: Node | None
    texts: list[Text]
    tag: Text | None = None


@dataclass(slots=True)
class Frame:
    """A box in its place; ``door``: where lines meet it, counted from its top."""

    box: Box
    x: int
    y: int
    width: int
    height: int
    door: int = 0
    items: list[Item] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.y + self.door


@dataclass(slots=True)
class Trunk:
    """The shared end of lines into one box: an arrow at ``y`` and what is written over it."""

    frame: Frame
    x: int
    end: int
    y: int
    border: Border
    state: str
    purposes: tuple[int, ...]
    ended: bool
    texts: list[Text]

    @property
    def d(self) -> str:
        return f"M{self.x} {self.y}H{self.end - 2}"

    @property
    def mark(self) -> str:
        """The sign of a border across the arrow: two bars, one where nobody knows."""
        bars = {Border.HOME: 0, Border.UNKNOWN: 1, Border.ABROAD: 2}[self.border]
        return "".join(f"M{self.end - 24 + 5 * bar} {self.y - 7}v14" for bar in range(bars))


@dataclass(slots=True)
class Branch:
    """One line, from its box to the trunk."""

    line: Line
    d: str


@dataclass(slots=True)
class Picture:
    """Everything in its place; ``apart``: what no activity names, under a heading of its own."""

    width: int
    height: int
    frames: list[Frame]
    branches: list[Branch]
    trunks: list[Trunk]
    apart: list[Frame] = field(default_factory=list)
    apart_y: int = 0

    @property
    def sheets(self) -> list[int]:
        """Where each sheet of paper begins; empty where one is enough."""
        return list(range(0, self.height, PAGE)) if self.height > PAGE else []


class Words(Protocol):
    """What is written on the map, in the reader's language."""

    def row(self, node: Node) -> Sequence[Part]:
        """In a box, about one row of the register."""
        ...

    def more(self, count: int) -> Sequence[Part]:
        """In a box that is too full: how many more it holds."""
        ...

    def arrow(
        self, border: Border, state: str, purposes: tuple[int, ...], ended: bool
    ) -> Sequence[Part]:
        """Over an arrow; nothing where it leads to data, or to a system in the country."""
        ...


# --- one box -------------------------------------------------------------------------------------
def _frame(box: Box, words: Words) -> Frame:
    """The box at the origin of its column, as high as its text."""
    frame = Frame(box, LEFTS[box.layer], 0, COLUMN, 0)
    tagged = box.layer == Layer.PURPOSES or len(box.nodes) > 1
    left = PAD + (INDENT if tagged else 0)
    y = PAD

    def add(node: Node | None, parts: Sequence[Part]) -> None:
        nonlocal y
        item = Item(node, [])
        if tagged and node is not None:
            item.tag = Text(PAD, y + LETTERS, str(node.number or "•"))
        for piece in parts:
            # What is small is often bold, which makes it as wide as the rest.
            step = SMALL_LINE if piece.small else LINE
            for line in wrap(piece.text, COLUMN - left - PAD):
                item.texts.append(Text(left, y + LETTERS, line, piece.css))
                y += step
        y += BETWEEN_ITEMS
        frame.items.append(item)

    shown = box.nodes if len(box.nodes) <= MOST_ITEMS else box.nodes[: MOST_ITEMS - 1]
    for node in shown:
        add(node, words.row(node))
    if len(box.nodes) > len(shown):
        add(None, words.more(len(box.nodes) - len(shown)))
    frame.height = y - BETWEEN_ITEMS + PAD
    frame.door = min(frame.height // 2, PORT_AT_MOST)
    return frame


# --- columns -------------------------------------------------------------------------------------
def _orders(drawn: DataMap) -> list[list[int]]:
    """The boxes of each column from top to bottom, with few crossings (fast-sugiyama).

    Every line leads from one column to the next, so its ranks are our columns.
    """
    columns: list[list[int]] = [[] for _ in Layer]
    linked: set[int] = set()
    parts: list[list[tuple[int, float]]] = []
    if drawn.lines:
        edges = sorted({(line.start, line.end) for line in drawn.lines})
        for positions, *_ in from_edges(edges, dummy_vertices=False, check_layout=False):
            linked.update(int(number) for number, _ in positions)
            parts.append(sorted((int(number), place[0]) for number, place in positions))
    for island in sorted(parts):
        for number, _ in sorted(island, key=lambda pair: (pair[1], pair[0])):
            columns[drawn.boxes[number].layer].append(number)
    for number, box in enumerate(drawn.boxes):
        if number not in linked:
            columns[box.layer].append(number)
    return columns


def _settle(wanted: Sequence[float], heights: Sequence[int], room: int) -> list[int]:
    """Tops near the wanted ones, in order, without overlap and within the room.

    Pool adjacent violators: boxes that would overlap move together.
    """
    pools: list[tuple[float, int]] = []
    before = [sum(heights[:place]) + BETWEEN_BOXES * place for place in range(len(heights))]
    for top, offset in zip(wanted, before, strict=True):
        mean, count = top - offset, 1
        while pools and pools[-1][0] > mean:
            other, size = pools.pop()
            mean = (mean * count + other * size) / (count + size)
            count += size
        pools.append((mean, count))
    spare = room - sum(height + BETWEEN_BOXES for height in heights)
    free = [min(max(mean, 0), spare) for mean, count in pools for _ in range(count)]
    return [round(top + offset) for top, offset in zip(free, before, strict=True)]


def _neighbours(lines: Iterable[Line]) -> dict[int, set[int]]:
    beside: dict[int, set[int]] = {}
    for line in lines:
        beside.setdefault(line.start, set()).add(line.end)
        beside.setdefault(line.end, set()).add(line.start)
    return beside


def _place(drawn: DataMap, frames: Sequence[Frame]) -> None:
    """The highest column first; the others, going outwards, level with what they connect to."""
    columns = _orders(drawn)
    beside = _neighbours(drawn.lines)

    def extent(column: list[int]) -> int:
        return sum(frames[number].height + BETWEEN_BOXES for number in column)

    middle = max(Layer, key=lambda layer: extent(columns[layer]))
    whole = extent(columns[middle])
    placed: set[int] = set()
    for layer in (*range(middle, 4), *range(middle - 1, -1, -1)):
        column = columns[layer]
        wanted: list[float] = []
        for number in column:
            ports = [frames[other].port for other in beside.get(number, ()) if other in placed]
            # Without neighbours a box stays behind the one before it.
            level = sum(ports) / len(ports) if ports else (wanted[-1] if wanted else 0)
            wanted.append(level - frames[number].door - HEAD if ports else level)
        heights = [frames[number].height for number in column]
        for number, top in zip(column, _settle(wanted, heights, whole), strict=True):
            frames[number].y = HEAD + top
        placed.update(column)
    _keep_off_edges([[frames[number] for number in column] for column in columns])


def _keep_off_edges(columns: Iterable[Sequence[Frame]]) -> None:
    """No box is cut by the edge of a sheet, if it is lower than a sheet."""
    for column in columns:
        floor = 0
        for frame in column:
            frame.y = max(frame.y, floor)
            over = frame.y % PAGE + frame.height > PAGE
            if over and frame.height <= PAGE - PAD:
                frame.y += PAGE - frame.y % PAGE + PAD
            floor = frame.y + frame.height + BETWEEN_BOXES


# --- lines --------------------------------------------------------------------------------------
Ending = tuple[int, str, bool]  # the box, the state of the gate, whether all of it has ended


def _ending(line: Line) -> Ending:
    return line.end, line.state, line.ended


def _trunks(lines: Sequence[Line], frames: Sequence[Frame], words: Words) -> dict[Ending, Trunk]:
    """One trunk for all lines that end alike; boxes grow until the words over them have room.

    Its places are counted from the top of its box.
    """
    alike: dict[Ending, list[Line]] = {}
    for line in lines:
        alike.setdefault(_ending(line), []).append(line)
    found: dict[Ending, Trunk] = {}
    into: dict[int, list[Trunk]] = {}
    for key, group in alike.items():
        frame = frames[key[0]]
        purposes = tuple(sorted({number for line in group for number in line.purposes}))
        length = TRUNK[frame.box.layer - 1]
        texts = [
            Text(frame.x - length + 4, 0, text, piece.css)
            for piece in words.arrow(group[0].border, key[1], purposes, key[2])
            for text in wrap(piece.text, length - 8)
        ]
        trunk = Trunk(
            frame, frame.x - length, frame.x, 0, group[0].border, key[1], purposes, key[2], texts
        )
        found[key] = trunk
        into.setdefault(key[0], []).append(trunk)
    for number, trunks in into.items():
        _hang(frames[number], trunks)
    return found


def _hang(frame: Frame, trunks: Sequence[Trunk]) -> None:
    """The words stand over their arrow, all arrows around the middle of the box."""
    if not any(trunk.texts for trunk in trunks):
        for trunk in trunks:
            trunk.y = frame.door
        return
    heights = [SMALL_LINE * len(trunk.texts) + ROOM for trunk in trunks]
    frame.height = max(frame.height, sum(heights) + 2 * PAD)
    frame.door = min(frame.height // 2, PORT_AT_MOST)
    y = max(PAD, frame.door - sum(heights) // 2)
    for trunk, height in zip(trunks, heights, strict=True):
        y += height
        trunk.y = y - ROOM // 2
        for place, text in enumerate(trunk.texts):
            text.y = trunk.y - 6 - SMALL_LINE * (len(trunk.texts) - 1 - place)
    # Lines go on from where they came in: a straight path stays straight.
    frame.door = sum(trunk.y for trunk in trunks) // len(trunks)


def lay_out(drawn: DataMap, words: Words) -> Picture:
    """Places for everything.

    No two boxes overlap, and no line crosses a box: each stays in the gap of its two columns.
    """
    frames = [_frame(box, words) for box in drawn.boxes]
    trunks = _trunks(drawn.lines, frames, words)
    _place(drawn, frames)
    for trunk in trunks.values():
        trunk.y += trunk.frame.y
        for text in trunk.texts:
            text.y += trunk.frame.y
    branches = []
    for line in drawn.lines:
        trunk, start = trunks[_ending(line)], frames[line.start]
        x, y = start.x + COLUMN, start.port
        bend = (trunk.x - x) * 3 // 5
        d = f"M{x} {y}C{x + bend} {y} {trunk.x - bend} {trunk.y} {trunk.x} {trunk.y}"
        branches.append(Branch(line, d))

    picture = Picture(WIDTH, 0, frames, branches, list(trunks.values()))
    bottom = max((frame.y + frame.height for frame in frames), default=HEAD)
    if drawn.apart:
        picture.apart = [_frame(box, words) for box in drawn.apart]
        picture.apart_y = bottom + 2 * BETWEEN_BOXES + LETTERS
        highest = max(frame.height for frame in picture.apart) + LINE
        if picture.apart_y % PAGE + highest > PAGE >= highest + HEAD:
            picture.apart_y += PAGE - picture.apart_y % PAGE + 2 * LETTERS
        for frame in picture.apart:
            frame.y = picture.apart_y + LINE
        bottom = max(frame.y + frame.height for frame in picture.apart)
    for frame in [*picture.frames, *picture.apart]:
        _move_texts(frame)
    picture.height = bottom + PAD
    return picture


def _move_texts(frame: Frame) -> None:
    """From the corner of the box to where the box stands."""
    for item in frame.items:
        for text in [*item.texts, *([item.tag] if item.tag else [])]:
            text.x += frame.x
            text.y += frame.y
