"""The tracking page: what it tells at each stage, and that it tells nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.models import Operator
from requests.services.ends import correspondence_dated, ends_sweep
from requests.services.letters import letter_receive
from requests.services.posting import letters_deliver
from subjects.models import ActItem, VaultKey
from subjects.services.cards import cards_merge
from subjects.services.destruction import keys_destroy, subject_destroy
from tests.conftest import Office
from tests.requests.asking import (
    BOTH,
    DESTRUCTION,
    LATER,
    MARKETING,
    REFUSAL,
    TOLD,
    WITHDRAWAL,
    accept,
    again,
    asked,
    bar,
    check,
    close,
    item_of,
    kept_by_law,
    link,
    met,
    receive,
    refuse,
    team_of,
    without_other_ground,
)
from tests.requests.corresponding import draft, send
from tests.requests.test_other_kinds import INFORMATION, OTHER
from tests.requests.tracked import AFTER, VISIT, executed, path_of, visit, with_file
from tests.subjects.persons import EVIDENCE, VALUES, agree, register

# All but the letter itself, which the person wrote.
PERSONAL = (*(TOLD[name] for name in ("name", "email", "phone", "postal")), *VALUES.values(),
            EVIDENCE)  # fmt: skip


def nothing_personal(page: str) -> None:
    assert not [secret for secret in PERSONAL if secret in page]


# --- each stage ------------------------------------------------------------------------------
def test_a_new_request_says_what_is_asked_and_by_when_and_why(office: Office) -> None:
    request = receive(office.pandev, DESTRUCTION)
    page = visit(request)
    for words in (
        request.number, "I want my data deleted", "Thursday, 5 March 2026", "Your request arrived.",
        "Wednesday, 1 April 2026", "Working days counted: 15", "Received", "Write to us",
        "Take the request back", TOLD["message"], "Ministry of Artificial Intelligence",
    ):  # fmt: skip
        assert words in page, words
    assert "Somebody has begun" not in page and "What stays" not in page
    nothing_personal(page)


def test_days_are_those_of_the_operator(office: Office) -> None:
    # Half past eight in the evening in Greenwich is tomorrow in Almaty, five hours east.
    late = datetime(2026, 3, 5, 20, 30, tzinfo=UTC)
    request = receive(office.pandev, received_at=late, now=late + timedelta(hours=1))
    assert "Friday, 6 March 2026" in visit(request)
    assert "Thursday, 5 March 2026" not in visit(request)


def test_a_decision_is_told_with_its_ground_and_reasons(office: Office) -> None:
    _known, request = asked(office.ipm, WITHDRAWAL, MARKETING)
    refuse(item_of(request, "withdrawal"), office.ipm, reasons="No card is yours.")
    page = visit(request)
    for words in ("Withdrawal of consent: refused.", "The operator holds no data", "20(1)",
                  "No card is yours.", "Tuesday, 10 March 2026", "Somebody has begun"):  # fmt: skip
        assert words in page, words
    # Refused in part of the letter: it can still be taken back, nothing was accepted.
    assert "Take the request back" in page
    accept(item_of(request, "marketing"), office.ipm,
           activities=[_known.grounds[0].activity])  # fmt: skip
    page = visit(request)
    assert "Stop marketing: we do it." in page and "is being carried out" in page
    assert "Take the request back" not in page
    nothing_personal(page)


def test_a_refusal_of_everything_promises_nothing(office: Office) -> None:
    request = receive(office.pandev)
    refuse(item_of(request), office.pandev)
    page = visit(request)
    assert "We write to you why" in page and "carried out" not in page


def test_a_barred_withdrawal_says_what_it_waits_for_and_that_it_came_back(office: Office) -> None:
    _known, request = asked(office.pandev)
    bar(item_of(request), office.pandev)
    page = visit(request)
    for words in ("not yet. First an obligation", "The licence is not paid.", "article 8(2)",
                  "Take the request back"):  # fmt: skip
        assert words in page, words
    met(item_of(request), office.pandev, met_at=LATER, now=LATER)
    assert "the obligation is performed" in visit(request)


def test_what_is_answered_by_letter_says_so(office: Office) -> None:
    _known, request = asked(office.ipm, INFORMATION, OTHER)
    accept(item_of(request, "information"), office.ipm)
    accept(item_of(request, "other"), office.ipm)
    page = visit(request)
    assert page.count("we answer by letter.") == 2
    assert "What do you know about me?" in page
    # What is held is told by that letter, not here.
    assert "What stays" not in page and "What is still to go" not in page


# --- after the end ---------------------------------------------------------------------------
def carried_out(office: Office, code: str = "pandev") -> tuple[Any, Any]:
    """A destruction, accepted in part: what no law keeps goes by an act; the request is closed."""
    team = team_of(office, code)
    known, request = asked(team, DESTRUCTION)
    if code == "ipm":
        accept(item_of(request), team)
    else:
        accept(item_of(request), team, refusal=REFUSAL[code], reasons="A contract runs.")
    executed(request, team)
    close(request, team, now=AFTER)
    return known, again(request)


def test_after_the_act_it_says_what_went_and_where_to_complain(office: Office) -> None:
    known, request = carried_out(office, "ipm")
    held = known.card.data.count()
    page = visit(request, AFTER)
    (act,) = {item.act for item in ActItem.objects.select_related("act")}
    for words in (act.number, "What was destroyed", f"{held} value", "E-mail address: 1",
                  "Monday, 4 May 2026", "Roskomnadzor", "the court", "Done",
                  "We keep this correspondence until"):  # fmt: skip
        assert words in page, words
    assert "What stays" not in page and "Write to us</h2>" not in page
    nothing_personal(page)


def test_it_says_what_stays_until_when_and_under_which_article(office: Office) -> None:
    _known, request = asked(office.pandev, DESTRUCTION)
    kept_by_law(office.pandev)
    accept(item_of(request), office.pandev, refusal="KZ.9", reasons="A law.")
    page = visit(request)
    for words in ("What stays, and why", "Law on accounting 7", "until 5 March 2031",
                  "E-mail address"):  # fmt: skip
        assert words in page, words
    nothing_personal(page)
    # What is collected later is another story.
    close(request, office.pandev, now=LATER)
    assert "What stays, and why" in visit(request, AFTER)


def test_what_goes_is_told_by_when(office: Office) -> None:
    known, request = asked(office.pandev)
    without_other_ground(known)
    accept(item_of(request), office.pandev)
    page = visit(request)
    assert "What is still to go" in page and "by 1 April 2026" in page


def test_nobody_unknown_is_told_what_is_held(office: Office) -> None:
    """A paper with somebody's address on it stops what it may stop, and learns nothing."""
    known, request = asked(office.pandev, MARKETING, verified=False)
    accept(item_of(request), office.pandev, activities=[known.grounds[1].activity])
    page = visit(request)
    assert "Stop marketing: we do it." in page
    assert "E-mail address" not in page and "What stays" not in page
    close(request, office.pandev)
    assert "What stays" not in visit(request)
    # Who answers at their own address is known.
    second = receive(office.pandev, MARKETING, subjects=[known.card])
    check(second, office.pandev, kind="contact")
    accept(item_of(second), office.pandev, activities=[known.grounds[1].activity])
    assert "What stays" in visit(second)


@pytest.mark.parametrize("lang", ["ru", "kk", "en"])
def test_it_answers_in_the_language_when_the_data_the_card_and_the_letters_are_gone(
    office: Office, lang: str
) -> None:
    known, request = carried_out(office, "ipm")
    team = office.ipm
    whole = visit(request, AFTER, lang)
    # All that is left of the card.
    subject_destroy(subject=known.card, reason="the rest", by=team.dpo, now=AFTER,
                    today=AFTER.date())  # fmt: skip
    assert visit(request, AFTER, lang) == whole
    path = path_of(request)
    row = again(request)
    correspondence_dated(row, by=None, now=AFTER)
    end = datetime(2031, 6, 1, 9, tzinfo=UTC)
    with time_machine.travel(end, tick=False):
        _end_all(row, end)
        answer = Client().get(f"{path}?lang={lang}")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert request.number in page and f'<html lang="{lang}">' in page
    (act,) = {item.act for item in ActItem.objects.select_related("act")}
    assert act.number in page
    for gone in (TOLD["message"], "canary", "<textarea", "Roskomnadzor"):
        assert gone not in page
    nothing_personal(page)


def _end_all(row: Any, end: datetime) -> None:
    """What the sweep does when the time of a correspondence is over, in the test's transaction."""
    keys = VaultKey.objects.filter(kind__in=[5, 6]).values_list("pk", flat=True)
    keys_destroy(list(keys), reason=row.number, by=None, now=end)


def test_the_sweep_of_the_correspondence_leaves_number_dates_and_outcome(
    live_office: Office,
) -> None:
    team = live_office.ipm
    request = receive(team, OTHER)
    file = with_file(request)
    refuse(item_of(request), team, refusal="RU.NOT_ABOUT_DATA", reasons="Nothing about data.")
    close(request, team)
    path = path_of(request)
    letters_deliver(now=LATER)
    end = datetime(2031, 6, 1, 9, tzinfo=UTC)
    did = ends_sweep(now=end)
    assert did["destroyed"] and not did["failed"]
    with time_machine.travel(end, tick=False):
        page = Client().get(f"{path}?lang=en")
        gone = Client().get(f"{path}files/{file.pk}/?lang=en")
    text = page.content.decode()
    assert page.status_code == 200
    for words in (request.number, "Other request: refused.", "Thursday, 5 March 2026",
                  "were destroyed when their time was over"):  # fmt: skip
        assert words in text, words
    for words in ("Nothing about data.", TOLD["message"], "see file", "canary"):
        assert words not in text
    assert gone.status_code == 410


def test_a_card_that_was_merged_meanwhile_leads_to_the_one_that_holds_the_data(
    office: Office,
) -> None:
    team = office.pandev
    known, request = asked(team, DESTRUCTION)
    other = register(team)
    agree(team, other)
    accept(item_of(request), team, refusal="KZ.9", reasons="A contract runs.")
    close_later = visit(request)
    assert "What stays" in close_later
    cards_merge(
        into=other, other=known.card, reason="one person", by=team.dpo, now=LATER,
        other_ends="purpose_achieved",
    )  # fmt: skip
    assert "What stays" in visit(request)


# --- letters ---------------------------------------------------------------------------------
def test_letters_stand_both_ways_and_drafts_do_not(office: Office) -> None:
    team = office.pandev
    request = receive(team, OTHER)
    ours = draft(request, team, text="Our canary-reply.", way="page")
    assert "Our canary-reply." not in visit(request)
    send(ours, team)
    letter_receive(subject_request=request, body="<b>Mine</b>", files=[], now=VISIT)
    page = visit(request)
    assert "Our canary-reply." in page and "We wrote: reply" in page
    assert "&lt;b&gt;Mine&lt;/b&gt;" in page and "<b>Mine" not in page


# --- the frame -------------------------------------------------------------------------------
@BOTH
def test_no_cache_no_search_engine_and_no_other_site_learns_the_link(
    office: Office, code: str
) -> None:
    team = team_of(office, code)
    request = receive(team)
    answers = [Client().get(path_of(request)), Client().get(f"/{code}/track/"),
               Client().get(f"/{code}/track/22222-22222-22222-22222/"),
               Client().get(f"{path_of(request)}cancel/")]  # fmt: skip
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        # "no-referrer" would make browsers send the form with the origin "null", which the guard
        # against forged forms has to refuse; this one tells other sites nothing either.
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sessionid" not in answer.cookies


def test_it_speaks_the_language_of_the_letter_unless_asked_otherwise(office: Office) -> None:
    request = receive(office.pandev, language="kk")
    path = path_of(request)
    tried = (("", "kk", "en"), ("?lang=ru", "ru", "en"), ("?lang=xx", "kk", ""))
    for query, lang, browser in tried:
        answer = Client().get(path + query, headers={"accept-language": browser})
        assert f'<html lang="{lang}">' in answer.content.decode()


def test_it_goes_on_when_the_operator_takes_no_new_cases(office: Office) -> None:
    request = receive(office.ipm)
    path = path_of(request)
    Operator.objects.filter(pk=office.ipm.operator.pk).update(is_active=False)
    assert Client().get(path).status_code == 200


def test_the_cost_does_not_grow_with_letters_demands_and_cards(office: Office) -> None:
    team = office.pandev
    known, request = asked(team, WITHDRAWAL)
    without_other_ground(known)
    accept(item_of(request), team)

    def cost() -> int:
        path = path_of(request)
        with time_machine.travel(VISIT, tick=False), CaptureQueriesContext(connection) as captured:
            assert Client().get(path).status_code == 200
        return len(captured)

    def grown(number: int) -> Any:
        known, many = asked(team, WITHDRAWAL, *[OTHER, INFORMATION][:number])
        for _ in range(number):
            card = register(team)
            agree(team, card)
            link(many, team, card)
        for one in range(number):
            with_file(many, text=f"letter {one}")
            send(draft(many, team, way="page", text=f"answer {one}"), team)
        accept(item_of(many, "withdrawal"), team, keep=())
        return many

    cost()
    request = grown(1)
    few = cost()
    request = grown(2)
    request_more = cost()
    assert request_more == few <= 32, (few, request_more)
