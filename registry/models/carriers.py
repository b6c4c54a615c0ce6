"""Carriers: paper and other things that hold personal data and can be touched."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models.base import history
from registry.models.register import RegisterRow, register_constraints
from registry.models.staff import User


class Carrier(RegisterRow):
    """A material carrier of personal data: an act of destruction names it (Order 179)."""

    room = models.CharField(
        _("room"), max_length=100, help_text=_("Where it is kept, such as the room and the safe.")
    )
    responsible = models.ForeignKey(
        User,
        models.PROTECT,
        related_name="carriers",
        verbose_name=_("responsible"),
        help_text=_("Who answers for it; a member of the operator's staff."),
    )
    sheets = models.PositiveIntegerField(
        _("sheets"),
        null=True,
        blank=True,
        help_text=_(
            "How many; an act of destruction names each carrier with its number of sheets "
            "(Order 179). Empty: not counted yet."
        ),
    )
    history = history()

    class Meta(RegisterRow.Meta):
        verbose_name = _("carrier")
        verbose_name_plural = _("carriers")
        constraints = [
            *register_constraints("carrier"),
            models.CheckConstraint(
                name="carrier_has_sheets",
                condition=models.Q(sheets=None) | models.Q(sheets__gte=1),
                violation_error_message=_("A carrier has at least one sheet."),
            ),
            models.CheckConstraint(
                name="carrier_is_somewhere",
                condition=~models.Q(room=""),
                violation_error_message=_("Say where it is kept."),
            ),
        ]

    def clean(self) -> None:
        super().clean()
        if not (self.operator_id and self.responsible_id):
            return
        roles = self.responsible.memberships.filter(operator_id=self.operator_id, ended_on=None)
        if not roles.exists():
            raise ValidationError({"responsible": _("Not on the staff of this operator.")})
