"""What came to the operator's mailbox: read, sorted, kept until its own end.

The mail itself is sealed as it came, and so is what was read of it.
"""

from __future__ import annotations

import json

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.errors import OperatorError
from registry.models import Operator, User
from registry.models.base import OPERATOR_HELP, OperatorRow
from registry.roles import VIEW, Access
from requests.mail_sorting import Place as Sorting
from requests.mail_sorting import Why
from requests.models.letters import Letter
from requests.models.subject_requests import NO_NAMES, SEALED, SubjectRequest
from subjects import values
from subjects.folding import WHOLE, index_terms
from subjects.models import SealedFile
from subjects.models.base import lean_history
from subjects.vault.field import SealedField, SealedModel
from subjects.vault.models import Sealed
from subjects.vault.store import Place, Terms


class MailPlace(models.TextChoices):
    REQUEST = Sorting.REQUEST.value, _("opened a request")
    REPLY = Sorting.REPLY.value, _("belongs to a request")
    TRIAGE = Sorting.TRIAGE.value, _("waits for somebody to look")
    BOUNCE = Sorting.BOUNCE.value, _("a letter of ours came back")
    AUTO = Sorting.AUTO.value, _("written by a machine")
    NOT_REQUEST = "not_request", _("no request")


class MailWhy(models.TextChoices):
    """Why a mail was put there."""

    OURS = Why.OURS.value, _("our own mail came back to us")
    RETURNED = Why.RETURNED.value, _("says that a letter was not delivered")
    MACHINE = Why.MACHINE.value, _("says of itself that a machine wrote it")
    NO_SENDER = Why.NO_SENDER.value, _("names no sender")
    SEVERAL_SENDERS = Why.SEVERAL_SENDERS.value, _("names several senders")
    FLOOD = Why.FLOOD.value, _("too many mails of one sender within an hour")
    MARKED = Why.MARKED.value, _("has a marked subject")
    ANSWERS_LETTER = Why.ANSWERS_LETTER.value, _("answers a letter of ours")
    NAMES_CASE = Why.NAMES_CASE.value, _("names a request of this sender")
    SEVERAL_CASES = Why.SEVERAL_CASES.value, _("may belong to several requests")
    UNKNOWN = Why.UNKNOWN.value, _("nobody recognised it")
    SAME_NUMBER = "same_number", _("another mail has come with its Message-ID")
    NOT_TAKEN = "not_taken", _("it could not be taken as it is")
    BY_HAND = "by_hand", _("somebody decided")


MAILS = Access(
    scope="operator",
    dpo=VIEW | {"open", "convert", "join", "dismiss"},
    clerk=VIEW | {"open", "convert", "join", "dismiss"},
    auditor=VIEW,
    administrator=frozenset(),
    sworn=True,
)


class IncomingMail(SealedModel, OperatorRow):
    """One mail as it came, and what became of it."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="incoming_mails",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    # HMACs: they tell whether the same came again, and name nobody.
    message_hash = models.CharField(_("hash of the Message-ID"), max_length=64, blank=True)
    content_hash = models.CharField(_("hash of the content"), max_length=64)
    received_at = models.DateTimeField(
        _("received at"), help_text=_("When it arrived; what the mail says of itself counts not.")
    )
    read_at = models.DateTimeField(_("read at"))
    place = models.CharField(_("what became of it"), max_length=20, choices=MailPlace)
    why = models.CharField(_("why it is there"), max_length=20, choices=MailWhy)
    problems = models.JSONField(_("what could not be read"), default=list, blank=True)
    told = SealedField(_("what it says"), kind=Sealed.MAIL, key="told_key", help_text=SEALED)
    told_key = models.BigIntegerField(null=True, blank=True, unique=True, editable=False)
    file = models.OneToOneField(
        SealedFile,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="incoming_mail",
        verbose_name=_("the mail itself"),
    )
    request = models.ForeignKey(
        SubjectRequest,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="mails",
        verbose_name=_("request"),
    )
    letter = models.OneToOneField(
        Letter,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="mail",
        verbose_name=_("letter"),
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="decided_mails",
        verbose_name=_("decided by"),
    )
    reason = models.CharField(_("reason"), max_length=300, blank=True, help_text=NO_NAMES)
    history = lean_history()
    access = MAILS

    class Meta(SealedModel.Meta):
        abstract = False
        verbose_name = _("incoming mail")
        verbose_name_plural = _("incoming mails")
        ordering = ["-received_at", "-id"]
        indexes = [
            models.Index(fields=["operator", "message_hash"], name="mail_by_number"),
            models.Index(
                fields=["operator"], condition=models.Q(place="triage"), name="mail_in_triage"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "message_hash", "content_hash"], name="mail_once"
            ),
            models.CheckConstraint(
                name="mail_of_a_request_names_it",
                condition=~models.Q(place__in=["request", "reply"])
                | models.Q(request__isnull=False),
            ),
            models.CheckConstraint(
                name="mail_is_no_request_for_a_reason",
                condition=~models.Q(place="not_request") | ~models.Q(reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"

    def sealed_place(self, name: str) -> Place:
        """Bound to its own row, which must have its number first."""
        return Place(kind=Sealed.MAIL, owner=self.pk)

    def sealed_terms(self, name: str, text: str) -> Terms:
        """Found by its sender, where that is an address at all."""
        try:
            sender = values.check(values.EMAIL, json.loads(text)["sender"])
        except OperatorError:
            return Terms(self.operator_id, [])
        return Terms(self.operator_id, index_terms(values.EMAIL, WHOLE, sender))
