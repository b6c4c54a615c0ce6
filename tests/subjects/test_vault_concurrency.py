"""Two hands on one value: edit, open, rotate and destroy at once, in threads and in processes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import combinations_with_replacement
from typing import Any

import pytest
from django.db import transaction

from subjects.models import DestructionItem, Evidence, PersonalDatum, SearchToken, VaultKey
from subjects.services import keys
from subjects.services.cards import cards_merge
from subjects.services.destruction import keys_destroy
from subjects.services.looking import card_reveal
from subjects.services.people import CardMerged, datum_rectify
from subjects.vault import keyring, store
from subjects.vault.field import Plain
from subjects.vault.models import KeyUse, MasterKey
from subjects.vault.sealing_bridge import State, open_rows
from tests.conftest import Office
from tests.subjects.people import NOW, TODAY, card, person
from tests.subjects.vault_office import (
    ONCE_MORE,
    VERBS,
    done_by,
    hands,
    many_people,
    process,
    result,
    side_by_side,
    tell,
    wait_for_line,
)


def destroy(numbers: Any) -> list[DestructionItem]:
    return keys_destroy(numbers, reason="test", by=None, now=NOW)


def rectify(row: PersonalDatum, text: str) -> PersonalDatum:
    return datum_rectify(datum=row, text=text, by=None, today=TODAY, reason="test")


def assert_whole() -> None:
    """Nothing lost; every token is of a key that stands, and is what the value of now leaves."""
    assert keys.lost_keys() == []
    rows = PersonalDatum.objects.filter(value_key__in=VaultKey.objects.values("pk"))
    opened = open_rows(rows.select_related("subject", "category"), "value")
    wanted = set()
    for row in rows.select_related("subject", "category"):
        assert opened[row.pk].state == State.OPEN
        search = VaultKey.objects.get(pk=row.value_key).search
        assert search is not None
        terms = row.sealed_terms("value", opened[row.pk].text)
        wanted |= {(token, row.value_key) for token in store.tokens_of(terms, search)}
    found = SearchToken.objects.values_list("token", "key")
    assert {(bytes(token), key) for token, key in found} == wanted
    named = DestructionItem.objects.values_list("key", flat=True)
    assert not VaultKey.objects.filter(pk__in=named).exists()


def test_whoever_destroys_the_same_values_each_goes_once(live_office: Office) -> None:
    rows = many_people(live_office.pandev, 40)
    numbers = [row.value_key for row in rows]
    done = side_by_side(
        lambda: destroy(numbers),
        lambda: destroy(reversed(numbers)),
        lambda: destroy(numbers[::2]),
        lambda: [item for number in numbers for item in destroy([number])],
    )
    assert sorted(item.key for items in done for item in items) == sorted(numbers)
    assert DestructionItem.objects.count() == len(numbers)
    assert_whole()


def test_a_value_that_is_saved_and_destroyed_at_once_stays_destroyed(live_office: Office) -> None:
    """Whoever is first: no key comes back, and no token stays."""
    rows = many_people(live_office.pandev, 12)
    minted = max(VaultKey.objects.values_list("pk", flat=True))
    for n, row in enumerate(rows):

        def save(row: PersonalDatum = row, n: int = n) -> Any:
            time.sleep(n % 4 / 200)
            return rectify(row, f"late{n}@example.org")

        saved, items = side_by_side(save, lambda row=row: destroy([row.value_key]))
        assert len(items) == 1
        assert isinstance(saved, PersonalDatum | store.ValueDestroyed), saved
        with pytest.raises(store.ValueDestroyed):
            rectify(row, "later@example.org")
    assert not SearchToken.objects.exists()
    assert max(VaultKey.objects.values_list("pk", flat=True), default=0) <= minted
    assert_whole()


def test_the_second_waits_for_the_first(live_office: Office) -> None:
    """One has done its work and not committed when the other comes."""
    for first, row in zip(("save", "destroy"), many_people(live_office.pandev, 2), strict=True):
        working, go_on = threading.Event(), threading.Event()

        def one(
            row: Any = row, first: str = first, working: Any = working, go_on: Any = go_on
        ) -> None:
            with transaction.atomic():
                if first == "save":
                    rectify(row, "first@example.org")
                else:
                    destroy([row.value_key])
                working.set()
                go_on.wait(10)

        def other(
            row: Any = row, first: str = first, working: Any = working, go_on: Any = go_on
        ) -> Any:
            assert working.wait(10)
            threading.Timer(0.3, go_on.set).start()
            if first == "save":
                return destroy([row.value_key])
            return rectify(row, "second@example.org")

        _, found = side_by_side(one, other)
        if first == "save":
            assert [item.key for item in found] == [row.value_key]
        else:
            assert isinstance(found, store.ValueDestroyed)
        assert not SearchToken.objects.filter(key=row.value_key).exists()
        assert not VaultKey.objects.filter(pk=row.value_key).exists()
    assert DestructionItem.objects.count() == 2
    assert_whole()


def test_two_that_edit_one_value_leave_one_of_the_two(live_office: Office) -> None:
    (row,) = many_people(live_office.pandev, 1)
    for n in range(5):
        typed = [f"left{n}@example.org", f"right{n}@example.org"]
        side_by_side(*[lambda text=text: rectify(row, text) for text in typed])
        now = PersonalDatum.objects.get(pk=row.pk)
        assert open_rows([now], "value")[row.pk].text in typed
        assert_whole()


def test_merged_edited_revealed_rotated_and_destroyed_at_once(live_office: Office) -> None:
    """Whatever the order, one item, no key and nothing lost; the datum lies on one card."""
    team = live_office.pandev
    for _ in range(3):
        row = person(team).data.select_related("subject").get(category__code="email")
        survivor = card(team)

        def merge(row: PersonalDatum = row, survivor: Any = survivor) -> Any:
            return cards_merge(into=survivor, other=row.subject, by=team.dpo, now=NOW, reason="x")

        def look(row: PersonalDatum = row) -> Any:
            card_reveal(subject=row.subject, user=team.dpo, reason="x", now=NOW)
            return open_rows([row], "value")[row.pk].state

        merged, edited, seen, rotated, items = side_by_side(
            merge,
            lambda row=row: rectify(row, f"late{row.pk}@example.org"),
            look,
            lambda: keys.kek_rotate(by=None, now=NOW),
            lambda row=row: destroy([row.value_key]),
        )
        assert not isinstance(merged, Exception), merged
        assert isinstance(edited, PersonalDatum | store.ValueDestroyed | CardMerged), edited
        assert seen in (State.OPEN, State.DESTROYED) or isinstance(seen, store.ValueMoved)
        assert isinstance(rotated, MasterKey), rotated
        assert len(items) == 1
        assert PersonalDatum.objects.get(pk=row.pk).subject_id == survivor.pk
    assert DestructionItem.objects.count() == 3
    assert_whole()


# How each verb may end when another hand is at the same datum.
ENDS = {
    "reveal": {"OPEN", "DESTROYED"},
    "edit": {"edited", "ValueDestroyed", "CardMerged"},
    "merge": {"merged", "CardMerged"},
    "rotate": {"rotated"},
    "destroy": {"0", "1"},
}


def test_two_processes_do_all_five_to_the_same_data_at_once(live_office: Office) -> None:
    """One round for each pair of verbs to begin with; then each hand goes on with the others."""
    team = live_office.pandev
    told: dict[str, Counter[str]] = {verb: Counter() for verb in VERBS}
    pairs = list(combinations_with_replacement(VERBS, 2))
    beside = 0
    with hands(2) as both:
        for pair in pairs:
            row = person(team).data.get(category__code="email")
            survivor = card(team)
            for hand, first in zip(both, pair, strict=True):
                others = (verb for verb in VERBS if verb != first)
                tell(hand, row.pk, row.subject_id, survivor.pk, first, *others)
            done = [done_by(hand) for hand in both]
            for verb in VERBS:
                for *tries, end in (found[verb] for found in done):
                    assert end in ENDS[verb] and ONCE_MORE.issuperset(tries), done
                    told[verb].update([*tries, end])
            assert sorted(found["destroy"] for found in done) == [["0"], ["1"]], done
            # Of the two merges one came first, and the other was told so.
            assert sorted(found["merge"][-1] for found in done) == ["CardMerged", "merged"], done
            assert PersonalDatum.objects.get(pk=row.pk).subject_id == survivor.pk
            began, ended = ([float(found[at][0]) for found in done] for at in ("began", "ended"))
            beside += max(began) < min(ended)
    assert beside > len(pairs) // 2
    assert DestructionItem.objects.count() == len(pairs)
    assert keys.retired_files() == []
    assert_whole()
    print("two processes:", {verb: dict(found) for verb, found in told.items()})


def test_an_edit_on_a_row_that_was_read_long_ago(office: Office) -> None:
    """The stale copy knows neither the new ciphertext nor that the key is gone."""
    (row,) = many_people(office.pandev, 1)
    stale = PersonalDatum.objects.get(pk=row.pk)
    destroy([row.value_key])
    before = VaultKey.objects.count()
    for text in (Plain("typed@example.org"), stale.value):
        stale.value = text
        try:
            stale.save()
        except store.ValueDestroyed:
            continue
    assert VaultKey.objects.count() == before
    assert open_rows([stale], "value")[row.pk].state == State.DESTROYED
    assert_whole()


def test_everybody_works_while_both_keys_are_rotated_and_retired(live_office: Office) -> None:
    """Three processes and this one: saves, opens, searches and destructions during rotations."""
    rows = many_people(live_office.pandev, 60)
    first, middle, last = rows[0].pk, rows[29].pk, rows[-1].pk
    lives = [
        process("live", "3", str(first), str(middle)),
        process("live", "3", str(middle + 1), str(last)),
    ]
    for started in lives:
        wait_for_line(started, "ready")
    rotations = [process("rotate", "kek", "7", "0.05"), process("rotate", "search", "7", "0.05")]
    for started in rotations:
        result(started)
    for started in rotations:
        assert started.returncode == 0
    retired = keys.keys_retire_due(
        now=NOW, today=max(MasterKey.objects.filter(use="kek").exclude(
            retire_on=None).values_list("retire_on", flat=True))
    )  # fmt: skip
    # The search key waits where evidence of what was destroyed meanwhile stands under it.
    waits = Evidence.objects.exclude(search=keyring.ring().active(KeyUse.SEARCH)).exists()
    assert retired == (1 if waits else 2)
    destroyed = 0
    for started in lives:
        lived = result(started).split("lived")[1].split()
        saved, opened, found, gone, wrong = map(int, lived)
        assert saved >= 3 and saved == opened == found and wrong == 0, lived
        destroyed += gone
    assert DestructionItem.objects.count() == destroyed
    for use in (KeyUse.KEK, KeyUse.SEARCH):
        standing = MasterKey.objects.filter(use=use, retired_at=None).order_by("-number")
        newest = standing[0]
        assert len(standing) == (2 if use == KeyUse.SEARCH and waits else 1)
        column = "kek" if use == KeyUse.KEK else "search"
        held = VaultKey.objects.exclude(**{column: None}).values_list(column, flat=True)
        assert set(held) == {newest.number}
    assert_whole()
    print(f"while rotating: {destroyed} destroyed")
