"""The demo's mail: one file a message under OFFICE_VAR/mail, named by its Message-ID."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    """Writes each message whole or not at all; the same Message-ID overwrites its own file."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = settings.OFFICE_MAIL
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            built = message.message()
            name = re.sub(r"[^A-Za-z0-9.@-]", "", str(built["Message-ID"])) + ".eml"
            # Of one name for every try: what a killed worker leaves, the next try takes up.
            draft = folder / f".{name}.draft"
            try:
                draft.write_bytes(built.as_bytes())
                draft.replace(folder / name)
            finally:
                draft.unlink(missing_ok=True)
        return len(email_messages)
