"""Registers for the tests of the data map: rows of each layer, and random ones."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from registry.data_map import (
    Activity,
    Border,
    Gift,
    Layer,
    Node,
    Register,
    border,
)
from registry.map_layout import Part

STATES = ("", "open", "waiting", "banned", "ended")
KINDS = ("ordinary", "special", "biometric")
COUNTRIES = ("KZ", "DE", "")


class PlainWords:
    """Every row by its name; arrows to recipients by state and purposes."""

    def row(self, node: Node) -> Sequence[Part]:
        return [Part(node.name or "not said")]

    def more(self, count: int) -> Sequence[Part]:
        return [Part(f"{count} more")]

    def arrow(
        self, border: Border, state: str, purposes: tuple[int, ...], ended: bool
    ) -> Sequence[Part]:
        crossing = [] if border == Border.HOME else [Part(border)]
        return [*crossing, *([Part(state or "no gate"), Part(str(purposes))] if purposes else [])]


def purpose(number: int, name: str = "Purpose", **more: object) -> Node:
    return Node(Layer.PURPOSES, number, f"{name} {number}", number=number, **more)  # type: ignore[arg-type]


def datum(number: int, kind: str = "ordinary") -> Node:
    return Node(Layer.DATA, number, f"Category {number}", kind=kind)


def place(layer: Layer, number: int, country: str = "KZ", kind: str = "") -> Node:
    return Node(
        layer, number, f"{layer.name} {number}", kind, country, country, border(country, "KZ")
    )


def system(number: int, country: str = "KZ") -> Node:
    return place(Layer.SYSTEMS, number, country)


def recipient(number: int, country: str = "KZ") -> Node:
    return place(Layer.RECIPIENTS, number, country, "third_party")


def activity(
    number: int, purpose: int, data: str = "", systems: str = "", *gifts: Gift
) -> Activity:
    def numbers(text: str) -> frozenset[int]:
        return frozenset(map(int, text.split()))

    return Activity(number, purpose, numbers(data), numbers(systems), frozenset(gifts))


@st.composite
def registers(draw_from: st.DrawFn) -> Register:
    """Any register of a few rows: activities that name nothing, rows that nobody names."""
    counts = [draw_from(st.integers(0, 6)) for _ in Layer]
    words = st.sampled_from(["Имя", "Ширина-щит жизни " * 4, "https://a.example/very/long", "<i>"])
    nodes = []
    for layer, count in zip(Layer, counts, strict=True):
        for number in range(1, count + 1):
            country = draw_from(st.sampled_from(COUNTRIES))
            nodes.append(
                Node(
                    layer,
                    number,
                    draw_from(words),
                    draw_from(st.sampled_from(KINDS)) if layer == Layer.DATA else "",
                    country if layer >= Layer.SYSTEMS else "",
                    country,
                    border(country, "KZ") if layer >= Layer.SYSTEMS else Border.HOME,
                    draw_from(st.booleans()) if layer == Layer.PURPOSES else False,
                    number if layer == Layer.PURPOSES else 0,
                )
            )

    def some(layer: Layer) -> st.SearchStrategy[frozenset[int]]:
        return (
            st.frozensets(st.integers(1, counts[layer])) if counts[layer] else st.just(frozenset())
        )

    last = max(counts[Layer.RECIPIENTS], 1)
    states = st.sampled_from(STATES)
    gifts = st.builds(Gift, st.integers(1, last), states, some(Layer.DATA))
    made = []
    if counts[Layer.PURPOSES]:
        for number in range(1, draw_from(st.integers(0, 8)) + 1):
            made.append(
                Activity(
                    number,
                    draw_from(st.integers(1, counts[Layer.PURPOSES])),
                    draw_from(some(Layer.DATA)),
                    draw_from(some(Layer.SYSTEMS)),
                    draw_from(st.frozensets(gifts, max_size=4))
                    if counts[Layer.RECIPIENTS]
                    else frozenset(),
                    draw_from(st.booleans()),
                )
            )
    return Register(tuple(nodes), tuple(made))
