"""The sealed export: what it holds, who opens it, and that it ends before anything outlives it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest
import time_machine
from django.utils.translation import override

from registry.models import JobRun
from requests import tasks
from requests.models import Incident, IncidentExport
from requests.services import incident_export as exporting
from requests.services.incident_export import (
    CategoriesMissing,
    DocumentTooLong,
    ExportBlocked,
    ExportDocumentMissing,
    ExportOutlived,
    ExportOver,
    NobodyAffected,
    PeopleMoved,
    exports_sweep,
    incident_export_open,
)
from requests.services.incident_rows import entry_words
from subjects.models import AccessEvent, DestructionItem, SealedFile, VaultKey
from subjects.services.destruction import keys_destroy
from subjects.services.keys import lost_keys
from subjects.services.stops import block_end, block_place
from subjects.vault import store
from subjects.vault.models import Sealed
from tests.conftest import Office, Team
from tests.requests import happening as h
from tests.requests.happening import LATER, NOW, category, refused
from tests.subjects.persons import VALUES, Person, person, register

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


@pytest.fixture
def made(office: Office) -> Iterator[tuple[Team, Person, Incident]]:
    """An incident that concerns e-mails and phones, with one affected person."""
    team = office.pandev
    known = person(team)
    chosen = [category(team, "email"), category(team, "phone")]
    row = h.describe(h.found(team), team, data_categories=chosen)
    h.affect(row, team, known.card)
    yield team, known, row


def opened(export: IncidentExport, team: Team, **changed: Any) -> list[list[str]]:
    pieces = incident_export_open(
        **{"export": IncidentExport.objects.get(pk=export.pk), "user": team.dpo, "now": LATER}
        | changed
    )
    return list(csv.reader(io.StringIO(b"".join(pieces).decode())))


Made = tuple[Team, Person, Incident]


def test_it_holds_the_values_in_the_categories_of_the_incident_and_no_other(made: Made) -> None:
    team, known, row = made
    export = h.export(row, team)
    head, line = opened(export, team)
    assert head == ["Code of the card", *(str(one) for one in row.data_categories.order_by("pk")),
                    "Note"]  # fmt: skip
    assert line[0] == known.card.code and line[-1] == ""
    # A plus would be a formula to a spreadsheet.
    assert set(line[1:-1]) == {VALUES["email"], f"'{VALUES['phone']}"}
    for name in ("full_name", "iin", "account"):
        assert VALUES[name] not in str(line)
    assert (export.people, export.ends_on) == (1, LATER.date() + 30 * DAY)
    assert h.journal(row)[-1] == "export"


def test_it_lies_sealed_under_a_key_with_an_end(made: Made) -> None:
    team, _known, row = made
    export = h.export(row, team)
    file = SealedFile.objects.get(kind=Sealed.EXPORT)
    assert VALUES["email"].encode() not in file.path.read_bytes()
    key = VaultKey.objects.get(pk=file.key)
    assert (key.kind, key.owner, key.destroy_on) == (Sealed.EXPORT, export.pk, export.ends_on)


def test_each_person_has_an_event_and_each_opening_too(made: Made) -> None:
    team, known, row = made
    second = register(team)
    h.affect(row, team, second)
    export = h.export(row, team)
    events = AccessEvent.objects.filter(what="export").order_by("subject_id")
    assert [one.subject for one in events] == [known.card, second]
    assert {(one.user, one.reason) for one in events} == {(team.dpo, row.number)}
    for count in (1, 2):
        opened(export, team)
        assert AccessEvent.objects.filter(what="download", reason=row.number).count() == count


def test_what_is_missing_is_refused(office: Office, made: Made) -> None:
    team, known, row = made
    with refused(ExportDocumentMissing):
        h.export(row, team, document="  ")
    with refused(DocumentTooLong):
        h.export(row, team, document="x" * 301)
    bare = h.found(team)
    h.affect(bare, team, known.card)
    with refused(CategoriesMissing):
        h.export(bare, team)
    alone = h.describe(h.found(team), team, data_categories=[category(team, "email")])
    with refused(NobodyAffected):
        h.export(alone, team)
    assert not SealedFile.objects.filter(kind=Sealed.EXPORT).exists()
    assert not AccessEvent.objects.filter(what="export").exists()


def test_the_destroyed_are_named_by_code_only(made: Made) -> None:
    team, known, row = made
    keys_destroy([known.data["email"].key_number], reason="x", by=None, now=NOW)  # type: ignore[list-item]
    export = h.export(row, team)
    _head, line = opened(export, team)
    assert VALUES["email"] not in line
    assert line[-1] == f"{category(team, 'email')}: destroyed"


def test_what_is_blocked_is_not_passed_on(made: Made) -> None:
    team, known, row = made
    block_place(
        subject=known.card, why="check", label="REQ-7", reason="x", by=team.dpo, now=NOW,
        category=category(team, "phone"),
    )  # fmt: skip
    _head, line = opened(h.export(row, team), team)
    assert VALUES["email"] in line and f"'{VALUES['phone']}" not in line
    assert line[-1] == f"{category(team, 'phone')}: blocked by REQ-7"


def test_thousands_go_in_pieces(made: Made, monkeypatch: Any) -> None:
    team, known, row = made
    more = [register(team) for _ in range(5)]
    h.affect(row, team, *more)
    monkeypatch.setattr(exporting, "ROWS", 2)
    lines = opened(h.export(row, team), team)[1:]
    assert [line[0] for line in lines] == [known.card.code, *(card.code for card in more)]
    assert {line[-1] for line in lines[1:]} == {"nothing is held in these categories"}


# --- its end -------------------------------------------------------------------------------------
def test_it_ends_with_its_term_and_its_bytes_are_gone(
    made: Made, django_capture_on_commit_callbacks: Any
) -> None:
    team, _known, row = made
    export = h.export(row, team)
    file = SealedFile.objects.get(kind=Sealed.EXPORT)
    # The day before, in the operator's own zone, to the minute.
    local = LATER.astimezone(row.operator.zone).replace(hour=0, minute=0) + 30 * DAY
    midnight = local.astimezone(UTC)
    assert midnight.date() < export.ends_on
    assert exports_sweep(now=midnight - timedelta(minutes=1)) == {"exports": 0, "failed": 0}
    assert opened(export, team, now=midnight - timedelta(minutes=1))
    # From its day on it is shut, before any sweep has come.
    with pytest.raises(ExportOver):
        opened(export, team, now=midnight)
    with django_capture_on_commit_callbacks(execute=True):
        assert exports_sweep(now=midnight) == {"exports": 1, "failed": 0}
    assert not file.path.exists()
    assert not VaultKey.objects.filter(pk=file.key).exists()
    item = DestructionItem.objects.get(key=file.key)
    assert item.kind == Sealed.EXPORT and row.number in item.reason
    assert exports_sweep(now=midnight) == {"exports": 0, "failed": 0}
    with pytest.raises(ExportOver):
        opened(export, team)
    assert not lost_keys()
    assert h.journal(row)[-1] == "export"


def test_the_hourly_task_ends_it(made: Made) -> None:
    team, _known, row = made
    h.export(row, team)
    with time_machine.travel(LATER + 31 * DAY, tick=False):
        tasks.end_correspondence()
    run = JobRun.objects.get(job="end_correspondence")
    assert (run.state, run.did["exports"]) == ("done", 1)
    assert not VaultKey.objects.filter(kind=Sealed.EXPORT).exists()


def test_a_value_that_is_destroyed_is_not_read_from_the_export_either(made: Made) -> None:
    team, known, row = made
    export = h.export(row, team)
    keys_destroy([known.data["email"].key_number], reason="x", by=None, now=LATER + DAY)  # type: ignore[list-item]
    with pytest.raises(ExportOutlived):
        opened(export, team, now=LATER + DAY)
    assert exports_sweep(now=LATER + DAY) == {"exports": 1, "failed": 0}
    file = SealedFile.objects.get(kind=Sealed.EXPORT)
    with pytest.raises(store.ValueDestroyed):
        list(exporting.file_open(file))


def test_removing_somebody_ends_the_export_that_names_them(made: Made) -> None:
    team, known, row = made
    export = h.export(row, team)
    h.remove(row, team, known.card)
    with pytest.raises(ExportOver):
        opened(export, team)
    assert not VaultKey.objects.filter(kind=Sealed.EXPORT).exists()


def test_one_that_fails_does_not_keep_the_others_waiting(made: Made, monkeypatch: Any) -> None:
    team, _known, row = made
    broken, whole = h.export(row, team), h.export(row, team)
    real = exporting._end

    def end(export: IncidentExport, **changed: Any) -> bool:
        if export.pk == broken.pk:
            raise ValueError("a value")
        return real(export, **changed)

    monkeypatch.setattr(exporting, "_end", end)
    assert exports_sweep(now=LATER + 31 * DAY) == {"exports": 1, "failed": 1}
    assert whole.file is not None
    assert not VaultKey.objects.filter(pk=whole.file.key).exists()


def test_an_act_that_stamps_an_earlier_moment_shuts_it_too(made: Made) -> None:
    """The sweep stamps every chunk with its own beginning, which may be older than the export."""
    team, known, row = made
    export = h.export(row, team)
    keys_destroy(
        [known.data["email"].key_number],
        reason="x",
        by=None,
        now=LATER - timedelta(minutes=5),  # type: ignore[list-item]
    )
    with pytest.raises(ExportOutlived):
        opened(export, team)
    assert exports_sweep(now=LATER) == {"exports": 1, "failed": 0}


def test_a_value_that_is_not_in_it_does_not_shut_it(made: Made) -> None:
    team, known, row = made
    export = h.export(row, team)
    keys_destroy([known.data["iin"].key_number], reason="x", by=None, now=LATER + DAY)  # type: ignore[list-item]
    assert VALUES["email"] in opened(export, team)[1]
    assert exports_sweep(now=LATER + DAY) == {"exports": 0, "failed": 0}


def test_a_block_of_later_shuts_the_opening_until_it_ends(made: Made) -> None:
    team, known, row = made
    export = h.export(row, team)
    # Of what is not in it: no matter.
    block_place(
        subject=known.card, why="check", label="REQ-6", reason="x", by=team.dpo, now=LATER,
        category=category(team, "iin"),
    )  # fmt: skip
    assert opened(export, team)
    block = block_place(
        subject=known.card, why="check", label="REQ-7", reason="x", by=team.dpo, now=LATER,
        category=category(team, "phone"),
    )  # fmt: skip
    before = AccessEvent.objects.count()
    with pytest.raises(ExportBlocked) as refusal:
        opened(export, team)
    assert "REQ-7" in str(refusal.value) and known.card.code in str(refusal.value)
    assert AccessEvent.objects.count() == before
    # Another one leaves out what is blocked, and opens.
    other = h.export(row, team)
    assert f"'{VALUES['phone']}" not in opened(other, team)[1]
    block_end(block=block, by=team.dpo, now=LATER, reason="checked")
    assert opened(export, team)


def test_what_was_no_incident_has_no_export(made: Made) -> None:
    team, _known, row = made
    export = h.export(row, team)
    h.dismiss(row, team)
    assert not VaultKey.objects.filter(kind=Sealed.EXPORT).exists()
    with pytest.raises(ExportOver):
        opened(export, team)
    words = [entry_words(entry) for entry in row.entries.order_by("pk")]
    assert "Exports ended before their term (1): a test table" in words
    # It was one after all: the old export stays shut.
    h.reopen(row, team)
    with pytest.raises(ExportOver):
        opened(export, team)


def test_only_what_lies_in_the_systems_and_was_there_then(made: Made) -> None:
    team, known, row = made
    h.describe(row, team, systems=[h.system(team)])
    # Which activity uses it nobody has written down: all may have lain there.
    assert f"'{VALUES['phone']}" in opened(h.export(row, team), team)[1]
    shop = h.activity(team, "accounts")
    shop.systems.set([h.system(team)])
    shop.data_categories.remove(category(team, "phone"))
    line = opened(h.export(row, team), team)[1]
    assert VALUES["email"] in line and f"'{VALUES['phone']}" not in line
    # Collected after it happened: it cannot have got out then.
    datum = known.data["email"]
    datum.collected_on = h.DETECTED.date() + DAY
    datum.save()
    later = opened(h.export(row, team), team)[1]
    assert VALUES["email"] not in later
    assert later[-1] == "nothing is held in these categories"


def test_who_is_removed_while_it_is_made_keeps_it_from_being_made(
    made: Made, monkeypatch: Any
) -> None:
    team, known, row = made
    h.affect(row, team, register(team))
    real = exporting._told

    def told(*args: Any) -> Any:
        monkeypatch.setattr(exporting, "_told", real)
        h.remove(row, team, known.card)
        return real(*args)

    monkeypatch.setattr(exporting, "_told", told)
    with pytest.raises(PeopleMoved):
        h.export(row, team)
    assert not VaultKey.objects.filter(kind=Sealed.EXPORT).exists()
    assert not IncidentExport.objects.exists()
