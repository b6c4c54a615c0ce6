"""The mail with the one-time code: the code and who asks, nothing that was told."""

from __future__ import annotations

import logging

from django.core.mail import EmailMessage
from django.utils.translation import gettext, override

from registry.models import Operator

log = logging.getLogger(__name__)


def code_mailed(*, operator: Operator, email: str, code: str, language: str) -> bool:
    """Send it at once, in the person's language; whether the mail server took it.

    It waits in no outbox: a row of the outbox would hold the code and the address.
    """
    with override(language):
        subject = gettext("Your code for the request to %(operator)s") % {"operator": operator}
        body = gettext(
            "Your code: %(code)s\n\n"
            "Type it in on the page where you wrote to %(operator)s. It is valid for 15 "
            "minutes.\n\n"
            "If you did not write to %(operator)s, do nothing: without the code nothing is "
            "registered, and what was written is destroyed within a day."
        ) % {"code": code, "operator": operator}
    return _mailed(email, subject, body)


def answer_code_mailed(*, operator: Operator, email: str, code: str, language: str) -> bool:
    """The same for the answer about somebody's data; whether the mail server took it."""
    with override(language):
        subject = gettext("Your code for the answer of %(operator)s") % {"operator": operator}
        body = gettext(
            "Your code: %(code)s\n\n"
            "Type it in on the page of your request to %(operator)s to fetch the answer about your "
            "data. It is valid for 15 minutes.\n\n"
            "If you did not ask for it, somebody else has the link to your request: write to "
            "%(operator)s."
        ) % {"code": code, "operator": operator}
    return _mailed(email, subject, body)


def _mailed(email: str, subject: str, body: str) -> bool:
    mail = EmailMessage(
        # A name with a line break would be a header of its own.
        subject=" ".join(subject.split()),
        body=body,
        to=[email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    try:
        sent = mail.send()
    except Exception as error:
        # Mail libraries quote addresses in their errors.
        log.error("a code could not be mailed: %s", type(error).__name__)
        return False
    return bool(sent)
