"""What stops a destruction, and what blocks data: rows that higher rooms write and end here."""

from __future__ import annotations

from dataclasses import replace

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import DataCategory, Operator
from registry.models.base import OPERATOR_HELP, OperatorRow
from registry.roles import VIEW, Access
from subjects.choices import BlockReason, StopKind
from subjects.models.base import lean_history
from subjects.models.people import DataSubject

HOLDS = Access(
    scope="operator",
    dpo=VIEW | {"add", "change"},
    clerk=VIEW,
    auditor=VIEW,
    administrator=frozenset(),
    sworn=True,
    room="people",
)


class Stop(OperatorRow):
    """Nothing of this person is destroyed while it stands (a legal hold, an open request)."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="stops",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="stops", verbose_name=_("person")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=StopKind)
    label = models.CharField(
        _("number"),
        max_length=60,
        help_text=_(
            "Of the request or the order. An act that this very request asks for is not stopped."
        ),
    )
    reason = models.CharField(
        _("reason"),
        max_length=300,
        help_text=_("Who ordered it and why. No names or numbers of people."),
    )
    document = models.CharField(
        _("document"),
        max_length=300,
        blank=True,
        help_text=_(
            "Of a legal hold: the paper that orders it, with its number and day. No names or "
            "numbers of people."
        ),
    )
    until_on = models.DateField(
        _("last day"),
        null=True,
        blank=True,
        help_text=_(
            "Of a legal hold: on the day after, it is released by itself. Empty: somebody "
            "releases it."
        ),
    )
    review_on = models.DateField(
        _("review by"),
        null=True,
        blank=True,
        help_text=_("By this day somebody asks whether the hold is still needed (152-FZ 5(7))."),
    )
    started_at = models.DateTimeField(_("started at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    history = lean_history()
    access = replace(HOLDS, dpo=VIEW | {"release"})

    class Meta:
        verbose_name = _("stop of destruction")
        verbose_name_plural = _("stops of destruction")
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "kind", "label"],
                condition=models.Q(ended_at=None),
                name="stop_once",
            ),
            models.CheckConstraint(
                name="stop_has_a_number_and_a_reason",
                condition=~models.Q(label="") & ~models.Q(reason=""),
            ),
            models.CheckConstraint(
                name="stop_ends_after_its_start",
                condition=models.Q(ended_at=None) | models.Q(ended_at__gte=models.F("started_at")),
            ),
            models.CheckConstraint(
                name="stop_hold_has_a_document_and_a_review",
                condition=~models.Q(kind=StopKind.LEGAL_HOLD)
                | (~models.Q(document="") & models.Q(review_on__isnull=False)),
            ),
            models.CheckConstraint(
                name="stop_reviewed_while_it_stands",
                condition=models.Q(until_on=None)
                | models.Q(review_on=None)
                | models.Q(review_on__lte=models.F("until_on")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.label}"


class Block(OperatorRow):
    """Data that are kept but not used (152-FZ 21(1), (6); 94-V 25(2)(8), Digital Code 41(3)).

    Neither read beyond what the request needs, nor exported, mailed, imported over or changed.
    """

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="blocks",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="blocks", verbose_name=_("person")
    )
    category = models.ForeignKey(
        DataCategory,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="blocks",
        verbose_name=_("data category"),
        help_text=_("Empty: everything that is known about the person."),
    )
    why = models.CharField(_("why"), max_length=20, choices=BlockReason)
    label = models.CharField(
        _("number"),
        max_length=60,
        help_text=_("Of the request or the order. Only for this one may the data be read."),
    )
    reason = models.CharField(
        _("reason"), max_length=300, help_text=_("No names or numbers of people.")
    )
    started_at = models.DateTimeField(_("started at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    history = lean_history()
    access = HOLDS

    class Meta:
        verbose_name = _("block")
        verbose_name_plural = _("blocks")
        ordering = ["-started_at", "-id"]
        indexes = [
            models.Index(
                fields=["subject"], condition=models.Q(ended_at=None), name="block_standing"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "label"],
                condition=models.Q(ended_at=None, category=None),
                name="block_of_all_once",
            ),
            models.UniqueConstraint(
                fields=["subject", "category", "label"],
                condition=models.Q(ended_at=None, category__isnull=False),
                name="block_of_category_once",
            ),
            models.CheckConstraint(
                name="block_has_a_number_and_a_reason",
                condition=~models.Q(label="") & ~models.Q(reason=""),
            ),
            models.CheckConstraint(
                name="block_ends_after_its_start",
                condition=models.Q(ended_at=None) | models.Q(ended_at__gte=models.F("started_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_why_display()} {self.label}"
