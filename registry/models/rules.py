"""Deadline rules: each version of a term, as data."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Direction, Effect, Event, RuleSource, Unit, Verification
from registry.models.base import Localized, history
from registry.models.law import VERIFICATION_HELP, Jurisdiction
from registry.roles import EDIT, VIEW, Access


class DeadlineRule(models.Model):
    """One version of a term: what starts it, what must be done, how long it is.

    ``length`` is counted in ``unit``. Versions of one code follow each other without overlap;
    an open case keeps the version of its trigger date.
    """

    code = models.CharField(
        _("code"), max_length=60, help_text=_("The same for every version, such as RU.REG.INQUIRY.")
    )
    jurisdiction = models.ForeignKey(
        Jurisdiction,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="rules",
        verbose_name=_("jurisdiction"),
        help_text=_("Empty only for a promise that every operator makes."),
    )
    operator = models.ForeignKey(
        "registry.Operator",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="promises",
        verbose_name=_("operator"),
        help_text=_("Whose promise it is. Empty for a statute."),
    )
    event = models.CharField(
        _("starts with"), max_length=60, choices=Event, help_text=_("What starts the clock.")
    )
    effect = models.CharField(
        _("demands"), max_length=60, choices=Effect, help_text=_("What must be done in time.")
    )
    direction = models.CharField(
        _("direction"),
        max_length=20,
        choices=Direction,
        default=Direction.DUE,
        help_text=_("Due by, not before, keep until, or a term of somebody else to watch."),
    )
    length = models.PositiveSmallIntegerField(
        _("length"), null=True, blank=True, help_text=_("A number, counted in the unit.")
    )
    unit = models.CharField(
        _("unit"),
        max_length=30,
        choices=Unit,
        help_text=_("Hours run without pause; the starting day of all others is not counted."),
    )
    from_moment = models.BooleanField(
        _("counted from the moment"),
        default=False,
        help_text=_("The safe internal time is the same clock time (94-V 25(2)(8))."),
    )
    extension_length = models.PositiveSmallIntegerField(
        _("extension"), null=True, blank=True, help_text=_("How much longer, once. Empty: never.")
    )
    extension_unit = models.CharField(
        _("unit of the extension"),
        max_length=30,
        choices=Unit,
        blank=True,
        help_text=_("Empty where there is no extension."),
    )
    effective_from = models.DateField(
        _("in force from"),
        null=True,
        blank=True,
        help_text=_("Only triggers from this day on follow this version. Empty: always."),
    )
    effective_until = models.DateField(
        _("in force until"), null=True, blank=True, help_text=_("The last day, inclusive.")
    )
    source = models.CharField(
        _("source"),
        max_length=20,
        choices=RuleSource,
        help_text=_("A promise binds like a statute when it is stricter, and is never extended."),
    )
    article = models.CharField(
        _("article"), max_length=200, help_text=_("The article of the law, or the policy's clause.")
    )
    verification = models.CharField(
        _("verification"),
        max_length=20,
        choices=Verification,
        default=Verification.UNVERIFIED,
        help_text=VERIFICATION_HELP,
    )
    verified_on = models.DateField(
        _("verified on"),
        null=True,
        blank=True,
        help_text=_("When the article was last read. After a year it is read again."),
    )
    verification_note = models.TextField(
        _("note on the verification"), blank=True, help_text=_("What exactly was read, and where.")
    )
    trigger_ru = models.TextField(
        _("trigger in Russian"), blank=True, help_text=_("Shown to readers of Russian.")
    )
    trigger_kk = models.TextField(
        _("trigger in Kazakh"), blank=True, help_text=_("Shown to readers of Kazakh.")
    )
    trigger_en = models.TextField(
        _("trigger in English"), blank=True, help_text=_("Shown to readers of English.")
    )
    trigger = Localized("trigger")
    duty_ru = models.TextField(
        _("duty in Russian"), blank=True, help_text=_("Shown to readers of Russian.")
    )
    duty_kk = models.TextField(
        _("duty in Kazakh"), blank=True, help_text=_("Shown to readers of Kazakh.")
    )
    duty_en = models.TextField(
        _("duty in English"), blank=True, help_text=_("Shown to readers of English.")
    )
    duty = Localized("duty")
    note_ru = models.TextField(
        _("note in Russian"), blank=True, help_text=_("Shown to readers of Russian.")
    )
    note_kk = models.TextField(
        _("note in Kazakh"), blank=True, help_text=_("Shown to readers of Kazakh.")
    )
    note_en = models.TextField(
        _("note in English"), blank=True, help_text=_("Shown to readers of English.")
    )
    note = Localized("note")
    history = history()
    access = Access(scope="operator", dpo=VIEW, administrator=EDIT, shared=True)

    class Meta:
        verbose_name = _("deadline rule")
        verbose_name_plural = _("deadline rules")
        ordering = ["code", "effective_from"]
        constraints = [
            models.UniqueConstraint(fields=["code", "effective_from"], name="rule_version_once"),
            models.UniqueConstraint(
                fields=["code"],
                condition=models.Q(effective_from=None),
                name="rule_timeless_version_once",
            ),
            models.CheckConstraint(
                name="rule_ends_after_it_starts",
                condition=models.Q(effective_from=None)
                | models.Q(effective_until=None)
                | models.Q(effective_until__gte=models.F("effective_from")),
                violation_error_message=_("A rule cannot end before it starts."),
            ),
            models.CheckConstraint(
                name="rule_has_an_article",
                condition=~models.Q(article=""),
                violation_error_message=_("A rule without an article is not a rule: name it."),
            ),
            models.CheckConstraint(
                name="rule_length_fits_its_unit",
                condition=(
                    models.Q(
                        unit__in=[
                            Unit.HOUR,
                            Unit.CALENDAR_DAY,
                            Unit.WORKING_DAY,
                            Unit.MONTH,
                            Unit.YEAR,
                        ],
                        length__isnull=False,
                        length__gte=1,
                    )
                    | models.Q(
                        unit=Unit.MONTH_DAY_RULE, length__isnull=False, length__range=(1, 31)
                    )
                    | (
                        models.Q(
                            unit__in=[
                                Unit.IMMEDIATE,
                                Unit.BEFORE_EVENT,
                                Unit.EVENT,
                                Unit.AS_STATED,
                            ]
                        )
                        & (models.Q(length=None) | models.Q(length=0))
                    )
                ),
                violation_error_message=_("This unit wants a length, or has none."),
            ),
            models.CheckConstraint(
                name="rule_extension_is_whole",
                condition=(models.Q(extension_length=None) & models.Q(extension_unit=""))
                | (
                    models.Q(extension_length__isnull=False, extension_length__gte=1)
                    & models.Q(
                        extension_unit__in=[
                            Unit.CALENDAR_DAY,
                            Unit.WORKING_DAY,
                            Unit.MONTH,
                            Unit.YEAR,
                        ]
                    )
                ),
                violation_error_message=_("An extension wants both a length and a unit."),
            ),
            models.CheckConstraint(
                name="rule_statute_has_a_law",
                condition=models.Q(
                    source=RuleSource.STATUTE, jurisdiction__isnull=False, operator=None
                )
                | models.Q(source=RuleSource.PROMISE),
                violation_error_message=_(
                    "A statute belongs to a jurisdiction, not to an operator."
                ),
            ),
            models.CheckConstraint(
                name="rule_promise_is_never_extended",
                condition=models.Q(source=RuleSource.STATUTE) | models.Q(extension_length=None),
                violation_error_message=_("A promise has no extension."),
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def clean(self) -> None:
        super().clean()
        others = DeadlineRule.objects.filter(code=self.code).exclude(pk=self.pk)
        first, last = self.effective_from or date.min, self.effective_until or date.max
        for other in others:
            starts, ends = other.effective_from or date.min, other.effective_until or date.max
            if first <= ends and starts <= last:
                raise ValidationError(
                    _("Two versions of %(code)s would be in force on %(day)s: end one first."),
                    params={"code": self.code, "day": max(first, starts).isoformat()},
                )
