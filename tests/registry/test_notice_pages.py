"""Notices on their pages: what their forms ask, the filing, the authority's entry, and who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from registry.choices import Event
from registry.choices import RegisterPaperKind as Kind
from registry.models import Deadline, RegisterPaper
from registry.services.notices import entry_awaited, notice_in_force
from tests.conftest import Office, Team
from tests.registry.noticing import FILED_ON, SAID, at, drafted, notified, saved, signed, whole

DAY = timedelta(days=1)
LIST = "/admin/registry/registerpaper/"


@pytest.fixture
def ipm(office: Office) -> Team:
    return whole(office.ipm)


def write(team: Team, kind: str) -> str:
    return f"{LIST}write/?operator={team.operator.code}&kind={kind}"


def link(row: RegisterPaper, page: str = "change") -> str:
    return f"{LIST}{row.pk}/{page}/"


def newest(team: Team) -> RegisterPaper:
    return RegisterPaper.objects.filter(operator=team.operator).latest("pk")


def test_a_notice_goes_its_whole_way_on_the_pages(ipm: Team, as_user: Any) -> None:
    client = as_user(ipm.dpo)
    with at(ipm, FILED_ON):
        page = client.get(write(ipm, Kind.NOTICE_START))
        assert [*page.context["form"].fields] == ["encryption", "state_systems", "language"]
        assert client.post(write(ipm, Kind.NOTICE_START), {"language": "en"}).status_code == 200
        assert not RegisterPaper.objects.exists()
        done = client.post(write(ipm, Kind.NOTICE_START), SAID | {"language": "ru"})
        row = newest(ipm)
        assert done.headers["Location"] == link(row)
        shown = client.get(link(row)).content.decode()
        assert "(22(3)(10.2))" in shown and "КриптоПро CSP 5.0" in shown
        asked = {"signer": ipm.dpo.pk, "signed_on": FILED_ON}
        assert client.post(link(row, "sign"), asked).status_code == 302
        assert client.get(link(row, "entered")).status_code == 409  # nothing is filed
        asked = {"filed_on": FILED_ON, "reference": "RKN-1"}
        assert client.post(link(row, "file"), asked).status_code == 302
    with at(ipm, FILED_ON + DAY * 9):
        verbs = [one["name"] for one in client.get(link(row)).context["verbs"]]
        assert verbs == ["entered"]
        page = client.get(link(row, "entered"))
        assert f'value="{FILED_ON + DAY * 9}"' in page.content.decode()
        early = {"entered_on": FILED_ON - DAY, "document": "77-25"}
        refused = client.post(link(row, "entered"), early)
        assert refused.status_code == 422 and "before the notice" in refused.content.decode()
        asked = {"entered_on": FILED_ON + DAY * 8, "document": "77-25"}
        assert client.post(link(row, "entered"), asked).status_code == 302
        assert client.get(link(row)).context["verbs"] == []
    assert not Deadline.objects.open().exists()


def test_the_form_of_a_change_begins_with_what_was_said(ipm: Team, as_user: Any) -> None:
    client = as_user(ipm.dpo)
    with at(ipm, FILED_ON):
        nothing = client.post(write(ipm, Kind.NOTICE_CHANGE), SAID | {"language": "ru"})
        assert nothing.status_code == 422
        assert "write that one" in nothing.content.decode()
    start = notified(ipm)
    with at(ipm, FILED_ON + DAY):
        page = client.get(write(ipm, Kind.NOTICE_CHANGE))
        fields = page.context["form"].fields
        assert {name: fields[name].initial for name in SAID} == SAID
        same = client.post(write(ipm, Kind.NOTICE_CHANGE), SAID | {"language": "ru"})
        assert same.status_code == 422 and start.number in same.content.decode()
        saved(ipm.operator, phone="+7 1")
        done = client.post(write(ipm, Kind.NOTICE_CHANGE), SAID | {"language": "ru"})
        assert done.headers["Location"] == link(newest(ipm))


def test_the_form_of_the_end_asks_when_and_why(ipm: Team, as_user: Any) -> None:
    client = as_user(ipm.dpo)
    asked = {"ceased_on": FILED_ON + DAY, "reason": "closed", "language": "ru"}
    with at(ipm, FILED_ON):
        page = client.get(write(ipm, Kind.NOTICE_END))
        assert [*page.context["form"].fields] == ["ceased_on", "reason", "language"]
        assert client.post(write(ipm, Kind.NOTICE_END), asked).status_code == 422
    with at(ipm, FILED_ON + DAY):
        assert client.post(write(ipm, Kind.NOTICE_END), asked).status_code == 302
    assert newest(ipm).particulars["ceased_on"] == (FILED_ON + DAY).isoformat()


def test_kazakhstan_is_not_asked_what_only_russia_wants(office: Office, as_user: Any) -> None:
    team = whole(office.pandev)
    with at(team, FILED_ON):
        client = as_user(team.dpo)
        page = client.get(write(team, Kind.NOTICE_START))
        assert [*page.context["form"].fields] == ["language"]
        assert client.get(write(team, Kind.NOTICE_CHANGE)).status_code == 404
        assert client.post(write(team, Kind.NOTICE_START), {"language": "kk"}).status_code == 302
    assert newest(team).facts["missing"] == []


@pytest.mark.parametrize("kind", [Kind.NOTICE_START, Kind.NOTICE_CHANGE, Kind.NOTICE_END])
def test_every_question_is_explained(ipm: Team, as_user: Any, kind: str) -> None:
    form = as_user(ipm.dpo).get(write(ipm, kind)).context["form"]
    assert all(str(field.help_text) for field in form.fields.values())


def test_only_the_dpo_and_the_administrator_file_and_record_the_entry(
    ipm: Team, office: Office, as_user: Any
) -> None:
    row = signed(drafted(ipm, FILED_ON), ipm, FILED_ON)
    looks = {
        office.admin: (200, 302), ipm.dpo: (200, 302), ipm.clerk: (403, 403),
        ipm.auditor: (403, 403), office.nobody: (404, 404), office.pandev.dpo: (404, 404),
    }  # fmt: skip
    with at(ipm, FILED_ON):
        for user, (shown, _) in looks.items():
            assert as_user(user).get(link(row, "file")).status_code == shown, user
        for user in (ipm.clerk, ipm.auditor, office.nobody, office.pandev.dpo, ipm.dpo):
            asked = {"filed_on": FILED_ON, "reference": "RKN-1"}
            answer = as_user(user).post(link(row, "file"), asked)
            assert answer.status_code == looks[user][1], user
            assert (notice_in_force(ipm.operator) is not None) is (user == ipm.dpo)
        for user, (shown, _) in looks.items():
            assert as_user(user).get(link(row, "entered")).status_code == shown, user
        for user in (ipm.clerk, ipm.auditor, office.nobody, office.pandev.dpo, office.admin):
            asked = {"entered_on": FILED_ON, "document": "77-25"}
            answer = as_user(user).post(link(row, "entered"), asked)
            assert answer.status_code == looks[user][1], user
            assert (entry_awaited(row) is None) is (user == office.admin)
    clock = Deadline.objects.get(event=Event.AUTHORITY_RECEIVED_NOTICE)
    assert clock.history.first().history_user == office.admin
