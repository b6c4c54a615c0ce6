"""What must go, when and why; what stays and why: on the law's examples."""

from dataclasses import replace
from datetime import date

import pytest

from registry.choices import AfterRetention
from registry.deadlines import Direction, Rule
from registry.terms import Unit
from subjects.fate import (
    Cover,
    Datum,
    Fate,
    Holding,
    Keep,
    Limit,
    Then,
    decide,
    difference,
    what_if,
)
from tests.registry.counting import kz, ru
from tests.subjects.covers import DAY, EMAIL, LONG_AGO, NAME, PASSPORT, PERSON, ground

WITHDRAWAL = Rule("RU.CONSENT.WITHDRAW", Direction.DUE, Unit.CALENDAR_DAY, 30, article="21(5)")
UNLAWFUL = Rule("RU.UNLAWFUL.DESTROY", Direction.DUE, Unit.WORKING_DAY, 10, article="21(3)")
PURPOSE = Rule("RU.PURPOSE.DESTROY", Direction.DUE, Unit.CALENDAR_DAY, 30, article="21(4)")
KZ_PURPOSE = Rule("KZ.RETENTION.DESTROY", Direction.DUE, Unit.WORKING_DAY, 1, article="18")
PROMISE = Rule("PROMISE.X", Direction.DUE, Unit.CALENDAR_DAY, 10, article="policy 4.2")


def counted(ask, rule: Rule, start: date, source: str = "statute") -> Limit:
    """The limit that a rule sets from that day, by the engine itself."""
    due_on = ask(rule, start).due_on
    assert due_on
    return Limit(due_on, rule.code, rule.article, source)


def only(covers: list[Cover], today: date, category: int = EMAIL) -> Fate:
    (found,) = decide([Datum(7, category)], covers, today)
    return found


# The law


@pytest.mark.parametrize(
    ("ask", "rule", "event", "ended", "due"),
    [
        (ru, WITHDRAWAL, "consent_withdrawn", date(2025, 12, 8), date(2026, 1, 12)),
        (ru, WITHDRAWAL, "consent_withdrawn", date(2026, 4, 28), date(2026, 5, 28)),
        (ru, UNLAWFUL, "unlawful_processing_found", date(2026, 4, 28), date(2026, 5, 14)),
        (ru, UNLAWFUL, "unlawful_processing_found", date(2025, 12, 25), date(2026, 1, 20)),
        (kz, KZ_PURPOSE, "purpose_achieved", date(2026, 3, 20), date(2026, 3, 26)),
        (kz, KZ_PURPOSE, "purpose_achieved", date(2026, 8, 28), date(2026, 8, 31)),
    ],
)
def test_a_single_ground_that_ended_sets_the_day_of_the_law(ask, rule, event, ended, due):
    limit = counted(ask, rule, ended)
    over = ground(1, EMAIL, ended_on=ended, event=event, limits=(limit,))
    assert only([over], ended) == Fate(
        datum=7,
        stays=False,
        due_on=due,
        held_by=(),
        reason="limit",
        limit=limit,
        ground=1,
        event=event,
        then="destroy",
    )


def test_the_earliest_of_the_law_and_the_promise_binds():
    ended = date(2026, 4, 28)
    limits = (counted(ru, WITHDRAWAL, ended), counted(ru, PROMISE, ended, "promise"))
    found = only([ground(1, EMAIL, ended_on=ended, limits=limits)], ended)
    assert (found.due_on, found.limit) == (limits[1].day, limits[1])
    assert limits[1].day == date(2026, 5, 8)


def test_on_the_same_day_the_law_is_named_before_the_promise_and_the_promise_before_the_policy():
    day = date(2026, 5, 28)
    limits = [Limit(day, "A", "1", "policy"), Limit(day, "B", "2", "promise")]
    limits.append(Limit(day, "C", "3", "statute"))
    ended = date(2026, 4, 28)
    covers = [ground(n, EMAIL, ended_on=ended, limits=(x,)) for n, x in enumerate(limits, 1)]
    for covers_known, named in ((covers, "C"), (covers[:2], "B"), (covers[:1], "A")):
        found = only(covers_known, ended)
        assert found.limit and found.limit.code == named


def test_a_contract_that_ended_is_kept_for_accounting_and_goes_after_it():
    # 402-FZ 29(1): five years after the reporting year.
    until = date(2026, 12, 31)
    limit = counted(ru, PURPOSE, until)
    assert limit.day == date(2027, 2, 1)
    keep = Keep(until, "RU.ACCOUNTING", "402-FZ 29(1)")
    contract = ground(
        5,
        EMAIL,
        basis="contract",
        article="6(1)(5)",
        ended_on=date(2021, 9, 10),
        event="contract_ended",
        limits=(limit,),
        keep=keep,
    )
    before, after = only([contract], until), only([contract], until + DAY)
    assert before.stays and before.reason == "held"
    assert before.held_by == (
        Holding(5, "activity-5", "contract", "402-FZ 29(1)", LONG_AGO, until, keep),
    )
    assert not after.stays and after.held_by == ()
    # While it is kept the screen can already say until when, and by when it must then go.
    assert before.due_on == after.due_on == date(2027, 2, 1)
    assert before.limit == after.limit == limit
    assert before.event == after.event == "contract_ended"


def test_a_kept_ground_without_limits_is_due_on_its_first_free_day():
    keep = Keep(date(2026, 12, 31), "K", "K 1")
    found = only(
        [ground(5, EMAIL, ended_on=date(2021, 9, 10), keep=keep)], today=date(2026, 12, 31)
    )
    assert (found.stays, found.due_on, found.limit) == (True, date(2027, 1, 1), None)


def test_a_limit_inside_the_retention_waits_for_its_end():
    keep = Keep(date(2026, 12, 31), "K", "K 1")
    inside = Limit(date(2021, 10, 11), "RU.CONSENT.WITHDRAW", "21(5)", "statute")
    over = ground(5, EMAIL, ended_on=date(2021, 9, 10), keep=keep, limits=(inside,))
    found = only([over], today=date(2027, 1, 5))
    assert (found.due_on, found.limit, found.reason) == (date(2027, 1, 1), inside, "limit")


def test_a_retention_shorter_than_the_ground_itself_shortens_nothing():
    keep = Keep(date(2026, 1, 31), "K", "K 1")
    over = ground(5, EMAIL, ended_on=date(2026, 3, 1), keep=keep)
    assert only([over], today=date(2026, 2, 15)).stays
    assert only([over], today=date(2026, 2, 15)).due_on == date(2026, 3, 1)


def test_what_another_ground_covers_stays_and_the_rest_goes():
    withdrawn = date(2026, 4, 28)
    consent = ground(
        1, NAME, EMAIL, ended_on=withdrawn, limits=(counted(ru, WITHDRAWAL, withdrawn),)
    )
    contract = ground(2, NAME, PASSPORT, basis="contract", article="6(1)(5)")
    name, email, passport = decide(PERSON, [consent, contract], withdrawn)
    held = (Holding(2, "activity-2", "contract", "6(1)(5)", LONG_AGO, None, None),)
    assert name == Fate(11, True, None, held, "held", None, None, "", "")
    assert passport == Fate(13, True, None, held, "held", None, None, "", "")
    assert (email.datum, email.stays, email.due_on) == (12, False, date(2026, 5, 28))


def test_all_grounds_that_hold_are_named_with_their_last_day():
    keep = Keep(date(2026, 12, 31), "K", "402-FZ 29(1)")
    known_end = ground(3, EMAIL, ended_on=date(2026, 6, 1), event="consent_expired")
    kept = ground(2, EMAIL, ended_on=date(2026, 4, 1), event="contract_ended", keep=keep)
    over = ground(4, EMAIL, ended_on=date(2026, 4, 1))
    found = only([known_end, over, kept, ground(1, EMAIL)], today=date(2026, 4, 28))
    assert [(h.ground, h.until, h.article, h.keep) for h in found.held_by] == [
        (1, None, "6(1)(1)", None),
        (2, date(2026, 12, 31), "402-FZ 29(1)", keep),
        (3, date(2026, 5, 31), "6(1)(1)", None),
    ]
    assert (found.due_on, found.then) == (None, "")


def test_unlawful_processing_brings_the_day_of_a_withdrawal_forward():
    day = date(2026, 4, 28)
    withdrawn = ground(1, EMAIL, ended_on=day, limits=(counted(ru, WITHDRAWAL, day),))
    unlawful = ground(
        2,
        EMAIL,
        ended_on=day,
        event="unlawful_processing_found",
        limits=(counted(ru, UNLAWFUL, day),),
    )
    found = only([withdrawn, unlawful], day)
    assert (found.due_on, found.ground) == (date(2026, 5, 14), 2)
    assert found.event == "unlawful_processing_found"


# Duties that meet other grounds


def test_a_limit_that_lapsed_under_another_ground_does_not_reach_back():
    consent = ground(
        1, EMAIL, ended_on=date(2025, 1, 9), limits=(Limit(date(2025, 2, 10), "A", "", "statute"),)
    )
    ended = date(2026, 4, 28)
    contract = ground(2, EMAIL, ended_on=ended, limits=(counted(ru, PURPOSE, ended),))
    found = only([consent, contract], ended)
    assert (found.due_on, found.ground) == (date(2026, 5, 28), 2)


def test_a_limit_that_still_runs_is_not_lengthened_by_the_end_of_another_ground():
    first, second = date(2026, 4, 1), date(2026, 4, 28)
    consent = ground(1, EMAIL, ended_on=first, limits=(counted(ru, WITHDRAWAL, first),))
    contract = ground(2, EMAIL, ended_on=second, limits=(counted(ru, PURPOSE, second),))
    found = only([consent, contract], second)
    assert (found.due_on, found.ground) == (date(2026, 5, 4), 1)


@pytest.mark.parametrize(
    ("limit_on", "due", "who"),
    [
        (date(2026, 4, 27), date(2026, 5, 28), 2),
        (date(2026, 4, 28), date(2026, 4, 28), 1),
        (date(2026, 4, 29), date(2026, 4, 29), 1),
    ],
)
def test_the_day_the_last_cover_fell_away_parts_lapsed_from_running(limit_on, due, who):
    consent = ground(
        1, EMAIL, ended_on=date(2026, 4, 1), limits=(Limit(limit_on, "A", "", "promise"),)
    )
    ended = date(2026, 4, 28)
    contract = ground(2, EMAIL, ended_on=ended, limits=(counted(ru, PURPOSE, ended),))
    found = only([consent, contract], ended)
    assert (found.due_on, found.ground) == (due, who)


def test_a_lapsed_promise_does_not_take_the_law_with_it():
    consent = ground(
        1,
        EMAIL,
        ended_on=date(2026, 4, 1),
        limits=(
            Limit(date(2026, 4, 13), "PROMISE.X", "", "promise"),
            Limit(date(2026, 5, 4), "RU.CONSENT.WITHDRAW", "21(5)", "statute"),
        ),
    )
    ended = date(2026, 4, 28)
    contract = ground(2, EMAIL, ended_on=ended, limits=(counted(ru, PURPOSE, ended),))
    found = only([consent, contract], ended)
    assert found.due_on == date(2026, 5, 4)
    assert found.limit and found.limit.code == "RU.CONSENT.WITHDRAW"


def test_an_ended_ground_without_limits_is_due_at_once():
    ended = date(2026, 4, 28)
    found = only([ground(1, EMAIL, ended_on=ended, event="purpose_achieved")], ended)
    assert found == Fate(7, False, ended, (), "no_limit", None, 1, "purpose_achieved", "destroy")


def test_a_ground_of_a_single_day_concerned_the_data():
    day = date(2026, 4, 28)
    limit = counted(ru, WITHDRAWAL, day)
    found = only([ground(1, EMAIL, started_on=day, ended_on=day, limits=(limit,))], day)
    assert (found.stays, found.due_on, found.reason) == (False, limit.day, "limit")


def test_a_ground_of_a_single_day_can_be_followed_by_retention():
    day = date(2026, 4, 28)
    keep = Keep(day, "K", "K 1")
    over = ground(1, EMAIL, started_on=day, ended_on=day, keep=keep)
    assert [only([over], today).stays for today in (day, day + DAY)] == [True, False]


@pytest.mark.parametrize(
    "covers", [[], [ground(1, NAME)], [ground(1, EMAIL, started_on=date(2027, 1, 1))]]
)
def test_what_no_ground_has_ever_concerned_is_due_today(covers):
    today = date(2026, 4, 28)
    found = only(covers, today)
    assert found == Fate(7, False, today, (), "never_covered", None, None, "", "destroy")
    assert not found.overdue(today)


# Both sides of midnight


def test_the_day_of_the_end_is_the_first_day_without_cover():
    ended = date(2026, 4, 28)
    over = ground(1, EMAIL, ended_on=ended, limits=(counted(ru, WITHDRAWAL, ended),))
    before, on_the_day = only([over], ended - DAY), only([over], ended)
    assert (before.stays, on_the_day.stays) == (True, False)
    assert before.held_by[0].until == ended - DAY
    assert before.due_on == on_the_day.due_on == date(2026, 5, 28)


def test_the_first_day_of_a_ground_is_covered_and_the_day_before_is_not():
    begun = ground(1, EMAIL, started_on=date(2026, 4, 28))
    assert [only([begun], begun.started_on + n * DAY).stays for n in (-1, 0)] == [False, True]


def test_it_is_overdue_only_after_the_due_day_is_over():
    ended = date(2026, 4, 28)
    over = ground(1, EMAIL, ended_on=ended, limits=(counted(ru, WITHDRAWAL, ended),))
    days = (date(2026, 5, 27), date(2026, 5, 28), date(2026, 5, 29))
    assert [only([over], day).overdue(day) for day in days] == [False, False, True]
    assert not only([ground(1, EMAIL)], days[0]).overdue(days[0])


@pytest.mark.parametrize(("starts", "stays"), [(28, True), (29, False)])
def test_a_ground_that_begins_by_the_due_day_holds_from_then_on(starts, stays):
    ended = date(2026, 4, 28)
    over = ground(1, EMAIL, ended_on=ended, limits=(counted(ru, WITHDRAWAL, ended),))
    coming = ground(2, EMAIL, started_on=date(2026, 5, starts))
    found = only([over, coming], ended)
    assert found.stays is stays
    if stays:
        assert (found.due_on, found.reason, found.held_by[0].ground) == (None, "will_be_held", 2)
        assert found.held_by[0].since == date(2026, 5, 28)
    else:
        assert (found.due_on, found.reason) == (date(2026, 5, 28), "limit")


def test_a_chain_of_coming_grounds_carries_the_day_along():
    first = ground(
        1, EMAIL, ended_on=date(2026, 4, 1), limits=(Limit(date(2026, 4, 10), "A", "", "policy"),)
    )
    second = ground(2, EMAIL, started_on=date(2026, 4, 10), ended_on=date(2026, 5, 1))
    third = ground(3, EMAIL, started_on=date(2026, 5, 1), ended_on=date(2026, 6, 1))
    fourth = ground(4, EMAIL, started_on=date(2026, 6, 2))
    found = only([fourth, third, second, first], today=date(2026, 4, 5))
    assert (found.stays, found.due_on, found.ground) == (False, date(2026, 6, 1), 3)


def test_a_coming_ground_can_bring_the_day_to_before_the_next_one_begins():
    long = ground(
        1, EMAIL, ended_on=date(2026, 4, 7), limits=(Limit(date(2026, 4, 13), "A", "", "statute"),)
    )
    short = ground(2, EMAIL, started_on=date(2026, 4, 6), ended_on=date(2026, 4, 8))
    next_one = ground(3, EMAIL, started_on=date(2026, 4, 9))
    for covers in ([long, short, next_one], [next_one, short, long]):
        found = only(covers, today=date(2026, 4, 4))
        assert (found.stays, found.due_on, found.ground) == (True, date(2026, 4, 8), 2)


# What then


@pytest.mark.parametrize(
    ("said", "then"),
    [
        (["destroy"], "destroy"),
        (["depersonalise"], "depersonalise"),
        (["destroy_or_depersonalise"], "destroy_or_depersonalise"),
        (["depersonalise", "destroy"], "destroy"),
        (["destroy_or_depersonalise", "destroy"], "destroy"),
        (["destroy_or_depersonalise", "depersonalise"], "depersonalise"),
        (["destroy_or_depersonalise", "depersonalise", "destroy"], "destroy"),
    ],
)
def test_destruction_wins_over_depersonalisation(said, then):
    ended = date(2026, 4, 28)
    covers = [ground(n, EMAIL, ended_on=ended, then=word) for n, word in enumerate(said)]
    assert only(covers, ended).then == then


def test_the_words_are_those_of_the_register():
    assert set(Then) == set(AfterRetention.values)


# What would happen


def test_what_would_go_if_a_consent_were_withdrawn_today():
    today = date(2026, 4, 28)
    consent, contract = ground(1, NAME, EMAIL), ground(2, NAME, PASSPORT)
    over = replace(
        consent,
        ended_on=today,
        event="consent_withdrawn",
        limits=(counted(ru, WITHDRAWAL, today),),
    )
    covers = [consent, contract]
    before = decide(PERSON, covers, today)
    after = what_if(PERSON, covers, {1: over}, today)
    assert after == decide(PERSON, [over, contract], today)
    assert [(gone.datum, gone.due_on) for gone in difference(before, after)] == [
        (12, date(2026, 5, 28))
    ]
    assert difference(before, before) == difference(after, after) == ()
    assert covers == [consent, contract]


def test_what_was_already_to_go_is_not_a_consequence():
    today = date(2026, 4, 28)
    before = decide(PERSON, [], today)
    assert difference(before, before) == ()
