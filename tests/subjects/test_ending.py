"""A purpose ends: what was shown before is what the sweep then does."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import Purpose
from registry.services import audit
from subjects.choices import ActState, StopKind
from subjects.models import DataSubject, DestructionAct, DestructionItem, PersonalDatum
from subjects.services.acts import act_approve
from subjects.services.cards import cards_merge
from subjects.services.ending import (
    EndBeforeItBegan,
    EndWantsReason,
    OutlookChanged,
    OutlookHasGaps,
    PurposeAchievedAlready,
    PurposeGoesOn,
    PurposeOutlook,
    purpose_end,
    purpose_outlook,
    purpose_resume,
)
from subjects.services.grounds import PurposeEnded, ground_end
from subjects.services.holds import hold_place
from subjects.services.sweeping import destruction_sweep
from subjects.vault.models import Sealed, VaultKey
from tests.conftest import Office, Team
from tests.subjects.people import NOW, TODAY, activity_of, consent, datum, person, text_of

PAGE = "/admin/registry/purpose"


def purpose_of(team: Team, activity: str = "") -> Purpose:
    return activity_of(team, activity).purpose


def outlook(team: Team, on: date = TODAY, activity: str = "") -> PurposeOutlook:
    return purpose_outlook(purpose=purpose_of(team, activity), on=on, today=TODAY)


def end(team: Team, on: date = TODAY, activity: str = "") -> Purpose:
    return purpose_end(
        purpose=purpose_of(team, activity), on=on, reason="done", by=team.dpo, now=NOW,
        seen=outlook(team, on, activity).seen,
    )  # fmt: skip


def told(found: PurposeOutlook) -> Counter[tuple[int, int, date | None]]:
    """How many values of each category go on which day."""
    counts: Counter[tuple[int, int, date | None]] = Counter()
    for share in (*found.going, *found.staying):
        counts[share.category, share.kind, share.due_on] += share.count
    return counts


def stands() -> Counter[tuple[int, int, date | None]]:
    """The same as the keys say it."""
    categories = dict(PersonalDatum.objects.values_list("value_key", "category_id"))
    return Counter(
        (categories.get(key) or 0, kind, day)
        for key, kind, day in VaultKey.objects.values_list("pk", "kind", "destroy_on")
        if kind in (Sealed.DATUM, Sealed.EVIDENCE)
    )


def crowd(team: Team) -> list[DataSubject]:
    """Three people: one with this purpose alone, one with another beside it, one who is held."""
    text_of(team, "accounts", "platform_security")
    alone = person(team)
    both = person(team, name="Второй Он", email="both@example.org")
    consent(team, both, activity="platform_security")
    held = person(team, name="Ждёт Она", email="held@example.org")
    hold_place(
        subject=held,
        document="ruling",
        label="C-1",
        reason="a court",
        by=team.dpo,
        now=NOW,
    )
    return [alone, both, held]


def test_what_is_shown_is_what_the_sweep_does(office: Office) -> None:
    team = office.pandev
    crowd(team)
    found = outlook(team)
    assert found.people == 3
    assert told(found).total() == 10  # two values and the proof each, and a second proof
    before = stands()
    assert before == outlook_of_nothing(before)
    end(team)
    destruction_sweep(now=NOW)
    assert stands() == told(found)

    # And on the days themselves: what was to go is gone but for what is held, what stays stays.
    data = [share for share in found.going if share.kind == Sealed.DATUM]
    assert len({share.due_on for share in data}) == 1 and data[0].due_on is not None
    for act in DestructionAct.objects.filter(state=ActState.DRAFTED):
        act_approve(act=act, by=team.dpo, now=NOW)
    on_due = NOW + (data[0].due_on - TODAY)
    destruction_sweep(now=on_due)
    gone = Counter(DestructionItem.objects.values_list("category", flat=True))
    assert gone == Counter(
        {share.category: share.count for share in data if not share.stopped and share.due_on}
    )
    left: Counter[tuple[int, int]] = Counter()
    for (category, kind, _), count in stands().items():
        left[category, kind] += count
    wanted: Counter[tuple[int, int]] = Counter()
    for share in (*found.going, *found.staying):
        if share.kind != Sealed.DATUM or share.stopped or share.due_on is None:
            wanted[share.category, share.kind] += share.count
    # The category of a destroyed value stays in its row; its key is what is gone.
    assert left == wanted


def outlook_of_nothing(
    counts: Counter[tuple[int, int, date | None]],
) -> Counter[tuple[int, int, date | None]]:
    """While every ground lives, no key has a day."""
    return Counter({(one, kind, None): count for (one, kind, _), count in counts.items()})


def test_it_says_what_holds_what_stays_and_what_is_held_up(office: Office) -> None:
    team = office.pandev
    crowd(team)
    found = outlook(team)
    assert {share.why.split("; ")[0] for share in found.staying if share.kind == Sealed.DATUM} == {
        "platform_security"
    }
    assert {share.stopped for share in found.going if share.stopped} == {
        f"{StopKind.LEGAL_HOLD}; C-1"
    }
    assert all(share.moved and share.rule for share in found.going)


def test_looking_writes_nothing(office: Office) -> None:
    team = office.pandev
    crowd(team)
    with CaptureQueriesContext(connection) as asked:
        outlook(team)
    assert not [q for q in asked if not q["sql"].lstrip(" (").upper().startswith("SELECT")]
    assert purpose_of(team).ended_on is None


def test_a_day_ahead_dates_from_that_day(office: Office) -> None:
    team = office.pandev
    crowd(team)
    later = TODAY + timedelta(days=40)
    days = {share.due_on for share in outlook(team, later).going if share.due_on}
    assert min(days) > later
    end(team, later)
    destruction_sweep(now=NOW)
    assert stands() == told(outlook(team, later))


def test_a_merged_card_counts_once_by_the_card_that_stays(office: Office) -> None:
    team = office.pandev
    stays, merged = person(team), person(team, email="second@example.org")
    cards_merge(
        into=stays,
        other=merged,
        by=team.dpo,
        reason="the same",
        now=NOW,
        other_ends="purpose_achieved",
    )
    found = outlook(team)
    assert found.people == 1
    assert told(found).total() == 6 and all(day for _, _, day in told(found))


def test_whoever_has_no_ground_of_it_any_more_is_not_concerned(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    for ground in subject.grounds.all():
        ground_end(
            ground=ground, ended_on=TODAY, end_reason="purpose_achieved", by=team.dpo,
            today=TODAY, reason="done",
        )  # fmt: skip
    assert outlook(team).people == 0


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_end_wants_a_reason(office: Office, reason: str) -> None:
    team = office.pandev
    purpose = purpose_of(team)
    with pytest.raises(EndWantsReason):
        purpose_end(purpose=purpose, on=TODAY, reason=reason, seen="", by=team.dpo, now=NOW)
    with pytest.raises(EndWantsReason):
        purpose_resume(purpose=purpose, reason=reason, by=team.dpo, now=NOW)


def test_other_numbers_than_those_confirmed_are_refused(office: Office) -> None:
    team = office.pandev
    subject = person(team)
    seen = outlook(team).seen
    datum(team, subject, "phone", "+7 700 000 00 01")
    with pytest.raises(OutlookChanged):
        purpose_end(
            purpose=purpose_of(team), on=TODAY, reason="done", seen=seen, by=team.dpo, now=NOW
        )
    assert purpose_of(team).ended_on is None


def test_a_purpose_ends_once_and_an_end_ahead_can_be_taken_back(office: Office) -> None:
    team = office.pandev
    person(team)
    later = TODAY + timedelta(days=3)
    end(team, later)
    destruction_sweep(now=NOW)
    assert any(day for _, _, day in stands())
    purpose_resume(purpose=purpose_of(team), reason="goes on", by=team.dpo, now=NOW)
    destruction_sweep(now=NOW)
    assert not any(day for _, _, day in stands())
    end(team, TODAY)
    with pytest.raises(PurposeAchievedAlready):
        end(team, later)
    with pytest.raises(PurposeGoesOn):
        purpose_resume(purpose=purpose_of(team), reason="again", by=team.dpo, now=NOW)
    with pytest.raises(PurposeEnded):
        person(team, email="late@example.org")
    first, *_ = purpose_of(team).history.all()
    assert (first.history_user, first.history_change_reason) == (team.dpo, "done")


# --- the page


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def test_the_dpo_sees_and_confirms(office: Office, as_user: Any, clock: Any) -> None:
    team = office.pandev
    crowd(team)
    purpose = purpose_of(team)
    dpo = as_user(team.dpo)
    text = dpo.get(f"{PAGE}/{purpose.pk}/change/").content.decode()
    assert f"{PAGE}/{purpose.pk}/end/" in text and 'name="ended_on"' not in text
    page = dpo.get(f"{PAGE}/{purpose.pk}/end/")
    text = page.content.decode()
    assert "3 people have a ground of this purpose." in text
    assert "C-1" in text and "KZ.RETENTION.DESTROY" in text
    assert not any(value in text for value in ("test@example.org", "Тестов"))
    given = {"on": TODAY.isoformat(), "seen": page.context["outlook"].seen}
    refused = dpo.post(f"{PAGE}/{purpose.pk}/end/", given | {"reason": ""})
    assert refused.status_code == 200 and purpose_of(team).ended_on is None
    stale = dpo.post(f"{PAGE}/{purpose.pk}/end/", given | {"reason": "done", "seen": "0" * 64})
    assert stale.status_code == 409 and purpose_of(team).ended_on is None
    # Whoever looks again at the refused page confirms what stands there.
    again = {field.name: field.value() for field in stale.context["form"]}
    assert again["seen"] == given["seen"]
    done = dpo.post(f"{PAGE}/{purpose.pk}/end/", again)
    assert done.status_code == 302 and purpose_of(team).ended_on == TODAY
    assert dpo.get(f"{PAGE}/{purpose.pk}/end/").status_code == 409


def test_a_day_that_is_none_is_read_as_today(office: Office, as_user: Any, clock: Any) -> None:
    team = office.pandev
    purpose = purpose_of(team)
    for given in ("", "tomorrow", "2026-02-30"):
        page = as_user(team.dpo).get(f"{PAGE}/{purpose.pk}/end/", {"on": given})
        assert page.status_code == 200 and page.context["on"] == TODAY


def test_an_end_ahead_is_taken_back_on_its_page(office: Office, as_user: Any, clock: Any) -> None:
    team = office.pandev
    later = TODAY + timedelta(days=9)
    end(team, later)
    purpose = purpose_of(team)
    dpo = as_user(team.dpo)
    assert dpo.get(f"{PAGE}/{purpose.pk}/end/").context["on"] == later
    assert dpo.post(f"{PAGE}/{purpose.pk}/resume/", {"reason": "goes on"}).status_code == 302
    assert purpose_of(team).ended_on is None


def test_who_may_end_a_purpose(office: Office, as_user: Any, clock: Any) -> None:
    team = office.pandev
    purpose = purpose_of(team)
    people = {
        team.dpo: 200, team.clerk: 403, team.auditor: 403, office.ipm.dpo: 404, office.nobody: 404
    }  # fmt: skip
    for user, status in people.items():
        assert as_user(user).get(f"{PAGE}/{purpose.pk}/end/").status_code == status, user
        if status != 200:
            given = {"on": TODAY.isoformat(), "seen": outlook(team).seen, "reason": "done"}
            found = as_user(user).post(f"{PAGE}/{purpose.pk}/end/", given)
            assert found.status_code == status
    assert purpose_of(team).ended_on is None


def test_whoever_has_signed_no_undertaking_decides_about_nobody(
    office: Office, as_user: Any, clock: Any
) -> None:
    team = office.pandev
    crowd(team)
    purpose = purpose_of(team)
    role = team.dpo.memberships.get()
    role.undertaking, role.undertaking_on = "", None
    audit.save(role, by=None, reason="test")
    for user in (team.dpo, office.admin):
        page = as_user(user).get(f"{PAGE}/{purpose.pk}/change/").content.decode()
        assert f"{PAGE}/{purpose.pk}/end/" not in page
        for verb in ("end", "resume"):
            assert as_user(user).get(f"{PAGE}/{purpose.pk}/{verb}/").status_code == 403
            assert as_user(user).post(f"{PAGE}/{purpose.pk}/{verb}/", {}).status_code == 403
    assert purpose_of(team).ended_on is None


def test_a_day_that_nobody_can_mean_is_refused(office: Office) -> None:
    team = office.pandev
    person(team)
    with pytest.raises(EndBeforeItBegan):
        end(team, date(1900, 1, 1))
    with pytest.raises(OutlookHasGaps):
        end(team, date(9999, 12, 31))
    assert purpose_of(team).ended_on is None


def test_a_form_that_was_open_meanwhile_does_not_take_the_end_back(
    office: Office, as_user: Any, clock: Any
) -> None:
    team = office.pandev
    purpose = purpose_of(team)
    dpo = as_user(team.dpo)
    page = dpo.get(f"{PAGE}/{purpose.pk}/change/")
    fields = {
        field.html_name: field.value() or ""
        for field in page.context["adminform"].form
        if field.name not in ("incompatible", "contact_by")
    }
    end(team, TODAY)
    fields |= {"name_en": "Another name", "change_reason": "a better name"}
    saved = dpo.post(f"{PAGE}/{purpose.pk}/change/", fields)
    assert saved.status_code == 302, saved.context["errors"]
    row = purpose_of(team)
    assert (row.name_en, row.ended_on) == ("Another name", TODAY)


def test_the_page_costs_the_same_for_many(
    office: Office, as_user: Any, clock: Any, django_assert_max_num_queries: Any
) -> None:
    team = office.pandev
    purpose = purpose_of(team)
    dpo = as_user(team.dpo)
    person(team)
    with CaptureQueriesContext(connection) as few:
        dpo.get(f"{PAGE}/{purpose.pk}/end/")
    for number in range(5):
        person(team, email=f"p{number}@example.org")
    with django_assert_max_num_queries(len(few)):
        dpo.get(f"{PAGE}/{purpose.pk}/end/")
