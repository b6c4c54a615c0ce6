"""Inquiries of the authority (152-FZ 20(4), 94-V 25(2)(3-1))."""

from __future__ import annotations

from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import Authority, Deadline, Operator, User
from registry.models.base import OperatorRow, history
from registry.roles import VIEW, Access
from requests import states

# Larger than any real answer; attachments travel as files, not as text.
TEXT_LIMIT = 100_000


class InquiryState(models.TextChoices):
    OPEN = states.OPEN, _("open")
    ANSWERED = states.ANSWERED, _("answered")
    WITHDRAWN = states.WITHDRAWN, _("withdrawn")


class LetterChannel(models.TextChoices):
    POST = "post", _("post")
    EMAIL = "email", _("e-mail")
    IN_PERSON = "in_person", _("in person")
    PORTAL = "portal", _("portal of the authority")


class RegulatorInquiry(OperatorRow):
    """A letter in which the authority asks, its answer, and the proof that it was sent."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="inquiries",
        verbose_name=_("operator"),
        help_text=_("Whom the authority asks."),
    )
    number = models.CharField(_("our number"), max_length=40)
    authority = models.ForeignKey(
        Authority,
        models.PROTECT,
        related_name="inquiries",
        verbose_name=_("authority"),
        help_text=_("Which body asks."),
    )
    reference = models.CharField(
        _("number of the letter"),
        max_length=100,
        help_text=_("The authority's own number and date, as on the letter."),
    )
    channel = models.CharField(
        _("came by"), max_length=20, choices=LetterChannel, default=LetterChannel.POST
    )
    received_at = models.DateTimeField(
        _("received at"),
        help_text=_(
            "Local time of the operator. The day counts even when the letter came after hours; "
            "the count begins the day after."
        ),
    )
    registered_at = models.DateTimeField(_("registered at"))
    stated_on = models.DateField(
        _("date stated by the authority"),
        null=True,
        blank=True,
        help_text=_(
            "If the letter names a day to answer by. In Kazakhstan the law has no number of its "
            "own (94-V 25(2)(3-1)): enter the letter's date."
        ),
    )
    questions = models.TextField(
        _("what is asked"),
        max_length=TEXT_LIMIT,
        help_text=_("In short. Write no names or numbers of people here: nothing here is sealed."),
    )
    state = models.CharField(
        _("state"), max_length=20, choices=InquiryState, default=InquiryState.OPEN
    )
    answer = models.TextField(
        _("answer"),
        max_length=TEXT_LIMIT,
        blank=True,
        help_text=_("The draft, later the text that was sent. No names or numbers of people."),
    )
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    sent_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="answered_inquiries",
        verbose_name=_("sent by"),
    )
    sent_channel = models.CharField(
        _("sent by way of"), max_length=20, choices=LetterChannel, blank=True
    )
    proof = models.CharField(
        _("proof of sending"),
        max_length=300,
        blank=True,
        help_text=_("Postal receipt, outgoing number or delivery report."),
    )
    withdrawn_reason = models.CharField(_("why withdrawn"), max_length=300, blank=True)
    deadlines = GenericRelation(
        Deadline, content_type_field="about_type", object_id_field="about_id"
    )
    history = history()
    numbered = "INQ"
    access = Access(
        scope="operator",
        dpo=VIEW | {"add", "change", "draft", "answer", "extend", "withdraw", "restate", "prove"},
        clerk=VIEW | {"add", "change", "draft", "prove"},
        administrator=VIEW,
    )

    class Meta:
        verbose_name = _("inquiry of the authority")
        verbose_name_plural = _("inquiries of the authority")
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "number"], name="inquiry_number_once"),
            models.UniqueConstraint(
                fields=["operator", "authority", "reference"],
                name="inquiry_letter_once",
                violation_error_message=_("This letter has been registered already."),
            ),
            models.CheckConstraint(
                name="inquiry_answered_is_whole",
                condition=~models.Q(state=InquiryState.ANSWERED)
                | (
                    models.Q(sent_at__isnull=False, sent_by__isnull=False)
                    & ~models.Q(answer="")
                    & ~models.Q(sent_channel="")
                ),
            ),
            models.CheckConstraint(
                name="inquiry_sent_only_when_answered",
                condition=models.Q(state=InquiryState.ANSWERED) | models.Q(sent_at=None),
            ),
            models.CheckConstraint(
                name="inquiry_withdrawn_has_a_reason",
                condition=~models.Q(state=InquiryState.WITHDRAWN) | ~models.Q(withdrawn_reason=""),
            ),
            models.CheckConstraint(
                name="inquiry_answered_after_receipt",
                condition=models.Q(sent_at=None) | models.Q(sent_at__gte=models.F("received_at")),
                violation_error_message=_("An answer cannot be older than the inquiry."),
            ),
        ]

    def __str__(self) -> str:
        return self.number
