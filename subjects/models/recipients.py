"""Who was given data that an act destroys: told to destroy them too, and what they answered."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Channel
from registry.models import Operator, Recipient, User
from registry.models.base import OperatorRow, history
from registry.roles import VIEW, Access
from subjects.choices import RecipientState
from subjects.models.acts import DestructionAct

NO_NAMES = _("No names or numbers of people.")


class RecipientNotice(OperatorRow):
    """One recipient of one act: told of it or not, and the answer; codes and numbers, no value.

    A processor acts on the operator's behalf, and the operator sees to it that its copy goes
    (152-FZ 21(3)-(5)); of anybody else it can only be asked.
    """

    act = models.ForeignKey(
        DestructionAct,
        models.PROTECT,
        related_name="recipient_notices",
        verbose_name=_("act of destruction"),
    )
    recipient = models.ForeignKey(
        Recipient,
        models.PROTECT,
        related_name="destruction_notices",
        verbose_name=_("recipient"),
    )
    # As it was when the notice was drafted: the register may say something else later.
    processor = models.BooleanField(
        _("processor"),
        help_text=_("Acts on the operator's behalf: it must destroy its copy, others are asked."),
    )
    people = models.PositiveIntegerField(
        _("people"), help_text=_("About how many people; none: nothing of theirs was destroyed.")
    )
    state = models.CharField(
        _("state"), max_length=20, choices=RecipientState, default=RecipientState.WAITING
    )
    drafted_at = models.DateTimeField(_("drafted at"))
    due_on = models.DateField(
        _("expected by"),
        help_text=_("By this day it is to be told, and once told, to have answered."),
    )
    told_at = models.DateTimeField(_("told at"), null=True, blank=True)
    told_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="recipient_notices_told",
        verbose_name=_("told by"),
    )
    told_way = models.CharField(_("told through"), max_length=30, choices=Channel, blank=True)
    document = models.CharField(
        _("document"), max_length=300, blank=True, help_text=NO_NAMES
    )  # fmt: skip
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    answered_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="recipient_notices_answered",
        verbose_name=_("answer recorded by"),
    )
    answered_way = models.CharField(
        _("answered through"), max_length=30, choices=Channel, blank=True
    )
    answer = models.CharField(_("answer"), max_length=300, blank=True, help_text=NO_NAMES)
    # The escalation of this day has been written.
    escalated_on = models.DateField(_("escalated on"), null=True, blank=True)
    history = history()
    access = Access(
        scope="act__operator",
        dpo=VIEW,
        clerk=VIEW,
        auditor=VIEW,
        administrator=frozenset(),
        sworn=True,
        room="people",
    )

    class Meta:
        verbose_name = _("notice to a recipient")
        verbose_name_plural = _("notices to recipients")
        ordering = ["-drafted_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["act", "recipient"], name="recipient_notice_once"),
            models.CheckConstraint(
                name="recipient_told_by_somebody",
                condition=~models.Q(state__in=[RecipientState.TOLD, RecipientState.CONFIRMED])
                | (
                    models.Q(told_at__isnull=False, told_by__isnull=False)
                    & ~models.Q(told_way="")
                    & ~models.Q(document="")
                ),
            ),
            models.CheckConstraint(
                name="recipient_answer_is_written_down",
                condition=~models.Q(state__in=[RecipientState.CONFIRMED, RecipientState.REFUSED])
                | (
                    models.Q(answered_at__isnull=False, answered_by__isnull=False)
                    & ~models.Q(answer="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act}: {self.recipient.code}"

    @property
    def operator(self) -> Operator:
        return self.act.operator
