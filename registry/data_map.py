"""The data map: purposes -> data -> systems -> recipients, as boxes and lines without places.

Rows of the register that are connected in the same way stand in one box, so that a register in
which every purpose uses every category is still a picture that one can read. Nothing is lost by
it: whoever stands in a box has every line of that box, and no other. Only where even that is a
thicket (``MAX_LINES``) does a line say less: at least one row in the box has it (``overview``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from registry.errors import OperatorError, gettext_noop

MAX_LINES = 80  # as many as an eye can follow from one column to the next
UNSAID = 0  # the number of no row: an activity that names no data, or no system


class Layer(IntEnum):
    """The four columns, from left to right."""

    PURPOSES = 0
    DATA = 1
    SYSTEMS = 2
    RECIPIENTS = 3


class Border(StrEnum):
    """Whether data leave the country of the operator's law on their way into a box."""

    HOME = "home"
    ABROAD = "abroad"
    UNKNOWN = "unknown"


def border(country: str, home: str) -> Border:
    """An unnamed country may be any, so it is a border until somebody looks (152-FZ 12, 18(5))."""
    if not country:
        return Border.UNKNOWN
    return Border.HOME if country == home else Border.ABROAD


class LineToNowhere(OperatorError):
    template = gettext_noop("An activity names row %(number)s, which the register does not hold.")


@dataclass(frozen=True, slots=True)
class Node:
    """One row of the register; ``number`` is what lines call a purpose by."""

    layer: Layer
    pk: int
    name: str = ""
    kind: str = ""
    country: str = ""
    country_name: str = ""
    border: Border = Border.HOME
    ended: bool = False
    number: int = 0


@dataclass(frozen=True, slots=True)
class Gift:
    """Data of an activity given to a recipient, the state of their gate, and which if that is said.

    ``state`` is a state of the gate, or empty where no transfer is entered.
    """

    recipient: int
    state: str = ""
    data: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Activity:
    """One row of processing, by the numbers of what it joins."""

    pk: int
    purpose: int
    data: frozenset[int] = frozenset()
    systems: frozenset[int] = frozenset()
    gifts: frozenset[Gift] = frozenset()
    ended: bool = False

    @property
    def profile(self) -> Hashable:
        """Activities that agree in this differ in nothing but their purpose."""
        return self.data, self.systems, self.gifts, self.ended


@dataclass(frozen=True, slots=True)
class Register:
    """The facts of one operator; nodes in the order in which they are shown."""

    nodes: tuple[Node, ...]
    activities: tuple[Activity, ...]

    def of(self, layer: Layer) -> list[Node]:
        return [node for node in self.nodes if node.layer == layer]


@dataclass(frozen=True, slots=True)
class Box:
    """Rows of one column with the same connections."""

    layer: Layer
    nodes: tuple[Node, ...]

    @property
    def border(self) -> Border:
        return self.nodes[0].border


@dataclass(frozen=True, slots=True)
class Line:
    """From one box (by its place in the list) to a box of the next column.

    ``state`` and ``purposes`` (their numbers) are of lines to recipients; ``ended``: everything
    that drew it has ended.
    """

    start: int
    end: int
    border: Border
    state: str = ""
    purposes: tuple[int, ...] = ()
    ended: bool = False


@dataclass(frozen=True, slots=True)
class DataMap:
    """What is drawn. ``apart``: boxes of rows that no activity names."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    apart: tuple[Box, ...]
    overview: bool


@dataclass(frozen=True, slots=True)
class Row:
    """The same in words: purposes whose activities agree in all the rest."""

    purposes: tuple[Node, ...]
    data: tuple[Node, ...]
    systems: tuple[Node, ...]
    gifts: tuple[tuple[Node, str, tuple[Node, ...]], ...]
    ended: bool


Key = tuple[Layer, int]


def part(register: Register, purpose: int) -> Register:
    """Only what one purpose uses, with the numbers of the whole."""
    activities = tuple(one for one in register.activities if one.purpose == purpose)
    used = {(Layer.PURPOSES, purpose)}.union(*(_keys(one) for one in activities))
    return Register(
        tuple(node for node in register.nodes if (node.layer, node.pk) in used), activities
    )


def _keys(activity: Activity) -> set[Key]:
    """The rows that an activity names."""
    return {
        (Layer.PURPOSES, activity.purpose),
        *((Layer.DATA, pk) for pk in activity.data),
        *((Layer.SYSTEMS, pk) for pk in activity.systems),
        *((Layer.RECIPIENTS, gift.recipient) for gift in activity.gifts),
    }


def _said(activity: Activity) -> Activity:
    """What is not said becomes a box of its own, so that the path goes on to the recipient."""
    nothing = frozenset({UNSAID})
    return replace(activity, data=activity.data or nothing, systems=activity.systems or nothing)


class _Index:
    """Who is connected with whom, read once from the activities."""

    def __init__(self, register: Register) -> None:
        self.activities = [_said(one) for one in register.activities]
        self.by_key: dict[Key, list[Activity]] = {}
        for activity in self.activities:
            for key in _keys(activity):
                self.by_key.setdefault(key, []).append(activity)
        nodes = {(node.layer, node.pk): node for node in register.nodes}
        for layer in (Layer.DATA, Layer.SYSTEMS):
            if (layer, UNSAID) in self.by_key:
                nodes[layer, UNSAID] = Node(layer, UNSAID)
        for key in self.by_key:
            if key not in nodes:
                raise LineToNowhere(number=key[1])
        self.nodes = nodes
        self.used = [node for key, node in nodes.items() if key in self.by_key]
        self.unused = [node for key, node in nodes.items() if key not in self.by_key]
        self.numbers = {node.pk: node.number for node in register.of(Layer.PURPOSES)}

    def exact(self, node: Node) -> Hashable:
        """Rows with the same answer have the same lines on both sides."""
        mine = self.by_key[node.layer, node.pk]
        if node.layer == Layer.PURPOSES:
            return node.ended, frozenset(one.profile for one in mine)
        if node.layer == Layer.RECIPIENTS:
            given = frozenset(
                (one.pk, gift.state)
                for one in mine
                for gift in one.gifts
                if gift.recipient == node.pk
            )
            return node.kind, node.country, given
        return node.pk == UNSAID, node.country, frozenset(one.pk for one in mine)

    def coarse(self, node: Node) -> Hashable:
        """By kind and country; purposes by the kinds of data that they use."""
        if node.layer != Layer.PURPOSES:
            return node.pk == UNSAID, node.kind, node.country
        kinds = {
            self.coarse(self.nodes[Layer.DATA, pk])
            for one in self.by_key[node.layer, node.pk]
            for pk in one.data
        }
        return node.ended, frozenset(kinds)

    def lines(self, boxes: Sequence[Box]) -> list[Line]:
        """Every line once for each pair of boxes and state of the gate."""
        box_of = {
            (node.layer, node.pk): number for number, box in enumerate(boxes) for node in box.nodes
        }
        found: dict[tuple[int, int, str], tuple[set[int], list[bool]]] = {}

        def draw(start: Key, end: Key, activity: Activity, state: str = "") -> None:
            key = (box_of[start], box_of[end], state)
            purposes, ended = found.setdefault(key, (set(), []))
            purposes.add(self.numbers[activity.purpose])
            ended.append(activity.ended or state == "ended")

        for one in self.activities:
            for data in one.data:
                draw((Layer.PURPOSES, one.purpose), (Layer.DATA, data), one)
                for system in one.systems:
                    draw((Layer.DATA, data), (Layer.SYSTEMS, system), one)
            for system in one.systems:
                for gift in one.gifts:
                    draw(
                        (Layer.SYSTEMS, system),
                        (Layer.RECIPIENTS, gift.recipient),
                        one,
                        gift.state,
                    )
        return [
            Line(
                start,
                end,
                boxes[end].border,
                state,
                tuple(sorted(purposes)) if boxes[end].layer == Layer.RECIPIENTS else (),
                all(ended),
            )
            for (start, end, state), (purposes, ended) in sorted(found.items())
        ]


def _boxes(nodes: Iterable[Node], alike: Callable[[Node], Hashable]) -> list[Box]:
    groups: dict[Hashable, list[Node]] = {}
    for node in nodes:
        groups.setdefault((node.layer, alike(node)), []).append(node)
    return sorted(
        (Box(group[0].layer, tuple(group)) for group in groups.values()),
        key=lambda box: box.layer,
    )


def _busiest(boxes: Sequence[Box], lines: Iterable[Line]) -> int:
    """How many lines the fullest of the three gaps holds."""
    return max(Counter(boxes[line.start].layer for line in lines).values(), default=0)


def draw(register: Register, *, max_lines: int = MAX_LINES) -> DataMap:
    """Boxes and lines of the whole register, and nothing that it does not hold.

    Refuses an activity that names a row outside the register (``LineToNowhere``).
    """
    index = _Index(register)
    apart = _boxes(index.unused, lambda node: node.layer)
    boxes = _boxes(index.used, index.exact)
    lines = index.lines(boxes)
    overview = _busiest(boxes, lines) > max_lines
    if overview:
        boxes = _boxes(index.used, index.coarse)
        lines = index.lines(boxes)
    return DataMap(tuple(boxes), tuple(lines), tuple(apart), overview)


def rows(register: Register) -> list[Row]:
    """The register in words: one row for all purposes whose activities are alike."""
    places = {(node.layer, node.pk): place for place, node in enumerate(register.nodes)}

    def nodes(layer: Layer, numbers: Iterable[int]) -> tuple[Node, ...]:
        return tuple(register.nodes[place] for place in sorted(places[layer, pk] for pk in numbers))

    alike: dict[Hashable, list[Activity]] = {}
    for one in register.activities:
        alike.setdefault(one.profile, []).append(one)
    found = [
        Row(
            nodes(Layer.PURPOSES, {one.purpose for one in group}),
            nodes(Layer.DATA, group[0].data),
            nodes(Layer.SYSTEMS, group[0].systems),
            tuple(
                (register.nodes[place], state, nodes(Layer.DATA, data))
                for place, state, data in sorted(
                    (places[Layer.RECIPIENTS, gift.recipient], gift.state, sorted(gift.data))
                    for gift in group[0].gifts
                )
            ),
            group[0].ended,
        )
        for group in alike.values()
    ]
    return sorted(found, key=lambda row: (row.ended, row.purposes[0].number))
