"""The answer about a person's data: what it tells, what it withholds, when it ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils.translation import override

from registry.states import ForbiddenTransition
from requests import withholding
from requests.models import AccessAnswer
from requests.services import access_answers
from requests.services.access_answers import (
    AnswerInWork,
    NothingToAnswer,
    NotWithheld,
    PassageNotFound,
    PassageTooShort,
    StillReadable,
    answer_open,
    answer_restore,
    answer_withdraw,
    kept_back,
)
from requests.services.answer_ends import (
    MACHINE,
    AnswerBlocked,
    AnswerOver,
    answers_sweep,
    standing_answer,
)
from requests.services.ends import ends_sweep
from requests.services.moving import UnknownChoice
from requests.services.posting import letters_deliver
from requests.services.representing import PowerLapsed
from requests.services.writing import SecondPersonMissing
from requests.tasks import end_correspondence
from subjects.models import AccessEvent, VaultKey
from subjects.services.destruction import keys_destroy
from subjects.services.evidence_keys import evidence_key_ready
from tests.conftest import Office, Team
from tests.requests.answering import (
    INFORMATION,
    content,
    fresh,
    granted,
    machine_told,
    paper_text,
    prepare,
    release,
    released,
    rows,
    withhold,
)
from tests.requests.asking import (
    BOTH,
    LATER,
    SECRETS,
    TOLD,
    accept,
    again,
    asked,
    close,
    item_of,
    receive,
    refused,
    team_of,
)
from tests.requests.corresponding import draft, send
from tests.requests.forms import everywhere
from tests.requests.test_representatives import AFTER, represented
from tests.subjects.blocking import block
from tests.subjects.persons import VALUES

AUNT = "тётя Роза Ахметова"


# --- what it tells -------------------------------------------------------------------------------
@BOTH
def test_it_tells_what_the_law_wants_told(office: Office, code: str) -> None:
    team = team_of(office, code)
    known, request = granted(team)
    answer = prepare(request, team)
    answer_open(answer=fresh(answer), user=team.clerk, now=LATER)
    told = machine_told(release(answer, team))
    codes = [section["code"] for section in told["sections"]]
    assert codes == [
        "confirmation", "data", "grounds", "terms", "operator", "recipients", "disclosures",
        "looks", "letters", "destroyed", "rights", "measures", "withheld",
    ]  # fmt: skip
    assert rows(told, "confirmation") == [{"processed": True}]
    values = {row["value"] for row in rows(told, "data")}
    assert {VALUES[name] for name in known.data} <= values
    assert {row["purpose"] for row in rows(told, "grounds")}
    assert all(row["basis"] and row["started_on"] for row in rows(told, "grounds"))
    assert rows(told, "operator")[0]["value"] == team.operator.name
    assert TOLD["message"] in rows(told, "letters")[0]["text"]
    law = "152-FZ 14(7)(5)" if code == "ipm" else "94-V 24(1)(1)"
    assert told["sections"][1]["article"] == law
    # Whoever looked is named by the role: names of staff are data of others.
    assert rows(told, "looks") and not any(
        name in str(rows(told, "looks")) for name in (team.clerk.username, team.dpo.username)
    )


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_the_paper_says_the_same_in_every_language(office: Office, language: str) -> None:
    team = office.ipm
    known, request = granted(team, language=language)
    answer = release(prepare(request, team), team)
    text = paper_text(content(answer))
    values = [VALUES[name] for name in known.data]
    for value in (*values, team.operator.name, request.number):
        assert " ".join(str(value).split()) in text
    with override(language):
        told = machine_told(answer)
    for section in told["sections"]:
        assert section["title"] in text


def test_what_was_destroyed_is_named_and_not_told(office: Office) -> None:
    team = office.ipm
    known, request = granted(team)
    evidence_key_ready(now=LATER)
    keys_destroy([known.data["full_name"].value_key], reason="moved", by=team.dpo, now=LATER)
    told = machine_told(release(prepare(request, team), team))
    assert VALUES["full_name"] not in str(told)
    assert VALUES["email"] in str(told)
    assert len(rows(told, "destroyed")) == 1


def test_a_colleague_of_another_person_is_not_in_it(office: Office) -> None:
    team = office.ipm
    _known, answer = released(team)
    text = str(machine_told(answer))
    assert office.pandev.operator.name not in text


# --- beginning -----------------------------------------------------------------------------------
def test_it_wants_an_accepted_demand(office: Office) -> None:
    team = office.ipm
    _known, request = asked(team, INFORMATION)
    with refused(NothingToAnswer):
        prepare(request, team)
    other = receive(team)
    with refused(NothingToAnswer):
        prepare(other, team)


def test_one_is_prepared_at_a_time(office: Office) -> None:
    team = office.ipm
    _known, request = granted(team)
    prepare(request, team)
    with refused(AnswerInWork):
        prepare(request, team)


# --- withholding ---------------------------------------------------------------------------------
def with_aunt(team: Team) -> AccessAnswer:
    _known, request = granted(team, message=f"Мне писала {AUNT}, её телефон 555-01-02.")
    letter = draft(request, team, text=f"Ваша {AUNT.upper()} не наша клиентка.", way="page")
    send(letter, team)
    return prepare(request, team)


def test_what_is_withheld_cannot_be_read_out_of_the_files(office: Office) -> None:
    team = office.ipm
    answer = with_aunt(team)
    before = paper_text(content(release(answer, team)))
    assert AUNT in before and "555-01-02" in before
    answer = prepare(answer.request, team)
    withhold(answer, team, AUNT)
    withhold(answer, team, "555-01-02", why="secret")
    answer = release(answer, team)
    raw, machine = content(answer), content(answer, MACHINE)
    text = paper_text(raw).casefold().replace("ё", "е")
    for words in ("роза", "ахметова", "555-01-02"):
        assert words not in text
        assert words.encode() not in machine.lower()
    # Nothing is drawn over it either: the words are in no stream of the file.
    assert AUNT.encode("utf-16-be") not in raw
    told = machine_told(answer)
    assert [(row["number"], row["times"]) for row in rows(told, "withheld")] == [
        ("1", "2"), ("2", "1"),
    ]  # fmt: skip
    assert AUNT not in str(told)


def test_a_whole_letter_is_withheld(office: Office) -> None:
    team = office.ipm
    answer = with_aunt(team)
    letter = answer.request.letters.get()
    withhold(answer, team, row_key=f"letter-{letter.pk}", why="forbidden")
    told = machine_told(release(answer, team))
    assert "не наша клиентка" not in str(told)
    assert AUNT in str(told)
    with override("ru"):
        assert rows(told, "withheld")[0]["times"] == "1"


def test_what_stands_nowhere_is_refused(office: Office) -> None:
    team = office.ipm
    answer = with_aunt(team)
    with refused(PassageNotFound):
        withhold(answer, team, "тётя Розы")
    with refused(PassageNotFound):
        withhold(answer, team, row_key="letter-999999")
    for words in ("т", " ", "т" * 301):
        with refused(PassageTooShort):
            withhold(answer, team, words)
    with refused(UnknownChoice):
        withhold(answer, team, AUNT, why="because")
    assert kept_back(fresh(answer)) == []


def test_it_is_withheld_no_more(office: Office) -> None:
    team = office.ipm
    answer = with_aunt(team)
    withhold(answer, team, AUNT)
    with refused(NotWithheld):
        answer_restore(answer=fresh(answer), number=7, by=team.clerk, now=LATER)
    answer_restore(answer=fresh(answer), number=1, by=team.clerk, now=LATER)
    assert AUNT in str(machine_told(release(answer, team)))


def test_nothing_is_released_that_can_still_be_read(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finished file is read again: a mistake of our own stops it."""
    team = office.ipm
    answer = with_aunt(team)
    withhold(answer, team, AUNT)
    monkeypatch.setattr(access_answers, "_without", lambda sections, kept: (sections, {1: 0}))
    with refused(StillReadable):
        release(answer, team)
    assert fresh(answer).state == "draft"


def test_what_is_withheld_is_sealed(office: Office) -> None:
    team = office.ipm
    answer = with_aunt(team)
    withhold(answer, team, AUNT)
    release(answer, team)
    found = everywhere()
    assert not [secret for secret in (*SECRETS, AUNT) if secret in found]


def test_the_next_answer_withholds_the_same(office: Office) -> None:
    team = office.ipm
    answer = with_aunt(team)
    withhold(answer, team, AUNT)
    first = release(answer, team)
    second = prepare(first.request, team)
    assert [one.words for one in kept_back(fresh(second))] == [withholding.spelled(AUNT)]
    release(second, team)
    # One answer stands: the one before is gone.
    assert fresh(first).state == "withdrawn"
    with refused(AnswerOver):
        content(first)
    assert standing_answer(again(first.request), now=LATER) == second


# --- releasing -----------------------------------------------------------------------------------
def test_a_second_person_releases_where_the_operator_wants_that(office: Office) -> None:
    team = office.ipm
    team.operator.second_person = True
    team.operator.save()
    _known, request = granted(team)
    answer = prepare(request, team)
    with refused(SecondPersonMissing):
        release(answer, team, by=team.clerk)
    assert release(answer, team).released_by == team.dpo


def test_each_look_stands_on_the_card(office: Office) -> None:
    team = office.ipm
    known, answer = released(team)
    content(answer)
    content(answer, user=team.clerk)
    events = AccessEvent.objects.filter(subject=known.card, details__answer=answer.pk)
    assert list(events.order_by("pk").values_list("what", "user")) == [
        ("export", team.dpo.pk), ("download", None), ("paper", team.clerk.pk),
    ]  # fmt: skip


def test_a_released_answer_is_not_changed(office: Office) -> None:
    _known, answer = released(office.ipm)
    with refused(ForbiddenTransition):
        withhold(answer, office.ipm, VALUES["email"])
    with refused(ForbiddenTransition):
        release(answer, office.ipm)


# --- its end -------------------------------------------------------------------------------------
def test_its_keys_end_with_its_term(
    office: Office, django_capture_on_commit_callbacks: Any
) -> None:
    _known, answer = released(office.ipm)
    row = fresh(answer)
    assert row.ends_on == date(2026, 4, 9) and row.paper and row.machine
    keys = [row.paper.key, row.machine.key, row.withheld_key]
    days = VaultKey.objects.filter(pk__in=keys).values_list("destroy_on", flat=True)
    assert list(days) == [row.ends_on] * 3
    last = datetime(2026, 4, 8, 20, tzinfo=UTC)
    assert content(answer, now=last)
    over = datetime(2026, 4, 8, 21, tzinfo=UTC)  # midnight in Moscow
    with refused(AnswerOver):
        content(answer, now=over)
    paths = [row.paper.path, row.machine.path]
    assert answers_sweep(now=last)["answers"] == 0
    with django_capture_on_commit_callbacks(execute=True):
        assert answers_sweep(now=over)["answers"] == 1
    assert answers_sweep(now=over)["answers"] == 0
    assert not VaultKey.objects.filter(pk__in=keys).exists()
    assert not any(path.exists() for path in paths)


def test_it_ends_with_the_first_value_in_it(office: Office) -> None:
    team = office.ipm
    known, answer = released(team)
    evidence_key_ready(now=LATER)
    keys_destroy([known.data["email"].value_key], reason="moved", by=team.dpo, now=LATER)
    with refused(AnswerOver):
        content(answer)
    assert answers_sweep(now=LATER)["answers"] == 1


def test_a_draft_that_nobody_released_ends_with_the_letters(office: Office) -> None:
    team = office.ipm
    answer = with_aunt(team)
    withhold(answer, team, AUNT)
    assert answers_sweep(now=LATER + timedelta(days=4000))["answers"] == 0
    close(again(answer.request), team)
    assert answers_sweep(now=LATER + timedelta(days=365))["answers"] == 0
    assert answers_sweep(now=LATER + timedelta(days=1200))["answers"] == 1
    assert kept_back(fresh(answer)) == []


def test_it_is_withdrawn_for_a_reason(office: Office) -> None:
    _known, answer = released(office.ipm)
    answer_withdraw(answer=fresh(answer), reason="wrong card", by=office.ipm.dpo, now=LATER)
    assert (fresh(answer).state, fresh(answer).reason) == ("withdrawn", "wrong card")
    with refused(AnswerOver):
        content(answer)


def test_the_contact_stays_while_the_answer_can_be_fetched(office: Office) -> None:
    team = office.ipm
    _known, answer = released(team)
    request = answer.request
    letter = draft(request, team, way="page")
    send(letter, team)
    close(again(request), team)
    now = LATER + timedelta(days=1)
    ends_sweep(now=now)
    assert VaultKey.objects.filter(pk=again(request).email_key).exists()
    letters_deliver(now=now)
    ends_sweep(now=now)
    assert VaultKey.objects.filter(pk=again(request).email_key).exists()
    answer_withdraw(answer=fresh(answer), reason="fetched", by=team.dpo, now=now)
    ends_sweep(now=now)
    assert not VaultKey.objects.filter(pk=again(request).email_key).exists()


def test_the_job_ends_answers_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    _known, answer = released(office.ipm)
    monkeypatch.setattr("requests.tasks.timezone.now", lambda: LATER + timedelta(days=31))
    end_correspondence()
    assert fresh(answer).state == "withdrawn"


# --- what may not be told ------------------------------------------------------------------------
def test_what_is_blocked_is_named_and_not_told(office: Office) -> None:
    team = office.ipm
    known, request = granted(team)
    block(team, known.card, "email", label="REQ-2026-9999")
    told = machine_told(release(prepare(request, team), team))
    values = [row["value"] for row in rows(told, "data")]
    assert VALUES["email"] not in values and VALUES["full_name"] in values
    assert any("REQ-2026-9999" in value for value in values)


def test_a_block_after_the_release_shuts_it(office: Office) -> None:
    team = office.ipm
    known, answer = released(team)
    # A block of this very request: the check that the answer belongs to.
    block(team, known.card, label=answer.request.number)
    assert content(answer)
    block(team, known.card, "email", label="REQ-2026-9999")
    for user in (None, team.clerk):
        with refused(AnswerBlocked):
            content(answer, user=user)


def test_whoever_may_no_longer_speak_for_the_person_gets_nothing(office: Office) -> None:
    team = office.ipm
    _known, request = represented(team, INFORMATION)
    accept(item_of(request), team)
    answer = prepare(request, team)
    with refused(PowerLapsed):
        release(answer, team, now=AFTER)
    release(answer, team)
    assert content(answer)
    with refused(PowerLapsed):
        content(answer, now=AFTER)


# --- queries -------------------------------------------------------------------------------------
def test_it_costs_the_same_for_more(office: Office, django_assert_max_num_queries: Any) -> None:
    team = office.ipm
    _known, request = granted(team)
    answer = prepare(request, team)
    with django_assert_max_num_queries(140):
        release(answer, team)
