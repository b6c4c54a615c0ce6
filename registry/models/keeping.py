"""How long data are kept, and what protects them meanwhile."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import (
    AfterRetention,
    CountedFrom,
    MeasureKind,
    MeasureTopic,
    RetentionEvent,
    Unit,
)
from registry.models.base import OPERATOR_HELP, OperatorRow, history
from registry.models.operators import Operator
from registry.models.register import (
    CLAUSE_HELP,
    ProcessingActivity,
    RegisterRow,
    register_constraints,
)
from registry.roles import REGISTER

PERIODS = [Unit.CALENDAR_DAY, Unit.WORKING_DAY, Unit.MONTH, Unit.YEAR]


class RetentionRule(OperatorRow):
    """How long data stay after something happened, and what then becomes of them."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="retention_rules",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    code = models.SlugField(_("code"), max_length=60, help_text=_("Short and final."))
    activity = models.ForeignKey(
        ProcessingActivity,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="retention_rules",
        verbose_name=_("processing activity"),
        help_text=_("Empty: for all activities of the operator."),
    )
    event = models.CharField(
        _("event"), max_length=40, choices=RetentionEvent, help_text=_("What starts the period.")
    )
    counted_from = models.CharField(
        _("counted from"),
        max_length=40,
        choices=CountedFrom,
        default=CountedFrom.EVENT,
        help_text=_("Tax and accounting periods begin after the year has ended."),
    )
    length = models.PositiveSmallIntegerField(
        _("length"),
        null=True,
        blank=True,
        help_text=_("Empty: the policy names no period, so only the law's term applies."),
    )
    unit = models.CharField(
        _("unit"),
        max_length=30,
        choices=Unit,
        blank=True,
        help_text=_("Days, months or years; empty without a length."),
    )
    after = models.CharField(
        _("then"),
        max_length=40,
        choices=AfterRetention,
        default=AfterRetention.DESTROY,
        help_text=_("What becomes of the data."),
    )
    automatic = models.BooleanField(
        _("automatic"), default=False, help_text=_("Off: a second person approves first.")
    )
    article = models.CharField(
        _("article"), max_length=200, blank=True, help_text=_("Which law sets the period.")
    )
    clause = models.CharField(_("clause"), max_length=40, blank=True, help_text=CLAUSE_HELP)
    history = history()
    access = REGISTER

    class Meta:
        verbose_name = _("retention rule")
        verbose_name_plural = _("retention rules")
        ordering = ["operator", "code"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "code"], name="retention_code_once"),
            models.CheckConstraint(
                name="retention_period_is_whole",
                condition=models.Q(length=None, unit="")
                | models.Q(length__isnull=False, length__gte=1, unit__in=PERIODS),
                violation_error_message=_("A period wants both a length and a unit."),
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def clean(self) -> None:
        super().clean()
        if self.unit and self.unit not in PERIODS:
            raise ValidationError({"unit": _("Retention is counted in days, months or years.")})


class SecurityMeasure(RegisterRow):
    """What protects the data (152-FZ 18.1, 19; 94-V 22), and when it is looked at again."""

    kind = models.CharField(
        _("kind"), max_length=20, choices=MeasureKind, help_text=_("What sort of measure it is.")
    )
    topic = models.CharField(
        _("answers to"),
        max_length=30,
        choices=MeasureTopic,
        blank=True,
        help_text=_("The duty of the law that it fulfils, if it is one of these."),
    )
    review_on = models.DateField(
        _("review on"), null=True, blank=True, help_text=_("When somebody checks it again.")
    )
    evidence = models.TextField(
        _("evidence"), blank=True, help_text=_("Order, contract or record that shows it.")
    )
    history = history()

    class Meta(RegisterRow.Meta):
        verbose_name = _("security measure")
        verbose_name_plural = _("security measures")
        constraints = register_constraints("measure")
