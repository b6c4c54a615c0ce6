"""Mails for the tests: as people and machines write them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from requests.models import IncomingMail
from requests.services.mailbox import mail_ingested
from tests.conftest import Team

ARRIVED = datetime(2026, 3, 5, 9, tzinfo=UTC)
READ = datetime(2026, 3, 6, 9, tzinfo=UTC)
SENDER = "canary.sender@example.org"
NAME = "Каверина Проба"
TEXT = "canary-text: мои данные неверны"
UPDATE = "Personal Data Update"
WITHDRAWAL = "Withdrawal of Consent to Personal Data Processing"
PDF = b"%PDF-1.4\ncanary-mail\n%%EOF"
SECRETS = (SENDER, NAME, "canary", "Каверина")


def mail(
    subject: str = UPDATE,
    *,
    text: str = TEXT,
    number: str = "<1@example.org>",
    sender: str = SENDER,
    files: dict[str, bytes] | None = None,
    **heads: str,
) -> bytes:
    message = EmailMessage()
    message["From"] = f'"{NAME}" <{sender}>' if sender else ""
    message["To"] = "requests@example.com"
    message["Subject"] = subject
    # What a mail says of its own day counts for nothing.
    message["Date"] = "Mon, 01 Jan 2024 00:00:00 +0000"
    if number:
        message["Message-ID"] = number
    for name, value in heads.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    for name, content in (files or {}).items():
        message.add_attachment(
            content, maintype="application", subtype=name.split(".")[-1], filename=name
        )
    return message.as_bytes()


def ingest(team: Team, raw: bytes, **changed: Any) -> IncomingMail:
    row = mail_ingested(
        **{
            "operator": team.operator, "raw": raw, "received_at": ARRIVED, "by": None, "now": READ,
        }
        | changed
    )  # fmt: skip
    return fresh(row)


def fresh(row: IncomingMail) -> IncomingMail:
    rows = IncomingMail.objects.select_related("operator__jurisdiction", "request", "file")
    return rows.get(pk=row.pk)
