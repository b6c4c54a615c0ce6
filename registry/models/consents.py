"""The texts to which people consent: versions, immutable once published."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Channel, EndEvent, Operation, Unit
from registry.models.base import (
    OPERATOR_HELP,
    ChoiceListField,
    Localized,
    Named,
    OperatorRow,
    history,
    named_constraint,
)
from registry.models.operators import Operator
from registry.models.register import DataCategory, ProcessingActivity
from registry.models.staff import User
from registry.roles import VIEW, Access

TERM_UNITS = [(unit.value, unit.label) for unit in (Unit.CALENDAR_DAY, Unit.MONTH, Unit.YEAR)]
TEXT_HELP = _(
    "What the person reads. The marks {name}, {address}, {document} and {signature} are filled in "
    "when the consent is given (152-FZ 9(4), 94-V 8(4)). No names or numbers of people here."
)


class ConsentTextQuerySet(models.QuerySet["ConsentText"]):
    def published(self) -> Self:
        return self.filter(published_at__isnull=False)

    def in_force(self, day: date) -> Self:
        """Of each operator and code the one text in force on the day: the highest version that
        is published and whose first day has come."""
        began = ConsentText.objects.filter(published_at__isnull=False, in_force_on__lte=day)
        newer = began.filter(
            operator=models.OuterRef("operator"),
            code=models.OuterRef("code"),
            version__gt=models.OuterRef("version"),
        )
        return self.published().filter(~models.Exists(newer), in_force_on__lte=day)


class ConsentText(OperatorRow, Named):
    """One version of the text of a consent, with the choices that its words express.

    A draft until it is published; then the service, the admin and a trigger of the database
    refuse any change, so that a person's consent always points at what they read.
    """

    # The column that, once filled in, makes the row immutable: see registry.seam.frozen_tables.
    frozen_once = "published_at"

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="consent_texts",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    code = models.SlugField(
        _("code"), max_length=60, help_text=_("Short and final: all versions share it.")
    )
    version = models.PositiveIntegerField(_("version"), editable=False)
    activities = models.ManyToManyField(
        ProcessingActivity,
        blank=True,
        related_name="consent_texts",
        verbose_name=_("processing activities"),
        help_text=_("Their purposes stand in the text (152-FZ 9(4)(4), 94-V 7(8))."),
    )
    data_categories = models.ManyToManyField(
        DataCategory,
        blank=True,
        related_name="consent_texts",
        verbose_name=_("data categories"),
        help_text=_(
            "The list of data, none beyond those of the activities (152-FZ 9(4)(5), 94-V 8(4)(7))."
        ),
    )
    text_ru = models.TextField(_("text in Russian"), blank=True, help_text=TEXT_HELP)
    text_kk = models.TextField(_("text in Kazakh"), blank=True, help_text=TEXT_HELP)
    text_en = models.TextField(_("text in English"), blank=True, help_text=TEXT_HELP)
    text = Localized("text")
    operations = ChoiceListField(
        _("operations"),
        options=Operation,
        help_text=_("What is done with the data (152-FZ 9(4)(7))."),
    )
    third_parties = models.BooleanField(
        _("third parties"),
        null=True,
        blank=True,
        help_text=_(
            "Whether data may be given to them (152-FZ 7, 94-V 8(4)(4)). Unknown: the text does "
            "not say."
        ),
    )
    cross_border = models.BooleanField(
        _("cross-border transfer"),
        null=True,
        blank=True,
        help_text=_("Whether data may go abroad (152-FZ 12, 94-V 8(4)(5))."),
    )
    dissemination = models.BooleanField(
        _("dissemination"),
        null=True,
        blank=True,
        help_text=_("Whether everybody may see the data (152-FZ 10.1, 94-V 8(4)(6))."),
    )
    term_length = models.PositiveSmallIntegerField(
        _("length of the term"),
        null=True,
        blank=True,
        help_text=_("How long it is valid (152-FZ 9(4)(8), 94-V 8(4)(3)). Or name an event."),
    )
    term_unit = models.CharField(
        _("unit of the term"),
        max_length=30,
        choices=TERM_UNITS,
        blank=True,
        help_text=_("Days, months or years; empty without a length."),
    )
    end_event = models.CharField(
        _("valid until"),
        max_length=40,
        choices=EndEvent,
        blank=True,
        help_text=_("The event that ends it, if it has no term (94-V 8(5)-(6))."),
    )
    withdrawal_channels = ChoiceListField(
        _("ways of withdrawal"),
        options=Channel,
        help_text=_("How the person can withdraw it (152-FZ 9(4)(8), 94-V 8(1))."),
    )
    separate_document = models.BooleanField(
        _("a document of its own"),
        default=True,
        help_text=_(
            "Apart from anything else that the person confirms or signs: required in Russia from "
            "1 September 2025 (152-FZ 9(1), Law 156-FZ)."
        ),
    )
    in_force_on = models.DateField(
        _("in force from"),
        null=True,
        blank=True,
        help_text=_("First day on which people read this version (152-FZ 9(3), 94-V 25(2)(5))."),
    )
    published_at = models.DateTimeField(_("published at"), null=True, editable=False)
    published_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="published_consent_texts",
        verbose_name=_("published by"),
    )
    digest = models.CharField(_("digest (SHA-256)"), max_length=64, blank=True, editable=False)
    history = history(m2m_fields=[activities, data_categories])
    access = Access(
        scope="operator",
        dpo=VIEW | {"add", "change", "publish", "draft"},
        administrator=VIEW | {"add", "change", "publish"},
        room="register",
    )

    objects = ConsentTextQuerySet.as_manager()

    class Meta:
        verbose_name = _("consent text")
        verbose_name_plural = _("consent texts")
        ordering = ["operator", "code", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "code", "version"], name="consent_text_version_once"
            ),
            named_constraint("consent_text"),
            models.CheckConstraint(
                name="consent_text_version_counts_from_one", condition=models.Q(version__gte=1)
            ),
            models.CheckConstraint(
                name="consent_text_term_is_whole",
                condition=models.Q(term_length=None, term_unit="")
                | (
                    models.Q(term_length__isnull=False, term_length__gte=1)
                    & ~models.Q(term_unit="")
                ),
                violation_error_message=_("A term wants both a length and a unit."),
            ),
            models.CheckConstraint(
                name="consent_text_term_or_event",
                condition=models.Q(term_length=None) | models.Q(end_event=""),
                violation_error_message=_("Give a term or an event, not both."),
            ),
            models.CheckConstraint(
                name="consent_text_published_is_whole",
                condition=models.Q(published_at=None, published_by=None, digest="")
                | (
                    models.Q(
                        published_at__isnull=False,
                        published_by__isnull=False,
                        in_force_on__isnull=False,
                    )
                    & ~models.Q(digest="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}" if self.version else str(self.name)

    @property
    def is_published(self) -> bool:
        return self.published_at is not None
