"""Decisions that a datum goes although a ground covers it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import Operator, User
from registry.models.base import OPERATOR_HELP, OperatorRow
from registry.roles import VIEW, Access
from subjects.choices import Ruled
from subjects.models.base import lean_history
from subjects.models.people import PersonalDatum


class DestructionRuling(OperatorRow):
    """This datum goes, whatever covers it: wrong beyond correction, not needed, or ordered.

    152-FZ 5(6), 14(1), 20(3), 21(3); 94-V 24(1)(3), 25(2)(8). It keeps the rule by which its day
    was counted. It ends when the datum is gone, or when it is revoked.
    """

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="rulings",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    datum = models.ForeignKey(
        PersonalDatum, models.PROTECT, related_name="rulings", verbose_name=_("personal datum")
    )
    why = models.CharField(_("why it goes"), max_length=40, choices=Ruled)
    label = models.CharField(
        _("number"), max_length=60, help_text=_("Of the request, the order or the case.")
    )
    reason = models.CharField(
        _("reason"),
        max_length=300,
        help_text=_("Who decided it, by which paper, and why. No names or numbers of people."),
    )
    counted_from = models.DateField(
        _("counted from"),
        help_text=_("The day on which it was shown, or the order came: the term runs from it."),
    )
    stated_on = models.DateField(
        _("day that the order states"),
        null=True,
        blank=True,
        help_text=_(
            "Of an order: the last day that it leaves. The earlier of it and the law binds."
        ),
    )
    due_on = models.DateField(_("due on"))
    rule = models.CharField(_("rule"), max_length=60, blank=True)
    article = models.CharField(_("article"), max_length=200, blank=True)
    made_at = models.DateTimeField(_("decided at"))
    made_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="rulings",
        verbose_name=_("decided by"),
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    history = lean_history()
    access = Access(
        scope="operator",
        dpo=VIEW | {"revoke"},
        clerk=VIEW,
        auditor=VIEW,
        administrator=frozenset(),
        sworn=True,
        room="people",
    )

    class Meta:
        verbose_name = _("decision that a datum goes")
        verbose_name_plural = _("decisions that data go")
        ordering = ["-made_at", "-id"]
        indexes = [
            models.Index(
                fields=["operator"], condition=models.Q(ended_at=None), name="ruling_standing"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["datum"], condition=models.Q(ended_at=None), name="ruling_once_a_datum"
            ),
            models.CheckConstraint(
                name="ruling_has_a_number_and_a_reason",
                condition=~models.Q(label="") & ~models.Q(reason=""),
            ),
            models.CheckConstraint(
                name="ruling_due_as_stated_or_earlier",
                condition=models.Q(stated_on=None) | models.Q(due_on__lte=models.F("stated_on")),
            ),
            models.CheckConstraint(
                name="ruling_states_a_day_for_orders_only",
                condition=models.Q(stated_on=None) | models.Q(why=Ruled.ORDERED),
            ),
            models.CheckConstraint(
                name="ruling_ends_after_it_was_made",
                condition=models.Q(ended_at=None) | models.Q(ended_at__gte=models.F("made_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_why_display()} {self.label}"
