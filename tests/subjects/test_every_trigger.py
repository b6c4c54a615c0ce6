"""Whatever makes data due destroys them in time; a hold stops it on every path while it stands.

The paths are found, not listed by memory: the callers of what destroys by reading the source, the
jobs of the clock from its schedule.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.utils import translation
from django.utils.module_loading import import_string

from registry.models import LegalBasis
from subjects.choices import ActState, GroundEnd, Ruled
from subjects.models import DataSubject, DestructionAct, Ground, PersonalDatum, VaultKey
from subjects.services.acts import act_approve, act_draft
from subjects.services.destruction import DestructionStopped, data_destroy, subject_destroy
from subjects.services.grounds import ground_end, ground_start
from subjects.services.holds import hold_place
from subjects.services.planning import OF_PEOPLE
from subjects.services.rulings import ruling_make
from subjects.services.stops import stop_end
from subjects.services.sweeping import act_carry_out, destruction_sweep
from subjects.vault.models import Sealed
from tests.conftest import ROOT, Office, Team
from tests.subjects.acting import achieve, withdraw
from tests.subjects.people import NOW, TODAY, activity_of, basis_of, card, consent, datum, text_of

ROOMS = ("registry", "subjects", "requests", "config")
Trigger = Callable[[Team, DataSubject], None]
FAR = NOW + timedelta(days=1200)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with translation.override("en"), time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


# --- the triggers --------------------------------------------------------------------------------
def ends(reason: str) -> Trigger:
    def end(team: Team, subject: DataSubject) -> None:
        for ground in Ground.objects.filter(subject=subject, ended_on=None):
            ground_end(
                ground=ground, ended_on=TODAY, end_reason=reason, by=team.dpo, today=TODAY,
                reason="test",
            )  # fmt: skip

    return end


def ruled(why: str) -> Trigger:
    def rule(team: Team, subject: DataSubject) -> None:
        rows = PersonalDatum.objects.select_related("subject__operator__jurisdiction", "category")
        for row in rows.filter(subject=subject):
            ruling_make(
                datum=row, why=why, label=f"C-{row.pk}", reason="test", counted_from=TODAY,
                by=team.dpo, now=NOW,
            )  # fmt: skip

    return rule


def nothing(team: Team, subject: DataSubject) -> None:
    """The term of the consent runs out by itself."""


TRIGGERS: dict[str, Trigger] = {
    GroundEnd.WITHDRAWN: withdraw,
    GroundEnd.EXPIRED: nothing,
    GroundEnd.ACHIEVED: lambda team, subject: achieve(team, TODAY),
    GroundEnd.CONTRACT: ends(GroundEnd.CONTRACT),
    GroundEnd.CEASE: ends(GroundEnd.CEASE),
    GroundEnd.UNLAWFUL: ends(GroundEnd.UNLAWFUL),
    **{why: ruled(why) for why in Ruled.values},
}


def somebody(team: Team, trigger: str) -> DataSubject:
    """On a ground of the kind that such an event ends."""
    subject = card(team)
    if trigger in (GroundEnd.CONTRACT, GroundEnd.CEASE):
        activity = activity_of(team)
        basis = (
            LegalBasis.objects.filter(jurisdiction=team.operator.jurisdiction, closed_on=None)
            .exclude(kind="consent")
            .exclude(pk=basis_of(team).pk)
            .first()
        )
        assert basis is not None
        activity.legal_bases.add(basis)
        ground_start(
            subject=subject, activity=activity, legal_basis=basis, started_on=TODAY,
            by=team.clerk, today=TODAY,
        )  # fmt: skip
    else:
        given = {}
        if trigger == GroundEnd.EXPIRED:
            text = text_of(
                team, code="for-a-month", end_event="", term_length=30, term_unit="calendar_day"
            )
            given = {"text": text}
        consent(team, subject, **given)
    datum(team, subject, "full_name", "Тестов Пробный")
    datum(team, subject, "email", "trigger@example.org")
    return subject


def left(subject: DataSubject) -> int:
    return VaultKey.objects.filter(owner=subject.pk, kind=Sealed.DATUM).count()


def sweep_until(team: Team, last: datetime) -> None:
    """Every day a sweep, and somebody who approves what it has drafted."""
    now = NOW
    while now <= last:
        destruction_sweep(now=now)
        for act in DestructionAct.objects.filter(state=ActState.DRAFTED):
            act_approve(act=act, by=team.dpo, now=now, waiver="nobody else has the right")
        now += timedelta(days=3)


@pytest.mark.parametrize("code", ["pandev", "ipm"])
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_each_destroys_and_a_hold_stops_it_until_it_is_released(
    trigger: str, code: str, office: Office
) -> None:
    team: Team = getattr(office, code)
    free, held = somebody(team, trigger), somebody(team, trigger)
    for subject in (free, held):
        TRIGGERS[trigger](team, subject)
    hold = hold_place(
        subject=held, label="2-145", document="ruling", reason="a court", by=team.dpo, now=NOW
    )
    # A consent of 30 days, then 30 days of the law.
    sweep_until(team, NOW + timedelta(days=66))
    assert (left(free), left(held)) == (0, 2)
    assert {item.outcome for item in held.act_items.all()} <= {"stopped"}
    stop_end(stop=hold, by=team.dpo, now=NOW + timedelta(days=67), reason="over")
    later = NOW + timedelta(days=67)
    destruction_sweep(now=later)
    for act in DestructionAct.objects.filter(state=ActState.DRAFTED):
        act_approve(act=act, by=team.dpo, now=later, waiver="nobody else has the right")
    destruction_sweep(now=later)
    assert left(held) == 0


def test_every_end_of_a_ground_and_every_decision_is_tried() -> None:
    assert set(TRIGGERS) == {*GroundEnd.values, *Ruled.values}


# --- no path around a stop -----------------------------------------------------------------------
@pytest.fixture
def held(office: Office) -> DataSubject:
    """Due for years, approved, and stopped."""
    team = office.pandev
    subject = somebody(team, GroundEnd.WITHDRAWN)
    withdraw(team, subject)
    (act,) = act_draft(operator=team.operator, until=FAR.date(), by=team.clerk, now=NOW)[:1]
    act_approve(act=act, by=team.dpo, now=NOW)
    hold_place(
        subject=subject, label="2-145", document="ruling", reason="a court", by=team.dpo, now=NOW
    )
    return subject


def kept(subject: DataSubject) -> set[int]:
    """Every key of the person, the proof of the consent too."""
    rows = VaultKey.objects.filter(owner=subject.pk, kind__in=OF_PEOPLE)
    return set(rows.values_list("pk", flat=True))


@pytest.mark.parametrize("name", sorted(settings.CELERY_BEAT_SCHEDULE))
def test_no_job_of_the_clock_goes_around_it(name: str, held: DataSubject, clock: Any) -> None:
    before = kept(held)
    clock.move_to(FAR)
    import_string(settings.CELERY_BEAT_SCHEDULE[name]["task"])()
    assert kept(held) == before


COMMANDS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "destroy_due": ([], {"date": "2029-06-01"}),
    "check_vault": ([], {}),
    "rotate_kek": ([], {}),
    "rotate_search_key": ([], {}),
    "make_keys": ([], {}),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_goes_around_it(name: str, held: DataSubject, clock: Any) -> None:
    before = kept(held)
    clock.move_to(FAR)
    args, options = COMMANDS[name]
    # Files that rolled back tests have left are for check_vault to name, and end it with 1.
    with suppress(SystemExit):
        call_command(name, *args, **options)
    assert kept(held) == before


def test_neither_does_a_service_or_an_act(held: DataSubject) -> None:
    before = kept(held)
    facts: dict[str, Any] = {"reason": "x", "by": None, "now": FAR, "today": FAR.date()}
    for label in ("", "2-145", "REQ-1"):
        with pytest.raises(DestructionStopped):
            subject_destroy(subject=held, label=label, **facts)
        data = PersonalDatum.objects.filter(subject=held)
        with pytest.raises(DestructionStopped):
            data_destroy(subject=held, data=data, label=label, **facts)
    act = DestructionAct.objects.get(state=ActState.APPROVED)
    did = act_carry_out(act, now=FAR, today=FAR.date())
    assert did["destroyed"] == 0 and did["stopped"] == 2
    assert kept(held) == before


# What destroys, wherever it is called, and why a stop of the person has been asked about there or
# is not concerned. A new caller is tried above, or says here whose values those are.
DESTROYERS = {"keys_destroy", "keys_destroy_many", "destruction_repeat", "_delete"}
CALLERS = {
    "subjects.services.destruction.keys_destroy": "called by those below",
    "subjects.services.destruction._delete": "called by the two",
    "subjects.services.destruction.destruction_repeat": "what a restored database had destroyed",
    "subjects.vault.store.index_anew": "tokens of a value that changed are made anew",
    "subjects.services.keys._index": "tokens under a new search key",
    "subjects.services.importing.saving._rectify": "tokens of a value that was rectified",
    "subjects.services.destruction.keys_destroy_many": "called by the execution",
    "subjects.services.destruction.data_destroy": "asks: _card_free",
    "subjects.services.destruction.subject_destroy": "asks: _card_free",
    "subjects.services.executing._destroy": "asks: _settle",
    "subjects.services.act_files.papers_end": "papers of an act: codes and categories, three years",
    "subjects.services.restoring.": "destroyed before the backup was restored",
    "subjects.services.importing.uploading.": "an uploaded file: its people have own keys",
    "requests.services.ends._destroy": "letters: asks for legal holds of the linked cards",
    "requests.services.sealed_copies.copies_end": "copies: they end with the first value in them",
    "requests.services.triage.": "a mail that belongs to no request and no card",
    "requests.services.answer_ends.": "words that were withheld from an answer: a copy",
    "requests.services.submissions.": "a form that nobody has confirmed",
}


def _is(function: str, name: str) -> bool:
    """A name that ends with a dot is a whole module."""
    return function.startswith(name) if name.endswith(".") else function == name


def _callers() -> Iterator[str]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            tree = ast.parse(path.read_text())
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for function in ast.walk(tree):
                if not isinstance(function, ast.FunctionDef):
                    continue
                if _names(function) & DESTROYERS or _deletes_keys(function):
                    yield f"{module}.{function.name}"


def _names(function: ast.FunctionDef) -> set[str]:
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {
        call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls
    }


def _deletes_keys(function: ast.FunctionDef) -> bool:
    """Rows of the vault's two tables taken away by any other name."""
    words = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return bool(words & {"VaultKey", "SearchToken"}) and bool(
        _names(function) & {"delete", "delete_returning", "_raw_delete", "truncate"}
    )


def test_whoever_destroys_is_known_and_has_asked() -> None:
    found = list(_callers())
    unknown = [one for one in found if not any(_is(one, name) for name in CALLERS)]
    assert unknown == []
    idle = [name for name in CALLERS if not any(_is(one, name) for one in found)]
    assert idle == [], "no longer called: take it off the list"


def test_the_walk_sees_a_new_path() -> None:
    source = "def sneak():\n    VaultKey.objects.filter(owner=1).delete()\n"
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef) and _deletes_keys(function)
    source = "def sneak():\n    destruction.keys_destroy([1], reason='x', by=None, now=None)\n"
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef) and _names(function) & DESTROYERS


def test_every_command_of_the_people_is_tried_or_destroys_nothing() -> None:
    """The others read, or load what comes from elsewhere."""
    idle = {
        "backup", "find_traces", "import_subjects", "release_restored", "restore", "was_destroyed",
    }  # fmt: skip
    folder: Path = ROOT / "subjects" / "management" / "commands"
    commands = {path.stem for path in folder.glob("[a-z]*.py")}
    assert commands == idle | set(COMMANDS)
    assert date(2029, 6, 1) < FAR.date()
