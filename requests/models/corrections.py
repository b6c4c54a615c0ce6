"""What was corrected because a person asked for it, and who of the recipients was told of it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import Operator, Recipient, User
from registry.models.base import OperatorRow
from registry.roles import VIEW, Access
from requests.models.subject_requests import NO_NAMES, RequestItem
from subjects.models import DestructionRuling, Disclosure, PersonalDatum

PARTS = Access(
    scope="item__request__operator",
    dpo=VIEW,
    clerk=VIEW,
    auditor=VIEW,
    administrator=frozenset(),
    sworn=True,
)
HOW_LIMIT = 300


class DatumCorrection(OperatorRow):
    """A datum that was put right for a demand, or goes because it cannot be; never changed.

    152-FZ 14(1), 20(3), 21(2); 94-V 25(2)(8).

    The old and the new value stand in the history of the datum, sealed, and go with it.
    """

    item = models.ForeignKey(
        RequestItem, models.PROTECT, related_name="corrections", verbose_name=_("demand")
    )
    datum = models.ForeignKey(
        PersonalDatum, models.PROTECT, related_name="corrections", verbose_name=_("datum")
    )
    corrected_at = models.DateTimeField(_("corrected at"))
    corrected_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="datum_corrections",
        verbose_name=_("corrected by"),
    )
    ruling = models.ForeignKey(
        DestructionRuling,
        models.PROTECT,
        null=True,
        related_name="corrections",
        verbose_name=_("decision that it goes"),
        help_text=_("Where it could not be put right; empty: it was."),
    )
    append_only = True
    access = PARTS

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        ordering = ["item", "id"]

    def __str__(self) -> str:
        return f"{self.item.request.number}: {self.datum_id}"

    @property
    def operator(self) -> Operator:
        return self.item.request.operator


class RecipientTold(OperatorRow):
    """Somebody who was given the data was told that they were wrong or unlawful, or why that
    cannot be done; never changed (152-FZ 20(3)).
    """

    item = models.ForeignKey(
        RequestItem, models.PROTECT, related_name="told", verbose_name=_("demand")
    )
    recipient = models.ForeignKey(
        Recipient,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="told_of_corrections",
        verbose_name=_("recipient"),
    )
    disclosure = models.ForeignKey(
        Disclosure,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="told_of_corrections",
        verbose_name=_("disclosure"),
    )
    told_at = models.DateTimeField(
        _("told at"), null=True, blank=True, help_text=_("Empty: they could not be told.")
    )
    how = models.CharField(
        _("by which letter, or why not"),
        max_length=HOW_LIMIT,
        help_text=NO_NAMES,
    )
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="recipients_told",
        verbose_name=_("recorded by"),
    )
    append_only = True
    access = PARTS

    class Meta:
        verbose_name = _("recipient told")
        verbose_name_plural = _("recipients told")
        ordering = ["item", "id"]
        constraints = [
            models.CheckConstraint(
                name="told_names_one",
                condition=models.Q(recipient__isnull=False, disclosure=None)
                | models.Q(recipient=None, disclosure__isnull=False),
            ),
            models.CheckConstraint(name="told_says_how", condition=~models.Q(how="")),
            models.CheckConstraint(
                name="told_before_it_is_recorded",
                condition=models.Q(told_at=None) | models.Q(told_at__lte=models.F("recorded_at")),
            ),
            models.UniqueConstraint(fields=["item", "recipient"], name="recipient_told_once"),
            models.UniqueConstraint(fields=["item", "disclosure"], name="body_told_once"),
        ]

    def __str__(self) -> str:
        return f"{self.item.request.number}: {self.whom}"

    @property
    def operator(self) -> Operator:
        return self.item.request.operator

    @property
    def whom(self) -> str:
        """The recipient of the register, or the body of the state."""
        if self.recipient is not None:
            return str(self.recipient)
        return self.disclosure.recipient if self.disclosure is not None else ""
