"""Somebody was destroyed, and a source still carries them: a fact that the linter reads."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models.base import OPERATOR_HELP, OperatorRow
from registry.models.operators import Operator
from registry.models.register import InformationSystem
from registry.models.staff import User
from registry.roles import VIEW, Access


class ReturnOfDestroyed(OperatorRow):
    """People whom an act destroyed came back from a source; how many rows, never who.

    Upper rooms write it down; it is a finding until somebody has cleaned the source.
    """

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="returns",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    code = models.CharField(_("code"), max_length=160)
    system = models.ForeignKey(
        InformationSystem,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="returns",
        verbose_name=_("information system"),
        help_text=_("Which system still has them; empty: a file that was imported."),
    )
    act = models.CharField(
        _("act of destruction"),
        max_length=80,
        blank=True,
        help_text=_("Its number; empty: they were destroyed without an act."),
    )
    rows = models.PositiveIntegerField(
        _("rows"), help_text=_("So many rows of the source named somebody who was destroyed.")
    )
    first_on = models.DateField(_("first on"))
    last_on = models.DateField(_("last on"))
    cleared_at = models.DateTimeField(_("cleared at"), null=True, blank=True)
    cleared_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="cleared_returns",
        verbose_name=_("cleared by"),
    )
    cleared_how = models.CharField(
        _("how it was cleaned"),
        max_length=300,
        blank=True,
        help_text=_("No names or numbers of people."),
    )
    access = Access(
        scope="operator", dpo=VIEW | {"clear"}, administrator=frozenset(), room="register"
    )

    class Meta:
        verbose_name = _("return of destroyed people")
        verbose_name_plural = _("returns of destroyed people")
        ordering = ["-last_on", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "code"],
                condition=models.Q(cleared_at=None),
                name="return_open_once",
            ),
            models.CheckConstraint(
                name="return_cleared_by_somebody",
                condition=models.Q(cleared_at=None)
                | (models.Q(cleared_by__isnull=False) & ~models.Q(cleared_how="")),
            ),
        ]

    def __str__(self) -> str:
        return self.code
