"""The public form as people fill it in, and what of it may stand nowhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from django.apps import apps
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from requests.models import Submission
from requests.services.submissions import Told

NOW = datetime(2026, 3, 5, 9, tzinfo=UTC)
NONCE = re.compile(r'name="nonce" value="([^"]+)"')
CODE = re.compile(r"\b[0-9]{6}\b")
NAME, EMAIL = "Canary-Серікова Әсел", "canary.person@example.org"
MESSAGE, POSTAL = "canary-message: удалите мои данные", "canary-street 1, Алматы"
CANARIES = ("Canary-", "canary", "Серікова", "Әсел", "удалите")
FORM = {"wish": "destruction", "name": NAME, "email": EMAIL, "message": MESSAGE}
BY_POST = {
    "wish": "destruction", "name": NAME, "no_email": "on", "answer_by": "post", "postal": POSTAL,
    "message": MESSAGE,
}  # fmt: skip
PDF = b"%PDF-1.4\ncanary-pdf\n%%EOF"


def client_of(number: int) -> Client:
    """Somebody at an address of their own."""
    return Client(REMOTE_ADDR=f"198.51.{number // 250}.{number % 250 + 1}")


def path(code: str = "pandev") -> str:
    return f"/{code}/request/"


def picture(format: str = "JPEG", size: tuple[int, int] = (8, 8)) -> bytes:
    drawn = BytesIO()
    Image.new("RGB", size).save(drawn, format)
    return drawn.getvalue()


def upload(content: bytes, name: str = "canary-name.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="application/pdf")


def opened(client: Client, code: str = "pandev", **extra: Any) -> str:
    """Load the form; the nonce that its page carries."""
    found = NONCE.search(client.get(path(code), **extra).content.decode())
    assert found is not None
    return found[1]


def send(client: Client, fields: dict[str, Any], code: str = "pandev", **extra: Any) -> Any:
    """Load the form, fill it in, send it."""
    query = extra.pop("query", "")
    data = {"nonce": opened(client, code)} | fields
    return client.post(path(code) + query, data, **extra)


def sent(client: Client, fields: dict[str, Any] | None = None, code: str = "pandev") -> Submission:
    """A form that was taken."""
    answer = send(client, fields or FORM, code)
    assert answer.status_code == 302, answer.content.decode()
    return Submission.objects.select_related("operator__jurisdiction").get(
        public_id=answer.headers["Location"].split("/")[-2]
    )


def page_of(row: Submission) -> str:
    return f"/{row.operator.code}/request/{row.public_id}/"


def mailed_code() -> str:
    """What the newest mail says."""
    return CODE.findall(str(mail.outbox[-1].body))[-1]


def other_code(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def confirm(client: Client, row: Submission, code: str = "") -> Any:
    return client.post(page_of(row), {"code": code or mailed_code()})


def told(**changed: Any) -> Told:
    return Told(
        **{"kind": "destruction", "name": NAME, "answer_by": "email", "email": EMAIL,
           "message": MESSAGE} | changed
    )  # fmt: skip


def everywhere() -> str:
    """Every row of every table, as the database holds them."""
    return "\n".join(
        repr([bytes(part.raw) if hasattr(part, "raw") else part for part in row])
        for model in apps.get_models(include_auto_created=True)
        for row in model._base_manager.order_by("pk").values_list()
    )


def counts() -> dict[str, int]:
    """How many rows each table has, but the counters of visitors."""
    return {
        model._meta.label: model._base_manager.count()
        for model in apps.get_models(include_auto_created=True)
        if model._meta.label != "requests.Throttle"
    }
