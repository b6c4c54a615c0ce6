"""Where a person's values pass in the office: one function a station, in the order of a life.

``tests/subjects/test_canary.py`` walks through ``STATIONS`` with values that occur nowhere else
and then looks for them everywhere. Whoever builds a page, a form or a file adds a station here.
"""

from __future__ import annotations

import io
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path
from django.utils import timezone
from PIL import Image

from registry.errors import OperatorError
from registry.identifiers import is_iin
from registry.models import User
from registry.tasks import digest, ring
from subjects import tasks
from subjects.models import Consent, DataSubject, PersonalDatum
from subjects.services import keys, looking, people, photos, search
from subjects.services.covering import NotCovered
from subjects.services.files import file_open
from subjects.services.grounds import consent_withdraw
from subjects.vault.field import Plain
from subjects.vault.sealing_bridge import State, open_rows
from tests.conftest import PASSWORD, Office
from tests.subjects.page_stations import PAGE_STATIONS
from tests.subjects.people import card, category_of, consent, datum
from tests.subjects.worker_station import left_to_a_worker

DIGITS = "0123456789"
CYRILLIC = "абвгдежзиклмнопрстуфхцчшщэюя"


def _drawn(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def _identifier(fits: Callable[[str], bool], start: str) -> str:
    while True:
        found = start + _drawn(DIGITS, 12 - len(start))
        if fits(found):
            return found


def canaries() -> dict[str, str]:
    """For each category of pandev a value that nobody has ever written down."""
    tag = secrets.token_hex(8)
    return {
        "full_name": f"Канарейкина {_drawn(CYRILLIC, 14).capitalize()}",
        "email": f"canary.{tag}@example.org",
        "phone": "+7701" + _drawn("123456789", 7),
        "iin": _identifier(is_iin, "910512"),
        "account": f"acc-{secrets.token_hex(8)}",
        "ip_address": ".".join(str(100 + secrets.randbelow(150)) for _ in range(4)),
        "device": f"Телефон марки {_drawn(CYRILLIC, 16)}",
        "logs": f"visited /room/{secrets.token_hex(12)}",
        "moments": f"2025-1{_drawn('012', 1)}-1{_drawn(DIGITS, 1)}T04:05:06"
        f".{_drawn('123456789', 6)}+05:00",
        "subject_status": f"состояние {_drawn(CYRILLIC, 12)}",
    }


@dataclass
class Journey:
    """What the stations share. ``given``: every value that must not be found, by what it is."""

    office: Office
    folder: Path
    given: dict[str, str] = field(default_factory=dict)
    rows: dict[str, PersonalDatum] = field(default_factory=dict)
    subject: Any = None
    now: Any = field(default_factory=timezone.now)

    @property
    def today(self) -> Any:
        return self.now.date()

    def a(self, name: str, value: str) -> str:
        """One more value to look for."""
        self.given[name] = value
        return value

    @property
    def clerk(self) -> User:
        return self.office.pandev.clerk


# --- the stations --------------------------------------------------------------------------------
def registered_with_consent(at: Journey) -> None:
    at.subject = card(at.office.pandev)
    evidence = at.a("evidence", f"лист {secrets.token_hex(10)}")
    consent(at.office.pandev, at.subject, evidence=evidence)
    proof = Consent.objects.get(ground__subject=at.subject)
    assert open_rows([proof], "evidence")[proof.pk].text == evidence


def recorded(at: Journey) -> None:
    for code, value in canaries().items():
        at.rows[code] = datum(
            at.office.pandev, at.subject, code, at.a(code, value), identity=code == "account"
        )


def photographed(at: Journey) -> None:
    mark = at.a("photo", f"marker-of-a-photo-{secrets.token_hex(10)}")
    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "JPEG", comment=mark.encode())
    assert mark.encode() in stream.getvalue()
    row = photos.datum_photo(
        subject=at.subject, category=category_of(at.office.pandev, "photo"), stream=stream,
        size=len(stream.getvalue()), source="subject", collected_on=at.today, by=at.clerk,
        now=at.now,
    )  # fmt: skip
    assert row.file is not None and mark.encode() in b"".join(file_open(row.file))


def rectified_and_verified(at: Journey) -> None:
    for code in ("email", "full_name", "device"):
        right = at.a(f"right {code}", canaries()[code])
        at.rows[code] = people.datum_rectify(
            datum=at.rows[code], text=right, by=at.clerk, today=at.today, reason="wrong"
        )
    people.datum_verify(datum=at.rows["email"], by=at.clerk, today=at.today)


def read_in_the_history(at: Journey) -> None:
    versions = PersonalDatum.history.filter(subject=at.subject)
    opened = {one.text for one in open_rows(versions, "value").values()}
    assert {at.given["email"], at.given["right email"]} <= opened
    new, *_, old = versions.filter(id=at.rows["email"].pk).order_by("-history_id")
    assert "value" in new.diff_against(old).changed_fields
    logging.getLogger("office").error("compared %s and %s", new.diff_against(old), new)


def found_and_revealed(at: Journey) -> None:
    operators = [at.office.pandev.operator]
    for code in ("right email", "phone", "iin", "account", "right full_name"):
        hit = search.search(user=at.clerk, text=at.given[code], now=at.now, operators=operators)
        assert at.subject.pk in hit.subjects, code
    nobody = at.a("sought in vain", f"nobody.{secrets.token_hex(8)}@example.org")
    search.search(user=at.clerk, text=nobody, now=at.now, operators=operators)
    looking.card_reveal(subject=at.subject, user=at.clerk, reason="REQ-2026-0001", now=at.now)


def refused(at: Journey) -> None:
    """Every refusal with a value in hand; each is logged with its traceback, as a view would."""
    stranger = card(at.office.pandev)
    wrong = at.a("wrong phone", f"+7701{_drawn('123456789', 7)}x{secrets.token_hex(4)}")
    verbs: list[Callable[[], Any]] = [
        lambda: datum(at.office.pandev, stranger, "email", at.given["email"]),
        lambda: datum(at.office.pandev, at.subject, "phone", wrong),
        lambda: datum(at.office.pandev, at.subject, "iin", at.given["phone"]),
        lambda: people.datum_rectify(
            datum=at.rows["phone"], text=wrong, by=at.clerk, today=at.today, reason="x"
        ),
        lambda: PersonalDatum.objects.filter(value=at.given["email"]),
        lambda: PersonalDatum.objects.update(value=at.given["email"]),
        lambda: open_rows([_moved(at)], "value"),
        lambda: _unsaved(at, at.given["right email"] + "\ud800"),
    ]
    log = logging.getLogger("office")
    for verb in verbs:
        with pytest.raises((OperatorError, NotCovered, Exception)):
            try:
                with transaction.atomic():
                    verb()
            except Exception:
                log.exception("refused")
                raise


def _moved(at: Journey) -> PersonalDatum:
    row = PersonalDatum.objects.get(pk=at.rows["phone"].pk)
    row.value = PersonalDatum.objects.get(pk=at.rows["email"].pk).value
    return row


def _unsaved(at: Journey, text: str) -> None:
    row = PersonalDatum.objects.get(pk=at.rows["email"].pk)
    row.value = Plain(text)
    row.save()


def refused_by_the_database(at: Journey) -> None:
    """Constraints that fail with a value on its way in: PostgreSQL quotes the failing row."""
    log = logging.getLogger("office")

    def row(**fields: Any) -> PersonalDatum:
        made = PersonalDatum(
            subject=at.subject, category=category_of(at.office.pandev, "email"),
            collected_on=at.today, value=Plain(at.given["email"]),
        )  # fmt: skip
        for name, value in fields.items():
            setattr(made, name, value)
        return made

    for wrong in (
        row(held_in="system"),
        row(source="x" * 200 if connection.vendor == "postgresql" else None),
        row(collected_on=None),
    ):
        for save in (wrong.save, lambda wrong=wrong: PersonalDatum.objects.bulk_create([wrong])):
            with pytest.raises(DatabaseError), transaction.atomic():
                try:
                    save()
                except DatabaseError:
                    log.exception("the database refuses")
                    raise


def _breaks(request: HttpRequest) -> HttpResponse:
    typed = request.POST.get("value", "")
    row = PersonalDatum.objects.order_by("pk")[0]
    row.value = Plain(typed)
    raise RuntimeError(row, Plain(typed))


urlpatterns = [path("breaks/", _breaks), path("", include("config.urls"))]


def posted_to_a_page_that_breaks(at: Journey) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(at.clerk, backend="registry.access.RoleBackend")
    with override_settings(ROOT_URLCONF="tests.subjects.stations"):
        answer = client.post("/breaks/", {"value": at.given["email"]})
    assert answer.status_code == 500 and at.given["email"] not in answer.content.decode()


def typed_into_the_log_in(at: Journey) -> None:
    form = {"username": at.clerk.username, "password": at.given["phone"], "next": "/admin/"}
    assert Client().post("/admin/login/", form).status_code == 200
    assert Client().post("/admin/login/", form | {"password": PASSWORD}).status_code == 302


def rung_and_mailed(at: Journey) -> None:
    """Messages in the queue, tasks that run, mails in files."""
    for task in (tasks.watch_vault, tasks.keep_keys, digest):
        ring(task)
    with override_settings(EMAIL_BACKEND="registry.mailfiles.EmailBackend"):
        digest()
    tasks.watch_vault()
    call_command("check_vault", stdout=io.StringIO())


def keys_rotated(at: Journey) -> None:
    keys.kek_rotate(by=None, now=at.now)
    keys.search_rotate(by=None, now=at.now)
    opened = open_rows(PersonalDatum.objects.filter(subject=at.subject, file=None), "value")
    assert {one.state for one in opened.values()} == {State.OPEN}


def withdrawn(at: Journey) -> None:
    given = Consent.objects.get(ground__subject=at.subject)
    consent_withdraw(
        consent=given, channel="email", received_at=at.now, by=at.clerk,
        now=at.now + timedelta(seconds=1),
    )  # fmt: skip
    assert DataSubject.objects.get(pk=at.subject.pk).code


STATIONS: list[Callable[[Journey], None]] = [
    registered_with_consent,
    recorded,
    photographed,
    rectified_and_verified,
    read_in_the_history,
    found_and_revealed,
    refused,
    refused_by_the_database,
    posted_to_a_page_that_breaks,
    typed_into_the_log_in,
    *PAGE_STATIONS,
    left_to_a_worker,
    rung_and_mailed,
    keys_rotated,
    withdrawn,
]
