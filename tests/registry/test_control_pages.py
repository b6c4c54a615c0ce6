"""Internal control on its pages: the steps, their checks, the journal, and who may do what."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext, override

from registry.models import ControlRecord, ControlStep, Membership
from registry.services import audit
from tests.conftest import Office, Team
from tests.crawl.forms import copied, shown
from tests.crawl.pages import differences, faults, fingerprint
from tests.registry.controlling import NOW, TODAY, check, step
from tests.registry.test_transfer_pages import words_of

STEPS = "/admin/registry/controlstep/"
JOURNAL = "/admin/registry/controlrecord/"
DAY = timedelta(days=1)
FOUND = {"done_on": str(TODAY), "found": "In order.", "remedy": ""}


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ipm(office: Office) -> Team:
    return office.ipm


def link(row: ControlStep, page: str = "change") -> str:
    return f"{STEPS}{row.pk}/{page}/"


def listed(client: Any, query: str = "") -> list[str]:
    return [row.code for row in client.get(f"{STEPS}{query}").context["cl"].result_list]


# --- the list ----------------------------------------------------------------------------------
def test_the_list_says_in_plain_words_what_is_due(ipm: Team, as_user: Any) -> None:
    step(ipm, code="late", next_on=TODAY - 3 * DAY, name_en="Cabinets")
    step(ipm, code="now", next_on=TODAY)
    step(ipm, code="soon", next_on=TODAY + 14 * DAY)
    step(ipm, code="later", next_on=TODAY + 15 * DAY, every_months=12)
    client = as_user(ipm.clerk)
    page = client.get(STEPS)
    text = page.content.decode()
    for words in ("overdue by 3 days", "due today", "14 days left", "later", "every year",
                  "every 3 months", "Cabinets", "27 February 2026", str(ipm.clerk)):  # fmt: skip
        assert words in text, words
    assert not faults(page)
    # The most urgent first.
    assert listed(client) == ["late", "now", "soon", "later"]
    assert listed(client, "?coming=overdue") == ["late"]
    assert listed(client, "?coming=soon") == ["now", "soon"]
    assert listed(client, "?coming=later") == ["later"]


def test_each_sees_the_steps_of_their_own_operator(office: Office, as_user: Any) -> None:
    step(office.ipm, code="here")
    step(office.pandev, code="there")
    assert listed(as_user(office.ipm.dpo)) == ["here"]
    assert listed(as_user(office.pandev.clerk)) == ["there"]
    admin = as_user(office.admin)
    assert set(listed(admin)) == {"here", "there"}
    assert listed(admin, f"?operator__id__exact={office.pandev.operator.pk}") == ["there"]


def test_lists_of_five_hundred_cost_ten_queries(ipm: Team, as_user: Any) -> None:
    first = step(ipm)
    many = ControlStep.objects.bulk_create(
        ControlStep(
            operator=ipm.operator, code=f"many-{number}", name_en=f"Step {number}",
            every_months=1, responsible=(ipm.clerk, ipm.dpo)[number % 2],
            next_on=TODAY + (number - 250) * DAY,
        )
        for number in range(500)
    )  # fmt: skip
    ControlRecord.objects.bulk_create(
        ControlRecord(
            step=row, done_on=TODAY - DAY, found="In order.", recorded_at=NOW,
            recorded_by=ipm.clerk,
        )
        for row in [*many, *[first] * 30]
    )  # fmt: skip
    paths = [STEPS, f"{STEPS}?coming=overdue", f"{STEPS}?coming=soon", JOURNAL,
             f"{JOURNAL}?step={first.pk}"]  # fmt: skip
    for user in (ipm.dpo, ipm.clerk):
        client = as_user(user)
        for path in paths:
            client.get(path)
            with CaptureQueriesContext(connection) as asked:
                assert client.get(path).status_code == 200
            told = "\n".join(one["sql"][:140] for one in asked.captured_queries)
            assert len(asked) <= 10, f"{path}\n{told}"
        client.get(link(first))
        with CaptureQueriesContext(connection) as asked:
            page = client.get(link(first))
        # The page of a step shows its newest records, and where all of them are.
        assert len(page.context["records"]) == 20 and page.context["more_records"]
        assert f"{JOURNAL}?step={first.pk}" in page.content.decode()
        assert len(asked) <= 10, "\n".join(one["sql"][:140] for one in asked.captured_queries)


# --- a step ------------------------------------------------------------------------------------
def test_the_dpo_plans_a_step(ipm: Team, as_user: Any) -> None:
    like = step(ipm)
    client = as_user(ipm.dpo)
    form = client.get(f"{STEPS}add/").context["adminform"].form
    assert all(field.help_text for field in form.fields.values())
    data = copied(form, like) | {"code": "new"}
    assert client.post(f"{STEPS}add/", data).status_code == 302
    assert ControlStep.objects.get(code="new").responsible == ipm.clerk


def test_only_the_staff_of_the_operator_is_responsible(office: Office, as_user: Any) -> None:
    row = step(office.ipm)
    both = Membership(
        user=office.ipm.dpo, operator=office.pandev.operator, role="dpo", started_on=TODAY
    )
    audit.save(both, by=None, reason="two hats")
    client = as_user(office.ipm.dpo)
    data = shown(client.get(link(row)).context["adminform"].form) | {"change_reason": "x"}
    for person, words in (
        (office.pandev.clerk, f"{office.pandev.clerk} is not on the staff of"),
        (office.ipm.auditor, f"{office.ipm.auditor} is an auditor"),
    ):
        answer = client.post(link(row), data | {"responsible": person.pk})
        assert answer.status_code == 200
        errors = answer.context["adminform"].form.errors
        assert [one for one in errors["responsible"] if words in one], errors
    assert client.post(link(row), data | {"responsible": office.ipm.deputy.pk}).status_code == 302
    row.refresh_from_db()
    assert row.responsible == office.ipm.deputy
    assert row.history.first().history_change_reason == "x"


def test_who_has_left_can_stay_no_longer(ipm: Team, as_user: Any) -> None:
    row = step(ipm)
    membership = Membership.objects.get(user=ipm.clerk)
    membership.ended_on = TODAY - DAY
    audit.save(membership, by=ipm.dpo, reason="left")
    client = as_user(ipm.dpo)
    data = shown(client.get(link(row)).context["adminform"].form) | {"change_reason": "x"}
    answer = client.post(link(row), data)
    assert "is not on the staff" in str(answer.context["adminform"].form.errors["responsible"])


def test_a_form_that_was_opened_before_a_check_does_not_move_the_day_back(
    ipm: Team, as_user: Any
) -> None:
    row = step(ipm)
    client = as_user(ipm.dpo)
    page = client.get(link(row))
    assert 'name="initial-next_on"' in page.content.decode()
    data = shown(page.context["adminform"].form) | {
        "change_reason": "renamed", "name_en": "Renamed", "initial-next_on": str(TODAY),
    }  # fmt: skip
    check(row, ipm)
    assert client.post(link(row), data).status_code == 302
    row.refresh_from_db()
    assert (row.name_en, row.next_on) == ("Renamed", date(2026, 6, 2))
    moved = data | {"next_on": "2026-05-01"}
    assert client.post(link(row), moved).status_code == 302
    row.refresh_from_db()
    assert row.next_on == date(2026, 5, 1)


def test_a_step_with_records_is_not_deleted(ipm: Team, as_user: Any) -> None:
    fresh, checked = step(ipm), step(ipm)
    check(checked, ipm)
    client = as_user(ipm.dpo)
    client.post(link(checked, "delete"), {"post": "yes"})
    assert ControlStep.objects.filter(pk=checked.pk).exists()
    assert client.post(link(fresh, "delete"), {"post": "yes"}).status_code == 302
    assert not ControlStep.objects.filter(pk=fresh.pk).exists()


# --- recording ---------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["dpo", "clerk"])
def test_a_check_is_recorded_on_its_page(ipm: Team, as_user: Any, who: str) -> None:
    row = step(ipm)
    client = as_user(getattr(ipm, who))
    assert [one["name"] for one in client.get(link(row)).context["verbs"]] == ["record"]
    form = client.get(link(row, "record"))
    assert not faults(form)
    fields = form.context["form"].fields
    assert "No names" in str(fields["found"].help_text) and "No names" in str(
        fields["remedy"].help_text
    )
    assert fields["done_on"].initial == TODAY
    done = client.post(link(row, "record"), FOUND | {"remedy": "Lock it."}, follow=True)
    text = done.content.decode()
    for words in ("the next one is on 2 June 2026", "In order.", "Lock it.", "Monday, 2 March"):
        assert words in text
    made = ControlRecord.objects.get()
    assert (made.recorded_by, made.recorded_at) == (getattr(ipm, who), NOW)


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"found": ""}, 200, "This field is required"),
        ({"done_on": "2026-03-03"}, 422, "that day has not come"),
        ({"done_on": "2026-02-27"}, 422, "was checked on Saturday, 28 February 2026 already"),
        ({"done_on": "yesterday"}, 200, "Enter a valid date"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(
    ipm: Team, as_user: Any, changed: dict[str, str], status: int, words: str
) -> None:
    row = step(ipm)
    check(row, ipm, date(2026, 2, 28))
    client = as_user(ipm.clerk)
    before = fingerprint()
    answer = client.post(link(row, "record"), FOUND | changed)
    assert (answer.status_code, words in answer.content.decode()) == (status, True)
    assert not differences(before) and not faults(answer)


def test_each_role_may_do_its_part_and_no_more(office: Office, as_user: Any) -> None:
    team = office.ipm
    row = step(team)
    made = check(row, team)
    record = link(row, "record")
    for user, pages in {
        # the list, a step, its record form, its deletion, the journal, the journal's file
        team.dpo: (200, 200, 200, 403, 200, 200),
        team.clerk: (200, 200, 200, 403, 200, 200),
        team.auditor: (200, 200, 403, 403, 200, 200),
        office.admin: (200, 200, 200, 403, 200, 200),
        office.pandev.dpo: (200, 404, 404, 404, 200, 200),
        office.nobody: (403, 403, 404, 403, 403, 403),
    }.items():
        client = as_user(user)
        paths = (STEPS, link(row), record, f"{JOURNAL}{made.pk}/delete/", JOURNAL,
                 f"{JOURNAL}journal/")  # fmt: skip
        found = tuple(client.get(path).status_code for path in paths)
        if user == office.pandev.dpo:
            assert found[3] in (403, 404)
            found = (*found[:3], 404, *found[4:])
        assert found == pages, user
    before = fingerprint()
    for user, status in (
        (team.auditor, 403), (office.pandev.dpo, 404), (office.nobody, 404), (office.admin, 422),
    ):  # fmt: skip
        assert as_user(user).post(record, FOUND).status_code == status, user
    for user in (team.auditor, team.clerk, office.nobody, office.pandev.dpo):
        assert as_user(user).post(link(row), {"change_reason": "forged"}).status_code in (403, 404)
        assert as_user(user).get(f"{STEPS}add/").status_code == (
            200 if user == office.pandev.dpo else 403
        )
    assert not differences(before)


# --- the journal -------------------------------------------------------------------------------
def test_the_journal_is_read_and_never_written(ipm: Team, as_user: Any) -> None:
    made = check(step(ipm, name_en="Cabinets"), ipm, found="One is open.", remedy="Lock it.")
    for user in (ipm.dpo, ipm.clerk, ipm.auditor):
        client = as_user(user)
        page = client.get(JOURNAL)
        for words in ("2 March 2026", "Cabinets", "One is open.", "Lock it.", str(ipm.clerk)):
            assert words in page.content.decode()
        assert f"{JOURNAL}journal/" in page.content.decode() and not faults(page)
        assert client.get(f"{JOURNAL}add/").status_code == 403
        row = client.get(f"{JOURNAL}{made.pk}/change/")
        assert "One is open." in row.content.decode()
        assert 'name="found"' not in row.content.decode()
        client.post(f"{JOURNAL}{made.pk}/change/", {"found": "Nothing."})
    made.refresh_from_db()
    assert made.found == "One is open."


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_the_journal_of_a_period_is_printed(ipm: Team, as_user: Any, language: str) -> None:
    row = step(ipm, name_ru="Шкафы", name_kk="Шкафтар", name_en="Cabinets")
    check(row, ipm, TODAY - DAY, found="before the period")
    check(row, ipm, found="Открыт один шкаф", remedy="Қайта жабылды")
    posted = {
        "operator": ipm.operator.pk, "since": str(TODAY), "until": str(TODAY), "media": "pdf",
        "language": language,
    }  # fmt: skip
    client = as_user(ipm.auditor)
    answer = client.post(f"{JOURNAL}journal/", posted)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert f"control-ipm-{TODAY}-{TODAY}.pdf" in answer.headers["Content-Disposition"]
    text = words_of(answer.content)
    with override(language):
        title = gettext("Journal of internal control of the processing of personal data")
    for words in (title, {"ru": "Шкафы", "kk": "Шкафтар", "en": "Cabinets"}[language],
                  "Открыт один шкаф", "Қайта жабылды", str(TODAY)):  # fmt: skip
        assert words in text
    assert "before the period" not in text
    table = client.post(f"{JOURNAL}journal/", posted | {"media": "csv"})
    assert table.headers["Content-Type"].startswith("text/csv")
    assert "Открыт один шкаф" in table.content.decode()
    wrong = client.post(f"{JOURNAL}journal/", posted | {"until": str(TODAY - DAY)})
    assert wrong.status_code == 422 and "before its first" in wrong.content.decode()


def test_nobody_prints_the_journal_of_another_operator(office: Office, as_user: Any) -> None:
    check(step(office.ipm), office.ipm)
    posted = {
        "operator": office.ipm.operator.pk, "since": str(TODAY), "until": str(TODAY),
        "media": "csv", "language": "en",
    }  # fmt: skip
    answer = as_user(office.pandev.dpo).post(f"{JOURNAL}journal/", posted)
    assert answer.status_code == 200 and "operator" in answer.context["form"].errors
    assert as_user(office.nobody).post(f"{JOURNAL}journal/", posted).status_code == 403


# --- elsewhere ---------------------------------------------------------------------------------
def test_the_desk_names_what_is_overdue_or_due_this_week(office: Office, as_user: Any) -> None:
    team = office.ipm
    step(team, name_en="Late one", next_on=TODAY - DAY)
    step(team, name_en="Sunday one", next_on=date(2026, 3, 8))
    step(team, name_en="Monday one", next_on=date(2026, 3, 9))
    step(office.pandev, name_en="Elsewhere", next_on=TODAY - DAY)
    client = as_user(team.clerk)
    page = client.get("/admin/")
    text = page.content.decode()
    assert [(one.step.name, one.late, one.mine) for one in page.context["desk"].checks] == [
        ("Late one", True, True), ("Sunday one", False, True),
    ]  # fmt: skip
    assert "overdue by 1 day" in text and "6 days left" in text and not faults(page)
    assert not [one.mine for one in as_user(team.dpo).get("/admin/").context["desk"].checks
                if one.mine]  # fmt: skip
    admin = as_user(office.admin)
    assert len(admin.get("/admin/").context["desk"].checks) == 3
    chosen = admin.get("/admin/?operator=pandev").context["desk"].checks
    assert [one.step.name for one in chosen] == ["Elsewhere"]
    assert not as_user(office.nobody).get("/admin/").context["desk"].checks


def test_the_page_of_a_leaver_names_their_steps(ipm: Team, as_user: Any) -> None:
    step(ipm, name_en="Cabinets")
    membership = Membership.objects.get(user=ipm.clerk)
    page = as_user(ipm.dpo).get(f"/admin/registry/membership/{membership.pk}/leave/")
    assert "internal control Cabinets" in page.content.decode()
