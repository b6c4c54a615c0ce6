"""Findings are computed, never stored; what is stored is why one of them may stand for a time."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models.base import OPERATOR_HELP, OperatorRow, history
from registry.models.operators import Operator
from registry.models.staff import User
from registry.roles import VIEW, Access


class Acknowledgement(OperatorRow):
    """Somebody has seen a finding and says why it may stand until a day; then it is back."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="acknowledgements",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    finding = models.CharField(
        _("finding"), max_length=60, help_text=_("Its id, such as REG-012: it never changes.")
    )
    object = models.CharField(
        _("object"),
        max_length=200,
        help_text=_("The row that it is about, as the finding names it."),
    )
    reason = models.TextField(
        _("reason"), help_text=_("Why it may stand for now, and who has decided that.")
    )
    until = models.DateField(_("until"), help_text=_("The last day; after it the finding is back."))
    digest = models.CharField(
        _("digest"),
        max_length=64,
        blank=True,
        editable=False,
        help_text=_(
            "Of what the finding said when it was acknowledged; once it says something else, it is "
            "open again."
        ),
    )
    made_at = models.DateTimeField(_("recorded at"), editable=False)
    made_by = models.ForeignKey(
        User,
        models.PROTECT,
        editable=False,
        related_name="acknowledgements",
        verbose_name=_("recorded by"),
    )
    history = history()
    access = Access(
        scope="operator",
        dpo=VIEW | {"acknowledge"},
        administrator=VIEW | {"acknowledge"},
    )

    class Meta:
        verbose_name = _("acknowledged finding")
        verbose_name_plural = _("acknowledged findings")
        ordering = ["operator", "finding", "object"]
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "finding", "object"], name="acknowledgement_once"
            ),
            models.CheckConstraint(
                name="acknowledgement_has_a_reason", condition=~models.Q(reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.finding} {self.object}"
