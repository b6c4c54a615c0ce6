"""Master keys: made once, rotated without touching data, killed and resumed, retired, watched."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.conf import settings as office_settings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from registry.choices import RunState
from registry.models import JobRun
from subjects import tasks
from subjects.models import PersonalDatum, SearchToken, VaultKey
from subjects.services import keys
from subjects.services.destruction import keys_destroy
from subjects.vault import keyring, store
from subjects.vault.models import KeyUse, MasterKey, Sealed
from subjects.vault.sealing_bridge import open_rows
from tests.conftest import Office
from tests.subjects.people import NOW, TODAY, person
from tests.subjects.vault_office import many_people, process, result, side_by_side, wait_for_line

LATER = NOW + timedelta(days=30)


@pytest.fixture
def small_chunks(monkeypatch: Any) -> Iterator[None]:
    monkeypatch.setattr(keys, "CHUNK", 3)
    yield


def newest(use: str = KeyUse.KEK) -> MasterKey:
    return MasterKey.objects.filter(use=use).order_by("-number")[0]


def under(use: str = "kek") -> dict[int, int]:
    found: dict[int, int] = {}
    for number in VaultKey.objects.exclude(**{use: None}).values_list(use, flat=True):
        found[number] = found.get(number, 0) + 1
    return found


def texts() -> dict[int, str]:
    rows = PersonalDatum.objects.filter(value_key__isnull=False)
    return {pk: one.text for pk, one in open_rows(rows, "value").items()}


def run(name: str, *arguments: str) -> tuple[int, str]:
    """Exit code and what was said."""
    out = StringIO()
    try:
        call_command(name, *arguments, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    except CommandError as refused:
        return refused.returncode, str(refused)
    return 0, out.getvalue()


# --- making --------------------------------------------------------------------------------------
def test_the_first_keys_are_made_once(office: Office) -> None:
    assert {row.use for row in MasterKey.objects.all()} == {"kek", "search", "evidence"}
    assert keys.keys_make(by=None, now=NOW) == []
    before = MasterKey.objects.count()
    code, said = run("make_keys")
    assert code == 0 and str(keyring.folder()) in said and MasterKey.objects.count() == before


def test_make_keys_says_which_and_where(db: None, settings: Any, tmp_path: Any) -> None:
    settings.OFFICE_KEYS = tmp_path / "new" / "keys"
    MasterKey.objects.all().delete()
    with time_machine.travel(NOW):
        code, said = run("make_keys")
    assert code == 0 and "kek-0001" in said and "search-0001" in said
    assert str(tmp_path / "new" / "keys") in said
    assert sorted(path.name for path in (tmp_path / "new" / "keys").iterdir()) == [
        "evidence-2026", "kek-0001", "search-0001",
    ]  # fmt: skip


def test_make_keys_refuses_when_a_key_in_use_is_missing(office: Office) -> None:
    (keyring.folder() / keyring.name_of("kek", newest().number)).unlink()
    code, said = run("make_keys")
    assert code == 2 and keyring.name_of("kek", newest().number) in said


def test_two_that_make_the_first_keys_make_one_of_each(
    live_office: Office, settings: Any, tmp_path: Any
) -> None:
    settings.OFFICE_KEYS = tmp_path / "keys"
    MasterKey.objects.all().delete()
    made = side_by_side(*[lambda: keys.keys_make(by=None, now=NOW)] * 3)
    assert sorted(map(len, made)) == [0, 0, 3] and MasterKey.objects.count() == 3
    settings.OFFICE_KEYS = office_settings.OFFICE_SECRETS / "keys"


# --- rotating ------------------------------------------------------------------------------------
def test_rotation_wraps_all_keys_and_touches_no_data(office: Office, small_chunks: None) -> None:
    many_people(office.pandev, 8)
    before = texts()
    columns = PersonalDatum.objects.order_by("pk").values_list("pk", "value", "value_key")
    rows = list(columns)
    versions = PersonalDatum.history.count()
    old, seen = newest(), []
    made = keys.kek_rotate(by=office.pandev.dpo, now=NOW, after_chunk=seen.append)
    assert made.number > old.number and set(under()) == {made.number}
    assert seen == [3, 6, 9] and texts() == before
    assert rows == list(columns.all())
    assert PersonalDatum.history.count() == versions
    old.refresh_from_db()
    assert old.retire_on == TODAY + timedelta(days=office_settings.KEK_RETIREMENT_DAYS)
    assert made.retire_on is None and keys.lost_keys() == []


def test_a_rotation_needs_all_keys_and_a_day_to_come(office: Office) -> None:
    with pytest.raises(keys.RetiresInThePast):
        keys.kek_rotate(by=None, now=NOW, retire_on=TODAY - timedelta(days=1))
    (keyring.folder() / keyring.name_of("kek", newest().number)).unlink()
    with pytest.raises(keyring.KeysMissing):
        keys.kek_rotate(by=None, now=NOW)
    assert MasterKey.objects.filter(use="kek").count() == 1
    MasterKey.objects.all().delete()
    with pytest.raises(keys.NoKeysYet):
        keys.kek_rotate(by=None, now=NOW)


def test_a_key_is_never_made_inside_a_transaction(office: Office) -> None:
    """Rolled back, it would live on in this process, and values under it nowhere else."""
    with pytest.raises(RuntimeError), transaction.atomic():
        keys.kek_rotate(by=None, now=NOW)
    assert MasterKey.objects.filter(use="kek").count() == 1


def test_one_damaged_key_does_not_stop_the_others(office: Office, small_chunks: None) -> None:
    rows = many_people(office.pandev, 7)
    broken = VaultKey.objects.get(pk=rows[2].value_key)
    VaultKey.objects.filter(pk=broken.pk).update(owner=broken.owner + 1)
    with pytest.raises(keys.KeysDamaged, match=str(broken.pk)):
        keys.kek_rotate(by=None, now=NOW)
    assert under() == {broken.kek: 1, newest().number: 7}
    VaultKey.objects.filter(pk=broken.pk).update(owner=broken.owner)
    made = newest()
    assert keys.kek_rotate(by=None, now=NOW) == made and set(under()) == {made.number}


def test_the_search_key_is_replaced_and_everything_is_found(
    office: Office, small_chunks: None
) -> None:
    rows = many_people(office.pandev, 8)
    person(office.ipm, email="other@example.org")
    realm = office.pandev.operator.pk
    sought = rows[3].sealed_terms("value", "many3@example.org").terms
    old = newest(KeyUse.SEARCH)
    before = SearchToken.objects.count()
    made = keys.search_rotate(by=None, now=NOW)
    assert set(under("search")) == {made.number} and made.number > old.number
    assert SearchToken.objects.count() == before
    assert [hit["key"] for hit in store.found(realm, sought)] == [rows[3].value_key]
    assert keys.search_rotate(by=None, now=NOW).number > made.number


def test_half_way_through_both_search_keys_answer(office: Office, monkeypatch: Any) -> None:
    rows = many_people(office.pandev, 6)
    monkeypatch.setattr(keys, "CHUNK", 3)
    real = store.require_in_use
    monkeypatch.setattr(store, "require_in_use", lambda wanted: _stop_after(real, wanted))
    with pytest.raises(InterruptedError):
        keys.search_rotate(by=None, now=NOW)
    monkeypatch.setattr(store, "require_in_use", real)
    # The interrupted chunk was rolled back, the key stays; one chunk by hand.
    made = newest(KeyUse.SEARCH)
    old = MasterKey.objects.filter(use="search").order_by("number")[0].number
    assert set(under("search")) == {old}
    VaultKey.objects.filter(pk=rows[0].value_key).update(search=None)
    for row in PersonalDatum.objects.filter(pk=rows[0].pk).select_related("subject", "category"):
        terms = row.sealed_terms("value", "many0@example.org")
        store.index_anew(VaultKey.objects.get(pk=row.value_key), terms)
    assert set(under("search")) == {old, made.number}
    for n, row in enumerate(rows):
        sought = row.sealed_terms("value", f"many{n}@example.org")
        assert [hit["key"] for hit in store.found(sought.realm, sought.terms)] == [row.value_key]
    assert keys.search_rotate(by=None, now=NOW) == made
    assert set(under("search")) == {made.number}


def _stop_after(real: Any, wanted: Any) -> None:
    real(wanted)
    raise InterruptedError


@pytest.mark.parametrize("use", ["kek", "search"])
def test_killed_half_way_the_next_rotation_goes_on(live_office: Office, use: str) -> None:
    rows = many_people(live_office.pandev, 20)
    before, old = texts(), newest(use)
    killed = process("rotate", use, "4", "1.5")
    wait_for_line(killed, "chunk")
    killed.kill()
    killed.communicate()
    made = newest(use)
    assert made.number > old.number and set(under(use)) == {old.number, made.number}
    half = under(use)[old.number]
    assert 0 < half <= 17
    # Nothing is lost meanwhile: everything opens and is found, in a process that knew neither key.
    assert texts() == before and keys.lost_keys() == []
    for n in (0, 19):
        sought = rows[n].sealed_terms("value", f"many{n}@example.org")
        assert [hit["key"] for hit in store.found(sought.realm, sought.terms)] == [
            rows[n].value_key
        ]
    verb = keys.kek_rotate if use == "kek" else keys.search_rotate
    assert verb(by=None, now=NOW) == made
    assert set(under(use)) == {made.number} and texts() == before
    assert MasterKey.objects.filter(use=use).count() == 2


def test_two_that_rotate_at_once_make_one_key(live_office: Office, small_chunks: None) -> None:
    many_people(live_office.pandev, 12)
    MasterKey.objects.update(made_at=NOW - timedelta(days=400))
    done = side_by_side(*[lambda: keys.kek_rotate_due(now=NOW)] * 3)
    assert sorted(done) == [False, False, True]
    assert MasterKey.objects.filter(use="kek").count() == 2
    assert set(under()) == {newest().number}


# --- retiring ------------------------------------------------------------------------------------
def test_a_key_retires_on_its_day_when_nothing_needs_it(office: Office) -> None:
    rows = many_people(office.pandev, 3)
    old = newest()
    with pytest.raises(keys.KeyInUse):
        keys.key_retire(key=old, by=None, now=NOW, today=TODAY)
    stray = VaultKey.objects.get(pk=rows[0].value_key)
    keys.kek_rotate(by=None, now=NOW, retire_on=TODAY)
    # Somebody has saved under the old key after it was replaced.
    left = VaultKey.objects.get(pk=stray.pk)
    VaultKey.objects.filter(pk=stray.pk).update(kek=old.number, wrapped=stray.wrapped)
    with pytest.raises(keys.KeyStillNeeded, match="1 values"):
        keys.key_retire(key=old, by=None, now=NOW, today=TODAY)
    with pytest.raises(keys.NotYetRetired):
        keys.key_retire(key=old, by=None, now=NOW, today=TODAY - timedelta(days=1))
    name = keyring.name_of("kek", old.number)
    assert keyring.is_there(name)
    VaultKey.objects.filter(pk=left.pk).update(kek=left.kek, wrapped=left.wrapped)
    keys.key_retire(key=old, by=office.pandev.dpo, now=NOW, today=TODAY)
    assert not keyring.is_there(name) and len(texts()) == 3
    with pytest.raises(keys.RetiredAlready):
        keys.key_retire(key=old, by=None, now=NOW, today=TODAY)
    # What an old backup holds refuses, by the name of the key.
    with pytest.raises(keyring.KeysMissing, match=name):
        store.unwrap(stray)


def test_no_process_opens_with_a_retired_key_from_memory(live_office: Office) -> None:
    many_people(live_office.pandev, 2)
    holding = process("hold")
    assert wait_for_line(holding, "holding") == f"holding {newest().number}"
    keys.kek_rotate(by=None, now=NOW, retire_on=TODAY)
    assert keys.keys_retire_due(now=NOW, today=TODAY) == 1
    assert "refused KeysMissing" in result(holding)


def test_a_crash_between_row_and_file_leaves_no_file_for_long(
    office: Office, monkeypatch: Any
) -> None:
    person(office.pandev)
    old = newest()
    keys.kek_rotate(by=None, now=NOW, retire_on=TODAY)
    real = keyring.destroy_file
    monkeypatch.setattr(keyring, "destroy_file", _killed)
    with pytest.raises(KeyboardInterrupt):
        keys.keys_retire_due(now=NOW, today=TODAY)
    monkeypatch.setattr(keyring, "destroy_file", real)
    name = keyring.name_of("kek", old.number)
    # The row has committed; nothing stands still for the file that is left, and it is reported.
    assert keyring.is_there(name) and texts() and keys.retired_files() == [name]
    code, said = run("check_vault")
    assert code == 1 and name in said
    keys.keys_keep(now=NOW, today=TODAY)
    assert not keyring.is_there(name)


def _killed(name: str) -> None:
    raise KeyboardInterrupt


def test_the_clock_rotates_finishes_and_retires(office: Office) -> None:
    rows = many_people(office.pandev, 5)
    before, first = texts(), newest()
    MasterKey.objects.filter(pk=first.pk).update(made_at=NOW)
    idle = {"made": 0, "ended": 0, "rotated": 0, "finished": 0, "retired": 0}
    assert keys.keys_keep(now=NOW + timedelta(days=29), today=TODAY) == idle
    assert keys.keys_keep(now=LATER, today=LATER.date())["rotated"] == 1
    # A rotation that was cut short is finished by the next hour.
    VaultKey.objects.filter(pk=rows[0].value_key).delete()
    number = newest().number
    left = store.mint(store.Place(kind=Sealed.DATUM, owner=1))
    bound = store.bound_key(Sealed.DATUM, 1, None)
    wrapped = store.sealing.wrap(keyring.kek(first.number), left.data_key, bound)
    VaultKey.objects.filter(pk=left.number).update(kek=first.number, wrapped=wrapped)
    assert keys.keys_keep(now=LATER, today=LATER.date()) == idle | {"finished": 1}
    assert set(under()) == {number}
    week, day = LATER + timedelta(days=7), timedelta(days=1)
    assert keys.keys_keep(now=week - day, today=(week - day).date()) == idle
    assert keys.keys_keep(now=week, today=week.date()) == idle | {"retired": 1}
    assert keys.keys_keep(now=week, today=week.date()) == idle
    del before[rows[0].pk]
    found = open_rows(PersonalDatum.objects.exclude(pk=rows[0].pk), "value")
    assert {pk: one.text for pk, one in found.items()} == before


# --- the watch -----------------------------------------------------------------------------------
def test_what_is_lost_is_found_and_destruction_is_no_loss(office: Office) -> None:
    rows = many_people(office.pandev, 4)
    assert keys.lost_keys() == []
    keys_destroy([rows[0].value_key], reason="test", by=None, now=NOW)
    assert keys.lost_keys() == []
    VaultKey.objects.filter(pk__in=[rows[1].value_key, rows[2].value_key]).delete()
    assert sorted(keys.lost_keys()) == [rows[1].value_key, rows[2].value_key]
    assert len(keys.lost_keys(limit=1)) == 1
    code, said = run("check_vault")
    assert code == 1 and str(rows[1].value_key) in said
    code, said = run("check_vault", "--json")
    assert code == 1 and len(json.loads(said)["lost"]) == 2


def test_the_tasks_record_what_they_did(office: Office) -> None:
    rows = many_people(office.pandev, 2)
    MasterKey.objects.update(made_at=timezone.now())
    tasks.keep_keys()
    tasks.watch_vault()
    found = {row.job: row for row in JobRun.objects.all()}
    assert found["keep_keys"].did == {
        "made": 0, "ended": 0, "rotated": 0, "finished": 0, "retired": 0,
    }  # fmt: skip
    assert found["watch_vault"].did == {"lost": 0, "missing": 0, "orphans": 0, "mute": 0}
    assert {row.state for row in found.values()} == {RunState.DONE}
    VaultKey.objects.filter(pk=rows[0].value_key).delete()
    tasks.watch_vault()
    assert JobRun.objects.filter(job="watch_vault").order_by("-pk")[0].did["lost"] == 1


def test_both_tasks_ring_hourly() -> None:
    beat = office_settings.CELERY_BEAT_SCHEDULE
    for name in ("keep_keys", "watch_vault"):
        assert beat[name]["task"] == f"subjects.tasks.{name}"
        assert getattr(tasks, name).name == beat[name]["task"]


# --- the commands --------------------------------------------------------------------------------
def test_the_commands_rotate_and_retire(office: Office) -> None:
    many_people(office.pandev, 3)
    old, today = newest(), timezone.now().date()
    code, said = run("rotate_kek", "--json", "--retire-on", str(today))
    assert code == 0 and json.loads(said) == {
        "key": keyring.name_of("kek", newest().number),
        "wrapped": 4,
        "retires": {keyring.name_of("kek", old.number): str(today)},
    }
    assert run("rotate_kek", "--retire", "--json") == (0, '{"retired": 1}\n')
    assert run("rotate_kek", "--retire") == (0, "0 keys retired.\n")
    code, said = run("rotate_kek")
    assert code == 0 and "4 keys were wrapped anew" in said and "retires on" in said
    code, said = run("rotate_search_key")
    assert code == 0 and keyring.name_of("search", newest(KeyUse.SEARCH).number) in said
    assert run("check_vault") == (0, "The vault is whole.\n")
    for wrong in ("yesterday", "2026-13-01"):
        assert run("rotate_kek", "--retire-on", wrong)[0] == 2
    code, said = run("rotate_search_key", "--retire-on", "2020-01-01")
    assert code == 2 and "\n" not in said.strip()


def test_check_vault_names_a_missing_key(office: Office) -> None:
    name = keyring.name_of("kek", newest().number)
    (keyring.folder() / name).unlink()
    code, said = run("check_vault")
    assert code == 1 and name in said


def test_rotation_is_quick(office: Office) -> None:
    place = store.Place(kind=Sealed.DATUM, owner=1)
    with transaction.atomic():
        for _ in range(3):
            store.mint_many([(place, None)] * 2_000)
    began = time.monotonic()
    keys.kek_rotate(by=None, now=NOW)
    rate = 6_000 / (time.monotonic() - began)
    print(f"rotation: {rate:,.0f} keys/s")
    # Far below what an idle machine does: others may work on it.
    assert rate > 500
