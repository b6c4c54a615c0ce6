"""Why a person's data may be held: grounds, consents, permissions to disseminate."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Channel
from registry.models import ConsentText, DataCategory, LegalBasis, Operator, ProcessingActivity
from registry.models.base import OperatorRow
from subjects.choices import GroundEnd, Permission
from subjects.models.base import lean_history
from subjects.models.people import DataSubject, of_people
from subjects.vault.field import SealedField, SealedModel
from subjects.vault.models import Sealed
from subjects.vault.store import Place


class Ground(OperatorRow):
    """One activity may process one person's data on one legal basis, from a day until a day."""

    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="grounds", verbose_name=_("person")
    )
    activity = models.ForeignKey(
        ProcessingActivity,
        models.PROTECT,
        related_name="grounds",
        verbose_name=_("processing activity"),
        help_text=_("A row of the register: it says which data."),
    )
    legal_basis = models.ForeignKey(
        LegalBasis,
        models.PROTECT,
        related_name="grounds",
        verbose_name=_("legal basis"),
        help_text=_("One of the activity's articles, open on the first day."),
    )
    started_on = models.DateField(_("started on"), help_text=_("The first day it covers data."))
    ended_on = models.DateField(
        _("ended on"),
        null=True,
        blank=True,
        help_text=_("From this day it covers nothing. Empty: it holds."),
    )
    end_reason = models.CharField(_("why it ended"), max_length=40, choices=GroundEnd, blank=True)
    history = lean_history()
    access = of_people("subject__operator")

    class Meta:
        verbose_name = _("ground")
        verbose_name_plural = _("grounds")
        ordering = ["started_on", "id"]
        constraints = [
            models.CheckConstraint(
                name="ground_ends_after_it_starts",
                condition=models.Q(ended_on=None) | models.Q(ended_on__gte=models.F("started_on")),
                violation_error_message=_("A ground cannot end before it starts."),
            ),
            models.CheckConstraint(
                name="ground_ends_for_a_reason",
                condition=models.Q(ended_on=None, end_reason="")
                | (models.Q(ended_on__isnull=False) & ~models.Q(end_reason="")),
            ),
            models.UniqueConstraint(
                fields=["subject", "activity", "legal_basis"],
                condition=models.Q(ended_on=None),
                name="ground_once_at_a_time",
                violation_error_message=_("The person has this ground already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.activity.name} ({self.legal_basis.article})"

    @property
    def operator(self) -> Operator:
        return self.subject.operator

    def covers_on(self, day: date) -> bool:
        return self.started_on <= day and (self.ended_on is None or day < self.ended_on)


class Consent(SealedModel, OperatorRow):
    """How a consent was given: to which text, when, how, with what in proof (152-FZ 9(3))."""

    ground = models.OneToOneField(
        Ground, models.PROTECT, related_name="consent", verbose_name=_("ground")
    )
    text = models.ForeignKey(
        ConsentText,
        models.PROTECT,
        related_name="consents",
        verbose_name=_("text"),
        help_text=_("The published version that the person saw."),
    )
    language = models.CharField(
        _("language"), max_length=2, blank=True, help_text=_("In which the person read it.")
    )
    given_at = models.DateTimeField(_("given at"), help_text=_("Local time of the operator."))
    channel = models.CharField(
        _("given by"), max_length=30, choices=Channel, help_text=_("How it arrived (94-V 8(1)).")
    )
    third_parties = models.BooleanField(
        _("to third parties"), default=False, help_text=_("94-V 8(4)(4).")
    )
    cross_border = models.BooleanField(
        _("across the border"), default=False, help_text=_("94-V 8(4)(5).")
    )
    dissemination = models.BooleanField(
        _("to disseminate"), default=False, help_text=_("94-V 8(4)(6), 152-FZ 10.1.")
    )
    by_action = models.BooleanField(
        _("by an action"),
        default=False,
        help_text=_("Taken from what the person did (registration, payment): weak as proof."),
    )
    expires_on = models.DateField(
        _("expires on"),
        null=True,
        blank=True,
        help_text=_("From this day it covers nothing. Empty: it ends with the text's event."),
    )
    evidence = SealedField(
        _("evidence"),
        kind=Sealed.EVIDENCE,
        key="evidence_key",
        help_text=_("Address, account, number of the paper: what proves it. Sealed when saved."),
    )
    evidence_key = models.BigIntegerField(null=True, blank=True, unique=True, editable=False)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    withdrawn_by = models.CharField(_("withdrawn by"), max_length=30, choices=Channel, blank=True)
    history = lean_history()
    access = of_people("ground__subject__operator")
    sealed_with = ("ground",)

    class Meta(SealedModel.Meta):
        abstract = False
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ["given_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="consent_withdrawn_by_a_channel",
                condition=models.Q(withdrawn_at=None, withdrawn_by="")
                | (models.Q(withdrawn_at__isnull=False) & ~models.Q(withdrawn_by="")),
            ),
            models.CheckConstraint(
                name="consent_withdrawn_after_it_was_given",
                condition=models.Q(withdrawn_at=None)
                | models.Q(withdrawn_at__gte=models.F("given_at")),
                violation_error_message=_("A consent cannot be withdrawn before it was given."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.text} / {self.ground_id}"

    @property
    def operator(self) -> Operator:
        return self.ground.subject.operator

    def sealed_place(self, name: str) -> Place:
        return Place(kind=Sealed.EVIDENCE, owner=self.ground.subject_id)


class DisseminationPermission(OperatorRow):
    """What a person lets the operator show to everybody, category by category (152-FZ 10.1)."""

    consent = models.ForeignKey(
        Consent, models.PROTECT, related_name="permissions", verbose_name=_("consent")
    )
    category = models.ForeignKey(
        DataCategory,
        models.PROTECT,
        related_name="permissions",
        verbose_name=_("data category"),
        help_text=_("Each category by itself; silence allows nothing (152-FZ 10.1(8))."),
    )
    permission = models.CharField(
        _("permission"), max_length=20, choices=Permission, default=Permission.PROHIBITED,
        help_text=_("What the person chose."),
    )  # fmt: skip
    conditions = models.CharField(
        _("conditions"),
        max_length=500,
        blank=True,
        help_text=_("As the person set them. No names or numbers of people."),
    )
    resource = models.CharField(
        _("where shown"), max_length=300, blank=True, help_text=_("Link of the page (Order 18).")
    )
    started_on = models.DateField(_("from"), help_text=_("First day."))
    ended_on = models.DateField(
        _("ends on"), null=True, blank=True, help_text=_("From this day it must not be shown.")
    )
    history = lean_history()
    access = of_people("consent__ground__subject__operator")

    class Meta:
        verbose_name = _("permission to disseminate")
        verbose_name_plural = _("permissions to disseminate")
        ordering = ["category", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["consent", "category"],
                condition=models.Q(ended_on=None),
                name="dissemination_once",
            ),
            models.CheckConstraint(
                name="dissemination_conditions_are_said",
                condition=~models.Q(permission=Permission.CONDITIONS) | ~models.Q(conditions=""),
                violation_error_message=_("Write down the conditions."),
            ),
            models.CheckConstraint(
                name="dissemination_ends_after_it_starts",
                condition=models.Q(ended_on=None) | models.Q(ended_on__gte=models.F("started_on")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category}: {self.get_permission_display()}"

    @property
    def operator(self) -> Operator:
        return self.consent.operator
