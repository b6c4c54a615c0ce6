"""Transfers on their pages: the gate walked through, the notice printed, and who may do it."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from pypdf import PdfReader

from registry.choices import MINIMUM_EFFECTS, Event
from registry.models import Deadline, DeadlineRule, ProcessorInstruction, Transfer
from registry.services import audit
from registry.services.transfer_papers import notice_languages, notice_paper
from registry.transfer_refusals import NoNoticeWanted, NoticeIncomplete
from tests.conftest import Office, Team
from tests.crawl.forms import copied, shown
from tests.registry.transferring import (
    ASKED_ON,
    ASSESSED_ON,
    FILED_ON,
    OPENS_ON,
    at_step,
    fresh,
    noon,
    plan,
    prepared,
    recipient,
)

LIST = "/admin/registry/transfer/"
DAY = timedelta(days=1)
PARTICULARS = {
    # 12(4)(1) to 12(4)(7), each by what only it says
    1: ["IPM", "101000, Москва, улица 1", "notice 22/1 of 1 March 2025"],
    2: ["Анна Иванова", "+7 495 000-00-00", "dpo.ipm@example.org"],
    3: ["6(1)(5)"],
    4: [],
    5: [],
    6: [],
    7: ["15 декабря 2025"],
}


@pytest.fixture
def ipm(office: Office) -> Team:
    return prepared(office.ipm)


def link(row: Transfer, page: str = "change") -> str:
    return f"{LIST}{row.pk}/{page}/"


def words_of(content: bytes) -> str:
    pages = PdfReader(io.BytesIO(content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def looks(page: Any) -> dict[str, str]:
    return {one.words: one.look for one in page.context["gate_steps"]}


# --- through the gate --------------------------------------------------------------------------
def test_the_gate_is_walked_on_its_pages(ipm: Team, as_user: Any) -> None:
    row = plan(ipm)
    client = as_user(ipm.dpo)

    def verbs() -> set[str]:
        return {one["name"] for one in client.get(link(row)).context["verbs"]}

    def post(page: str, **data: Any) -> None:
        response = client.post(link(row, page), data)
        assert response.status_code == 302, response.context["form"].errors
        assert response.headers["Location"] == link(row)

    with time_machine.travel(noon(ipm, FILED_ON), tick=False):
        assert verbs() == {"information", "notice", "ban", "end"}
        for fact in ("measures", "regulation", "contacts"):
            post("information", fact=fact, received_on=ASKED_ON, document="letter 1")
        post("assess", assessed_on=ASSESSED_ON)
        assert "file" in verbs() and "open" not in verbs()
        post("file", filed_on=FILED_ON, number="17-xb")
        assert verbs() == {"notice", "asked", "ban", "end"}
        page = client.get(link(row))
        assert "waiting period runs" in page.content.decode()
        assert "Wednesday, 21 January 2026" in page.content.decode()
        assert list(looks(page).values()) == [
            "done", "done", "done", "done", "next", "later", "note",
        ]  # fmt: skip
        assert client.get(link(row, "open")).status_code == 409
        refused_page = client.post(link(row, "open"), {"opened_on": FILED_ON})
        assert refused_page.status_code == 422
        assert "21 January 2026" in refused_page.content.decode()
        post("asked", asked_at="2025-12-25T11:00", document="query 3")
        assert {"answered", "extend"} < verbs()
        post("answered", answered_at="2025-12-25T11:30", document="answer 3")
    with time_machine.travel(noon(ipm, OPENS_ON + DAY * 2), tick=False):
        assert "open" in verbs()
        assert f'value="{OPENS_ON + DAY * 2}"' in client.get(link(row, "open")).content.decode()
        post("open", opened_on=OPENS_ON + DAY * 2)
        assert fresh(row).open_on(OPENS_ON + DAY * 2)
        post("ban", banned_on=OPENS_ON + DAY * 2, document="decision 5")
        assert verbs() == {"notice", "carried"}
        post("carried", document="letter 9")
    assert not Deadline.objects.open().exists()
    assert "decision 5" in client.get(link(row)).content.decode()


def test_a_missing_country_is_the_first_step(ipm: Team, as_user: Any) -> None:
    row = plan(ipm, None)
    page = as_user(ipm.dpo).get(link(row))
    first = page.context["gate_steps"][0]
    assert (first.look, first.words) == ("next", "Find out in which country the recipient is.")
    assert [one["name"] for one in page.context["verbs"]] == ["end"]


# --- what may still be written -----------------------------------------------------------------
def test_a_transfer_is_planned_on_the_add_page(ipm: Team, as_user: Any) -> None:
    like = plan(ipm)
    client = as_user(ipm.dpo)
    form = client.get(f"{LIST}add/").context["adminform"].form
    assert not {"gate", "opened_on", "opens_on"} & set(form.fields)
    data = copied(form, like) | {"code": "new", "opened_on": "2026-01-01", "gate": "none"}
    assert client.post(f"{LIST}add/", data).status_code == 302
    row = Transfer.objects.get(code="new")
    assert (row.gate, row.opened_on) == ("wait", None)
    assert set(row.data_categories.all()) == set(like.data_categories.all())


def test_what_the_activity_does_not_bear_is_refused_at_its_field(
    ipm: Team, office: Office, as_user: Any
) -> None:
    row = plan(ipm)
    client = as_user(ipm.dpo)
    data = shown(client.get(link(row)).context["adminform"].form) | {"change_reason": "x"}
    other = plan(ipm, basis="RU.6.1.1")
    beyond = other.activity.data_categories.exclude(pk__in=row.data_categories.all()).first()
    foreign = recipient(office.pandev, "US")
    wrong: dict[str, Any] = {
        "legal_basis": other.legal_basis_id,
        "recipient": foreign.pk,
        "activity": plan(office.pandev, "US").activity_id,
    }
    if beyond is not None:
        wrong["data_categories"] = [beyond.pk]
    kazakh = plan(office.pandev, "US").legal_basis_id
    for name, value in [*wrong.items(), ("legal_basis", kazakh)]:
        response = client.post(link(row), data | {name: value})
        assert response.status_code == 200, name
        assert name in response.context["adminform"].form.errors
    assert client.post(link(row), data).status_code == 302


def test_the_recipient_is_fixed_with_the_first_answer_and_the_rest_with_the_notice(
    ipm: Team, as_user: Any
) -> None:
    client = as_user(ipm.dpo)
    told = {"recipient", "activity", "data_categories", "legal_basis"}
    for step, open_fields in (
        ("planned", told),
        ("collecting", told - {"recipient"}),
        ("assessed", told - {"recipient"}),
        ("filed", set()),
        ("open", set()),
    ):
        row = at_step(step, ipm)
        form = client.get(link(row)).context["adminform"].form
        assert told & set(form.fields) == open_fields, step
        assert "name_en" in form.fields
        data = shown(form) | {"change_reason": "forged", "recipient": recipient(ipm, "DE").pk}
        assert client.post(link(row), data).status_code == 302
        assert (fresh(row).recipient_id == row.recipient_id) == (step != "planned")
        assert client.get(link(row, "delete")).status_code == (
            403 if step in ("filed", "open") else 200
        )


def test_whoever_saves_after_the_notice_was_filed_is_told(
    ipm: Team, as_user: Any, monkeypatch: Any
) -> None:
    """The form was opened before, and is posted after."""
    row = at_step("filed", ipm)
    client = as_user(ipm.dpo)
    monkeypatch.setattr("registry.admin.transfers.is_fixed", lambda row: False)
    monkeypatch.setattr("registry.admin.transfers.recipient_is_fixed", lambda row: False)
    data = shown(client.get(link(row)).context["adminform"].form) | {"change_reason": "late"}
    for change in (
        {"recipient": recipient(ipm, "DE").pk},
        {"data_categories": [row.data_categories.all()[0].pk]},
    ):
        response = client.post(link(row), data | change)
        assert response.status_code == 409
        assert "new transfer" in response.content.decode()
    assert fresh(row).recipient_id == row.recipient_id
    assert row.data_categories.count() == 2
    # Its name may still be put right.
    assert client.post(link(row), data | {"name_en": "Better"}).status_code == 302
    assert fresh(row).name_en == "Better"


# --- the paper ---------------------------------------------------------------------------------
def test_the_notice_has_every_particular_in_every_language(ipm: Team) -> None:
    operator = ipm.operator
    operator.languages = ["en", "kk"]
    audit.save(operator, by=None, reason="test")
    row = at_step("assessed", ipm)
    assert notice_languages(row.operator) == ["ru", "en", "kk"]
    for language in notice_languages(row.operator):
        content = notice_paper(
            transfer=row, language=language, now=noon(ipm, FILED_ON),
            processing_notice="notice 22/1 of 1 March 2025",
        )  # fmt: skip
        text = words_of(content)
        assert f"XB-{row.code}" in text
        with translation.override(language):
            names = [str(one.name) for one in row.data_categories.all()]
            names += [str(one.name) for one in row.activity.subject_categories.all()]
            names += [str(row.recipient.country), str(row.activity.purpose.name)]
        for name in names:
            assert " ".join(name.split()) in text, (language, name)
        for number, said in PARTICULARS.items():
            assert f"(12(4)({number}))" in text
            for part in said if language == "ru" else said[:0]:
                assert part in text, (number, part)


def test_after_filing_it_bears_the_number_and_the_day_of_the_notice(ipm: Team) -> None:
    row = at_step("filed", ipm)
    asked: dict[str, Any] = {"transfer": row, "language": "en", "now": noon(ipm, OPENS_ON)}
    text = words_of(notice_paper(**asked))
    assert "17-xb" in text and "25 December 2025" in text and "XB-" not in text
    assert notice_paper(**asked) == notice_paper(**asked)


def test_the_notice_is_refused_while_particulars_are_missing(ipm: Team, office: Office) -> None:
    row = at_step("collecting", ipm)
    ipm.operator.phone = ""
    audit.save(ipm.operator, by=None, reason="test")
    with pytest.raises(NoticeIncomplete) as caught:
        notice_paper(transfer=row, language="ru", now=noon(ipm, FILED_ON))
    assert [one.code for one in caught.value.missing] == ["phone", "assessed_on"]
    for team, country in ((ipm, "RU"), (office.pandev, "US")):
        with pytest.raises(NoNoticeWanted):
            notice_paper(transfer=plan(team, country), language="ru", now=noon(ipm, FILED_ON))


def test_the_page_gives_the_notice_as_a_file(ipm: Team, as_user: Any) -> None:
    row = at_step("assessed", ipm)
    for user in (ipm.dpo, ipm.clerk, ipm.auditor):
        response = as_user(user).post(link(row, "notice"), {"language": "ru"})
        assert response.headers["Content-Type"] == "application/pdf"
        name = response.headers["Content-Disposition"]
        assert name == f'attachment; filename="transfer-{row.pk}-ru.pdf"'
        assert response.content.startswith(b"%PDF")
    early = at_step("collecting", ipm)
    response = as_user(ipm.dpo).post(link(early, "notice"), {"language": "ru"})
    assert response.status_code == 422
    assert "12(4)(7)" in response.content.decode()


# --- who ---------------------------------------------------------------------------------------
VERBS = {
    "information": {"fact": "measures", "received_on": ASKED_ON, "document": "1"},
    "assess": {"assessed_on": ASSESSED_ON},
    "file": {"filed_on": FILED_ON, "number": "1"},
    "open": {"opened_on": OPENS_ON},
    "asked": {"asked_at": "2025-12-26T11:00", "document": "1"},
    "answered": {"answered_at": "2025-12-26T12:00", "document": "1"},
    "extend": {"reasons": "r", "notice_number": "1", "notice_sent_at": "2025-12-26T12:00"},
    "ban": {"banned_on": FILED_ON, "document": "1"},
    "carried": {"document": "1"},
    "end": {"ended_on": FILED_ON},
}


def test_only_the_dpo_and_the_administrator_move_the_gate(
    ipm: Team, office: Office, as_user: Any
) -> None:
    rows = {step: at_step(step, ipm) for step in ("collecting", "filed")}
    before = list(Transfer.objects.order_by("pk").values_list())
    for user, wanted in (
        (ipm.clerk, 403), (ipm.auditor, 403), (office.pandev.dpo, 404), (office.nobody, 404),
    ):  # fmt: skip
        client = as_user(user)
        for row in rows.values():
            for page, data in VERBS.items():
                assert client.get(link(row, page)).status_code == wanted, (user, page)
                assert client.post(link(row, page), data).status_code == wanted, (user, page)
    assert list(Transfer.objects.order_by("pk").values_list()) == before
    assert Deadline.objects.count() == 1
    for user in (ipm.dpo, office.admin):
        client = as_user(user)
        assert client.get(link(rows["collecting"], "information")).status_code == 200
        assert client.get(link(rows["filed"], "ban")).status_code == 200


def test_who_sees_and_writes_transfers(ipm: Team, office: Office, as_user: Any) -> None:
    row = at_step("collecting", ipm)
    for user, statuses in (
        (ipm.dpo, (200, 200, 200, 200)),
        (office.admin, (200, 200, 200, 200)),
        (ipm.clerk, (200, 200, 403, 403)),
        (ipm.auditor, (200, 200, 403, 403)),
        (office.pandev.dpo, (200, 404, 200, 404)),
        (office.nobody, (403, 403, 403, 403)),
    ):
        client = as_user(user)
        pages = ("", f"{row.pk}/change/", "add/", f"{row.pk}/delete/")
        got = tuple(client.get(f"{LIST}{page}").status_code for page in pages)
        assert got == statuses, user
    assert row.code not in as_user(office.pandev.dpo).get(LIST).content.decode()


# --- the list ----------------------------------------------------------------------------------
def test_the_list_says_how_far_each_has_come(ipm: Team, as_user: Any) -> None:
    at_step("filed", ipm)
    plan(ipm, None)
    with time_machine.travel(noon(ipm, FILED_ON + DAY), tick=False):
        text = as_user(ipm.dpo).get(LIST).content.decode()
    for words in ("waiting period runs", "21 January 2026", "not known", "planned"):
        assert words in text


def test_the_lists_ask_ten_times_at_most_for_five_hundred_rows(ipm: Team, as_user: Any) -> None:
    row = at_step("filed", ipm)
    common = {"operator": ipm.operator, "recipient": row.recipient}
    transfers = Transfer.objects.bulk_create(
        Transfer(
            code=f"many-{number}", name_en="Many", gate="wait", activity=row.activity,
            legal_basis=row.legal_basis, **common,
        )
        for number in range(500)
    )  # fmt: skip
    told = ProcessorInstruction.objects.bulk_create(
        ProcessorInstruction(number=f"{number}", signed_on=FILED_ON, **common)
        for number in range(500)
    )
    category = row.data_categories.all()[0]
    for model, name, rows in (
        (Transfer, "transfer", transfers),
        (ProcessorInstruction, "processorinstruction", told),
    ):
        through = model.data_categories.through
        through.objects.bulk_create(
            through(**{f"{name}_id": one.pk, "datacategory_id": category.pk}) for one in rows
        )
    client = as_user(ipm.dpo)
    for path in (LIST, "/admin/registry/processorinstruction/"):
        assert asked(client, path) <= 10, path


def asked(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


# --- the desk ----------------------------------------------------------------------------------
def test_the_desk_shows_the_ban_and_the_question_but_not_the_waiting(
    ipm: Team, as_user: Any
) -> None:
    row = at_step("filed", ipm)
    client = as_user(ipm.dpo)
    with time_machine.travel(noon(ipm, OPENS_ON), tick=False):
        assert row.code not in client.get("/admin/").content.decode()
        clock = Deadline.objects.get()
        assert "the term is over" in client.get("/admin/registry/deadline/").content.decode()
        data = {"banned_on": OPENS_ON, "document": "decision 5"}
        assert client.post(link(row, "ban"), data).status_code == 302
        page = client.get("/admin/").content.decode()
    assert row.code in page and link(row) in page and "Cloud" in page
    clock.refresh_from_db()
    assert clock.voided_at is not None
    assert Deadline.objects.get(event=Event.TRANSFER_BANNED).owner == ipm.dpo


def test_the_effects_that_demand_nothing_are_those_of_the_laws_minimums(office: Office) -> None:
    rules = DeadlineRule.objects.all()
    minimums = rules.filter(direction__in=["not_before", "keep_until"])
    assert set(minimums.values_list("effect", flat=True)) == set(MINIMUM_EFFECTS)
    assert not rules.exclude(pk__in=minimums.values("pk")).filter(effect__in=MINIMUM_EFFECTS)


def test_the_pages_speak_russian(ipm: Team, as_user: Any) -> None:
    ipm.dpo.language = "ru"
    audit.save(ipm.dpo, by=None, reason="test")
    for step in ("collecting", "filed", "open"):
        row = at_step(step, ipm)
        for page in ("change", "history"):
            assert as_user(ipm.dpo).get(link(row, page)).status_code == 200
