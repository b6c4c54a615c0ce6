"""manage.py ingest_mail FILE.eml: a mail that came to the operator's mailbox, from a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext

from registry.commands import OfficeCommand
from registry.errors import OperatorError, gettext_noop
from registry.services.rules import operator_by_code
from registry.tasks import remind, ring
from requests.mail_reading import read_mail
from requests.services.mailbox import MAIL_BYTES, MailTooBig, mail_ingested


class MailNotReadable(OperatorError):
    template = gettext_noop("The file cannot be read: %(reason)s.")


class MomentUnknown(OperatorError):
    template = gettext_noop("--received-at is a date with a time, such as 2026-03-05T09:30.")


class Command(OfficeCommand):
    help = (
        "Take one mail from a file (RFC 5322, as mail programs save it): open the request that its "
        "marked subject asks for, join the request that it answers, or leave it in triage. The "
        "receipt is --received-at, else the moment at which the last server stamped it, else now. "
        "The same mail twice is one. Exit code: 0 it was taken, 2 it was refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the mail, such as letter.eml")
        parser.add_argument("--operator", required=True, help="code of the operator")
        parser.add_argument("--received-at", help="local time of the operator")

    def work(self, **options: Any) -> None:
        operator = operator_by_code(options["operator"])
        now = timezone.now()
        raw = self._content(Path(options["file"]))
        received_at = now
        if options["received_at"]:
            try:
                received_at = datetime.fromisoformat(options["received_at"])
                if received_at.tzinfo is None:
                    received_at = received_at.replace(tzinfo=operator.zone)
                received_at.astimezone(UTC)
            except (ValueError, OverflowError):
                raise MomentUnknown() from None
        else:
            stamped = read_mail(raw).stamped_at
            if stamped is not None and stamped <= now:
                received_at = stamped
        row = mail_ingested(operator=operator, raw=raw, received_at=received_at, by=None, now=now)
        ring(remind)
        number = row.request.number if row.request is not None else ""
        told = f"{row.get_place_display()} ({row.get_why_display()})"
        self.stdout.write(
            gettext("Mail %(pk)s: %(told)s %(number)s")
            % {"pk": row.pk, "told": told, "number": number}
        )

    def _content(self, path: Path) -> bytes:
        try:
            with path.open("rb") as stream:
                raw = stream.read(MAIL_BYTES + 1)
        except OSError as error:
            raise MailNotReadable(reason=error.strerror) from None
        if len(raw) > MAIL_BYTES:
            raise MailTooBig(limit=MAIL_BYTES // (1024 * 1024))
        return raw
