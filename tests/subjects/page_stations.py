"""The stations of the canary where people meet values: pages, papers, imports, exports."""

from __future__ import annotations

import io
import logging
import secrets
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from registry.models import User
from subjects import import_tasks
from subjects.admin import pages, trail
from subjects.admin import people as admin_people
from subjects.choices import ImportState
from subjects.models import Consent, DataSubject, PersonalDatum, SubjectImport
from subjects.services import exporting, reading
from tests.subjects.people import category_of
from tests.subjects.test_import_common import ROW, published, table

CARD = "/admin/subjects/datasubject"


def client_of(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="registry.access.RoleBackend")
    return client


def worked_on_the_pages(at: Any) -> None:
    """Found, revealed, recorded, put right with a mistake first, exported and printed."""
    dpo = at.office.pandev.dpo
    client = client_of(dpo)
    email = at.given["right email"]
    hits = client.post(f"{CARD}/find/", {"text": email})
    assert hits.status_code == 302 and email not in hits.headers["Location"]
    assert email not in client.get(hits.headers["Location"]).content.decode()
    card = f"{CARD}/{at.subject.pk}"
    assert email not in client.get(f"{card}/change/").content.decode()
    assert client.post(f"{card}/reveal/", {"reason": "REQ-2026-0002"}).status_code == 302
    assert email in client.get(f"{card}/change/").content.decode()
    assert email in client.get(f"{card}/history/").content.decode()

    second = at.a("second email", f"second.{secrets.token_hex(8)}@example.org")
    form = {
        "category": category_of(at.office.pandev, "email").pk, "held_in": "vault",
        "text": second, "source": "subject", "collected_on": str(at.today),
    }  # fmt: skip
    wrong = at.a("mistyped email", f"mistyped.{secrets.token_hex(8)} example.org")
    assert client.post(f"{card}/record/", form | {"text": wrong}).status_code == 422
    assert client.post(f"{card}/record/", form).status_code == 302
    right = at.a("third email", f"third.{secrets.token_hex(8)}@example.org")
    number = PersonalDatum.objects.filter(subject=at.subject).latest("pk").pk
    change = {"datum": number, "text": wrong, "reason": "misspelt"}
    assert client.post(f"{card}/rectify/", change).status_code == 422
    assert client.post(f"{card}/rectify/", change | {"text": right}).status_code == 302

    exported = client.post(f"{card}/export/", {"reason": "REQ-2026-0002"})
    assert exported.status_code == 200 and right in exported.content.decode()
    consent = Consent.objects.get(ground__subject=at.subject)
    paper = client.post(f"{card}/prove/", {"consent": consent.pk, "language": "ru"})
    assert paper.status_code == 200 and paper.content.startswith(b"%PDF")
    assert client.post(f"{card}/hide/").status_code == 302


def a_revealed_card_that_breaks(at: Any) -> None:
    """A fault in the middle of the page, with the values of the card in hand."""
    client = client_of(at.office.pandev.dpo)
    card = f"{CARD}/{at.subject.pk}"
    assert client.post(f"{card}/reveal/", {"reason": "REQ-2026-0003"}).status_code == 302
    before = reading.show

    def breaks(*args: Any, **kw: Any) -> Any:
        raise RuntimeError(before(*args, **kw))

    patched = [module for module in _users_of_show() if getattr(module, "show", None) is before]
    assert patched
    for module in patched:
        module.show = breaks
    try:
        answer = client.get(f"{card}/change/")
    finally:
        for module in patched:
            module.show = before
    assert answer.status_code == 500
    assert at.given["right email"] not in answer.content.decode()


def _users_of_show() -> list[Any]:
    return [reading, admin_people, pages, trail, exporting]


def imported(at: Any) -> None:
    """By an upload and by the command, with rows that are refused and a file that is."""
    team = at.office.pandev
    text = published(team.operator, team.dpo, code="imported")
    row = ROW | {"consent_text": f"{text.code}-{text.version}"}
    rows = [
        row
        | {
            "account": at.a(f"account {number}", f"imp-{secrets.token_hex(8)}"),
            "email": at.a(f"email {number}", f"imp.{secrets.token_hex(8)}@example.org"),
            "full_name": at.a(f"name {number}", f"Ввезённая {new_name()}"),
            "evidence": at.a(f"evidence {number}", f"sheet {secrets.token_hex(8)}"),
        }
        for number in range(4)
    ]
    rows[1]["email"] = at.a("rejected email", f"rejected {secrets.token_hex(8)}")
    rows[2]["full_name"] = at.a("formula", f"=HYPERLINK({secrets.token_hex(8)})")
    client = client_of(team.clerk)
    upload = {
        "operator": team.operator.pk,
        "content": SimpleUploadedFile("people.csv", table(*rows), "text/csv"),
    }
    assert client.post("/admin/subjects/subjectimport/add/", upload).status_code == 302
    run = SubjectImport.objects.latest("pk")
    import_tasks.import_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.people_new, run.rows_rejected) == (ImportState.DONE, 2, 2)
    shown = client.get(f"/admin/subjects/subjectimport/{run.pk}/change/").content.decode()
    assert not any(value in shown for value in at.given.values())

    changed = rows[0] | {"email": at.a("changed", f"new.{secrets.token_hex(8)}@example.org")}
    file = at.folder / "people.csv"
    out = io.StringIO()
    try:
        file.write_bytes(table(changed, rows[1], rows[3]))
        call_command(
            "import_subjects", str(file), operator="pandev", stdout=out, stderr=out,
            rejects=str(at.folder / "rejects.csv"),
        )  # fmt: skip
    except (CommandError, SystemExit) as ended:
        logging.getLogger("office").info("import: %s", ended)
    finally:
        # The operator's own file: the office neither made it nor keeps it.
        file.unlink()
    (at.folder / "import.log").write_text(out.getvalue())
    assert (at.folder / "rejects.csv").read_text().count("\n") == 2
    assert DataSubject.objects.filter(pk__gt=at.subject.pk).count() >= 2


def new_name() -> str:
    letters = "абвгдежзиклмнопрстуфхцчшщэюя"
    return "".join(secrets.choice(letters) for _ in range(14)).capitalize()


PAGE_STATIONS = [worked_on_the_pages, a_revealed_card_that_breaks, imported]
