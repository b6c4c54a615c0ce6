"""Laws of the fate of data that hold for whatever comes."""

from dataclasses import replace
from datetime import date
from itertools import count

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from subjects.fate import (
    Cover,
    Datum,
    Fate,
    Keep,
    Limit,
    Reason,
    Source,
    Then,
    decide,
    difference,
    what_if,
)
from tests.subjects.covers import DAY, ground
from tests.subjects.reference_fate import horizon, live_through

# Days and categories are few, so that they often coincide.
FIRST = date(2026, 1, 1)
DAYS = st.integers(0, 14).map(lambda n: FIRST + n * DAY)
CATEGORIES = st.sampled_from([frozenset({1}), frozenset({2}), frozenset({1, 2})])
DATA = st.lists(
    st.builds(Datum, st.integers(1, 9), st.integers(1, 3)), max_size=6, unique_by=lambda d: d.id
)
THEN = st.sampled_from([then.value for then in Then])


@st.composite
def a_limit(draw) -> Limit:
    code = draw(st.sampled_from(["A", "B"]))
    return Limit(draw(DAYS), code, "1", draw(st.sampled_from([s.value for s in Source])))


@st.composite
def a_cover(draw, number: int, may_end: bool = True) -> Cover:
    started, ended = draw(DAYS), draw(st.none() | DAYS) if may_end else None
    if ended is None:
        return ground(number, *draw(CATEGORIES), started_on=started, then=draw(THEN))
    return ground(
        number,
        *draw(CATEGORIES),
        started_on=min(started, ended),
        ended_on=max(started, ended),
        limits=tuple(draw(st.lists(a_limit(), max_size=2))),
        keep=draw(st.none() | st.builds(Keep, DAYS, st.just("K"), st.just("K 1"))),
        then=draw(THEN),
    )


@st.composite
def some_covers(draw, most: int = 4) -> list[Cover]:
    return [draw(a_cover(number)) for number in range(1, draw(st.integers(0, most)) + 1)]


COVERS = some_covers()
EACH = [Datum(category, category) for category in (1, 2, 3)]


def days_and_ends(fates: list[Fate]) -> list[tuple]:
    return [(f.datum, f.stays, f.due_on, f.then) for f in fates]


@settings(max_examples=400)
@given(COVERS, DAYS)
def test_it_agrees_with_a_life_lived_day_by_day(covers, today):
    for found in decide(EACH, covers, today):
        lived = live_through(found.datum, covers, today)
        assert found.due_on == lived.due_on
        assert found.stays == bool(lived.held_by or lived.due_on is None)
        if found.reason != Reason.WILL_BE_HELD:
            assert {h.ground for h in found.held_by} == lived.held_by
        if found.due_on and found.reason != Reason.NEVER_COVERED:
            assert (found.ground, found.limit) in lived.rings
            said = {c.then for c in covers if c.ground in lived.concerned}
            assert ("destroy" in said) <= (found.then == "destroy")
            assert found.then in said


@given(COVERS, DAYS)
def test_nothing_goes_while_a_ground_holds_it(covers, today):
    for found in decide(EACH, covers, today):
        if found.due_on is None or found.due_on < today:
            continue
        (then,) = decide([Datum(0, found.datum)], covers, found.due_on)
        assert not then.stays
        assert not any(
            cover.holds(found.due_on) for cover in covers if found.datum in cover.categories
        )


@given(COVERS, DAYS)
def test_nothing_stays_that_no_ground_holds(covers, today):
    for found in decide(EACH, covers, today):
        mine = [c for c in covers if found.datum in c.categories]
        held = any(c.holds(today) for c in mine)
        open_later = any(c.ended_on is None and c.started_on > today for c in mine)
        assert found.stays == bool(found.held_by)
        assert held or not found.stays or open_later
        assert found.stays or found.due_on is not None
        begun = [c for c in mine if c.started_on <= today]
        if begun and len(begun) == len(mine) and None not in {c.ended_on for c in begun}:
            latest = max(horizon([c], c.started_on) - 3 * DAY for c in begun)
            assert found.due_on <= latest + DAY


@given(COVERS, DATA, DAYS, st.randoms(use_true_random=False))
def test_the_order_of_grounds_and_data_shows_nowhere(covers, data, today, chance):
    shuffled, mixed = list(covers), list(data)
    chance.shuffle(shuffled)
    chance.shuffle(mixed)
    again = [replace(c, limits=tuple(chance.sample(c.limits, len(c.limits)))) for c in shuffled]
    fates = decide(data, covers, today)
    assert [f.datum for f in fates] == [d.id for d in data]
    by_datum = dict(zip(data, fates, strict=True))
    assert decide(mixed, again, today) == [by_datum[datum] for datum in mixed]


@given(COVERS, a_cover(99, may_end=False), DAYS)
def test_one_more_open_ground_never_brings_a_day_forward(covers, more, today):
    assume(more.started_on <= today)
    pairs = zip(decide(EACH, covers, today), decide(EACH, [*covers, more], today), strict=True)
    for without, found in pairs:
        if without.datum in more.categories:
            assert (found.stays, found.due_on) == (True, None)
        else:
            assert found == without


@given(COVERS, a_cover(99), DAYS)
def test_one_more_live_ground_brings_no_day_forward_but_by_its_own_limit(covers, more, today):
    assume(more.holds(today))
    pairs = zip(decide(EACH, covers, today), decide(EACH, [*covers, more], today), strict=True)
    for without, found in pairs:
        if without.datum not in more.categories:
            assert found == without
            continue
        assert found.stays and 99 in {h.ground for h in found.held_by}
        if found.due_on and without.due_on and found.due_on < without.due_on:
            assert found.ground == 99
        if without.due_on is None:
            assert found.due_on is None or found.ground == 99


@given(COVERS, a_limit(), DAYS)
def test_one_more_limit_never_postpones(covers, limit, today):
    stricter = [replace(c, limits=(*c.limits, limit)) if c.limits else c for c in covers]
    # A ground may begin before the later day and not before the earlier one.
    assume(all(c.started_on <= today for c in covers))
    pairs = zip(decide(EACH, covers, today), decide(EACH, stricter, today), strict=True)
    for before, after in pairs:
        assert (after.due_on or date.max) <= (before.due_on or date.max)


@given(COVERS, DATA, DAYS)
def test_splitting_and_doubling_grounds_changes_no_day(covers, data, today):
    fresh = count(100)
    split = [
        replace(cover, ground=next(fresh), categories=frozenset([category]))
        for cover in covers
        for category in cover.categories
    ]
    doubled = [*covers, *(replace(cover, ground=next(fresh)) for cover in covers)]
    expected = days_and_ends(decide(data, covers, today))
    assert days_and_ends(decide(data, split, today)) == expected
    assert days_and_ends(decide(data, doubled, today)) == expected


@given(COVERS, DAYS, st.integers(0, 20))
def test_a_day_does_not_drift_with_the_clock(covers, today, days):
    later = today + days * DAY
    for now, then in zip(decide(EACH, covers, today), decide(EACH, covers, later), strict=True):
        if now.reason == Reason.NEVER_COVERED:
            continue
        # A ground that begins once the data should be gone is another story.
        starts = [c.started_on for c in covers if now.datum in c.categories]
        if now.due_on and any(now.due_on < s <= later and s > today for s in starts):
            continue
        assert (now.due_on, now.limit, now.ground, now.event, now.then) == (
            then.due_on,
            then.limit,
            then.ground,
            then.event,
            then.then,
        )


@given(COVERS, DATA, DAYS)
def test_what_if_nothing_ended_is_what_is(covers, data, today):
    fates = decide(data, covers, today)
    assert what_if(data, covers, {}, today) == fates
    assert what_if(data, covers, {c.ground: c for c in covers}, today) == fates
    assert difference(fates, fates) == ()


@given(COVERS, DAYS)
def test_what_if_each_ended_is_deciding_on_the_ended(covers, today):
    ended = {
        c.ground: replace(c, ended_on=today, event="purpose_achieved")
        for c in covers
        if c.ended_on is None and c.started_on <= today
    }
    after = what_if(EACH, covers, ended, today)
    assert after == decide(EACH, [ended.get(c.ground, c) for c in covers], today)
    before = decide(EACH, covers, today)
    going = {f.datum for f in difference(before, after)}
    for was, becomes in zip(before, after, strict=True):
        assert (was.datum in going) == (was.stays and not becomes.stays)
