"""Whom an incident concerns, and the sealed export that the authority asks for (Order 187)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import Operator, User
from registry.models.base import OperatorRow
from registry.roles import VIEW, Access
from requests.models.incidents import Incident
from subjects.models import DataSubject, SealedFile


class FoundBy(models.TextChoices):
    """How it was found that somebody is affected."""

    SYSTEM = "system", _("by information system")
    ACTIVITY = "activity", _("by processing activity")
    FILE = "file", _("by a list (CSV)")
    HAND = "hand", _("chosen by hand")


AFFECTED = Access(
    scope="incident__operator",
    dpo=VIEW,
    clerk=VIEW,
    auditor=VIEW,
    administrator=frozenset(),
    sworn=True,
)


class AffectedPerson(OperatorRow):
    """A card whose data the incident concerns; what was chosen stands in the incident's journal."""

    incident = models.ForeignKey(
        Incident, models.PROTECT, related_name="affected", verbose_name=_("incident")
    )
    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="incidents", verbose_name=_("person")
    )
    found_by = models.CharField(_("found by"), max_length=10, choices=FoundBy)
    added_at = models.DateTimeField(_("added at"))
    added_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="added_affected_people",
        verbose_name=_("added by"),
    )
    access = AFFECTED

    class Meta:
        verbose_name = _("person affected by an incident")
        verbose_name_plural = _("people affected by incidents")
        ordering = ["incident", "id"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "subject"], name="affected_once")
        ]

    def __str__(self) -> str:
        return f"{self.incident.number}: {self.subject.code}"

    @property
    def operator(self) -> Operator:
        return self.incident.operator


class IncidentExport(OperatorRow):
    """The affected people with their data, sealed, as the authority asked for it."""

    incident = models.ForeignKey(
        Incident, models.PROTECT, related_name="exports", verbose_name=_("incident")
    )
    document = models.CharField(
        _("document"),
        max_length=300,
        help_text=_("Number and date of the letter that asks for it. No names of people."),
    )
    people = models.PositiveIntegerField(_("people"))
    file = models.OneToOneField(
        SealedFile,
        models.PROTECT,
        null=True,
        related_name="incident_export",
        verbose_name=_("file"),
    )
    ends_on = models.DateField(
        _("ends on"), help_text=_("On this day its key is destroyed, and nobody can read it.")
    )
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(
        User,
        models.PROTECT,
        related_name="incident_exports",
        verbose_name=_("made by"),
    )
    access = Access(
        scope="incident__operator",
        dpo=VIEW | {"open"},
        clerk=frozenset(),
        auditor=VIEW,
        administrator=frozenset(),
        sworn=True,
    )

    class Meta:
        verbose_name = _("export of an incident")
        verbose_name_plural = _("exports of incidents")
        ordering = ["incident", "id"]
        constraints = [
            models.CheckConstraint(
                name="incident_export_has_a_document", condition=~models.Q(document="")
            )
        ]

    def __str__(self) -> str:
        return f"{self.incident.number}: {self.pk}"

    @property
    def operator(self) -> Operator:
        return self.incident.operator
