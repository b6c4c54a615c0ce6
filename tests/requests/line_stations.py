"""Where a person's words pass from the public form to the end of the correspondence.

As ``tests.subjects.stations``: one function a station, each at its moment, in the order of a
request; ``test_line_canary`` walks through them and looks for the values everywhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings
from django.urls import reverse

from registry.models import DataCategory
from registry.tasks import ring
from requests import tasks
from requests.admin import incident_pages
from requests.admin import letters as admin_letters
from requests.admin import subject_requests as admin_requests
from requests.models import Incident, Letter, SubjectRequest, Submission
from requests.models.letters import PROOF_LIMIT
from requests.public import tracking, views
from requests.services import throttling
from requests.services.tracking import code_of
from requests.services.writing import version_of
from subjects.models import ActPaper, DestructionAct, VaultKey
from subjects.tasks import sweep_destruction, watch_vault
from subjects.vault.models import Sealed
from tests import processes
from tests.processes import WORKER, wait_for
from tests.requests import forms
from tests.requests.asking import again
from tests.requests.forms import NOW
from tests.requests.line_room import (
    BREAKS,
    DECIDED,
    END,
    HOUR,
    KINDS,
    LATER,
    MEGABYTE,
    ON_THE_DAY,
    Line,
    admin,
    breaks,
    broken,
    done,
    mails,
    newest_code,
    not_papers,
    papers,
    silent,
)
from tests.subjects.page_stations import client_of
from tests.subjects.persons import VALUES
from tests.subjects.stations import recorded, registered_with_consent
from tests.subjects.vault_office import database_url, environment


# --- the form ------------------------------------------------------------------------------------
def the_form_is_refused(at: Line) -> None:
    at.told = {
        "wish": "destruction", "name": at.given["full_name"], "email": at.given["email"],
        "message": at.word("message"),
    }  # fmt: skip
    mistakes = [
        {"email": at.word("mistyped address")},
        {"name": f"Ann\r\nBcc: {at.a('header', f'h{secrets.token_hex(8)}@example.org')}"},
        {"message": at.word("far too long") + "x" * 6_000},
        {"message": at.word("with a sign that is not seen") + "\u202e"},
        {"wish": ""},
        {"wish": at.word("wish")},
        {"no_email": "on", "answer_by": "post", "postal": ""},
        *not_papers(at, "form"),
    ]
    for number, wrong in enumerate(mistakes):
        done(forms.send(forms.client_of(number), at.told | papers(at, f"form {number}") | wrong),
             422)  # fmt: skip
    done(forms.send(at.visitor, at.told | {"website": at.word("written by a machine")}))
    assert not Submission.objects.exists()


def the_form_is_misused(at: Line) -> None:
    """Wrong types, methods, cookies and addresses, each with all that was told."""
    client, path, word = at.visitor, forms.path(), at.word("misused")
    for content_type, status in (
        ("application/json", 415), ("multipart/form-data", 400),
        ("multipart/form-data; boundary=x", 422),
    ):  # fmt: skip
        done(client.generic("POST", path, word, content_type=content_type), status)
    done(client.post(path, at.told | {"message": word + "x" * 3 * MEGABYTE}), 413)
    done(client.put(path, word), 405)
    done(client.post("/nobody/request/", at.told), 404)
    done(client.post("/pandev/request/unknown/", {"code": word}), 404)
    strict = Client(enforce_csrf_checks=True)
    done(strict.post(path, at.told | {"nonce": forms.opened(strict)}), 403)
    done(Client(enforce_csrf_checks=True).post("/pandev/track/", {"number": word}), 403)


def the_form_waits_for_its_code(at: Line) -> None:
    client, sent = at.visitor, papers(at, "taken form")
    with override_settings(EMAIL_BACKEND=BREAKS):
        path = done(forms.send(client, at.told | sent)).headers["Location"]
    row = Submission.objects.get()
    assert row.code_sent_at is None and not mails()
    done(client.post(path, {"again": "1"}))
    assert at.told["email"] in str(mails()[-1]["To"])
    for wrong in (at.word("typed as a code"), forms.other_code(newest_code())):
        done(client.post(path, {"code": wrong}), 422)
    breaks(client, path, (views, "page"), at=at)
    assert VaultKey.objects.filter(kind=Sealed.SUBMISSION).count() == 3
    # Somebody else's, who never types the code in.
    at.a("nobody's address", f"nobody.{secrets.token_hex(8)}@example.org")
    forms.send(forms.client_of(8), {
        "wish": "other", "name": at.word("nobody's name"), "email": at.given["nobody's address"],
        "message": at.word("nobody's message"), **papers(at, "nobody"),
    })  # fmt: skip
    assert Submission.objects.count() == 2 and len(mails()) == 2


def the_form_becomes_a_request(at: Line) -> None:
    client, row = at.visitor, Submission.objects.earliest("pk")
    done(client.post(forms.page_of(row), {"again": "1"}))
    done(client.post(forms.page_of(row), {"code": newest_code()}))
    at.request = SubjectRequest.objects.get()
    receipt = done(client.get(forms.page_of(row)), 200)
    assert at.request.number in receipt.content.decode()
    silent(at, receipt)
    breaks(client, forms.page_of(row), (views, "receipt"), at=at)
    path = done(forms.send(forms.client_of(9), {
        "wish": "other", "name": at.word("name on paper"), "no_email": "on", "answer_by": "post",
        "postal": at.word("postal address"), "message": at.word("message on paper"),
        **papers(at, "without e-mail"),
    })).headers["Location"]  # fmt: skip
    silent(at, done(client.get(path), 200))
    at.paper = SubjectRequest.objects.latest("pk")


def a_flood_is_refused(at: Line) -> None:
    client = forms.client_of(200)
    who = throttling.visitor_of(client.defaults["REMOTE_ADDR"])
    for _ in range(throttling.SUBMISSIONS.times):
        throttling.count(throttling.SUBMISSIONS, who=who, now=NOW)
    flood = {"message": at.word("flood"), **papers(at, "flood")}
    silent(at, done(client.post(forms.path(), at.told | flood), 429))


# --- letters -------------------------------------------------------------------------------------
def the_person_follows_the_request(at: Line) -> None:
    client = at.visitor
    assert at.told["message"] in done(client.get(at.page), 200).content.decode()
    done(client.post(at.page, {"message": at.word("reply"), **papers(at, "reply")}))
    shown = client.get(at.page).content.decode()
    assert at.given["reply"] in shown
    letter = Letter.objects.get(request=at.request, kind="incoming", sent_at=LATER)
    file = f"{at.page}files/{letter.files.earliest('pk').pk}/"
    assert at.given["reply: comment of a PDF"].encode() in done(client.get(file), 200).content
    for wrong in ({"message": at.word("reply too long") + "x" * 6_000}, *not_papers(at, "reply")):
        done(client.post(at.page, {"message": at.word(f"refused reply {wrong!r:.80}")} | wrong),
             422)  # fmt: skip
    done(client.get(f"{at.page}files/999999/"), 404)
    entry = {"number": at.word("typed as a number"), "tracking": at.word("typed as a link")}
    silent(at, done(forms.client_of(10).post("/pandev/track/?lang=en", {"number": "x"}), 422))
    done(forms.client_of(10).post("/pandev/track/", entry), 404)
    entry = {"number": at.request.number, "tracking": code_of(at.paper) or ""}
    done(forms.client_of(10).post("/pandev/track/", entry), 404)
    breaks(client, at.page, (tracking, "letter_texts"), (tracking, "told"), at=at)
    breaks(client, at.page, (tracking, "page"), at=at)
    breaks(client, file, (tracking, "letter_file_open"), at=at)


def staff_read_and_write(at: Line) -> None:
    team = at.office.pandev
    clerk, dpo = client_of(team.clerk), client_of(team.dpo)
    card = admin(at.request)
    silent(at, done(clerk.get(card), 200))
    done(clerk.post(admin(at.request, "open")))
    assert at.told["message"] in clerk.get(card).content.decode()
    silent(at, done(clerk.get(admin(at.request, "history")), 200))
    for name in ("told", "letter_open_until"):
        breaks(clerk, card, (admin_requests, name), at=at)
    assert at.subject.code in done(clerk.post(admin(at.request, "find")), 200).content.decode()
    done(clerk.post(admin(at.request, "link"), {"code": at.subject.code}))
    done(clerk.post(admin(at.request, "link"), {"code": at.word("typed as a code of a card")}), 200)
    done(clerk.post(admin(at.request, "check"), {"kind": "document"}))
    came = Letter.objects.filter(request=at.request, way="in").latest("pk")
    assert at.given["reply"] in clerk.get(admin(came)).content.decode()
    file = reverse("admin:letter_file", args=[came.pk, came.files.latest("pk").pk])
    content = b"".join(done(clerk.get(file), 200).streaming_content)  # type: ignore[attr-defined]
    assert at.given["reply: end of a photo"].encode() in content
    # Refused on its way, then written, changed, sent.
    write = {"kind": "reply", "text": at.word("our reply that nobody can send"), "way": "post"}
    done(clerk.post(admin(at.request, "write"), write), 422)
    write = {"kind": "reply", "text": at.word("our first draft"), "way": "email"}
    done(clerk.post(admin(at.request, "write"), write))
    draft = Letter.objects.latest("pk")
    edit = {"body": at.word("our reply"), "version": version_of(draft)}
    done(clerk.post(admin(draft, "edit"), edit))
    done(clerk.post(admin(draft, "edit"), edit | {"body": at.word("too late a change")}), 409)
    for name in ("letter_texts", "letter_addresses"):
        breaks(clerk, admin(draft), (admin_letters, name), at=at)
    done(dpo.post(admin(draft, "open")))
    assert at.given["our reply"] in dpo.get(admin(draft, "send")).content.decode()
    done(dpo.post(admin(draft, "send")))
    with override_settings(EMAIL_BACKEND=BREAKS):
        tasks.post_letters()
    draft.refresh_from_db()
    assert (draft.state, draft.error) == ("queued", "SMTPRecipientsRefused")


def an_incident_names_the_person(at: Line) -> None:
    """Found by a list that is typed, and exported for the authority."""
    dpo = client_of(at.office.pandev.dpo)
    operator = at.office.pandev.operator
    register = {"operator": operator.pk, "detected_at": "2026-03-10T12:00"}
    done(dpo.post(reverse("admin:requests_incident_add"), register))
    row = Incident.objects.get()
    row.data_categories.add(*DataCategory.objects.filter(operator=operator, code__in=VALUES))
    lines = [at.given["email"], at.word("nobody in a list"), at.given["phone"]]
    upload = SimpleUploadedFile(at.word("name of a list", ".csv"), "\n".join(lines).encode())
    done(dpo.post(admin(row, "by_list"), {"content": upload}))
    silent(at, done(dpo.get(admin(row)), 200))
    assert row.affected.get().subject == at.subject
    wrong = {"codes": at.word("typed as a code of an affected person")}
    done(dpo.post(admin(row, "by_hand"), wrong), 200)
    done(dpo.post(admin(row, "export"), {"document": "letter 1", "language": "ru"}))
    file = exported(row)
    content = b"".join(done(dpo.get(file), 200).streaming_content)  # type: ignore[attr-defined]
    assert at.given["email"].encode() in content
    breaks(dpo, file, (incident_pages, "incident_export_open"), at=at)


def exported(row: Incident) -> str:
    return reverse("admin:incident_exported", args=[row.pk, row.exports.get().pk])


def letters_are_sent(at: Line) -> None:
    """The receipt and the reply, at the second try."""
    tasks.post_letters()
    assert {mail["To"] for mail in mails()[-2:]} == {at.told["email"]}
    assert any(at.given["our reply"] in mail.get_content() for mail in mails())


def answered_on_paper(at: Line) -> None:
    """Printed and posted; the next one handed over."""
    team = at.office.pandev
    clerk, dpo = client_of(team.clerk), client_of(team.dpo)
    item = at.paper.items.get()
    done(dpo.post(admin(item, "accept"), {}))
    for way in ("post", "by_hand"):
        write = {"kind": "reply", "text": at.word(f"our letter {way}"), "way": way}
        done(clerk.post(admin(at.paper, "write"), write))
        letter = Letter.objects.latest("pk")
        done(dpo.post(admin(letter, "open")))
        done(dpo.post(admin(letter, "send")))
        _printed_and_proven(at, letter)
    done(dpo.post(admin(at.paper, "close")))
    _printed_and_proven(at, Letter.objects.latest("pk"))


def _printed_and_proven(at: Line, letter: Letter) -> None:
    clerk = client_of(at.office.pandev.clerk)
    breaks_in = broken((admin_letters, "letter_print"))
    client = client_of(at.office.pandev.clerk)
    client.raise_request_exception = False
    with breaks_in:
        assert client.post(admin(letter, "print")).status_code == 500
    assert done(clerk.post(admin(letter, "print")), 200).content.startswith(b"%PDF")
    proof = {"sent_at": "2026-03-12T14:00", "proof": at.word(f"proof {letter.pk}")}
    wrong = proof | {"proof": proof["proof"] + "x" * PROOF_LIMIT}
    done(clerk.post(admin(letter, "prove"), wrong), 200)
    # A proof is no value of the person, and it is told not to be.
    done(clerk.post(admin(letter, "prove"), proof | {"proof": "RR123456789KZ"}))


# --- the end -------------------------------------------------------------------------------------
def the_demand_is_accepted(at: Line) -> None:
    dpo = client_of(at.office.pandev.dpo)
    item = at.request.items.get()
    silent(at, done(dpo.get(admin(item, "accept")), 200))
    done(dpo.post(admin(item, "accept"), {}))
    act = DestructionAct.objects.get(label=at.request.number)
    waiver = {"waiver": "alone in the office"}
    done(client_of(at.office.pandev.clerk).post(admin(act, "approve"), waiver), 403)
    done(dpo.post(admin(act, "approve"), waiver))
    silent(at, done(at.visitor.get(at.page + "cancel/"), 200))
    silent(at, done(at.visitor.post(at.page + "cancel/"), 409))


def destroyed_and_told(at: Line) -> None:
    sweep_destruction()
    act = DestructionAct.objects.get(label=at.request.number)
    assert act.state == "closed" and act.verification["by_value"]["state"] == "done"
    dpo = client_of(at.office.pandev.dpo)
    # Destroyed means that no copy is read either, before any sweep of the exports.
    silent(at, done(dpo.get(exported(Incident.objects.get())), 409))
    for paper in ActPaper.objects.filter(act=act):
        done(dpo.get(f"/admin/subjects/destructionact/{act.pk}/paper/{paper.pk}/"), 200)
    done(dpo.post(admin(at.request, "open")))
    preview = done(dpo.get(admin(at.request, "close")), 200)
    assert at.told["name"] in preview.content.decode()
    done(dpo.post(admin(at.request, "close")))
    assert Letter.objects.get(kind="closing", request=at.request).state == "queued"
    done(at.visitor.post(at.page, {"message": at.word("said after the end")}), 409)


def left_to_a_worker(at: Line) -> None:
    """The closing letter and the first ends, by a worker that tells all it does."""
    with processes.office(at.folder, database_url(), settings.REDIS_URL) as office:
        office.environment = environment() | {
            "REDIS_URL": settings.REDIS_URL, "LOG_LEVEL": "DEBUG",
        }  # fmt: skip
        office.start([*WORKER, "--loglevel", "DEBUG"])
        jobs: list[tuple[Any, Callable[[], bool]]] = [
            (tasks.post_letters, lambda: not Letter.objects.filter(state="queued").exists()),
            (tasks.forget_submissions, lambda: not Submission.objects.exists()),
            (tasks.end_correspondence, lambda: not _contact(at).exists()),
        ]
        for task, condition in jobs:
            ring(task)
            wait_for(condition, str(task))
    assert "closing" in set(Letter.objects.filter(state="sent").values_list("kind", flat=True))
    assert not VaultKey.objects.filter(kind=Sealed.SUBMISSION).exists()
    watch_vault()


def _contact(at: Line) -> Any:
    row = again(at.request)
    return VaultKey.objects.filter(pk__in=[row.email_key])


def the_correspondence_ends(at: Line) -> None:
    page = at.page
    tasks.end_correspondence()
    watch_vault()
    assert not VaultKey.objects.filter(kind__in=[*KINDS, Sealed.EXPORT]).exists()
    for language in ("kk", "ru", "en"):
        answer = done(at.visitor.get(f"{page}?lang={language}"), 200)
        assert at.request.number in answer.content.decode()
        silent(at, answer)


def bells_hang(at: Line) -> None:
    """In the queue, for whoever looks into it."""
    for task in (tasks.post_letters, tasks.forget_submissions, tasks.end_correspondence):
        ring(task)


Station = tuple[datetime | None, Callable[[Line], None]]
ALIVE: list[Station] = [
    (NOW, registered_with_consent),
    (NOW, recorded),
    (NOW, the_form_is_refused),
    (NOW, the_form_is_misused),
    (NOW, the_form_waits_for_its_code),
    (NOW + timedelta(minutes=5), the_form_becomes_a_request),
    (NOW, a_flood_is_refused),
    (LATER, the_person_follows_the_request),
    (LATER, staff_read_and_write),
    (LATER, an_incident_names_the_person),
    (LATER + HOUR, letters_are_sent),
    (DECIDED, answered_on_paper),
    (DECIDED + HOUR, the_demand_is_accepted),
    (DECIDED + HOUR, bells_hang),
]
OVER: list[Station] = [
    (ON_THE_DAY, destroyed_and_told),
    # Its clock is that of the machine.
    (None, left_to_a_worker),
    (END, the_correspondence_ends),
    (END, bells_hang),
]
