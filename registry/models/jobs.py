"""What the clock remembers: reminders, the outbox, the runs of its jobs.

These rows are themselves the journal of a machine: jobs add and progress them, nobody edits
them, so they carry no second history.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import NoticeKind, NoticeState, RunState
from registry.models.clocks import Deadline
from registry.models.operators import Operator
from registry.models.staff import User
from registry.roles import MACHINE, VIEW, Access


class Reminder(models.Model):
    """One mark of one clock (five days before, the day, each day late): made once, for ever."""

    deadline = models.ForeignKey(
        Deadline, models.PROTECT, related_name="reminders", verbose_name=_("deadline")
    )
    mark = models.CharField(_("mark"), max_length=40)
    planned_at = models.DateTimeField(_("planned at"))
    created_at = models.DateTimeField(_("made at"))
    access = Access(scope="deadline__operator")

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        ordering = ["deadline", "planned_at"]
        constraints = [
            models.UniqueConstraint(fields=["deadline", "mark"], name="reminder_mark_once")
        ]

    def __str__(self) -> str:
        return f"{self.deadline.label}: {self.mark}"


class Notice(models.Model):
    """A mail of the office to one of its staff: the outbox. ``key`` makes it unique."""

    operator = models.ForeignKey(
        Operator, models.PROTECT, related_name="notices", verbose_name=_("operator")
    )
    recipient = models.ForeignKey(
        User, models.PROTECT, related_name="notices", verbose_name=_("recipient")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=NoticeKind)
    key = models.CharField(_("key"), max_length=200, unique=True)
    subject = models.CharField(_("subject"), max_length=300)
    body = models.TextField(_("text"))
    state = models.CharField(
        _("state"), max_length=20, choices=NoticeState, default=NoticeState.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), db_index=True)
    claimed_at = models.DateTimeField(_("claimed at"), null=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    error = models.CharField(_("error"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("made at"))
    access = Access(scope="operator", dpo=VIEW | {"retry"}, administrator=VIEW | {"retry"})

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("outbox")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="notice_sent_has_a_time",
                condition=(~models.Q(state=NoticeState.SENT) & models.Q(sent_at=None))
                | models.Q(state=NoticeState.SENT, sent_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.subject


class NoticeLine(models.Model):
    """A reminder on its way to one person; ``notice`` is the mail that carried it."""

    reminder = models.ForeignKey(
        Reminder, models.PROTECT, related_name="lines", verbose_name=_("reminder")
    )
    recipient = models.ForeignKey(
        User, models.PROTECT, related_name="notice_lines", verbose_name=_("recipient")
    )
    notice = models.ForeignKey(
        Notice, models.PROTECT, null=True, related_name="lines", verbose_name=_("notice")
    )
    access = Access(scope="reminder__deadline__operator")

    class Meta:
        verbose_name = _("line of a notice")
        verbose_name_plural = _("lines of notices")
        ordering = ["reminder", "recipient"]
        constraints = [
            models.UniqueConstraint(fields=["reminder", "recipient"], name="notice_line_once")
        ]

    def __str__(self) -> str:
        return str(self.reminder)


class JobRun(models.Model):
    """One run of a job: when, what it did, how it ended."""

    job = models.CharField(_("job"), max_length=40, db_index=True)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    state = models.CharField(_("state"), max_length=20, choices=RunState, default=RunState.RUNNING)
    did = models.JSONField(_("did"), default=dict)
    error = models.CharField(_("error"), max_length=300, blank=True)
    access = MACHINE

    class Meta:
        verbose_name = _("job run")
        verbose_name_plural = _("job runs")
        ordering = ["-started_at", "-id"]

    def __str__(self) -> str:
        return f"{self.job} {self.started_at:%Y-%m-%d %H:%M}"
