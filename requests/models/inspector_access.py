"""The log-in that the DPO opens to an inspector for one inspection, and how it ended."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import InspectorPass, User
from registry.models.base import OperatorRow, history
from registry.models.operators import Operator
from registry.roles import Access
from requests.models.inspections import Inspection
from requests.models.subject_requests import NO_NAMES


class InspectorAccess(OperatorRow):
    """Who opened it, when, and who ended it early; what it opens stands in its pass."""

    inspection = models.ForeignKey(
        Inspection, models.PROTECT, related_name="accesses", verbose_name=_("inspection")
    )
    visit = models.OneToOneField(
        InspectorPass, models.PROTECT, related_name="access_of", verbose_name=_("pass")
    )
    opened_at = models.DateTimeField(_("opened at"))
    opened_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="opened_inspector_accesses",
        verbose_name=_("opened by"),
    )
    closed_at = models.DateTimeField(_("closed at"), null=True)
    closed_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="closed_inspector_accesses",
        verbose_name=_("closed by"),
    )
    reason = models.CharField(_("reason"), max_length=300, blank=True, help_text=NO_NAMES)
    history = history()
    access = Access(scope="inspection__operator")

    class Meta:
        verbose_name = _("log-in of an inspector")
        verbose_name_plural = _("log-ins of inspectors")
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="inspector_access_end_is_whole",
                condition=models.Q(closed_at=None, closed_by=None, reason="")
                | (models.Q(closed_at__isnull=False) & ~models.Q(reason="")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.inspection.number}: {self.visit.user.username}"

    @property
    def operator(self) -> Operator:
        return self.inspection.operator
