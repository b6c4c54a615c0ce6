"""The office of the line: the clerk, the DPO, the second person, the sweep, the papers."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

from django.core import mail
from playwright.sync_api import expect
from pypdf import PdfReader

from registry.models import (
    Deadline,
)
from requests.models import RequestItem, SubjectRequest
from subjects.models import DestructionAct, DestructionItem, PersonalDatum, VaultKey
from subjects.tasks import sweep_destruction
from tests.browser.conftest import Visitor
from tests.browser.line_hands import (
    GOES,
    KEPT,
    LAW_ON_ACCOUNTING,
    MESSAGE,
    NAME,
    REASONS,
    REGISTER,
    log_in,
    named,
    press,
    shot,
    without_values,
)
from tests.conftest import Team
from tests.subjects.persons import VALUES, Person


def the_clerk_finds_the_person(desk: Visitor, request: SubjectRequest, known: Person) -> None:
    page = desk.page
    log_in(desk, "clerk@pandev")
    entry = page.locator("article.clock", has_text=request.number)
    expect(entry).to_have_count(1)
    press(desk, entry.locator("h3 a"))
    press(desk, page.get_by_role("link", name=f"The whole request {request.number}"))
    expect(page.locator("h1")).to_contain_text(request.number)
    # Masked until it is opened.
    without_values(page.content())
    assert MESSAGE not in page.content()
    press(desk, "form[action$='/open/'] input[type=submit]")
    letter = page.locator("section[aria-labelledby=letter]")
    for told in (NAME, VALUES["email"], MESSAGE, "Open until 15:15"):
        expect(letter).to_contain_text(told)

    press(desk, "form[action$='/find/'] input[type=submit]")
    hit = page.locator("li.hit")
    expect(hit).to_have_count(1)
    expect(hit.locator(".code")).to_have_text(known.card.code)
    without_values(hit.inner_text())
    press(desk, hit.locator("form input[type=submit]"))
    expect(page.locator(".messagelist")).to_contain_text(f"{known.card.code} is linked (e-mail")
    expect(page.locator("section[aria-labelledby=people] .code")).to_have_text(known.card.code)

    desk.verb("check")
    page.select_option("[name=kind]", "account")
    desk.submit()
    expect(page.locator("section[aria-labelledby=checks]")).to_contain_text("clerk@pandev")
    request.refresh_from_db()
    assert request.state == "in_work"
    # The clerk prepares and does not decide.
    item = RequestItem.objects.get()
    assert desk.open(f"/admin/requests/requestitem/{item.pk}/accept/").status == 403
    desk.open("/admin/")
    desk.log_out()


def the_dpo_decides(
    desk: Visitor, request: SubjectRequest, known: Person, team: Team
) -> DestructionAct:
    page = desk.page
    log_in(desk, "dpo@pandev")
    press(desk, page.locator("article.clock", has_text=request.number).locator("h3 a"))
    desk.verb("accept")
    goes, stays = page.locator(".what-if .goes"), page.locator(".what-if .stays")
    for code in GOES:
        expect(goes).to_contain_text(named(team, code, "en"))
    for code in KEPT:
        expect(stays).to_contain_text(named(team, code, "en"))
    for text in (LAW_ON_ACCOUNTING, "2031"):
        expect(stays).to_contain_text(text)
    without_values(page.content())
    shot(desk, "3-what-goes-what-stays")
    # What stays is told to the person: with the law's own ground, and in words.
    assert desk.submit() == 422
    expect(page.locator(".errornote")).to_contain_text("a part of the data stays")
    page.select_option("[name=refusal]", "KZ.DC.41.3")
    page.fill("[name=reasons]", REASONS)
    desk.submit()
    expect(page.locator(".messagelist")).to_contain_text(f"{len(GOES)} values go")

    request.refresh_from_db()
    assert request.state == "decided"
    assert not known.card.grounds.filter(ended_on=None).exists()
    act = DestructionAct.objects.get()
    assert (act.label, act.state, act.drafted_by) == (request.number, "drafted", team.dpo)
    assert act.items.count() == len(GOES)
    return act


def the_drafter_does_not_approve(desk: Visitor, act: DestructionAct) -> None:
    desk.open(f"/admin/subjects/destructionact/{act.pk}/approve/")
    assert desk.submit() == 422
    expect(desk.page.locator(".errornote")).to_contain_text("whoever drafted an act does not")
    sweep_destruction()
    assert not DestructionItem.objects.filter(act=act).exists()
    desk.open("/admin/")
    desk.log_out()


def the_second_person_approves(second: Visitor, act: DestructionAct, known: Person) -> None:
    page = second.page
    log_in(second, "director@pandev")
    press(second, page.locator("article.clock", has_text=act.number).locator("h3 a"))
    expect(page.locator("section[aria-labelledby=items-title] tbody tr")).to_have_count(len(GOES))
    without_values(page.content())
    second.verb("approve")
    second.submit()
    expect(page.locator(".messagelist")).to_contain_text(
        f"{act.number} is approved; the office executes it within the hour."
    )
    expect(page.locator(".field-approver .readonly")).to_have_text("director@pandev")
    shot(second, "4-approved")
    # Nothing has gone yet: the office executes it, not a click.
    assert VaultKey.objects.filter(owner=known.card.pk, kind=1).count() == len(VALUES)


def the_sweep_destroys(act: DestructionAct, known: Person) -> None:
    """What beat rings each hour; rung twice, it does nothing more."""
    sweep_destruction()
    act.refresh_from_db()
    assert act.state == "closed" and not act.verification.get("failed")
    assert act.finished_at is not None and act.verified_at is not None
    gone = DestructionItem.objects.filter(act=act)
    assert gone.count() == len(GOES)
    data = PersonalDatum.objects.filter(subject=known.card, value_key__in=gone.values("key"))
    assert sorted(data.values_list("category__code", flat=True)) == GOES
    assert not VaultKey.objects.filter(pk__in=gone.values("key")).exists()
    assert VaultKey.objects.filter(owner=known.card.pk, kind=1).count() == len(KEPT)
    sweep_destruction()
    assert DestructionAct.objects.count() == 1 and gone.count() == len(GOES)


def the_papers_are_whole(desk: Visitor, act: DestructionAct, known: Person) -> list[str]:
    """Each paper is downloaded, is the one whose digest the page shows, and says what went."""
    page = desk.page
    log_in(desk, "dpo@pandev")
    desk.open(f"/admin/subjects/destructionact/{act.pk}/change/")
    lines = page.locator("section[aria-labelledby=papers-title] li")
    texts = {}
    for line in lines.all():
        with page.expect_download() as arrived:
            line.locator("a").click()
        content = Path(arrived.value.path()).read_bytes()
        expect(line.locator(".digest")).to_contain_text(hashlib.sha256(content).hexdigest())
        name = arrived.value.suggested_filename
        assert name.startswith(act.number)
        if name.endswith(".csv"):
            texts[name] = content.decode("utf-8-sig")
        else:
            pages = PdfReader(io.BytesIO(content)).pages
            texts[name] = "\n".join(sheet.extract_text() for sheet in pages)
    assert sorted(name.rpartition(".")[2] for name in texts) == ["csv", "pdf", "pdf", "pdf"]
    for name, text in texts.items():
        assert act.number in text and known.card.code in text, name
        if name.endswith("-kk.pdf"):
            assert "Электрондық пошта мекенжайы" in " ".join(text.split())
    (extract,) = (text for name, text in texts.items() if name.endswith(".csv"))
    rows = list(csv.reader(io.StringIO(extract)))
    assert len(rows) == 1 + len(GOES) and {row[-1] for row in rows[1:]} == {act.number}
    return list(texts.values())


def the_dpo_closes(desk: Visitor, request: SubjectRequest) -> None:
    page = desk.page
    desk.open(f"/admin/requests/subjectrequest/{request.pk}/change/")
    # The way back to the list is called otherwise.
    expect(page.get_by_role("link", name="Close the request", exact=True)).to_have_count(1)
    desk.verb("close")
    expect(page.locator("pre.sheet")).to_contain_text("Мыналар жойылды")
    without_values(page.content())
    mail.outbox.clear()
    desk.submit()
    expect(page.locator(".messagelist")).to_contain_text(f"{request.number} is closed")
    request.refresh_from_db()
    assert request.state == "done"
    assert all(deadline.met_at for deadline in Deadline.objects.filter(label=request.number))


def nothing_is_told(
    desk: Visitor, request: SubjectRequest, act: DestructionAct, known: Person
) -> None:
    """Whatever page of the office the DPO opens: codes, masks and days."""
    log_in(desk, "dpo@pandev")
    item = RequestItem.objects.get()
    rows = [f"{REGISTER}/{known.card.pk}", f"/admin/requests/requestitem/{item.pk}"]
    rows += [f"/admin/requests/subjectrequest/{request.pk}"]
    rows += [f"/admin/subjects/destructionact/{act.pk}"]
    rows += [f"/admin/requests/letter/{letter.pk}" for letter in request.letters.all()]
    paths = ["/admin/", f"{REGISTER}/", "/admin/subjects/accessevent/"]
    for row in rows:
        paths += [f"{row}/change/", f"{row}/history/"]
    for path in paths:
        assert desk.open(path).status == 200, path
        without_values(desk.page.content())
        assert MESSAGE not in desk.page.content(), path


def nothing_is_left(texts: list[str]) -> None:
    for text in texts:
        without_values(text)
