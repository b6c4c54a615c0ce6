"""What was given about whom, to whom and why: a journal that only grows.

94-V 22(1)(5) wants the actions of 8(4)(3)-(6) registered and accounted for; 152-FZ 14(7) lets the
person ask who was given the data. The rows hold cards and categories, never a value, so they stay
when the data are destroyed. A mistake is reversed by a row of its own, never edited.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Channel
from registry.models import Country, DataCategory, LegalBasis, Operator, Transfer, User
from registry.models.base import OPERATOR_HELP, OperatorRow
from registry.roles import VIEW, Access
from subjects.choices import DisclosureKind, StateBody
from subjects.models.people import DataSubject

# To give data away decides about people, which is the DPO's; everybody else looks.
DISCLOSED = frozenset({"add", "reverse", "export"})


def of_disclosures(scope: str) -> Access:
    """Who may do what, for rows that lead to the operator by this way."""
    return Access(
        scope=scope,
        dpo=VIEW | DISCLOSED,
        clerk=VIEW,
        auditor=VIEW,
        administrator=frozenset(),
        sworn=True,
        room="people",
    )


class Disclosure(OperatorRow):
    """Data of people were given away once: to a body of the state, or by a transfer."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="disclosures",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    number = models.CharField(_("number"), max_length=40)
    kind = models.CharField(
        _("kind"),
        max_length=20,
        choices=DisclosureKind,
        help_text=_(
            "A body of the state demands data; everybody else is given them by a transfer."
        ),
    )
    body_kind = models.CharField(
        _("which body"),
        max_length=20,
        choices=StateBody,
        blank=True,
        help_text=_("Of a disclosure to a state body."),
    )
    body = models.CharField(
        _("name of the body"),
        max_length=300,
        blank=True,
        help_text=_(
            "Of the court or the department, as it stands on the demand; never of a person."
        ),
    )
    transfer = models.ForeignKey(
        Transfer,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="disclosures",
        verbose_name=_("transfer"),
        help_text=_("The row of the register by which the data went; it must be open that day."),
    )
    legal_basis = models.ForeignKey(
        LegalBasis,
        models.PROTECT,
        related_name="disclosures",
        verbose_name=_("legal basis"),
        help_text=_("On what it stands (94-V 9, 152-FZ 6(1)); of a transfer: the transfer's own."),
    )
    document = models.CharField(
        _("document"),
        max_length=300,
        help_text=_(
            "Number and date of the demand, or of the contract. No names or numbers of people."
        ),
    )
    given_on = models.DateField(_("given on"), help_text=_("Local date of the operator."))
    way = models.CharField(
        _("given by"), max_length=30, choices=Channel, help_text=_("How the data were handed over.")
    )
    # As it was that day: the register may say something else later.
    third_party = models.BooleanField(_("to a third party"))
    cross_border = models.BooleanField(_("across the border"))
    country = models.ForeignKey(
        Country,
        models.PROTECT,
        null=True,
        related_name="disclosures",
        verbose_name=_("country"),
    )
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.ForeignKey(
        User, models.PROTECT, related_name="disclosures", verbose_name=_("recorded by")
    )
    numbered = "DIS"
    access = of_disclosures("operator")
    append_only = True

    class Meta:
        verbose_name = _("disclosure")
        verbose_name_plural = _("disclosures")
        ordering = ["-given_on", "-id"]
        indexes = [models.Index(fields=["operator", "-given_on"], name="disclosure_of_operator")]
        constraints = [
            models.UniqueConstraint(fields=["operator", "number"], name="disclosure_number_once"),
            models.CheckConstraint(
                name="disclosure_to_a_named_body",
                condition=~models.Q(kind=DisclosureKind.STATE_BODY)
                | (models.Q(transfer=None) & ~models.Q(body_kind="") & ~models.Q(body="")),
            ),
            models.CheckConstraint(
                name="disclosure_by_a_transfer",
                condition=~models.Q(kind=DisclosureKind.TRANSFER)
                | models.Q(transfer__isnull=False, body_kind="", body=""),
            ),
            models.CheckConstraint(
                name="disclosure_has_a_document", condition=~models.Q(document="")
            ),
            models.CheckConstraint(
                name="disclosure_abroad_names_the_country",
                condition=models.Q(cross_border=False) | models.Q(country__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_reversed(self) -> bool:
        return hasattr(self, "reversal")

    @property
    def recipient(self) -> str:
        """To whom, in words: the body, or the recipient of the transfer."""
        if self.transfer is not None:
            return str(self.transfer.recipient)
        return f"{self.get_body_kind_display()}: {self.body}"


class DisclosedPerson(models.Model):
    """One category of one person's data that was given; a row each, and no value."""

    disclosure = models.ForeignKey(
        Disclosure, models.PROTECT, related_name="people", verbose_name=_("disclosure")
    )
    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="disclosures", verbose_name=_("person")
    )
    category = models.ForeignKey(
        DataCategory, models.PROTECT, related_name="disclosures", verbose_name=_("data category")
    )
    access = of_disclosures("disclosure__operator")
    append_only = True

    class Meta:
        verbose_name = _("disclosed person")
        verbose_name_plural = _("disclosed people")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["disclosure", "subject", "category"], name="disclosed_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.disclosure_id}/{self.subject_id}/{self.category_id}"


class DisclosureReversal(models.Model):
    """A disclosure was recorded by mistake: it stays readable, and this says why it counts not."""

    disclosure = models.OneToOneField(
        Disclosure, models.PROTECT, related_name="reversal", verbose_name=_("disclosure")
    )
    reason = models.CharField(
        _("reason"),
        max_length=300,
        help_text=_("What was wrong. No names or numbers of people."),
    )
    reversed_at = models.DateTimeField(_("reversed at"))
    reversed_by = models.ForeignKey(
        User, models.PROTECT, related_name="reversed_disclosures", verbose_name=_("reversed by")
    )
    access = of_disclosures("disclosure__operator")
    append_only = True

    class Meta:
        verbose_name = _("reversal of a disclosure")
        verbose_name_plural = _("reversals of disclosures")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="reversal_has_a_reason", condition=~models.Q(reason=""))
        ]

    def __str__(self) -> str:
        return f"{self.disclosure_id}"
