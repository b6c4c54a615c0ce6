"""Whom an incident concerns, and the sealed export that the authority asks for (Order 187)."""

from __future__ import annotations

from datetime import datetime
from typing import Self

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


class AffectedQuerySet(models.QuerySet["AffectedPerson"]):
    def standing(self) -> Self:
        """Whoever is affected as far as is known: nobody who was removed."""
        return self.filter(removed_at=None)

    def then(self, moment: datetime) -> Self:
        """Whoever stood there at that moment."""
        return self.filter(added_at__lte=moment).filter(
            models.Q(removed_at=None) | models.Q(removed_at__gt=moment)
        )


class AffectedPerson(OperatorRow):
    """A card whose data the incident concerns. Whoever was named by mistake is removed, and stays
    to be seen: why stands in the incident's journal.
    """

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
    removed_at = models.DateTimeField(_("removed at"), null=True)
    removed_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="removed_affected_people",
        verbose_name=_("removed by"),
    )
    access = AFFECTED

    objects = AffectedQuerySet.as_manager()

    class Meta:
        verbose_name = _("person affected by an incident")
        verbose_name_plural = _("people affected by incidents")
        ordering = ["incident", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "subject"],
                condition=models.Q(removed_at=None),
                name="affected_once",
            ),
            models.CheckConstraint(
                name="affected_removed_after_it_was_added",
                condition=models.Q(removed_at=None)
                | models.Q(removed_at__gte=models.F("added_at")),
            ),
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
    # The numbers of the keys of all values in it, packed: it ends with the first of them.
    keys = models.BinaryField(_("keys of the values"), default=bytes)
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
