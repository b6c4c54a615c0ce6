"""Systems that are told by machine what an act destroys there: how far each call has come."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import InformationSystem
from registry.roles import VIEW, Access
from subjects.choices import CallState
from subjects.models.acts import DestructionAct


class SystemCall(models.Model):
    """One act told to one system; the outbox of webhooks. No value: who is told is read anew."""

    act = models.ForeignKey(
        DestructionAct, models.PROTECT, related_name="calls", verbose_name=_("act of destruction")
    )
    system = models.ForeignKey(
        InformationSystem,
        models.PROTECT,
        related_name="destruction_calls",
        verbose_name=_("information system"),
    )
    state = models.CharField(
        _("state"), max_length=20, choices=CallState, default=CallState.WAITING
    )
    # The next people, once the system has confirmed these: each part has a key of its own.
    part = models.PositiveIntegerField(_("part"), default=1)
    people = models.PositiveIntegerField(_("people"), default=0)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(_("next attempt"))
    claimed_at = models.DateTimeField(_("claimed at"), null=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    # The class of what failed, or the status: never what was sent or answered.
    last_error = models.CharField(_("error"), max_length=100, blank=True)
    escalated_at = models.DateTimeField(_("escalated at"), null=True)
    made_at = models.DateTimeField(_("made at"))
    access = Access(
        scope="act__operator",
        dpo=VIEW | {"retry"},
        clerk=VIEW | {"retry"},
        auditor=VIEW,
        administrator=frozenset(),
        sworn=True,
        room="people",
    )

    class Meta:
        verbose_name = _("call of a system")
        verbose_name_plural = _("calls of systems")
        ordering = ["-made_at", "-id"]
        indexes = [models.Index(fields=["state", "next_try_at"], name="system_call_due")]
        constraints = [
            models.UniqueConstraint(fields=["act", "system"], name="system_call_once"),
            models.CheckConstraint(
                name="system_call_sent_has_a_time",
                condition=~models.Q(state=CallState.SENT) | models.Q(sent_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act}: {self.system.code}"

    @property
    def key(self) -> str:
        """The same for every try of one part."""
        return f"destruction-{self.pk}-{self.part}"
