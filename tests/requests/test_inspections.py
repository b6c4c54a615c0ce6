"""Inspections: the order, what is asked and given, prescriptions, who may, what is refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import translation
from pypdf import PdfReader

from registry.errors import OperatorError
from registry.models import Authority, Deadline
from registry.services.clocks import OwnerOnlyReads
from registry.states import ForbiddenTransition
from requests.models import (
    Inspection,
    InspectionAnswer,
    InspectionItem,
    Prescription,
    PrescriptionDelay,
)
from requests.services.inquiries import FieldsRefused, ForeignAuthority, NotYet, ReasonMissing
from requests.services.inspections import (
    CopiesMissing,
    DaysMisordered,
    DelayMovesNothing,
    GivenAlready,
    OrderKnown,
    PapersMissing,
    PrescriptionKnown,
    SheetsOutOfRange,
    StillAsked,
    StillPrescribed,
    clock_of_part,
    inspection_ask,
    inspection_begin,
    inspection_close,
    inspection_find,
    inspection_register,
    item_drop,
    item_give,
    prescription_delay,
    prescription_fulfil,
    prescription_register,
)
from subjects.models import AccessEvent
from tests.conftest import Office, Team

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
TODAY = date(2026, 3, 10)
BOTH = pytest.mark.parametrize("code", ["ipm", "pandev"])
ALL = (Inspection, InspectionItem, InspectionAnswer, Prescription, PrescriptionDelay, Deadline)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"), time_machine.travel(NOW, tick=False):
        yield


def refuses(error: type[OperatorError], call: Any, **said: Any) -> None:
    """Refused by name, and nothing is written."""
    before = [model.objects.count() for model in ALL]
    states = list(Inspection.objects.values_list("state", flat=True))
    with pytest.raises(error) as caught:
        call(**said)
    assert str(caught.value)
    assert [model.objects.count() for model in ALL] == before
    assert list(Inspection.objects.values_list("state", flat=True)) == states


def order_of(team: Team, **changed: Any) -> dict[str, Any]:
    code = "RU.RKN" if team.operator.code == "ipm" else "KZ.MAIDD"
    return {
        "operator": team.operator, "authority": Authority.objects.get(code=code),
        "order_number": "17", "ordered_on": date(2026, 3, 2), "kind": "planned",
        "basis": "The plan of the year.", "begins_on": date(2026, 3, 5),
        "ends_on": date(2026, 3, 20), "by": team.clerk, "now": NOW,
    } | changed  # fmt: skip


def ordered(team: Team, **changed: Any) -> Inspection:
    return inspection_register(**order_of(team, **changed))


def asked(row: Inspection, team: Team, **changed: Any) -> InspectionItem:
    said = {
        "inspection": row, "what": "The register of activities.", "asked_on": date(2026, 3, 6),
        "due_on": date(2026, 3, 12), "by": team.clerk, "now": NOW,
    }  # fmt: skip
    return inspection_ask(**said | changed)


def given(item: InspectionItem, team: Team, **changed: Any) -> InspectionAnswer:
    said = {"item": item, "given_at": NOW, "copies": "A copy.", "by": team.clerk, "now": NOW}
    return item_give(**said | changed)


def found(row: Inspection, team: Team) -> Inspection:
    inspection_begin(inspection=row, by=team.dpo, now=NOW)
    return inspection_find(
        inspection=row, act_number="A-1", act_on=date(2026, 3, 9), findings="", by=team.dpo,
        now=NOW,
    )  # fmt: skip


def paper(row: Inspection, team: Team, **changed: Any) -> dict[str, Any]:
    return {
        "inspection": row, "number": "P-1", "dated_on": date(2026, 3, 9), "demands": "Put right.",
        "due_on": date(2026, 4, 9), "by": team.dpo, "now": NOW,
    } | changed  # fmt: skip


@BOTH
def test_from_the_order_to_the_end(office: Office, code: str) -> None:
    team: Team = getattr(office, code)
    row = ordered(team)
    assert row.number == "INS-2026-0001"
    item, second = asked(row, team), asked(row, team)
    assert [item.number, second.number] == ["INS-2026-0001/1", "INS-2026-0001/2"]
    clock = clock_of_part(item)
    assert (clock.due_on, clock.binding, clock.owner) == (date(2026, 3, 12), "stated", team.dpo)
    given(item, team, sheets=12)
    assert clock_of_part(item).met_at == NOW
    item_drop(item=second, reason="taken back", by=team.dpo, now=NOW)
    assert Deadline.objects.get(about_id=second.pk, label=second.number).voided_at == NOW
    found(row, team)
    order = prescription_register(**paper(row, team))
    assert clock_of_part(order).due_on == date(2026, 4, 9)
    prescription_delay(
        prescription=order, asked="out 5", paper="in 9", granted_on=TODAY,
        due_on=date(2026, 5, 12), by=team.dpo, now=NOW,
    )  # fmt: skip
    assert clock_of_part(order).due_on == date(2026, 5, 12)
    done = prescription_fulfil(
        prescription=order, fulfilled_at=NOW, report_number="R-1", by=team.dpo, now=NOW
    )
    assert (done.state, clock_of_part(order).met_at) == ("fulfilled", NOW)
    closed = inspection_close(inspection=row, reason="put right", by=team.dpo, now=NOW)
    assert (closed.state, closed.closed_at) == ("closed", NOW)
    refuses(ForbiddenTransition, asked, row=row, team=team)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"ordered_on": TODAY + timedelta(days=1)}, NotYet),
        ({"ends_on": date(2026, 3, 4)}, DaysMisordered),
        ({"begins_on": date(2026, 3, 1)}, DaysMisordered),
        ({"order_number": " "}, FieldsRefused),
        ({"basis": ""}, FieldsRefused),
        ({"kind": "raid"}, FieldsRefused),
    ],
)
def test_an_order_that_cannot_be_is_refused(
    office: Office, changed: dict[str, Any], error: type[OperatorError]
) -> None:
    refuses(error, inspection_register, **order_of(office.ipm, **changed))


def test_the_order_comes_once_and_from_an_authority_of_the_state(office: Office) -> None:
    ordered(office.ipm)
    refuses(OrderKnown, inspection_register, **order_of(office.ipm))
    foreign = Authority.objects.get(code="KZ.MAIDD")
    refuses(
        ForeignAuthority, inspection_register,
        **order_of(office.ipm, authority=foreign, order_number="18"),
    )  # fmt: skip
    assert ordered(office.pandev).number == "INS-2026-0001"


def test_the_day_of_the_order_is_the_operators(office: Office) -> None:
    """At 23:59 in Almaty the order of the next day is in the future; a minute later it is not."""
    late = datetime(2026, 3, 10, 18, 59, tzinfo=UTC)
    days = {"ordered_on": date(2026, 3, 11), "begins_on": date(2026, 3, 11)}
    refuses(NotYet, inspection_register, **order_of(office.pandev, now=late, **days))
    assert ordered(office.pandev, now=late + timedelta(minutes=1), **days).pk


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"asked_on": TODAY + timedelta(days=1), "due_on": date(2026, 4, 1)}, NotYet),
        ({"asked_on": date(2026, 3, 1)}, DaysMisordered),
        ({"due_on": date(2026, 3, 5)}, DaysMisordered),
        ({"what": "  "}, FieldsRefused),
    ],
)
def test_a_demand_that_cannot_be_is_refused(
    office: Office, changed: dict[str, Any], error: type[OperatorError]
) -> None:
    refuses(error, asked, row=ordered(office.ipm), team=office.ipm, **changed)


def test_an_auditor_owns_nothing(office: Office) -> None:
    team = office.ipm
    refuses(OwnerOnlyReads, asked, row=ordered(team), team=team, owner=team.auditor)


def test_an_answer_is_given_once_and_never_changes(office: Office) -> None:
    team = office.ipm
    item = asked(ordered(team), team)
    refuses(CopiesMissing, given, item=item, team=team, copies=" ")
    refuses(NotYet, given, item=item, team=team, given_at=NOW + timedelta(minutes=1))
    refuses(DaysMisordered, given, item=item, team=team, given_at=NOW - timedelta(days=9))
    refuses(SheetsOutOfRange, given, item=item, team=team, sheets=-1)
    refuses(ReasonMissing, item_drop, item=item, reason=" ", by=team.dpo, now=NOW)
    answer = given(item, team)
    refuses(GivenAlready, given, item=item, team=team)
    refuses(ForbiddenTransition, item_drop, item=item, reason="r", by=team.dpo, now=NOW)
    with pytest.raises(Exception, match="append"), transaction.atomic():
        InspectionAnswer.objects.filter(pk=answer.pk).update(copies="other")


def test_it_begins_on_its_day_and_a_prescription_follows_the_act(office: Office) -> None:
    team = office.ipm
    row = ordered(team, begins_on=date(2026, 3, 11))
    refuses(NotYet, inspection_begin, inspection=row, by=team.dpo, now=NOW)
    row = ordered(team, order_number="18")
    refuses(ForbiddenTransition, prescription_register, **paper(row, team))
    act = {"inspection": row, "act_number": "A", "findings": "", "by": team.dpo, "now": NOW}
    inspection_begin(inspection=row, by=team.dpo, now=NOW)
    refuses(NotYet, inspection_find, act_on=TODAY + timedelta(days=1), **act)
    refuses(DaysMisordered, inspection_find, act_on=date(2026, 3, 4), **act)
    refuses(PapersMissing, inspection_find, act_on=TODAY, **act | {"act_number": " "})


def test_a_prescription_that_cannot_be_is_refused(office: Office) -> None:
    team = office.ipm
    row = found(ordered(team), team)
    bad = paper(row, team, due_on=date(2026, 3, 8))
    refuses(DaysMisordered, prescription_register, **bad)
    later = {"dated_on": TODAY + timedelta(days=1)}
    refuses(NotYet, prescription_register, **paper(row, team, **later))
    refuses(FieldsRefused, prescription_register, **paper(row, team, number=" "))
    order = prescription_register(**paper(row, team))
    refuses(PrescriptionKnown, prescription_register, **paper(row, team))
    asks = {
        "prescription": order, "asked": "5", "paper": "9", "granted_on": TODAY,
        "due_on": date(2026, 5, 12), "by": team.dpo, "now": NOW,
    }  # fmt: skip
    refuses(DelayMovesNothing, prescription_delay, **asks | {"due_on": order.due_on})
    refuses(PapersMissing, prescription_delay, **asks | {"paper": ""})
    refuses(NotYet, prescription_delay, **asks | {"granted_on": TODAY + timedelta(days=1)})
    refuses(DaysMisordered, prescription_delay, **asks | {"granted_on": date(2026, 3, 8)})
    done = {"prescription": order, "report_number": "R", "by": team.dpo, "now": NOW}
    refuses(NotYet, prescription_fulfil, fulfilled_at=NOW + timedelta(minutes=1), **done)
    refuses(DaysMisordered, prescription_fulfil, fulfilled_at=NOW - timedelta(days=4), **done)
    refuses(PapersMissing, prescription_fulfil, fulfilled_at=NOW, **done | {"report_number": ""})


def test_nothing_closes_while_something_is_open(office: Office) -> None:
    team = office.ipm
    row = ordered(team)
    end = {"inspection": row, "reason": "done", "by": team.dpo, "now": NOW}
    item = asked(row, team)
    refuses(StillAsked, inspection_close, **end)
    given(item, team)
    prescription_register(**paper(found(row, team), team))
    refuses(StillPrescribed, inspection_close, **end)
    refuses(ReasonMissing, inspection_close, **end | {"reason": " "})


def test_the_database_refuses_it_too(office: Office) -> None:
    row = ordered(office.ipm)
    for wrong in ({"ends_on": date(2026, 3, 1)}, {"state": "closed"}, {"act_number": "A"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Inspection.objects.filter(pk=row.pk).update(**wrong)
    assert connection.vendor in {"sqlite", "postgresql"}


# --- pages ---------------------------------------------------------------------------------------
VERBS = {
    "inspection": ("begin", "ask", "close"),
    "inspectionitem": ("give", "drop"),
    "prescription": ("delay", "fulfil"),
}
CLERK = {"ask", "give"}


def page(row: Any, name: str) -> str:
    return reverse(f"admin:requests_{row._meta.model_name}_{name}", args=[row.pk])


def test_who_opens_which_page(office: Office, as_user: Any) -> None:
    team = office.ipm
    row = ordered(team)
    item = asked(row, team)
    second = found(ordered(team, order_number="18"), team)
    order = prescription_register(**paper(second, team))
    expected = {
        team.dpo: lambda verb: 200,
        team.clerk: lambda verb: 200 if verb in CLERK else 403,
        team.auditor: lambda verb: 403,
        office.pandev.dpo: lambda verb: 404,
    }
    for user, status in expected.items():
        client = as_user(user)
        for part in (row, item, order):
            seen = 404 if user == office.pandev.dpo else 200
            assert client.get(page(part, "change")).status_code == seen
            for verb in VERBS[part._meta.model_name]:
                assert client.get(page(part, verb)).status_code == status(verb), (user, verb)
                if status(verb) != 200:
                    assert client.post(page(part, verb)).status_code == status(verb)
    assert Inspection.objects.get(pk=row.pk).state == "announced"


def test_the_pages_do_it(office: Office, as_user: Any) -> None:
    team = office.ipm
    client = as_user(team.dpo)
    form = {
        "operator": team.operator.pk, "authority": Authority.objects.get(code="RU.RKN").pk,
        "order_number": "17", "ordered_on": "2026-03-02", "kind": "planned", "basis": "Plan.",
        "begins_on": "2026-03-05", "ends_on": "2026-03-20", "inspectors": "Senior inspector",
    }  # fmt: skip
    add = reverse("admin:requests_inspection_add")
    assert client.post(add, form | {"ends_on": "2026-03-01"}).status_code == 422
    assert client.post(add, form).status_code == 302
    assert client.post(add, form).status_code == 409
    row = Inspection.objects.get()

    def sends(part: Any, verb: str, **data: Any) -> None:
        answer = client.post(page(part, verb), data)
        assert answer.status_code == 302, answer.content.decode()

    sends(row, "begin")
    sends(row, "ask", what="The register", asked_on="2026-03-06", due_on="2026-03-12")
    item = row.items.get()
    assert "The register" in client.get(page(row, "change")).content.decode()
    desk = client.get(reverse("admin:index")).content.decode()
    assert item.number in desk
    sends(item, "give", given_at="2026-03-10T11:00", copies="A copy", sheets="3")
    assert "A copy" in client.get(page(item, "change")).content.decode()
    sends(row, "find", act_number="A-1", act_on="2026-03-09", findings="")
    sends(
        row, "prescribe", number="P-1", dated_on="2026-03-09", demands="Put right",
        due_on="2026-04-09",
    )  # fmt: skip
    order = row.prescriptions.get()
    sends(order, "delay", asked="5", paper="9", granted_on="2026-03-10", due_on="2026-05-12")
    assert "12 May 2026" in client.get(page(order, "change")).content.decode()
    sends(order, "fulfil", fulfilled_at="2026-03-10T11:30", report_number="R-1")
    sends(row, "close", reason="put right")
    row.refresh_from_db()
    assert row.state == "closed"
    assert client.get(page(row, "ask")).status_code == 409


# --- the register --------------------------------------------------------------------------------
def printed(client: Any, team: Team, **changed: Any) -> Any:
    data = {
        "operator": team.operator.pk, "since": "2026-03-02", "until": "2026-03-02",
        "media": "csv", "language": "en",
    } | changed  # fmt: skip
    return client.post(reverse("admin:inspection_register"), data)


def test_the_register_tells_each_order_and_its_printing_is_recorded(
    office: Office, as_user: Any
) -> None:
    team = office.ipm
    row = ordered(team, inspectors="=Senior inspector")
    given(asked(row, team), team, sheets=12)
    prescription_register(**paper(found(row, team), team))
    ordered(team, order_number="later", ordered_on=date(2026, 3, 3))
    ordered(office.pandev)
    before = AccessEvent.objects.count()
    head, *lines = csv.reader(io.StringIO(printed(as_user(team.auditor), team).content.decode()))
    assert head[0] == "Number" and len(head) == 9
    (line,) = lines
    assert line[0] == row.number and "17, 2026-03-02" in line[1]
    assert not line[4].startswith("=")
    assert "sheets: 12" in line[5] and "P-1, 2026-03-09: Put right." in line[7]
    assert AccessEvent.objects.count() == before + 1
    event = AccessEvent.objects.latest("pk")
    assert (event.user, event.operator) == (team.auditor, team.operator)


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_the_register_is_printed_as_a_paper(office: Office, as_user: Any, language: str) -> None:
    row = ordered(office.pandev)
    answer = printed(as_user(office.pandev.dpo), office.pandev, media="pdf", language=language)
    assert answer.headers["Content-Type"] == "application/pdf"
    text = " ".join(one.extract_text() for one in PdfReader(io.BytesIO(answer.content)).pages)
    assert row.number in text and "The plan of the year." in text
    name = "inspections-pandev-2026-03-02-2026-03-02.pdf"
    assert name in answer.headers["Content-Disposition"]


def test_the_register_is_refused_to_strangers_and_for_days_that_cannot_be(
    office: Office, as_user: Any
) -> None:
    before = AccessEvent.objects.count()
    foreign = printed(as_user(office.pandev.dpo), office.ipm)
    assert foreign.status_code == 200 and "operator" in foreign.context["form"].errors
    client = as_user(office.ipm.dpo)
    assert client.get(reverse("admin:inspection_register")).status_code == 200
    assert printed(client, office.ipm, until="2026-03-01").status_code == 422
    assert printed(client, office.ipm, since="2000-01-01").status_code == 422
    assert printed(as_user(office.nobody), office.ipm).status_code in {302, 403}
    assert AccessEvent.objects.count() == before
