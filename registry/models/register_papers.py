"""Papers that the law wants from the register; the plan of internal control and its records."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Language, RegisterPaperKind
from registry.models.base import OPERATOR_HELP, OperatorRow, history
from registry.models.operators import Operator
from registry.models.register import ProcessingActivity, RegisterRow, register_constraints
from registry.models.staff import User
from registry.roles import REGISTER, VIEW, Access

PAPERS = Access(
    scope="operator",
    dpo=VIEW | {"draft", "sign", "file", "discard"},
    administrator=VIEW | {"draft", "sign", "file", "discard"},
    room="register",
)


class RegisterPaper(OperatorRow):
    """One paper, as it was written from the register on a day: a draft until somebody signs it.

    ``facts`` and ``particulars`` are those of ``registry.paper_contents``; ``digest``: SHA-256 of
    both as canonical JSON. Immutable once signed, by trigger.
    """

    frozen_once = "signed_at"

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="register_papers",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    kind = models.CharField(_("kind"), max_length=20, choices=RegisterPaperKind)
    number = models.CharField(
        _("number"), max_length=20, help_text=_("Given with the draft and never used again.")
    )
    language = models.CharField(_("language"), max_length=2, choices=Language)
    activity = models.ForeignKey(
        ProcessingActivity,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="papers",
        verbose_name=_("processing activity"),
    )
    facts = models.JSONField(_("what it says"), default=dict)
    particulars = models.JSONField(_("particulars"), default=dict)
    digest = models.CharField(_("digest (SHA-256)"), max_length=64)
    made_at = models.DateTimeField(_("written at"))
    made_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="written_papers",
        verbose_name=_("written by"),
    )
    order_number = models.CharField(_("number of the order"), max_length=100, blank=True)
    signer = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="signed_papers",
        verbose_name=_("signer"),
    )
    signer_position = models.CharField(_("position of the signer"), max_length=200, blank=True)
    signed_on = models.DateField(_("signed on"), null=True)
    signed_at = models.DateTimeField(_("recorded as signed at"), null=True)
    history = history()
    numbered = "RP"
    access = PAPERS

    class Meta:
        verbose_name = _("paper of the register")
        verbose_name_plural = _("papers of the register")
        ordering = ["operator", "-made_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "number"], name="register_paper_number_once"
            ),
            models.CheckConstraint(
                name="register_paper_signed_is_whole",
                condition=models.Q(signed_at=None, signed_on=None, signer=None)
                | models.Q(signed_at__isnull=False, signed_on__isnull=False, signer__isnull=False),
                violation_error_message=_("A signed paper has a signer and a day."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}, {self.get_kind_display()}"

    @property
    def is_signed(self) -> bool:
        return self.signed_at is not None


class Filing(models.Model):
    """A notice that went to the authority: when, and by which number; never changed."""

    paper = models.OneToOneField(
        RegisterPaper, models.PROTECT, related_name="filing", verbose_name=_("paper")
    )
    filed_on = models.DateField(_("filed on"))
    reference = models.CharField(_("number of the sending"), max_length=100)
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="recorded_filings",
        verbose_name=_("recorded by"),
    )
    access = Access(scope="paper__operator", room="register")
    append_only = True

    class Meta:
        verbose_name = _("filing of a notice")
        verbose_name_plural = _("filings of notices")
        ordering = ["-filed_on", "-id"]
        constraints = [
            models.CheckConstraint(name="filing_has_a_number", condition=~models.Q(reference=""))
        ]

    def __str__(self) -> str:
        return f"{self.paper.number}, {self.reference}"


class ControlStep(RegisterRow):
    """One line of the plan of internal control: what is checked, how often, by whom."""

    every_months = models.PositiveSmallIntegerField(
        _("every so many months"), help_text=_("How often it is checked: 12 means once a year.")
    )
    responsible = models.ForeignKey(
        User,
        models.PROTECT,
        related_name="control_steps",
        verbose_name=_("responsible"),
        help_text=_("Who checks it; a member of the operator's staff."),
    )
    next_on = models.DateField(_("next on"), help_text=_("By when it is checked next."))
    ended_on = models.DateField(
        _("ended on"),
        null=True,
        blank=True,
        help_text=_("From this day on it is no longer checked; empty: it goes on."),
    )
    history = history()
    access = Access(
        scope="operator",
        dpo=REGISTER.dpo | {"record"},
        clerk=VIEW | {"record"},
        administrator=REGISTER.administrator | {"record"},
        room="register",
    )

    class Meta(RegisterRow.Meta):
        verbose_name = _("step of internal control")
        verbose_name_plural = _("steps of internal control")
        constraints = [
            *register_constraints("control_step"),
            models.CheckConstraint(
                name="control_step_comes_back",
                condition=models.Q(every_months__gte=1, every_months__lte=60),
                violation_error_message=_("A check comes back after 1 to 60 months."),
            ),
        ]

    def goes_on(self, day: date) -> bool:
        """Whether it is still checked on that day: on the day of its end no longer."""
        return self.ended_on is None or self.ended_on > day


class ControlRecord(models.Model):
    """That a step was checked: when, by whom, what was found (152-FZ 18.1(1)(4), 94-V 25(3)).

    Never changed: a mistake is corrected by another record.
    """

    step = models.ForeignKey(
        ControlStep, models.PROTECT, related_name="records", verbose_name=_("step")
    )
    done_on = models.DateField(_("checked on"))
    found = models.TextField(_("what was found"))
    remedy = models.TextField(_("what is done about it"), blank=True)
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="control_records",
        verbose_name=_("recorded by"),
    )
    access = Access(scope="step__operator", room="register")
    append_only = True

    class Meta:
        verbose_name = _("record of internal control")
        verbose_name_plural = _("records of internal control")
        ordering = ["-done_on", "-id"]
        constraints = [
            models.CheckConstraint(name="control_record_says_what", condition=~models.Q(found=""))
        ]

    def __str__(self) -> str:
        return f"{self.step}, {self.done_on:%Y-%m-%d}"
