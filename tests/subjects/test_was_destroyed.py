"""The question "was the person with this destroyed?": answered, counted, limited, never kept."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from subjects.choices import Looked
from subjects.management.commands.find_traces import database_rows
from subjects.models import AccessEvent, DestructionAct, DestructionItem
from subjects.services import evidence
from subjects.services.cards import cards_merge
from subjects.services.consents_told import ConsentTold
from subjects.services.destruction import keys_destroy
from subjects.services.evidence import Answer, was_destroyed
from subjects.traces import Needles, Search, Trace
from tests.conftest import Office
from tests.subjects.people import NOW, TODAY, card, consent, datum, person
from tests.subjects.test_evidence import MAIL, destroyed
from tests.subjects.vault_office import side_by_side

HOUR = timedelta(hours=1)


@pytest.fixture
def lines(monkeypatch: Any) -> Any:
    def typed(content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    return typed


def command(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("was_destroyed", "--operator", "pandev", *arguments, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    except CommandError as refused:
        return refused.returncode, str(refused)
    return 0, out.getvalue()


# --- the answer ----------------------------------------------------------------------------------
def test_it_says_whose_card_when_why_and_by_whom(office: Office) -> None:
    team = office.pandev
    subject = person(team, email=MAIL)
    assert was_destroyed(operator=team.operator, text=MAIL, by=team.dpo, now=NOW) == []
    destroyed(team, subject)
    for text in (MAIL, f"  {MAIL.upper()} "):
        assert was_destroyed(operator=team.operator, text=text, by=team.dpo, now=NOW) == [
            Answer(
                code=subject.code,
                stays="",
                matched="email",
                destroyed_at=NOW,
                reason="withdrawn",
                act="",
                by=str(team.dpo),
                consents=(
                    ConsentTold(
                        text="registration",
                        version=1,
                        channel="web_form",
                        given_at=NOW,
                        until=TODAY,
                        ended="consent_withdrawn",
                    ),
                ),
            )
        ]
    for text in ("other@example.org", "Тестов Пробный", subject.code, MAIL.split("@")[0]):
        assert was_destroyed(operator=team.operator, text=text, by=team.dpo, now=NOW) == []
    assert was_destroyed(operator=office.ipm.operator, text=MAIL, by=None, now=NOW) == []


def test_every_strong_identifier_and_the_act(office: Office) -> None:
    team = office.pandev
    subject = card(team)
    consent(team, subject)
    rows = [
        datum(team, subject, "iin", "900101400013"),
        datum(team, subject, "account", "User-7"),
        datum(team, subject, "full_name", "Тестов Пробный"),
    ]
    act = DestructionAct.objects.create(
        operator=team.operator, number="ACT-2026-1", due_on=TODAY, automatic=True, drafted_at=NOW
    )
    keys_destroy([row.value_key for row in rows], reason="term", by=None, now=NOW, act=act)
    for text, matched in (
        ("900101400013", "iin"), ("900101 400013", "iin"), ("user-7", "account"),
        ("@User-7", "account"),
    ):  # fmt: skip
        (answer,) = was_destroyed(operator=team.operator, text=text, by=None, now=NOW)
        assert (answer.code, answer.matched) == (subject.code, matched)
        assert (answer.act, answer.by, answer.reason) == ("ACT-2026-1", "", "term")


def test_a_merged_card_names_the_one_that_stays(office: Office) -> None:
    team = office.pandev
    gone, stays = person(team, email=MAIL), person(team, email="stays@example.org")
    destroyed(team, gone)
    cards_merge(
        into=stays, other=gone, by=team.dpo, now=NOW, reason="one person", other_ends="",
    )  # fmt: skip
    (answer,) = was_destroyed(operator=team.operator, text=MAIL, by=None, now=NOW)
    assert (answer.code, answer.stays) == (gone.code, stays.code)
    assert DestructionItem.objects.filter(owner=gone.pk).exists()


def test_the_same_person_twice_is_two_answers_the_newest_first(office: Office) -> None:
    team = office.pandev
    first = person(team, email=MAIL)
    destroyed(team, first)
    later = NOW + timedelta(days=5)
    again = card(team)
    consent(team, again, given_at=later, now=later)
    datum(team, again, "email", MAIL, collected_on=later.date(), today=later.date())
    destroyed(team, again, later)
    found = was_destroyed(operator=team.operator, text=MAIL, by=None, now=later)
    assert [(one.code, one.destroyed_at) for one in found] == [
        (again.code, later), (first.code, NOW),
    ]  # fmt: skip


# --- the trace and the limit ---------------------------------------------------------------------
def test_each_question_leaves_its_number_of_answers_and_nothing_else(office: Office) -> None:
    team = office.pandev
    destroyed(team, person(team, email=MAIL))
    was_destroyed(operator=team.operator, text=MAIL, by=team.auditor, now=NOW)
    was_destroyed(operator=team.operator, text="none@example.org", by=team.auditor, now=NOW)
    events = AccessEvent.objects.filter(what=Looked.DESTROYED_LOOK).order_by("pk")
    assert [event.details for event in events] == [{"hits": 1}, {"hits": 0}]
    assert {(event.user, event.operator, event.subject, event.reason) for event in events} == {
        (team.auditor, team.operator, None, "")
    }


def test_thirty_questions_an_hour_and_no_more(office: Office) -> None:
    team = office.pandev
    for minute in range(30):
        at = NOW + timedelta(minutes=minute)
        was_destroyed(operator=team.operator, text="a@example.org", by=team.dpo, now=at)
    last = NOW + timedelta(minutes=59, seconds=59)
    with pytest.raises(evidence.AskedTooOften, match="30") as refused:
        was_destroyed(operator=team.operator, text=MAIL, by=team.dpo, now=last)
    assert refused.value.status == 429
    assert AccessEvent.objects.filter(what=Looked.DESTROYED_LOOK).count() == 30
    # Somebody else, and the next hour.
    was_destroyed(operator=team.operator, text=MAIL, by=team.auditor, now=last)
    was_destroyed(operator=team.operator, text=MAIL, by=team.dpo, now=NOW + HOUR)


def test_two_at_once_do_not_both_get_the_last_question(
    live_office: Office, monkeypatch: Any
) -> None:
    monkeypatch.setattr(evidence, "QUESTIONS_AN_HOUR", 2)
    team = live_office.pandev

    def ask() -> Any:
        return was_destroyed(operator=team.operator, text=MAIL, by=team.dpo, now=NOW)

    found = side_by_side(*[ask] * 5)
    assert sorted(type(one).__name__ for one in found) == ["AskedTooOften"] * 3 + ["list"] * 2


def test_nothing_typed_and_too_much_are_refused_and_not_counted(office: Office) -> None:
    team = office.pandev
    for text, error in (("  ", evidence.NothingAsked), ("a" * 301, evidence.TooMuchAsked)):
        with pytest.raises(error):
            was_destroyed(operator=team.operator, text=text, by=team.dpo, now=NOW)
    assert not AccessEvent.objects.filter(what=Looked.DESTROYED_LOOK).exists()


# --- the command ---------------------------------------------------------------------------------
def test_the_command_answers_by_the_number_of_the_line(office: Office, lines: Any) -> None:
    team = office.pandev
    subject = person(team, email=MAIL)
    destroyed(team, subject)
    # Found within three years of today, whenever the tests run.
    lines(f"\ufeffnobody@example.org\r\n\r\n{MAIL}\r\n".encode())
    code, said = command()
    first, second = said.splitlines()
    assert code == 1 and first.startswith("1: no evidence") and second.startswith("3: ")
    assert subject.code in second and "2026-03-02" in second and "withdrawn" in second
    assert "@example.org" not in said.replace(str(team.dpo), "")
    lines(f"{MAIL}\n".encode())
    code, said = command("--json")
    (answer,) = json.loads(said)["lines"]["1"]
    assert code == 1 and answer["code"] == subject.code and answer["matched"] == "email"
    (under,) = answer["consents"]
    assert (under["text"], under["version"], under["until"]) == ("registration", 1, "2026-03-02")
    assert MAIL not in said
    lines(b"nobody@example.org\n")
    assert command() == (0, "1: no evidence of a destruction\n")
    events = AccessEvent.objects.filter(what=Looked.DESTROYED_LOOK, user=None)
    assert events.count() == 4


def test_the_command_refuses_what_is_no_text_and_an_unknown_operator(
    office: Office, lines: Any
) -> None:
    lines(b"a@example.org\n\xff\xfe\n")
    code, said = command()
    assert code == 2 and "line 2" in said and "example" not in said
    lines(b"")
    assert command() == (0, "")
    with pytest.raises(CommandError) as refused:
        call_command("was_destroyed", "--operator", "nobody")
    assert refused.value.returncode == 2


def test_the_command_asks_all_or_nothing(office: Office, lines: Any, monkeypatch: Any) -> None:
    asked = AccessEvent.objects.filter(what=Looked.DESTROYED_LOOK)
    lines(b"a@example.org\n\n" + b"x" * 301 + b"\n")
    code, said = command()
    assert code == 2 and "3 " in said and "example" not in said and not asked.exists()
    monkeypatch.setattr(evidence, "LINES_AN_HOUR", 3)
    lines(b"a@example.org\nb@example.org\n")
    assert command()[0] == 0 and asked.count() == 2
    lines(b"a@example.org\nb@example.org\n")
    code, said = command()
    assert code == 2 and "3" in said and asked.count() == 2
    # What still fits is answered.
    lines(b"a@example.org\n")
    assert command()[0] == 0


# --- nothing stays -------------------------------------------------------------------------------
@pytest.fixture
def log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def test_what_is_typed_lies_nowhere(
    office: Office, as_user: Any, log: io.StringIO, lines: Any
) -> None:
    team = office.pandev
    typed = ["canary.asked@example.org", "+77019998877", "900101400013", "Canary-Account-9"]
    client = as_user(team.dpo)
    destroyed(team, person(team, email=typed[0]))
    for text in typed:
        was_destroyed(operator=team.operator, text=text, by=team.dpo, now=NOW)
        client.post(
            "/admin/subjects/destructionact/ask/", {"operator": team.operator.pk, "text": text}
        )
    lines("\n".join(typed).encode())
    assert command()[0] == 1
    with pytest.raises(evidence.AskedTooOften), transaction.atomic():
        for _ in range(31):
            was_destroyed(operator=team.operator, text=typed[0], by=team.dpo, now=NOW)
    found = list(Search(Needles(typed)).rows(database_rows()))
    assert [one for one in found if isinstance(one, Trace)] == []
    assert not any(text in log.getvalue() for text in typed)
    # The search can find: a value that was written down where it must not be.
    team.operator.address = typed[1]
    team.operator.save()
    assert any(isinstance(one, Trace) for one in Search(Needles(typed)).rows(database_rows()))
