"""Papers of the register on their pages: written, read, signed, filed, discarded."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django import forms
from django.test import Client

from registry.admin.paper_forms import FORMS, PaperForm, day_field
from registry.choices import RegisterPaperKind as Kind
from registry.models import Filing, ProcessingActivity, RegisterPaper
from registry.services import audit
from tests.conftest import Office, Team
from tests.crawl.pages import faults
from tests.registry.papering import (
    NOW,
    TODAY,
    activity_of,
    drafted,
    everything,
    kinds,  # noqa: F401
    positioned,
    signed,
    words_of,
)

LIST = "/admin/registry/registerpaper/"
WRITE = f"{LIST}write/"
DAY = timedelta(days=1)


class NoteForm(PaperForm):
    """Asks for a note, a day and a number; the note is proposed from what is known."""

    note = forms.CharField(label="note")
    on = day_field("on", "When.", required=False)
    numbers = forms.MultipleChoiceField(choices=[("1", "1"), ("2", "2")], required=False)

    def prepare(self) -> None:
        about = self.activity.code if self.activity else "-"
        self.fields["note"].initial = f"{self.operator.code} {about} {self.today}"


@pytest.fixture(autouse=True)
def clock(db: None, kinds: Any, monkeypatch: Any) -> Any:  # noqa: F811
    for kind in [*FORMS]:
        monkeypatch.delitem(FORMS, kind)
    monkeypatch.setitem(FORMS, Kind.DATA_LIST, NoteForm)
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def pandev(office: Office) -> Team:
    return positioned(office.pandev)


@pytest.fixture
def ipm(office: Office) -> Team:
    return positioned(office.ipm)


def link(row: RegisterPaper, page: str = "change") -> str:
    return f"{LIST}{row.pk}/{page}/"


def text_of(page: Any) -> str:
    """The words of a page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def choices(page: Any) -> list[str]:
    return [query for _, query in page.context["choices"]]


# --- written -----------------------------------------------------------------------------------
def test_a_paper_is_chosen_by_links_and_written_by_a_form(
    pandev: Team, office: Office, as_user: Any
) -> None:
    client = as_user(office.admin)
    page = client.get(LIST)
    assert f'href="{WRITE}"' in page.content.decode()
    page = client.get(WRITE)
    assert choices(page) == ["?operator=ipm", "?operator=pandev"] and not faults(page)
    page = client.get(WRITE + choices(page)[1])
    assert choices(page) == [
        f"?operator=pandev&kind={kind}" for kind in ("notice_start", "data_list", "size_class")
    ]
    where = WRITE + choices(page)[1]
    page = client.get(where)
    assert not faults(page)
    form = page.context["form"]
    assert list(form.fields) == ["note", "on", "numbers", "language"]
    assert form.fields["note"].initial == "pandev - 2026-03-02"
    answer = client.post(where, {"note": "", "language": "de"})
    assert answer.status_code == 200 and set(answer.context["form"].errors) == {"note", "language"}
    assert not RegisterPaper.objects.exists()
    data = {"note": "семь", "on": "2026-03-01", "numbers": ["1", "2"], "language": "kk"}
    answer = client.post(where, data, follow=True)
    paper = RegisterPaper.objects.get()
    assert answer.redirect_chain == [(link(paper), 302)]
    assert "RP-2026-0001 is written: read it, then print and sign it." in text_of(answer)
    assert (paper.kind, paper.language, paper.made_by) == ("data_list", "kk", office.admin)
    assert paper.facts["given"] == {"note": "семь", "on": "2026-03-01", "numbers": ["1", "2"]}
    # What was answered is written anew for the signature.
    assert signed(paper, pandev).is_signed


def test_whoever_has_one_operator_is_not_asked_for_it(ipm: Team, as_user: Any) -> None:
    client = as_user(ipm.dpo)
    assert choices(client.get(WRITE))[2] == "?operator=ipm&kind=harm"
    page = client.get(f"{WRITE}?kind=harm")
    rows = ProcessingActivity.objects.filter(operator=ipm.operator).order_by("code")
    assert choices(page) == [f"?operator=ipm&kind=harm&activity={one.code}" for one in rows]
    activity = activity_of(ipm)
    where = WRITE + choices(page)[0]
    page = client.get(where)
    assert not faults(page) and str(activity) in text_of(page)
    assert list(page.context["form"].fields) == ["language"]
    assert page.context["form"].fields["language"].initial == "ru"
    assert client.post(where, {"language": "ru"}).status_code == 302
    assert RegisterPaper.objects.get().activity == activity


@pytest.mark.parametrize(
    ("languages", "proposed"),
    [([], "ru"), (["en"], "ru"), (["en", "kk"], "kk"), (["kk", "ru"], "ru")],
)
def test_the_language_proposed_is_one_that_authorities_read(
    pandev: Team, as_user: Any, languages: list[str], proposed: str
) -> None:
    pandev.operator.languages = languages
    audit.save(pandev.operator, by=None, reason="test", fields=["languages"])
    page = as_user(pandev.dpo).get(f"{WRITE}?kind=notice_start")
    assert page.context["form"].fields["language"].initial == proposed


def test_a_paper_that_lacks_something_says_so_at_once(
    pandev: Team, as_user: Any, monkeypatch: Any
) -> None:
    class LacksForm(PaperForm):
        def given(self) -> dict[str, Any]:
            return {"lacks": ["No <b>address</b> (1)."]}

    monkeypatch.setitem(FORMS, Kind.DATA_LIST, LacksForm)
    client = as_user(pandev.dpo)
    answer = client.post(f"{WRITE}?kind=data_list", {"language": "en"}, follow=True)
    shown = text_of(answer)
    assert "is written, but something is missing" in shown
    paper = RegisterPaper.objects.get()
    html = answer.content.decode()
    assert "No &lt;b&gt;address&lt;/b&gt; (1)." in html
    # Before everything else of the paper.
    assert html.index("No &lt;b&gt;") < html.index('class="register-paper"')
    assert "draft, not complete" in shown
    assert client.get(link(paper, "sign")).status_code == 409
    answer = client.post(link(paper, "sign"), asked(pandev))
    assert answer.status_code == 422 and "is not complete and cannot be signed" in text_of(answer)


@pytest.mark.parametrize(
    "query",
    [
        "?operator=nobody", "?operator=ipm", "?operator=pandev&kind=harm", "?kind=poem",
        "?kind=control_plan",
    ],
)  # fmt: skip
def test_what_does_not_exist_for_the_reader(pandev: Team, as_user: Any, query: str) -> None:
    client = as_user(pandev.dpo)
    for answer in (client.get(WRITE + query), client.post(WRITE + query, {"language": "en"})):
        assert answer.status_code == 404
    assert not RegisterPaper.objects.exists()


def test_an_activity_of_another_operator_does_not_exist(
    ipm: Team, office: Office, as_user: Any
) -> None:
    foreign = activity_of(office.pandev)
    foreign.code = "only-there"
    audit.save(foreign, by=None, reason="test")
    where = f"{WRITE}?kind=harm&activity={foreign.code}"
    for client in (as_user(ipm.dpo), as_user(office.admin)):
        at = where if client.get(where).status_code == 404 else f"{where}&operator=ipm"
        assert client.post(at, {"language": "ru"}).status_code == 404
    assert not RegisterPaper.objects.exists()


def test_an_answer_that_is_no_json_is_a_mistake_of_the_form() -> None:
    class Wrong(PaperForm):
        pass

    form = Wrong.__new__(Wrong)
    form.cleaned_data = {"what": object(), "language": "ru"}
    with pytest.raises(TypeError, match="no plain JSON"):
        form.given()


# --- read --------------------------------------------------------------------------------------
def test_the_page_shows_what_will_be_printed(pandev: Team, as_user: Any) -> None:
    paper = drafted(pandev, language="kk", given={"note": "<i>seven</i>"})
    page = as_user(pandev.clerk).get(link(paper))
    assert not faults(page)
    html, shown = page.content.decode(), text_of(page)
    assert 'class="register-paper" lang="kk"' in html and "<i>" not in html
    assert "&lt;i&gt;seven&lt;/i&gt;" in html
    for row in paper.facts["sections"][0]["rows"]:
        assert " ".join(row[1].split()) in shown
    assert paper.digest in shown and "RP-2026-0001" in shown and "94-V 25(2)(1)" in shown
    assert "It cannot be signed yet" not in shown
    assert "<textarea" not in html and "&quot;sections&quot;" not in html


def test_the_file_is_the_paper(pandev: Team, office: Office, as_user: Any) -> None:
    paper = signed(drafted(pandev, given={"note": "seven"}), pandev)
    for user in (pandev.dpo, pandev.clerk, pandev.auditor, office.admin):
        answer = as_user(user).get(link(paper, "pdf"))
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
        assert answer.headers["Content-Disposition"] == (
            'attachment; filename="pandev-RP-2026-0001-en.pdf"'
        )
        said = words_of(answer.content)
        assert "note seven" in said and "Анна Иванова" in said and "DRAFT" not in said


def test_the_list_says_how_far_each_paper_is(ipm: Team, office: Office, as_user: Any) -> None:
    drafted(ipm)
    drafted(ipm, given={"lacks": ["x"]})
    signed(drafted(ipm, Kind.HARM, activity=activity_of(ipm)), ipm)
    notice = signed(drafted(ipm, Kind.NOTICE_START), ipm)
    client = as_user(ipm.dpo)
    data = {"filed_on": TODAY, "reference": "100-77"}
    assert client.post(link(notice, "file"), data).status_code == 302
    drafted(positioned(office.pandev))
    page = client.get(LIST)
    assert not faults(page)
    rows = {row.number: row for row in page.context["cl"].result_list}
    assert set(rows) == {f"RP-2026-000{number}" for number in (1, 2, 3, 4)}
    shown = text_of(page)
    for words in ("draft", "draft, not complete", "signed", "filed on Monday, 2 March 2026",
                  "Анна Иванова", str(activity_of(ipm))):  # fmt: skip
        assert words in shown
    found = client.get(LIST, {"kind__exact": "harm"}).context["cl"].result_list
    assert [row.kind for row in found] == ["harm"]
    everyone = as_user(office.admin).get(LIST, {"operator__id__exact": office.pandev.operator.pk})
    assert [row.number for row in everyone.context["cl"].result_list] == ["RP-2026-0001"]


def test_the_operators_page_leads_to_its_papers(ipm: Team, office: Office, as_user: Any) -> None:
    drafted(ipm)
    drafted(positioned(office.pandev))
    client = as_user(office.admin)
    page = client.get(f"/admin/registry/operator/{ipm.operator.pk}/change/")
    where = f"{LIST}?operator__id__exact={ipm.operator.pk}"
    assert f'href="{where}"' in page.content.decode()
    rows = client.get(where).context["cl"].result_list
    assert [row.operator for row in rows] == [ipm.operator]


# --- signed, filed, discarded -------------------------------------------------------------------
def asked(team: Team, **changes: Any) -> dict[str, Any]:
    return {
        "signer": team.dpo.pk, "order_number": "12-од", "signed_on": TODAY
    } | changes  # fmt: skip


def verbs(client: Client, row: RegisterPaper) -> set[str]:
    return {one["name"] for one in client.get(link(row)).context["verbs"]}


def test_a_notice_goes_from_draft_to_the_authority(ipm: Team, as_user: Any) -> None:
    paper = drafted(ipm, Kind.NOTICE_START, language="ru")
    client = as_user(ipm.dpo)
    assert verbs(client, paper) == {"sign", "discard"}
    page = client.get(link(paper, "sign"))
    form = page.context["form"]
    assert list(form.fields) == ["signer", "signed_on"]  # no order puts a notice into force
    assert form.fields["signer"].initial == ipm.dpo and not faults(page)
    assert set(form.fields["signer"].queryset) == {ipm.dpo, ipm.clerk, ipm.deputy}
    assert f'min="{TODAY}"' in page.content.decode() and f'max="{TODAY}"' in page.content.decode()
    assert 'class="register-paper"' in page.content.decode()
    answer = client.post(link(paper, "sign"), asked(ipm), follow=True)
    assert "is signed: from now on it never changes" in text_of(answer)
    assert verbs(client, paper) == {"file"}
    for page_name in ("sign", "discard"):
        assert client.get(link(paper, page_name)).status_code == 409
        assert client.post(link(paper, page_name), asked(ipm, reason="x")).status_code == 409
    assert not faults(client.get(link(paper, "file")))
    for data, status in (
        ({"filed_on": TODAY, "reference": ""}, 422),
        ({"filed_on": TODAY + DAY, "reference": "1"}, 422),
        ({"filed_on": TODAY - DAY, "reference": "1"}, 422),
        ({"filed_on": "2026-02-30", "reference": "1"}, 200),
    ):
        assert client.post(link(paper, "file"), data).status_code == status, data
    assert not Filing.objects.exists()
    data = {"filed_on": TODAY, "reference": "100-77"}
    answer = client.post(link(paper, "file"), data, follow=True)
    assert "RP-2026-0001 is filed, Monday, 2 March 2026" in text_of(answer)
    assert "No. 100-77 of Monday, 2 March 2026" in text_of(answer)
    assert not verbs(client, paper) & {"sign", "file", "discard"}
    assert client.get(link(paper, "file")).status_code == 409
    filing = Filing.objects.get()
    assert (filing.paper, filing.recorded_by) == (paper, ipm.dpo)


def test_what_the_service_refuses_stands_on_the_page(pandev: Team, as_user: Any) -> None:
    paper = drafted(pandev)
    client = as_user(pandev.dpo)
    before = everything()
    for changes, status, said in (
        ({"order_number": ""}, 422, "takes effect by an order"),
        ({"signed_on": TODAY + DAY}, 422, "that day has not come"),
        ({"signed_on": TODAY - DAY}, 422, "it was written on Monday, 2 March 2026"),
        ({"signer": pandev.deputy.pk}, 422, "has no position"),
        ({"signer": pandev.auditor.pk}, 200, "Select a valid choice"),
        ({"signer": ""}, 200, "This field is required"),
    ):
        answer = client.post(link(paper, "sign"), asked(pandev, **changes))
        assert (answer.status_code, said in text_of(answer)) == (status, True), changes
    assert everything() == before
    # The register goes on meanwhile.
    pandev.operator.address = "Elsewhere"
    audit.save(pandev.operator, by=None, reason="test", fields=["address"])
    answer = client.post(link(paper, "sign"), asked(pandev))
    assert answer.status_code == 409 and "write it anew" in text_of(answer)
    answer = client.post(link(paper, "discard"), {"reason": " "})
    assert answer.status_code == 422 and "Say why RP-2026-0001 is discarded" in text_of(answer)
    assert everything() == before
    answer = client.post(link(paper, "discard"), {"reason": "the address"}, follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "The draft RP-2026-0001 is discarded" in text_of(answer)
    assert client.get(link(paper)).status_code == 404
    assert client.post(link(paper, "sign"), asked(pandev)).status_code == 404


def test_only_a_notice_is_filed(pandev: Team, as_user: Any) -> None:
    paper = signed(drafted(pandev), pandev)
    client = as_user(pandev.dpo)
    assert verbs(client, paper) == set()
    answer = client.post(link(paper, "file"), {"filed_on": TODAY, "reference": "1"})
    assert answer.status_code in {409, 422} and not Filing.objects.exists()
