"""What the law demands: jurisdictions, authorities, calendars, legal bases, deadline rules."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import (
    BasisKind,
    Supervises,
    Verification,
)
from registry.models.base import Localized, Named, history, named_constraint
from registry.roles import LAW

VERIFICATION_HELP = _("Whether a lawyer has read the article in force.")
WHOSE_LAW_HELP = _("Whose law it is.")


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
        Jurisdiction,
        models.PROTECT,
        related_name="authorities",
        verbose_name=_("jurisdiction"),
        help_text=WHOSE_LAW_HELP,
    )
    supervises = models.CharField(
        _("supervises"),
        max_length=40,
        choices=Supervises,
        help_text=_("People complain about their data to the body that supervises personal data."),
    )
    verification = models.CharField(
        _("verification"),
        max_length=20,
        choices=Verification,
        default=Verification.UNVERIFIED,
        help_text=VERIFICATION_HELP,
    )
    verification_note = models.TextField(
        _("note on the verification"), blank=True, help_text=_("What exactly was read, and where.")
    )
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
        Jurisdiction,
        models.PROTECT,
        related_name="adequacies",
        verbose_name=_("jurisdiction"),
        help_text=WHOSE_LAW_HELP,
    )
    country = models.ForeignKey(
        Country,
        models.PROTECT,
        related_name="adequacies",
        verbose_name=_("country"),
        help_text=_("Where the data would go."),
    )
    adequate = models.BooleanField(
        _("protects adequately"),
        help_text=_("If not, a transfer waits for the authority (152-FZ 12(9)-(11))."),
    )
    source_ru = models.CharField(
        _("source in Russian"),
        max_length=300,
        blank=True,
        help_text=_("Shown to readers of Russian."),
    )
    source_kk = models.CharField(
        _("source in Kazakh"),
        max_length=300,
        blank=True,
        help_text=_("Shown to readers of Kazakh."),
    )
    source_en = models.CharField(
        _("source in English"),
        max_length=300,
        blank=True,
        help_text=_("Shown to readers of English."),
    )
    source = Localized("source")
    verification = models.CharField(
        _("verification"),
        max_length=20,
        choices=Verification,
        default=Verification.UNVERIFIED,
        help_text=VERIFICATION_HELP,
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
        Jurisdiction,
        models.PROTECT,
        related_name="calendar_years",
        verbose_name=_("jurisdiction"),
        help_text=WHOSE_LAW_HELP,
    )
    year = models.PositiveSmallIntegerField(_("year"), help_text=_("Four digits."))
    decreed = models.BooleanField(
        _("decreed"),
        help_text=_("Tick when the government has published the calendar of this year."),
    )
    verification = models.CharField(
        _("verification"),
        max_length=20,
        choices=Verification,
        default=Verification.UNVERIFIED,
        help_text=VERIFICATION_HELP,
    )
    note_ru = models.CharField(
        _("note in Russian"),
        max_length=300,
        blank=True,
        help_text=_("Shown to readers of Russian."),
    )
    note_kk = models.CharField(
        _("note in Kazakh"), max_length=300, blank=True, help_text=_("Shown to readers of Kazakh.")
    )
    note_en = models.CharField(
        _("note in English"),
        max_length=300,
        blank=True,
        help_text=_("Shown to readers of English."),
    )
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
        verbose_name = _("change of the calendar")
        verbose_name_plural = _("changes of the calendar")
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
        Jurisdiction,
        models.PROTECT,
        related_name="legal_bases",
        verbose_name=_("jurisdiction"),
        help_text=WHOSE_LAW_HELP,
    )
    article = models.CharField(_("article"), max_length=60, help_text=_("As the law numbers it."))
    kind = models.CharField(
        _("kind"), max_length=40, choices=BasisKind, help_text=_("What the article rests on.")
    )
    opened_on = models.DateField(
        _("in force from"), null=True, blank=True, help_text=_("Empty: since the law itself.")
    )
    closed_on = models.DateField(
        _("closed on"),
        null=True,
        blank=True,
        help_text=_("From this day no activity may stand on it (152-FZ 6(1)(10): 1 March 2021)."),
    )
    verification = models.CharField(
        _("verification"),
        max_length=20,
        choices=Verification,
        default=Verification.UNVERIFIED,
        help_text=VERIFICATION_HELP,
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
