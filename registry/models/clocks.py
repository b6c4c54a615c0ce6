"""Running clocks: deadlines, their extensions, and corrections that moved them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import MINIMUM_EFFECTS, Binding, Effect, Event
from registry.models.base import OperatorRow, history
from registry.models.operators import Operator
from registry.models.rules import DeadlineRule
from registry.models.staff import User
from registry.roles import VIEW, Access


class DeadlineQuerySet(models.QuerySet["Deadline"]):
    def open(self) -> Self:
        """Clocks that still run: neither met nor void."""
        return self.filter(met_at=None, voided_at=None)

    def duties(self) -> Self:
        """Clocks of something to be done in time; "not before" and "keep until" demand nothing."""
        return self.exclude(effect__in=MINIMUM_EFFECTS)

    def overdue(self, now: datetime) -> Self:
        """Open duties whose last moment has passed. Derived, never stored."""
        return self.open().duties().filter(ends_at__lte=now)


class Deadline(OperatorRow):
    """One running clock about one thing: what must be done, by when, and why then.

    ``due_on`` is the legal last day in the operator's zone, ``due_at`` the instant of terms in
    hours, ``ends_at`` the instant after which it is overdue. ``internal_on`` is the safe day
    that reminders count from. All empty while a fact is missing; ``steps`` then says which.
    """

    operator = models.ForeignKey(
        Operator, models.PROTECT, related_name="deadlines", verbose_name=_("operator")
    )
    about_type = models.ForeignKey(ContentType, models.PROTECT, verbose_name=_("about"))
    about_id = models.BigIntegerField(_("number of the row"))
    about = GenericForeignKey("about_type", "about_id")
    label = models.CharField(_("about"), max_length=60)
    event = models.CharField(_("starts with"), max_length=60, choices=Event)
    effect = models.CharField(_("demands"), max_length=60, choices=Effect)
    statute = models.ForeignKey(
        DeadlineRule,
        models.PROTECT,
        null=True,
        related_name="statute_deadlines",
        verbose_name=_("statute"),
    )
    promise = models.ForeignKey(
        DeadlineRule,
        models.PROTECT,
        null=True,
        related_name="promise_deadlines",
        verbose_name=_("promise"),
    )
    trigger_at = models.DateTimeField(_("trigger"))
    stated_on = models.DateField(_("stated date"), null=True)
    due_on = models.DateField(_("due on"), null=True)
    due_at = models.DateTimeField(_("due at"), null=True)
    ends_at = models.DateTimeField(_("overdue from"), null=True, db_index=True)
    internal_on = models.DateField(_("internal date"), null=True)
    internal_at = models.DateTimeField(_("internal time"), null=True)
    binding = models.CharField(_("what binds"), max_length=20, choices=Binding, blank=True)
    statute_due_on = models.DateField(_("due by statute"), null=True)
    promise_due_on = models.DateField(_("due by promise"), null=True)
    steps = models.JSONField(_("how it was counted"), default=list)
    owner = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="deadlines",
        verbose_name=_("owner"),
    )
    created_at = models.DateTimeField(_("recorded at"))
    met_at = models.DateTimeField(_("met at"), null=True)
    voided_at = models.DateTimeField(_("void since"), null=True)
    history = history()
    access = Access(scope="operator", dpo=VIEW | {"assign"}, clerk=VIEW | {"assign"})

    objects = DeadlineQuerySet.as_manager()

    class Meta:
        verbose_name = _("deadline")
        verbose_name_plural = _("deadlines")
        ordering = ["ends_at", "id"]
        indexes = [models.Index(fields=["about_type", "about_id"], name="deadline_about")]
        constraints = [
            models.UniqueConstraint(
                fields=["about_type", "about_id", "event", "effect"],
                condition=models.Q(voided_at=None),
                name="deadline_once_per_duty",
            ),
            models.CheckConstraint(
                name="deadline_met_or_void",
                condition=models.Q(met_at=None) | models.Q(voided_at=None),
            ),
            models.CheckConstraint(
                name="deadline_end_follows_due",
                condition=models.Q(due_on=None, ends_at=None)
                | models.Q(due_on__isnull=False, ends_at__isnull=False),
            ),
            models.CheckConstraint(
                name="deadline_has_a_rule",
                condition=models.Q(statute__isnull=False) | models.Q(promise__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.get_effect_display()}"

    @property
    def is_open(self) -> bool:
        return self.met_at is None and self.voided_at is None


class Extension(models.Model):
    """The one extension the law allows: by a notice with reasons, sent before the expiry."""

    deadline = models.OneToOneField(
        Deadline, models.PROTECT, related_name="extension", verbose_name=_("deadline")
    )
    reasons = models.TextField(_("reasons"))
    notice_number = models.CharField(_("number of the notice"), max_length=100)
    notice_sent_at = models.DateTimeField(_("notice sent at"))
    due_before = models.DateField(_("due before"))
    due_after = models.DateField(_("due after"))
    history = history()
    access = Access(scope="deadline__operator")

    class Meta:
        verbose_name = _("extension")
        verbose_name_plural = _("extensions")
        ordering = ["-notice_sent_at"]
        constraints = [
            models.CheckConstraint(
                name="extension_has_reasons",
                condition=~models.Q(reasons="") & ~models.Q(notice_number=""),
            ),
            models.CheckConstraint(
                name="extension_moves_forward",
                condition=models.Q(due_after__gt=models.F("due_before")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deadline.label}: {self.due_before} → {self.due_after}"


class Correction(models.Model):
    """One recorded step that moved open deadlines: a decreed holiday, a corrected rule."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        null=True,
        related_name="corrections",
        verbose_name=_("operator"),
    )
    what = models.CharField(_("what was corrected"), max_length=300)
    reason = models.TextField(_("reason"))
    made_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="corrections", verbose_name=_("by")
    )
    made_at = models.DateTimeField(_("at"))
    history = history()
    # Of the law: everybody's. Of one operator's promise: that operator's alone.
    access = Access(scope="operator", shared=True)

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return self.what


class CorrectionItem(models.Model):
    """A deadline that a correction moved: from which date to which."""

    correction = models.ForeignKey(
        Correction, models.PROTECT, related_name="items", verbose_name=_("correction")
    )
    deadline = models.ForeignKey(
        Deadline, models.PROTECT, related_name="corrections", verbose_name=_("deadline")
    )
    due_before = models.DateField(_("due before"), null=True)
    due_after = models.DateField(_("due after"), null=True)
    history = history()
    access = Access(scope="deadline__operator")

    class Meta:
        verbose_name = _("moved deadline")
        verbose_name_plural = _("moved deadlines")
        ordering = ["correction", "deadline"]
        constraints = [
            models.UniqueConstraint(
                fields=["correction", "deadline"], name="correction_moves_a_deadline_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.deadline.label}: {self.due_before} → {self.due_after}"
