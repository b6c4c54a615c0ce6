"""What the stations of a request share: who walks through them, what breaks, what papers hold."""

from __future__ import annotations

import email
import email.policy
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from smtplib import SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client
from django.urls import reverse

from requests.services.tracking import tracking_path
from subjects.vault.models import Sealed
from tests.requests import forms
from tests.requests.asking import again
from tests.subjects.planted import printed, zipped
from tests.subjects.stations import Journey

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = datetime(2026, 3, 10, 9, tzinfo=UTC)
DECIDED = datetime(2026, 3, 12, 9, tzinfo=UTC)
ON_THE_DAY = datetime(2026, 5, 4, 9, tzinfo=UTC)
# Claims last three years (Civil Code of Kazakhstan 178).
END = datetime(2029, 12, 3, 9, tzinfo=UTC)
MEGABYTE = 1024 * 1024
BREAKS = "tests.requests.line_room.Breaks"
FILES = "registry.mailfiles.EmailBackend"
KINDS = (Sealed.REQUEST, Sealed.LETTER, Sealed.SUBMISSION)


@dataclass
class Line(Journey):
    """``told``: what the form says; ``request``: that of the person; ``paper``: one by post."""

    told: dict[str, Any] = field(default_factory=dict)
    request: Any = None
    paper: Any = None

    def word(self, name: str, ending: str = "") -> str:
        """A word that nobody has ever written down."""
        return self.a(name, f"слово {secrets.token_hex(10)}{ending}")

    def mark(self, name: str) -> bytes:
        return self.word(name).encode()

    @property
    def visitor(self) -> Client:
        """The person at an address of their own; what breaks is answered as to anybody."""
        client = forms.client_of(7)
        client.raise_request_exception = False
        return client

    @property
    def page(self) -> str:
        path = tracking_path(again(self.request))
        assert path is not None
        return path


class Breaks(BaseEmailBackend):
    """A mail server that quotes all it was given in its refusal."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            said = f"{message.subject} {message.body}".encode()
            raise SMTPRecipientsRefused(dict.fromkeys(message.to, (550, said)))
        return 0


@contextmanager
def broken(*places: tuple[Any, str]) -> Iterator[None]:
    """These functions of modules fail with their result in hand."""
    before = {place: getattr(*place) for place in places}

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def breaks(*args: Any, **kw: Any) -> Any:
            raise RuntimeError(args, kw, real(*args, **kw))

        return breaks

    for (module, name), real in before.items():
        setattr(module, name, failing(real))
    try:
        yield
    finally:
        for (module, name), real in before.items():
            setattr(module, name, real)


def breaks(client: Client, path: str, *places: tuple[Any, str], at: Line) -> None:
    """The page fails for good, and its answer tells nothing of what it had in hand."""
    with broken(*places):
        answer = client.get(path)
    assert answer.status_code == 500, path
    silent(at, answer)


def silent(at: Line, answer: Any) -> None:
    text = answer.content.decode()
    assert not [name for name, value in at.given.items() if value in text]


def mails() -> list[Any]:
    """Every mail that has gone, the newest last."""
    files = sorted(Path(settings.OFFICE_MAIL).glob("*.eml"), key=lambda file: file.stat().st_mtime)
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            for file in files]  # fmt: skip


def newest_code() -> str:
    return forms.CODE.findall(mails()[-1].get_content())[0]


def admin(row: Any, verb: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{verb}", args=[row.pk])


def done(answer: Any, status: int = 302) -> Any:
    assert answer.status_code == status, answer.content.decode()[:3000]
    return answer


def papers(at: Line, name: str) -> dict[str, Any]:
    """A printed PDF, and a photo with a comment, each with a mark of its own."""
    picture = forms.picture() + at.mark(f"{name}: end of a photo")
    document = printed(at.word(f"{name}: printed")) + b"\n%" + at.mark(f"{name}: comment of a PDF")
    return {"file_1": forms.upload(document, at.word(f"{name}: name of a file", ".pdf")),
            "file_2": forms.upload(picture, "photo.jpg")}  # fmt: skip


def not_papers(at: Line, name: str) -> list[dict[str, Any]]:
    """A program, a packed file and a page that call themselves PDF, and one that is too big."""
    mark = at.mark(f"{name}: in a refused file")
    wrong = [b"MZ\x90\x00\x03" + mark, zipped(mark) + mark, b"<html>" + mark,
             b"%PDF-" + mark + bytes(5 * MEGABYTE)]  # fmt: skip
    return [{"file_3": forms.upload(content, "file.pdf")} for content in wrong]
