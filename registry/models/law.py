"""What the law demands: jurisdictions, authorities, calendars, legal bases, deadline rules."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import (
    BasisKind,
    Direction,
    Effect,
    Event,
    RuleSource,
    Supervises,
    Unit,
    Verification,
)
from registry.models.base import Localized, Named, history, named_constraint
from registry.roles import EDIT, LAW, VIEW, Access


class Jurisdiction(Named):
    """A state whose law the office knows (152-FZ, 94-V)."""

    code = models.CharField(
        _("code"), max_length=8, unique=True, help_text=_("Two letters of the state, such as RU.")
    )
    law_ru = models.CharField(_("law in Russian"), max_length=200, help_text=_("Its short title."))
    law_kk = models.CharField(_("law in Kazakh"), max_length=200, help_text=_("Its short title."))
    law_en = models.CharField(_("law in English"), max_length=200, help_text=_("Its short title."))
    law = Localized("law")
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        help_text=_("Dates are counted here unless the operator names a zone of its own."),
    )
    country = models.CharField(
        _("calendar"), max_length=2, help_text=_("The state whose days off count: two letters.")
    )
    history = history()
    access = LAW

    class Meta:
        verbose_name = _("jurisdiction")
        verbose_name_plural = _("jurisdictions")
        ordering = ["code"]
        constraints = [named_constraint("jurisdiction")]


class Authority(Named):
    """A body of the state that asks, inspects and takes complaints."""

    code = models.CharField(_("code"), max_length=40, help_text=_("A short name for the office."))
    jurisdiction = models.ForeignKey(
        Jurisdiction, models.PROTECT, related_name="authorities", verbose_name=_("jurisdiction")
    )
    supervises = models.CharField(
        _("supervises"),
        max_length=40,
        choices=Supervises,
        help_text=_("People complain about their data to the body that supervises personal data."),
    )
    verification = models.CharField(
        _("verification"), max_length=20, choices=Verification, default=Verification.UNVERIFIED
    )
    verification_note = models.TextField(_("note on the verification"), blank=True)
    history = history()
    access = LAW

    class Meta:
        verbose_name = _("authority")
        verbose_name_plural = _("authorities")
        ordering = ["jurisdiction", "code"]
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "code"], name="authority_code_once"),
            named_constraint("authority"),
        ]


class Country(Named):
    """A state to which data may travel."""

    code = models.CharField(_("code"), max_length=2, unique=True, help_text=_("ISO 3166 alpha-2."))
    history = history()
    access = LAW

    class Meta:
        verbose_name = _("country")
        verbose_name_plural = _("countries")
        ordering = ["code"]
        constraints = [named_constraint("country")]


class Adequacy(models.Model):
    """Whether a jurisdiction holds that a country protects personal data (152-FZ 12, 94-V 16)."""

    jurisdiction = models.ForeignKey(
        Jurisdiction, models.PROTECT, related_name="adequacies", verbose_name=_("jurisdiction")
    )
    country = models.ForeignKey(
        Country, models.PROTECT, related_name="adequacies", verbose_name=_("country")
    )
    adequate = models.BooleanField(
        _("protects adequately"),
        help_text=_("If not, a transfer waits for the authority (152-FZ 12(9)-(11))."),
    )
    source_ru = models.CharField(_("source in Russian"), max_length=300, blank=True)
    source_kk = models.CharField(_("source in Kazakh"), max_length=300, blank=True)
    source_en = models.CharField(_("source in English"), max_length=300, blank=True)
    source = Localized("source")
    verification = models.CharField(
        _("verification"), max_length=20, choices=Verification, default=Verification.UNVERIFIED
    )
    history = history()
    access = LAW

    class Meta:
        verbose_name = _("adequacy of a country")
        verbose_name_plural = _("adequacy of countries")
        ordering = ["jurisdiction", "country"]
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "country"], name="adequacy_once")
        ]

    def __str__(self) -> str:
        return f"{self.jurisdiction.code} → {self.country.code}"


class CalendarYear(models.Model):
    """A year whose days off the office knows; without a row, no deadline is counted in it."""

    jurisdiction = models.ForeignKey(
        Jurisdiction, models.PROTECT, related_name="calendar_years", verbose_name=_("jurisdiction")
    )
    year = models.PositiveSmallIntegerField(_("year"))
    decreed = models.BooleanField(
        _("decreed"),
        help_text=_("Tick when the government has published the calendar of this year."),
    )
    verification = models.CharField(
        _("verification"), max_length=20, choices=Verification, default=Verification.UNVERIFIED
    )
    note_ru = models.CharField(_("note in Russian"), max_length=300, blank=True)
    note_kk = models.CharField(_("note in Kazakh"), max_length=300, blank=True)
    note_en = models.CharField(_("note in English"), max_length=300, blank=True)
    note = Localized("note")
    history = history()
    access = LAW

    class Meta:
        verbose_name = _("calendar year")
        verbose_name_plural = _("calendar years")
        ordering = ["jurisdiction", "-year"]
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "year"], name="calendar_year_once")
        ]

    def __str__(self) -> str:
        return f"{self.jurisdiction.code} {self.year}"


class CalendarDay(models.Model):
    """A day on which the office's calendar differs from the library's (a decree, a transfer)."""

    jurisdiction = models.ForeignKey(
        Jurisdiction,
        models.PROTECT,
        related_name="calendar_days",
        verbose_name=_("jurisdiction"),
        help_text=_("Open deadlines of its operators move; you see which before you confirm."),
    )
    day = models.DateField(_("day"), help_text=_("The day that a decree changes."))
    is_working = models.BooleanField(
        _("working day"), help_text=_("Tick for a working Saturday; leave empty for a day off.")
    )
    reason = models.CharField(
        _("reason"), max_length=300, help_text=_("For example: Kurban Ait, or a transferred day.")
    )
    source = models.CharField(
        _("source"), max_length=300, help_text=_("The decree: body, number and date.")
    )
    history = history()
    access = LAW

    class Meta:
        verbose_name = _("calendar day")
        verbose_name_plural = _("calendar days")
        ordering = ["jurisdiction", "-day"]
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "day"],
                name="calendar_day_once",
                violation_error_message=_("This day is in the calendar already; change that row."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.jurisdiction.code} {self.day:%Y-%m-%d}"


class LegalBasis(Named):
    """An article that permits processing (152-FZ 6(1), 94-V 7 and 9)."""

    code = models.CharField(
        _("code"), max_length=40, unique=True, help_text=_("Such as RU.6.1.5: it never changes.")
    )
    jurisdiction = models.ForeignKey(
        Jurisdiction, models.PROTECT, related_name="legal_bases", verbose_name=_("jurisdiction")
    )
    article = models.CharField(_("article"), max_length=60, help_text=_("As the law numbers it."))
    kind = models.CharField(_("kind"), max_length=40, choices=BasisKind)
    opened_on = models.DateField(_("in force from"), null=True, blank=True)
    closed_on = models.DateField(
        _("closed on"),
        null=True,
        blank=True,
        help_text=_("From this day no activity may stand on it (152-FZ 6(1)(10): 1 March 2021)."),
    )
    verification = models.CharField(
        _("verification"), max_length=20, choices=Verification, default=Verification.UNVERIFIED
    )
    history = history()
    access = LAW

    class Meta:
        verbose_name = _("legal basis")
        verbose_name_plural = _("legal bases")
        ordering = ["code"]
        constraints = [
            named_constraint("legal_basis"),
            models.CheckConstraint(
                name="legal_basis_closes_after_it_opens",
                condition=models.Q(opened_on=None)
                | models.Q(closed_on=None)
                | models.Q(closed_on__gt=models.F("opened_on")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.article} {self.name}"

    def open_on(self, day: date) -> bool:
        """Whether processing may stand on this basis on that day."""
        return (self.opened_on is None or self.opened_on <= day) and (
            self.closed_on is None or day < self.closed_on
        )


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
    unit = models.CharField(_("unit"), max_length=30, choices=Unit)
    from_moment = models.BooleanField(
        _("counted from the moment"),
        default=False,
        help_text=_("The safe internal time is the same clock time (94-V 25(2)(8))."),
    )
    extension_length = models.PositiveSmallIntegerField(
        _("extension"), null=True, blank=True, help_text=_("How much longer, once. Empty: never.")
    )
    extension_unit = models.CharField(
        _("unit of the extension"), max_length=30, choices=Unit, blank=True
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
    source = models.CharField(_("source"), max_length=20, choices=RuleSource)
    article = models.CharField(
        _("article"), max_length=200, help_text=_("The article of the law, or the policy's clause.")
    )
    verification = models.CharField(
        _("verification"),
        max_length=20,
        choices=Verification,
        default=Verification.UNVERIFIED,
        help_text=_("Whether a lawyer has read the article in force."),
    )
    verification_note = models.TextField(_("note on the verification"), blank=True)
    trigger_ru = models.TextField(_("trigger in Russian"), blank=True)
    trigger_kk = models.TextField(_("trigger in Kazakh"), blank=True)
    trigger_en = models.TextField(_("trigger in English"), blank=True)
    trigger = Localized("trigger")
    duty_ru = models.TextField(_("duty in Russian"), blank=True)
    duty_kk = models.TextField(_("duty in Kazakh"), blank=True)
    duty_en = models.TextField(_("duty in English"), blank=True)
    duty = Localized("duty")
    note_ru = models.TextField(_("note in Russian"), blank=True)
    note_kk = models.TextField(_("note in Kazakh"), blank=True)
    note_en = models.TextField(_("note in English"), blank=True)
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
                        length__gte=1,
                    )
                    | models.Q(unit=Unit.MONTH_DAY_RULE, length__range=(1, 31))
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
                    models.Q(extension_length__gte=1)
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
