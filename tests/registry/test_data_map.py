"""The data map without Django: every fact is drawn, nothing else is, and nothing overlaps."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.data_map import (
    UNSAID,
    Border,
    DataMap,
    Gift,
    Layer,
    LineToNowhere,
    Register,
    border,
    draw,
    part,
    rows,
)
from registry.lettering import LETTERS, text_width, wrap
from registry.map_layout import COLUMN, HEAD, MOST_ITEMS, PAGE, WIDTH, Frame, lay_out
from tests.registry.mapping import (
    COUNTRIES,
    KINDS,
    STATES,
    PlainWords,
    activity,
    datum,
    purpose,
    recipient,
    registers,
    system,
)

Fact = tuple[tuple[Layer, int], tuple[Layer, int], str]


def facts_of(register: Register) -> set[Fact]:
    """Every connection that the activities state, read the plain way."""
    found: set[Fact] = set()
    for one in register.activities:
        for data in one.data or {UNSAID}:
            found.add(((Layer.PURPOSES, one.purpose), (Layer.DATA, data), ""))
            for held in one.systems or {UNSAID}:
                found.add(((Layer.DATA, data), (Layer.SYSTEMS, held), ""))
        for held in one.systems or {UNSAID}:
            for gift in one.gifts:
                found.add(((Layer.SYSTEMS, held), (Layer.RECIPIENTS, gift.recipient), gift.state))
    return found


def facts_drawn(drawn: DataMap) -> list[Fact]:
    """Every connection that the lines say: each row of the one box with each of the other."""
    return [
        ((start.layer, start.pk), (end.layer, end.pk), line.state)
        for line in drawn.lines
        for start in drawn.boxes[line.start].nodes
        for end in drawn.boxes[line.end].nodes
    ]


@given(registers())
@settings(max_examples=60, deadline=None)
def test_every_fact_is_on_the_map_once_and_nothing_else(register: Register) -> None:
    drawn = draw(register, max_lines=10_000)
    assert not drawn.overview
    said = facts_drawn(drawn)
    assert set(said) == facts_of(register)
    assert len(said) == len(set(said))


@given(registers())
@settings(max_examples=50, deadline=None)
def test_every_row_is_on_the_map_once(register: Register) -> None:
    for limit in (0, 10_000):
        drawn = draw(register, max_lines=limit)
        shown = [
            (node.layer, node.pk)
            for box in (*drawn.boxes, *drawn.apart)
            for node in box.nodes
            if node.pk != UNSAID
        ]
        assert sorted(shown) == sorted((node.layer, node.pk) for node in register.nodes)
        named = {key for fact in facts_of(register) for key in fact[:2]}
        apart = {(node.layer, node.pk) for box in drawn.apart for node in box.nodes}
        assert not named & apart


@given(registers())
@settings(max_examples=50, deadline=None)
def test_lines_lead_from_one_column_to_the_next_and_the_overview_hides_none(
    register: Register,
) -> None:
    for limit in (0, 10_000):
        drawn = draw(register, max_lines=limit)
        for line in drawn.lines:
            assert drawn.boxes[line.end].layer == drawn.boxes[line.start].layer + 1
            assert line.border == drawn.boxes[line.end].border
            assert {node.border for node in drawn.boxes[line.end].nodes} == {line.border}
        assert facts_of(register) <= set(facts_drawn(drawn))


@given(registers())
@settings(max_examples=50, deadline=None)
def test_the_words_say_every_activity_and_no_other(register: Register) -> None:
    said = {
        (one.pk, row.ended, tuple(n.pk for n in row.data), tuple(n.pk for n in row.systems),
         tuple((n.pk, state, tuple(d.pk for d in data)) for n, state, data in row.gifts))
        for row in rows(register) for one in row.purposes
    }  # fmt: skip
    wanted = {
        (one.purpose, one.ended, tuple(sorted(one.data)), tuple(sorted(one.systems)),
         tuple(sorted((g.recipient, g.state, tuple(sorted(g.data))) for g in one.gifts)))
        for one in register.activities
    }  # fmt: skip
    assert said == wanted


def overlap(one: Frame, other: Frame) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@given(registers())
@settings(max_examples=60, deadline=None)
def test_no_two_boxes_overlap_and_every_line_ends_at_its_boxes(register: Register) -> None:
    drawn = draw(register)
    picture = lay_out(drawn, PlainWords())
    frames = [*picture.frames, *picture.apart]
    assert [frame.box for frame in picture.frames] == list(drawn.boxes)
    for number, frame in enumerate(frames):
        assert frame.x >= 0 and frame.x + frame.width <= WIDTH
        assert frame.y >= HEAD and frame.y + frame.height <= picture.height
        assert not [other for other in frames[number + 1 :] if overlap(frame, other)]
        for item in frame.items:
            for text in item.texts:
                assert frame.x < text.x < frame.x + COLUMN
                assert frame.y < text.y < frame.y + frame.height
                assert text.x + text_width(text.text) <= frame.x + COLUMN
    assert len(picture.branches) == len(drawn.lines)
    for branch in picture.branches:
        start, end = picture.frames[branch.line.start], picture.frames[branch.line.end]
        numbers = [int(word) for word in branch.d.replace("M", " ").replace("C", " ").split()]
        assert numbers[0] == start.x + COLUMN
        assert start.y < numbers[1] < start.y + start.height
        trunk = next(
            trunk
            for trunk in picture.trunks
            if trunk.frame is end
            and (trunk.state, trunk.ended) == (branch.line.state, branch.line.ended)
        )
        assert numbers[-2:] == [trunk.x, trunk.y]
        assert end.y < trunk.y < end.y + end.height
        # In the gap: right of every box of its own column, left of every box of the next.
        assert start.x + COLUMN < trunk.x < end.x


@given(registers())
@settings(max_examples=40, deadline=None)
def test_no_box_is_cut_by_the_edge_of_a_sheet(register: Register) -> None:
    for frame in lay_out(draw(register), PlainWords()).frames:
        if frame.height <= PAGE - HEAD:
            assert frame.y // PAGE == (frame.y + frame.height - 1) // PAGE


@given(registers())
@settings(max_examples=40, deadline=None)
def test_the_labels_of_one_box_do_not_touch(register: Register) -> None:
    picture = lay_out(draw(register), PlainWords())
    for frame in picture.frames:
        lines = sorted([text.y for t in picture.trunks if t.frame is frame for text in t.texts])
        arrows = sorted(t.y for t in picture.trunks if t.frame is frame)
        assert all(b - a >= LETTERS for a, b in zip(lines, lines[1:], strict=False))
        assert len(set(arrows)) == len(arrows) or not lines


# --- what stands together ------------------------------------------------------------------------
def everything(purposes: int, categories: int) -> Register:
    """Every purpose uses every category, in one system, given to one body."""
    data = " ".join(str(number) for number in range(1, categories + 1))
    return Register(
        (
            *(purpose(number) for number in range(1, purposes + 1)),
            *(datum(number) for number in range(1, categories + 1)),
            system(1, ""),
            recipient(1),
        ),
        tuple(activity(number, number, data, "1", Gift(1)) for number in range(1, purposes + 1)),
    )


def test_ten_purposes_with_the_same_fifteen_categories_are_two_boxes_and_one_line() -> None:
    drawn = draw(everything(10, 15))
    assert [(box.layer, len(box.nodes)) for box in drawn.boxes] == [
        (Layer.PURPOSES, 10),
        (Layer.DATA, 15),
        (Layer.SYSTEMS, 1),
        (Layer.RECIPIENTS, 1),
    ]
    assert [(line.start, line.end, line.border) for line in drawn.lines] == [
        (0, 1, Border.HOME),
        (1, 2, Border.UNKNOWN),
        (2, 3, Border.HOME),
    ]
    assert drawn.lines[2].purposes == tuple(range(1, 11))


def test_a_purpose_that_gives_to_one_more_recipient_stands_by_itself() -> None:
    register = everything(3, 2)
    third = activity(3, 3, "1 2", "1", Gift(1), Gift(2))
    register = Register((*register.nodes, recipient(2, "DE")), (*register.activities[:2], third))
    drawn = draw(register)
    assert [[node.number for node in box.nodes] for box in drawn.boxes[:2]] == [[1, 2], [3]]
    abroad = [line for line in drawn.lines if line.border == Border.ABROAD]
    assert [(drawn.boxes[line.end].nodes[0].pk, line.purposes) for line in abroad] == [(2, (3,))]


def test_two_states_of_one_gate_are_two_arrows() -> None:
    register = Register(
        (purpose(1), purpose(2), datum(1), system(1), recipient(1, "DE")),
        (activity(1, 1, "1", "1", Gift(1, "open")), activity(2, 2, "1", "1", Gift(1, "banned"))),
    )
    drawn = draw(register)
    last = [(line.state, line.purposes) for line in drawn.lines if line.purposes]
    assert sorted(last) == [("banned", (2,)), ("open", (1,))]


def test_what_an_activity_does_not_say_has_a_box_of_its_own() -> None:
    register = Register((purpose(1), recipient(1)), (activity(1, 1, "", "", Gift(1)),))
    drawn = draw(register)
    assert [(box.layer, box.nodes[0].pk) for box in drawn.boxes] == [
        (Layer.PURPOSES, 1),
        (Layer.DATA, UNSAID),
        (Layer.SYSTEMS, UNSAID),
        (Layer.RECIPIENTS, 1),
    ]
    assert len(drawn.lines) == 3


def test_an_unknown_country_counts_as_a_border() -> None:
    assert border("KZ", "KZ") == Border.HOME
    assert border("DE", "KZ") == Border.ABROAD
    assert border("", "KZ") == Border.UNKNOWN


def test_a_line_has_ended_when_all_that_drew_it_has() -> None:
    ended = replace(activity(1, 1, "1", "1"), ended=True)
    nodes = (purpose(1), purpose(2), datum(1), system(1))
    assert [line.ended for line in draw(Register(nodes, (ended,))).lines] == [True, True]
    both = draw(Register(nodes, (ended, activity(2, 2, "1", "1"))))
    assert sorted(line.ended for line in both.lines) == [False, False, True]


def test_the_part_of_a_purpose_is_its_rows_alone_with_the_numbers_of_the_whole() -> None:
    register = Register(
        (purpose(1), purpose(2), datum(1), datum(2), system(1), recipient(1), recipient(2)),
        (activity(1, 1, "1", "1", Gift(1)), activity(2, 2, "2", "1", Gift(2))),
    )
    mine = part(register, 2)
    assert [(node.layer, node.pk, node.number) for node in mine.nodes] == [
        (Layer.PURPOSES, 2, 2),
        (Layer.DATA, 2, 0),
        (Layer.SYSTEMS, 1, 0),
        (Layer.RECIPIENTS, 2, 0),
    ]
    assert draw(mine).apart == ()


def test_a_row_that_the_register_does_not_hold_is_refused() -> None:
    with pytest.raises(LineToNowhere, match="row 7"):
        draw(Register((purpose(1),), (activity(1, 1, "7"),)))


# --- large registers -----------------------------------------------------------------------------
def scattered(purposes: int, activities: int) -> Register:
    """No two activities alike."""
    return Register(
        (
            *(purpose(number) for number in range(1, purposes + 1)),
            *(datum(number, KINDS[number % 3]) for number in range(1, 61)),
            *(system(number, COUNTRIES[number % 3]) for number in range(1, 21)),
            *(recipient(number, COUNTRIES[number % 3]) for number in range(1, 31)),
        ),
        tuple(
            activity(
                number,
                number % purposes + 1,
                " ".join(str((number * step) % 60 + 1) for step in (1, 7, 11, 13, 17)),
                f"{number % 20 + 1} {number * 3 % 20 + 1}",
                *(Gift(number * step % 30 + 1, STATES[number % 5]) for step in (1, 7, 11)),
            )
            for number in range(1, activities + 1)
        ),
    )


@pytest.mark.parametrize("purposes", [40, 500])
def test_five_hundred_activities_are_drawn_in_less_than_a_second(purposes: int) -> None:
    register = scattered(purposes, 500)
    begun = time.process_time()
    drawn = draw(register)
    picture = lay_out(drawn, PlainWords())
    assert time.process_time() - begun < 1
    assert drawn.overview
    assert len(drawn.boxes) < 60
    assert len(picture.trunks) < 120
    assert facts_of(register) <= set(facts_drawn(drawn))


def test_a_full_box_says_how_many_more_it_holds() -> None:
    picture = lay_out(draw(everything(MOST_ITEMS + 5, 1)), PlainWords())
    items = picture.frames[0].items
    assert len(items) == MOST_ITEMS
    assert [text.text for text in items[-1].texts] == ["6 more"]
    assert len(lay_out(draw(everything(MOST_ITEMS, 1)), PlainWords()).frames[0].items) == MOST_ITEMS


def test_the_same_register_is_drawn_the_same_way_each_time() -> None:
    first = lay_out(draw(scattered(12, 12)), PlainWords())
    second = lay_out(draw(scattered(12, 12)), PlainWords())
    assert [(frame.x, frame.y) for frame in first.frames] == [
        (frame.x, frame.y) for frame in second.frames
    ]


def test_boxes_are_ordered_so_that_straight_paths_do_not_cross() -> None:
    """Purpose 1 uses category 3, 2 uses 2, 3 uses 1: listed as entered, all would cross."""
    register = Register(
        (*(purpose(n) for n in (1, 2, 3)), *(datum(n) for n in (1, 2, 3)),
         *(system(n) for n in (1, 2, 3))),
        (activity(1, 1, "3 2", "1"), activity(2, 2, "2", "2"), activity(3, 3, "1 2", "3")),
    )  # fmt: skip
    drawn = draw(register)
    picture = lay_out(drawn, PlainWords())
    lines = [
        (picture.frames[line.start].y, picture.frames[line.end].y)
        for line in drawn.lines
        if drawn.boxes[line.end].layer == Layer.DATA
    ]
    crossings = [(a, b) for a in lines for b in lines if a[0] < b[0] and a[1] > b[1]]
    assert not crossings


def test_boxes_that_want_the_same_place_share_the_way_to_it() -> None:
    """Two purposes with one tall box of data stand evenly above and below its middle."""
    data = " ".join(map(str, range(1, 21)))
    register = Register(
        (purpose(1), purpose(2), *(datum(n) for n in range(1, 21)), system(1), recipient(1)),
        (activity(1, 1, data, "1"), activity(2, 2, data, "1", Gift(1))),
    )
    upper, lower, tall, *_ = lay_out(draw(register), PlainWords()).frames
    assert upper.y < lower.y
    assert abs((upper.port + lower.port) / 2 - tall.port) <= 1


# --- text ----------------------------------------------------------------------------------------
@given(st.text(max_size=80), st.integers(60, 200))
@settings(max_examples=100, deadline=None)
def test_wrapping_loses_no_letter_and_fits(text: str, room: int) -> None:
    lines = wrap(text, room)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        assert text_width(line) <= room or len(line) <= 1


def test_long_words_are_cut_at_their_hyphens() -> None:
    assert wrap("https://workspace.pandev.io/policy/privacy", 120)[0].endswith(("/", ".", "-"))
    assert wrap("one two three", 1000) == ["one two three"]
