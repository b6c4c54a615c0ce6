"""The pages of incidents: who may what, what they show, and what they cost."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from registry.models import Membership, User
from requests import states
from requests.models import AffectedPerson, Incident, IncidentExport
from requests.services.incident_people import people_counted
from requests.services.incidents import incident_version
from subjects.models import AccessEvent
from subjects.services.stops import block_place
from tests.conftest import Office
from tests.requests import corresponding as c
from tests.requests import happening as h
from tests.requests.happening import DETECTED, LATER, category, found, known, notify
from tests.subjects.blocking import leaks
from tests.subjects.persons import VALUES, person, register

LogIn = Callable[[User], Client]
ADD = "/admin/requests/incident/add/"
LIST = "/admin/requests/incident/"


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(LATER, tick=False) as traveller:
        yield traveller


def page(row: Incident, verb: str = "change") -> str:
    return reverse(f"admin:requests_incident_{verb}", args=[row.pk])


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def errors(response: Any) -> str:
    return " ".join(" ".join(texts) for texts in response.context["form"].errors.values())


# --- registration --------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["clerk", "dpo"])
def test_an_incident_is_registered_by_its_moment_alone(
    office: Office, as_user: LogIn, role: str
) -> None:
    team = office.ipm
    client = as_user(getattr(team, role))
    assert set(client.get(ADD).context["adminform"].form.fields) == {"operator", "detected_at"}
    # Noon in Moscow, whatever the zone of the server.
    data = {"operator": team.operator.pk, "detected_at": "2026-03-05T12:00"}
    response = client.post(ADD, data)
    row = Incident.objects.get()
    assert response.status_code == 302 and response.headers["Location"] == page(row)
    assert (row.detected_at, row.registered_by) == (DETECTED, getattr(team, role))
    assert "12:00" in said(response) and row.number in said(response)


def test_the_future_is_refused_and_what_was_typed_stays(office: Office, as_user: LogIn) -> None:
    client = as_user(office.ipm.clerk)
    data = {"operator": office.ipm.operator.pk, "detected_at": "2026-03-06T09:00"}
    response = client.post(ADD, data)
    assert response.status_code == 422
    text = response.content.decode()
    assert "cannot be detected in the future" in text and "2026-03-06T09:00" in text
    assert not Incident.objects.exists()


# --- roles ---------------------------------------------------------------------------------------
MAY = {
    "clerk": {"describe", "note", "print"},
    "auditor": {"print"},
    "admin": {"describe", "note", "print"},
    "dpo": {
        "describe", "note", "by_system", "by_activity", "by_list", "by_hand", "remove", "print",
        "write", "sent", "redetect", "export", "close", "dismiss",
    },
}  # fmt: skip


@pytest.mark.parametrize("role", list(MAY))
def test_each_role_has_its_verbs(office: Office, as_user: LogIn, role: str) -> None:
    row = known(office.ipm)
    user = office.admin if role == "admin" else getattr(office.ipm, role)
    client = as_user(user)
    shown = client.get(page(row))
    assert {verb["name"] for verb in shown.context["verbs"]} == MAY[role]
    for verb in MAY["dpo"] | {"reopen"}:
        status = client.get(page(row, verb)).status_code
        # Not open again what is open.
        wanted = 200 if verb in MAY[role] else 409 if (role, verb) == ("dpo", "reopen") else 403
        assert status == wanted, verb
    assert (ADD in client.get(LIST).content.decode()) == (role != "auditor")


def test_for_strangers_there_is_no_incident(office: Office, as_user: LogIn) -> None:
    row = known(office.ipm)
    notice = notify(row, office.ipm).notice
    addresses = [page(row), *(page(row, verb) for verb in MAY["dpo"]),
                 reverse("admin:incident_notice", args=[row.pk, notice.pk])]  # fmt: skip
    for user in (office.pandev.dpo, office.nobody):
        client = as_user(user)
        for address in addresses:
            assert client.get(address).status_code in {403, 404}, address
    assert as_user(office.pandev.dpo).get(page(row)).status_code == 404
    assert row.number not in as_user(office.pandev.dpo).get(LIST).content.decode()


def test_every_verb_of_the_machine_is_a_right_of_the_dpo() -> None:
    verbs = {verb for moves in states.INCIDENT.values() for verb in moves}
    assert verbs <= Incident.access.grants("dpo")
    for role in ("clerk", "administrator"):
        assert Incident.access.grants(role) & verbs == {"describe", "note"}
    assert not Incident.access.grants("auditor") & verbs


def test_the_administrator_sees_no_people(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    card = person(team).card
    row = known(team)
    h.affect(row, team, card)
    for user, sees in (
        (team.dpo, True), (team.clerk, True), (team.auditor, True), (office.admin, False),
    ):  # fmt: skip
        # Nor in the journal, which says who was added by hand.
        assert (card.code in as_user(user).get(page(row)).content.decode()) == sees


def test_without_an_undertaking_nobody_touches_people(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    card = person(team).card
    row = known(team)
    h.affect(row, team, card)
    Membership.objects.filter(user=team.dpo).update(undertaking="", undertaking_on=None)
    client = as_user(team.dpo)
    shown = client.get(page(row))
    assert shown.status_code == 200
    assert not {verb["name"] for verb in shown.context["verbs"]} & {"by_list", "export", "remove"}
    for verb in ("by_list", "by_hand", "export"):
        assert client.get(page(row, verb)).status_code == 403
        assert client.post(page(row, verb), {}).status_code == 403


# --- what is known -------------------------------------------------------------------------------
def described(row: Incident, **changed: Any) -> dict[str, Any]:
    return {
        "kind": "leak", "happened_from": "2026-03-04T10:00", "happened_until": "",
        "description": "A table.", "causes": "", "harm": "", "people_estimate": "12",
        "contact": "", "findings": "", "culprits": "", "read": incident_version(row),
    } | changed  # fmt: skip


def test_what_is_known_is_written_on_the_page(office: Office, as_user: LogIn) -> None:
    team = office.ipm
    row = found(team)
    crm = h.system(team)
    client = as_user(team.clerk)
    response = client.post(page(row, "describe"), described(row, systems=[crm.pk]))
    assert response.status_code == 302, errors(response)
    row.refresh_from_db()
    assert (row.kind, row.people_estimate, list(row.systems.all())) == ("leak", 12, [crm])
    # 10:00 in Moscow.
    assert row.happened_from == datetime.fromisoformat("2026-03-04T07:00+00:00")
    text = client.get(page(row)).content.decode()
    assert "A table." in text and "data got out" in text and "crm" in text


def test_what_somebody_else_wrote_meanwhile_is_shown_first(office: Office, as_user: LogIn) -> None:
    team = office.ipm
    row = found(team)
    stale = described(row)
    h.describe(row, team, description="Hers.")
    client = as_user(team.clerk)
    response = client.post(page(row, "describe"), stale)
    assert response.status_code == 409
    text = response.content.decode()
    assert "Hers." in text and "A table." in text and "somebody else" in text
    # The next try starts from it, knowingly.
    again = stale | {"read": response.context["form"]["read"].value()}
    assert client.post(page(row, "describe"), again).status_code == 302
    row.refresh_from_db()
    assert row.description == "A table."


def test_foreign_rows_are_not_offered(office: Office, as_user: LogIn) -> None:
    row = found(office.ipm)
    foreign = h.system(office.pandev)
    response = as_user(office.ipm.clerk).post(
        page(row, "describe"), described(row, systems=[foreign.pk])
    )
    assert response.status_code == 200 and "systems" in response.context["form"].errors


def test_a_note_stands_in_the_journal(office: Office, as_user: LogIn) -> None:
    row = found(office.ipm)
    data = {"kind": "measure", "happened_at": "2026-03-05T13:00", "text": "Closed <b>it</b>."}
    client = as_user(office.ipm.clerk)
    assert client.post(page(row, "note"), data).status_code == 302
    assert "Closed &lt;b&gt;it&lt;/b&gt;." in client.get(page(row)).content.decode()
    late = data | {"happened_at": "2026-03-06T13:00"}
    assert client.post(page(row, "note"), late).status_code == 422


# --- people --------------------------------------------------------------------------------------
def test_people_are_found_in_each_way_and_removed(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    one = person(team)
    two, three = register(team), register(team)
    row = found(team)
    client = as_user(team.dpo)
    accounts = h.activity(team, "accounts")
    crm = h.system(team)
    response = client.post(page(row, "by_system"), {"systems": [crm.pk]})
    assert "0 people added." in said(response)
    response = client.post(page(row, "by_activity"), {"activities": [accounts.pk]})
    assert "1 person added." in said(response)
    content = SimpleUploadedFile("x.csv", f"{two.code}\nnobody@example.kz\n'5\n".encode())
    response = client.post(page(row, "by_list"), {"content": content})
    assert said(response).endswith("1 person added. Lines that name nobody: 2, 3.")
    response = client.post(page(row, "by_hand"), {"codes": f"{three.code}\n{two.code}"})
    assert said(response).endswith("1 person added. 1 stood there already.")
    assert people_counted([row]) == {row.pk: 3}
    wrong = client.post(page(row, "by_hand"), {"codes": "Серікова Әсел"})
    assert wrong.status_code == 200 and "Line 1 is no code of a card." in errors(wrong)
    response = client.post(page(row, "remove"), {"codes": one.card.code, "reason": "not hers"})
    assert "1 person removed." in said(response)
    assert AffectedPerson.objects.standing().count() == 2
    text = client.get(page(row)).content.decode()
    assert two.code in text and "by a list (CSV): 1" in text


def test_an_upload_that_is_too_big_is_refused(
    office: Office, as_user: LogIn, settings: Any
) -> None:
    settings.IMPORT_LIMIT_MB = 1
    row = found(office.pandev)
    big = SimpleUploadedFile("x.csv", b"a" * (1024 * 1024 + 1))
    response = as_user(office.pandev.dpo).post(page(row, "by_list"), {"content": big})
    assert response.status_code == 413


def test_many_people_are_listed_page_by_page(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    row = found(team)
    cards = [register(team) for _ in range(51)]
    h.affect(row, team, *cards)
    client = as_user(team.dpo)
    first = client.get(page(row)).content.decode().split("journal-title")[0]
    second = client.get(page(row) + "?people=2").content.decode().split("journal-title")[0]
    assert cards[0].code in first and cards[50].code not in first
    assert cards[50].code in second and cards[0].code not in second


def test_no_page_shows_a_value(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    card = person(team).card
    row = known(team)
    h.affect(row, team, card)
    block_place(subject=card, why="check", label="REQ-1", reason="x", by=team.dpo, now=h.NOW)
    client = as_user(team.dpo)
    for address in (LIST, page(row), *(page(row, verb) for verb in MAY["dpo"])):
        assert leaks(client.get(address).content) == [], address


# --- the authority -------------------------------------------------------------------------------
def test_a_notice_is_printed_sent_and_printed_again_as_it_was(
    office: Office, as_user: LogIn
) -> None:
    team = office.ipm
    row = known(team)
    client = as_user(team.dpo)
    draft = client.post(page(row, "print"), {"step": "first", "language": "en"})
    assert draft.headers["Content-Type"] == "application/pdf"
    assert "Draft" in PdfReader(io.BytesIO(draft.content)).pages[0].extract_text()
    data = {"step": "first", "language": "en", "sent_at": "2026-03-06T08:00", "reference": "17"}
    response = client.post(page(row, "sent"), data)
    assert response.status_code == 302, errors(response)
    assert client.post(page(row, "sent"), data).status_code == 409
    notice = row.notices.get()
    stored = as_user(team.auditor).get(reverse("admin:incident_notice", args=[row.pk, notice.pk]))
    assert "No. 17" in PdfReader(io.BytesIO(stored.content)).pages[0].extract_text()
    assert h.clock(row).met_at is not None
    assert "met in time" in client.get(page(row)).content.decode()
    other = known(team)
    assert (
        client.get(reverse("admin:incident_notice", args=[other.pk, notice.pk])).status_code == 404
    )


def test_what_a_notice_lacks_is_said_on_the_page_and_in_the_refusal(
    office: Office, as_user: LogIn
) -> None:
    team = office.ipm
    row = found(team)
    client = as_user(team.dpo)
    text = client.get(page(row)).content.decode()
    assert "The operator&#x27;s INN is missing." in text and "What happened is missing" in text
    data = {"step": "first", "language": "en", "sent_at": "2026-03-06T08:00", "reference": "17"}
    response = client.post(page(row, "sent"), data)
    assert response.status_code == 422
    assert "INN is missing" in errors(response) and "measures taken are missing" in errors(response)


def test_only_the_dpo_opens_the_export(office: Office, as_user: LogIn) -> None:
    team = office.pandev
    card = person(team).card
    row = h.describe(found(team), team, data_categories=[category(team, "email")])
    h.affect(row, team, card)
    client = as_user(team.dpo)
    response = client.post(page(row, "export"), {"document": "letter 08-1", "language": "ru"})
    assert response.status_code == 302, errors(response)
    export = IncidentExport.objects.get()
    address = reverse("admin:incident_exported", args=[row.pk, export.pk])
    assert address in client.get(page(row)).content.decode()
    got = client.get(address)
    assert VALUES["email"].encode() in b"".join(got.streaming_content)  # type: ignore[attr-defined]
    assert f"{row.number}-{export.pk}.csv" in got.headers["Content-Disposition"]
    assert AccessEvent.objects.filter(what="download", user=team.dpo).count() == 1
    for user, status in ((team.clerk, 404), (team.auditor, 403), (office.admin, 404),
                         (office.ipm.dpo, 404)):  # fmt: skip
        assert as_user(user).get(address).status_code == status, user
        assert address not in as_user(user).get(page(row)).content.decode()
    with time_machine.travel(LATER + timedelta(days=31), tick=False):
        assert as_user(team.dpo).get(address).status_code == 409


def test_it_is_closed_dismissed_and_opened_again_on_its_page(
    office: Office, as_user: LogIn
) -> None:
    team = office.pandev
    row = known(team)
    client = as_user(team.dpo)
    assert client.post(page(row, "close"), {"reason": "done"}).status_code == 409
    assert client.post(page(row, "dismiss"), {"reason": "a test"}).status_code == 302
    assert {verb["name"] for verb in client.get(page(row)).context["verbs"]} == {"reopen"}
    assert client.post(page(row, "reopen"), {"reason": "not a test"}).status_code == 302
    notify(row, team)
    assert client.post(page(row, "close"), {"reason": "done"}).status_code == 302
    assert Incident.objects.get().state == "closed"


# --- a letter to the wrong person ----------------------------------------------------------------
def test_a_misdirected_letter_becomes_an_incident_on_its_page(
    office: Office, as_user: LogIn
) -> None:
    team = office.pandev
    with time_machine.travel(c.LATER, tick=False):
        people, request = c.decided(team)
        letter = c.draft(request, team)
    address = reverse("admin:requests_letter_misdirect", args=[letter.pk])
    with time_machine.travel(c.LATER + timedelta(days=1), tick=False):
        client = as_user(team.clerk)
        # A draft has gone to nobody.
        assert client.get(address).status_code == 409
        type(letter).objects.filter(pk=letter.pk).update(state="sent", sent_at=c.LATER)
        assert (
            address
            in client.get(
                reverse("admin:requests_letter_change", args=[letter.pk])
            ).content.decode()
        )
        response = client.post(address, {"detected_at": "2026-03-11T09:00"})
        assert response.status_code == 302
        row = Incident.objects.get()
        assert (row.kind, row.letter) == ("misdirected", letter) and row.number in said(response)
        assert row.affected.get().subject == people.card
        shown = client.get(page(row)).content.decode()
        assert reverse("admin:requests_letter_change", args=[letter.pk]) in shown
        assert client.get(address).status_code == 409
        assert as_user(team.auditor).get(address).status_code == 403


def test_a_notice_is_written_sent_and_corrected_in_the_admin(
    office: Office, as_user: LogIn
) -> None:
    team = office.ipm
    row = known(team)
    client = as_user(team.dpo)
    response = client.post(page(row, "write"), {"step": "first", "language": "en"})
    assert "The notice is kept as it is" in said(response), errors(response)
    notice = row.notices.get()
    text = client.get(page(row)).content.decode()
    assert "not sent yet" in text
    address = reverse("admin:incident_notice", args=[row.pk, notice.pk])
    paper = as_user(team.auditor).get(address)
    assert "not sent yet" in PdfReader(io.BytesIO(paper.content)).pages[0].extract_text()
    # The form offers it first; what is written later does not stand in it.
    form = client.get(page(row, "sent")).context["form"]
    assert form.fields["notice"].initial == notice.pk
    sent_at = timezone.localtime(timezone.now(), team.operator.zone).strftime("%Y-%m-%dT%H:%M")
    data = {
        "notice": notice.pk, "step": "first", "language": "ru", "sent_at": sent_at,
        "reference": "17",
    }  # fmt: skip
    response = client.post(page(row, "sent"), data)
    assert response.status_code == 302, errors(response)
    sending = notice.sendings.get()
    assert row.notices.count() == 1
    wrong = {"sending": sending.pk, "sent_at": sent_at, "reference": "17", "reason": "x"}
    refused = client.post(page(row, "correct_sending"), wrong)
    assert refused.status_code == 422 and "say what was wrong" in errors(refused)
    response = client.post(page(row, "correct_sending"), wrong | {"reference": "71"})
    assert "The sending is corrected: 71." in said(response)
    text = client.get(page(row)).content.decode()
    assert "<s>17" in text and "71" in text
    detected = h.DETECTED.astimezone(team.operator.zone) - timedelta(hours=1)
    data = {"detected_at": detected.strftime("%Y-%m-%dT%H:%M"), "reason": "the log says so"}
    response = client.post(page(row, "redetect"), data)
    assert "clocks are counted from there" in said(response), errors(response)
    assert h.clock(row).trigger_at == detected
    for user in (team.clerk, team.auditor, office.admin):
        assert as_user(user).get(page(row, "correct_sending")).status_code == 403
        assert as_user(user).get(page(row, "redetect")).status_code == 403
    assert as_user(office.pandev.dpo).get(page(row, "redetect")).status_code == 404


def test_the_register_of_impossible_days_is_a_sentence(office: Office, as_user: LogIn) -> None:
    client = as_user(office.ipm.dpo)
    data = {
        "operator": office.ipm.operator.pk, "since": "0001-01-01", "until": "0001-01-02",
        "media": "csv", "language": "en",
    }  # fmt: skip
    for since, until in (("0001-01-01", "0001-01-02"), ("9999-12-30", "9999-12-31")):
        answer = client.post(
            reverse("admin:incident_register"), data | {"since": since, "until": until}
        )
        assert answer.status_code == 422
        assert "work calendar has no year" in answer.content.decode()
