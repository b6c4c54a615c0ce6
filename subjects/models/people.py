"""The people and what is held about them. No personal value outside the sealed fields."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import (
    Carrier,
    DataCategory,
    InformationSystem,
    Operator,
    SubjectCategory,
)
from registry.models.base import OPERATOR_HELP, OperatorRow
from registry.roles import VIEW, Access
from subjects.choices import HeldIn, Source, SubjectKind
from subjects.folding import index_terms
from subjects.models.base import lean_history, new_code
from subjects.models.files import SealedFile
from subjects.vault.field import SealedField, SealedModel
from subjects.vault.models import Sealed
from subjects.vault.store import Place, Terms

# Clerks register and look; what decides about people is the DPO's. The auditor reads masked
# cards and who looked at them; the administrator runs the machine and sees no people.
PEOPLE = Access(
    scope="operator",
    dpo=VIEW | {"add", "change", "reveal", "prove", "export", "link", "merge", "hold"},
    clerk=VIEW | {"add", "change", "reveal", "prove", "link"},
    auditor=VIEW,
    administrator=frozenset(),
    sworn=True,
    room="people",
)


def of_people(scope: str) -> Access:
    """The same grants, for rows that lead to the operator by another way."""
    return Access(
        scope=scope,
        dpo=PEOPLE.dpo,
        clerk=PEOPLE.clerk,
        auditor=PEOPLE.auditor,
        administrator=PEOPLE.administrator,
        sworn=True,
        room="people",
    )


class DataSubject(OperatorRow):
    """A person with one operator: a card without a name. What it says of itself is its code."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="subjects",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    code = models.CharField(_("code"), max_length=10, unique=True, default=new_code)
    kind = models.CharField(
        _("kind"),
        max_length=20,
        choices=SubjectKind,
        default=SubjectKind.PERSON,
        help_text=_("A sole proprietor is a person too: the IIN is personal data."),
    )
    category = models.ForeignKey(
        SubjectCategory,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="subjects",
        verbose_name=_("subject category"),
        help_text=_("Which of the register's kinds of people. Empty: not known yet."),
    )
    registered_at = models.DateTimeField(_("registered at"))
    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="merged_cards",
        verbose_name=_("merged into"),
        help_text=_("The card that holds this person's data now."),
    )
    history = lean_history()
    access = PEOPLE

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="subject_is_not_merged_into_itself",
                condition=models.Q(merged_into=None) | ~models.Q(merged_into=models.F("id")),
            )
        ]

    def __str__(self) -> str:
        return self.code


class SubjectLink(OperatorRow):
    """Two cards that belong to one human being (two accounts, say), and stay apart."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="subject_links",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    first = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="links_from", verbose_name=_("card")
    )
    second = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="links_to", verbose_name=_("other card")
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    history = lean_history()
    access = of_people("operator")

    class Meta:
        verbose_name = _("link of cards")
        verbose_name_plural = _("links of cards")
        constraints = [
            models.CheckConstraint(
                name="link_is_in_order", condition=models.Q(first__lt=models.F("second"))
            ),
            models.UniqueConstraint(
                fields=["first", "second"],
                condition=models.Q(ended_at=None),
                name="link_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first} – {self.second}"


class PersonalDatum(SealedModel, OperatorRow):
    """One thing known about a person: in the vault, or the fact that it lies elsewhere."""

    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="data", verbose_name=_("person")
    )
    category = models.ForeignKey(
        DataCategory,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="data",
        verbose_name=_("data category"),
        help_text=_("An element of the approved list; a live ground must cover it."),
    )
    # What the operator's own systems call the person; where the list of data has no element for
    # it, it lives as long as anything else about the person does.
    identity = models.BooleanField(_("identifies the row"), default=False)
    held_in = models.CharField(
        _("held in"), max_length=10, choices=HeldIn, default=HeldIn.VAULT,
        help_text=_("Where the value itself lies."),
    )  # fmt: skip
    system = models.ForeignKey(
        InformationSystem,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="data",
        verbose_name=_("information system"),
        help_text=_("When it is held in a system of the operator."),
    )
    carrier = models.ForeignKey(
        Carrier,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="data",
        verbose_name=_("carrier"),
        help_text=_("When it is held on paper or another carrier."),
    )
    value = SealedField(
        _("value"),
        kind=Sealed.DATUM,
        key="value_key",
        help_text=_("Sealed when saved. Empty: the value stays as it is."),
    )
    value_key = models.BigIntegerField(null=True, blank=True, unique=True, editable=False)
    file = models.OneToOneField(
        SealedFile,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="datum",
        verbose_name=_("file"),
    )
    source = models.CharField(
        _("source"),
        max_length=20,
        choices=Source,
        default=Source.SUBJECT,
        help_text=_("Who or what it came from (152-FZ 14(7)(5), 94-V 24(1)(1))."),
    )
    collected_on = models.DateField(_("collected on"), help_text=_("First day it was held."))
    verified_on = models.DateField(
        _("verified on"),
        null=True,
        blank=True,
        help_text=_("When somebody last made sure that it is right (152-FZ 5(6))."),
    )
    history = lean_history()
    indexed_with = ("subject", "category")
    access = of_people("subject__operator")

    class Meta(SealedModel.Meta):
        abstract = False
        verbose_name = _("personal datum")
        verbose_name_plural = _("personal data")
        ordering = ["subject", "category", "id"]
        constraints = [
            models.CheckConstraint(
                name="datum_has_a_category",
                condition=models.Q(category__isnull=False) | models.Q(identity=True),
            ),
            models.CheckConstraint(
                name="datum_lies_where_it_says",
                condition=(
                    models.Q(held_in=HeldIn.VAULT, system=None, carrier=None)
                    & (
                        models.Q(value_key__isnull=False, file=None)
                        | models.Q(value_key=None, file__isnull=False)
                    )
                )
                | models.Q(
                    held_in=HeldIn.SYSTEM, system__isnull=False, carrier=None, value_key=None,
                    file=None,
                )
                | models.Q(
                    held_in=HeldIn.CARRIER, carrier__isnull=False, system=None, value_key=None,
                    file=None,
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.subject_id}/{self.pk}"

    @property
    def operator(self) -> Operator:
        return self.subject.operator

    @property
    def key_number(self) -> int | None:
        """The key that ends with this datum; None when nothing of it is in the vault."""
        return self.file.key if self.file_id and self.file else self.value_key

    def sealed_place(self, name: str) -> Place:
        return Place(kind=Sealed.DATUM, owner=self.subject_id, category=self.category_id)

    def sealed_terms(self, name: str, text: str) -> Terms:
        realm = self.subject.operator_id
        terms: list[tuple[str, str]] = []
        if self.category is not None:
            terms += index_terms(self.category.format, self.category.search, text)
        if self.identity:
            terms += index_terms("account", "whole", text)
        return Terms(realm, terms)

    def clean(self) -> Any:
        """The operator's own rows only; the datum's operator is its person's."""
        super().clean()
