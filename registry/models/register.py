"""The register of processing: purposes, data, activities, grounds, systems, retention."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import (
    CollectionWay,
    ContactWay,
    DataFormat,
    DataKind,
    Mode,
    Operation,
    RecipientKind,
    SearchKind,
    SubjectRelation,
)
from registry.models.base import (
    OPERATOR_HELP,
    ChoiceListField,
    Localized,
    Named,
    OperatorRow,
    history,
    named_constraint,
)
from registry.models.law import Country, LegalBasis
from registry.models.operators import Operator
from registry.roles import FULL, REGISTER, Access

CLAUSE_HELP = _("Number of the clause in the policy. Empty: the policy is silent.")


class RegisterRow(OperatorRow, Named):
    """A named row of one operator's register, known by a code that never changes."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="%(class)s_set",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    code = models.SlugField(
        _("code"), max_length=60, help_text=_("Short and final: imports refer to it.")
    )
    clause = models.CharField(_("clause"), max_length=40, blank=True, help_text=CLAUSE_HELP)

    access = REGISTER

    class Meta:
        abstract = True
        ordering = ["operator", "code"]


def register_constraints(prefix: str) -> list[models.BaseConstraint]:
    return [
        models.UniqueConstraint(fields=["operator", "code"], name=f"{prefix}_code_once"),
        named_constraint(prefix),
    ]


class SubjectCategory(RegisterRow):
    """A kind of people, and what makes somebody one of them."""

    relation = models.CharField(
        _("who they are"),
        max_length=20,
        choices=SubjectRelation,
        blank=True,
        help_text=_("What these people are to the operator. Empty: not said yet."),
    )
    condition_ru = models.TextField(
        _("condition in Russian"), blank=True, help_text=_("What makes a person one of them.")
    )
    condition_kk = models.TextField(
        _("condition in Kazakh"), blank=True, help_text=_("What makes a person one of them.")
    )
    condition_en = models.TextField(
        _("condition in English"), blank=True, help_text=_("What makes a person one of them.")
    )
    condition = Localized("condition")
    history = history()

    class Meta(RegisterRow.Meta):
        verbose_name = _("subject category")
        verbose_name_plural = _("subject categories")
        constraints = register_constraints("subject_category")


class DataCategory(RegisterRow):
    """One element of the list of personal data."""

    kind = models.CharField(
        _("kind"),
        max_length=20,
        choices=DataKind,
        default=DataKind.ORDINARY,
        help_text=_("Special and biometric data need a ground of their own (152-FZ 10, 11)."),
    )
    format = models.CharField(
        _("format"),
        max_length=20,
        choices=DataFormat,
        default=DataFormat.TEXT,
        help_text=_("What a value looks like; some formats have check digits."),
    )
    search = models.CharField(
        _("search"),
        max_length=20,
        choices=SearchKind,
        default=SearchKind.NONE,
        help_text=_("How staff will find a person by it."),
    )
    open_ended = models.BooleanField(
        _("open-ended"),
        default=False,
        help_text=_("The policy does not say what it contains: it must be made concrete."),
    )
    history = history()

    class Meta(RegisterRow.Meta):
        verbose_name = _("data category")
        verbose_name_plural = _("data categories")
        constraints = register_constraints("data_category")


class Purpose(RegisterRow):
    """What data are processed for: specific, lawful, known before (152-FZ 5(2), 94-V 7(8))."""

    ended_on = models.DateField(
        _("achieved on"),
        null=True,
        blank=True,
        help_text=_("When the purpose was achieved: data without another ground must go."),
    )
    contact_by = ChoiceListField(
        _("reaches people by"),
        options=ContactWay,
        help_text=_(
            "A contact detail for any other way is more than the purpose needs (152-FZ 5(5), "
            "94-V 7(9)). None: the purpose does not say."
        ),
    )
    incompatible = models.ManyToManyField(
        "self",
        blank=True,
        verbose_name=_("incompatible purposes"),
        help_text=_("Databases of incompatible purposes may not be joined (152-FZ 5(3))."),
    )
    history = history(m2m_fields=[incompatible])
    access = Access(scope="operator", dpo=FULL | {"end"}, administrator=FULL, room="register")

    class Meta(RegisterRow.Meta):
        verbose_name = _("purpose")
        verbose_name_plural = _("purposes")
        constraints = register_constraints("purpose")


class InformationSystem(RegisterRow):
    """Where data lie."""

    address = models.CharField(
        _("address"), max_length=300, blank=True, help_text=_("Link or host, if it has one.")
    )
    country = models.ForeignKey(
        Country,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="systems",
        verbose_name=_("country"),
        help_text=_("Where the database stands (152-FZ 18(5), 94-V 12(2)). Empty: not known yet."),
    )
    history = history()

    class Meta(RegisterRow.Meta):
        verbose_name = _("information system")
        verbose_name_plural = _("information systems")
        constraints = register_constraints("information_system")


class Recipient(RegisterRow):
    """Whoever data are given to."""

    kind = models.CharField(
        _("kind"),
        max_length=20,
        choices=RecipientKind,
        help_text=_("A processor acts on the operator's instruction (152-FZ 6(3))."),
    )
    country = models.ForeignKey(
        Country,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="recipients",
        verbose_name=_("country"),
        help_text=_("Empty: not known yet. Abroad, the gates of a cross-border transfer apply."),
    )
    history = history()

    class Meta(RegisterRow.Meta):
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        constraints = register_constraints("recipient")


class ProcessingActivity(RegisterRow):
    """A row of the register: one purpose, its data, people, grounds, operations, systems."""

    purpose = models.ForeignKey(
        Purpose,
        models.PROTECT,
        related_name="activities",
        verbose_name=_("purpose"),
        help_text=_("One purpose to a row."),
    )
    subject_categories = models.ManyToManyField(
        SubjectCategory,
        blank=True,
        related_name="activities",
        verbose_name=_("subject categories"),
        help_text=_("Whose data."),
    )
    data_categories = models.ManyToManyField(
        DataCategory,
        blank=True,
        related_name="activities",
        verbose_name=_("data categories"),
        help_text=_("Only what the purpose needs (152-FZ 5(5), 94-V 7(9))."),
    )
    legal_bases = models.ManyToManyField(
        LegalBasis,
        blank=True,
        related_name="activities",
        verbose_name=_("legal bases"),
        help_text=_("Articles of the operator's own law; one that is closed is refused."),
    )
    systems = models.ManyToManyField(
        InformationSystem,
        blank=True,
        related_name="activities",
        verbose_name=_("information systems"),
        help_text=_("Where the data lie."),
    )
    recipients = models.ManyToManyField(
        Recipient,
        blank=True,
        related_name="activities",
        verbose_name=_("recipients"),
        help_text=_("Whom the data are given to."),
    )
    operations = ChoiceListField(
        _("operations"), options=Operation, help_text=_("What is done with the data.")
    )
    collection_ways = ChoiceListField(
        _("ways of collection"), options=CollectionWay, help_text=_("How the data arrive.")
    )
    mode = models.CharField(
        _("mode"),
        max_length=20,
        choices=Mode,
        blank=True,
        help_text=_("Decides which papers a destruction needs (Order 179)."),
    )
    over_network = models.BooleanField(
        _("over a network"),
        null=True,
        blank=True,
        help_text=_("Whether data travel over the internet or an internal network."),
    )
    started_on = models.DateField(_("started on"), null=True, blank=True, help_text=_("First day."))
    ended_on = models.DateField(
        _("ended on"),
        null=True,
        blank=True,
        help_text=_("From this day on it is a ground for nothing."),
    )
    balance_note = models.TextField(
        _("balance of interests"),
        blank=True,
        help_text=_(
            "Why the interests named in the ground outweigh those of the person; wanted where "
            "the ground is a legitimate interest (152-FZ 6(1)(7))."
        ),
    )
    review_on = models.DateField(
        _("review on"), null=True, blank=True, help_text=_("When somebody checks this row again.")
    )
    history = history(
        m2m_fields=[subject_categories, data_categories, legal_bases, systems, recipients]
    )

    class Meta(RegisterRow.Meta):
        verbose_name = _("processing activity")
        verbose_name_plural = _("processing activities")
        constraints = [
            *register_constraints("activity"),
            models.CheckConstraint(
                name="activity_ends_after_it_starts",
                condition=models.Q(started_on=None)
                | models.Q(ended_on=None)
                | models.Q(ended_on__gte=models.F("started_on")),
                violation_error_message=_("An activity cannot end before it starts."),
            ),
        ]

    def clean(self) -> None:
        """Whoever consented to this activity consented to its purpose (94-V 8(4), 152-FZ 9(4))."""
        super().clean()
        stored = ProcessingActivity.objects.filter(pk=self.pk).exclude(purpose=self.purpose_id)
        if stored.filter(consent_texts__published_at__isnull=False).exists():
            raise ValidationError(
                {
                    "purpose": _(
                        "People read this activity's purpose in a published consent text. A new "
                        "purpose wants an activity and a consent of its own."
                    )
                }
            )


class ClaimedGround(OperatorRow):
    """What the policy says its ground is: recorded as it stands, judged by findings."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="claimed_grounds",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    code = models.SlugField(_("code"), max_length=60, help_text=_("Short and final."))
    purpose = models.ForeignKey(
        Purpose,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="claimed_grounds",
        verbose_name=_("purpose"),
        help_text=_("Empty: the policy claims it for all its purposes."),
    )
    words_ru = models.TextField(_("in Russian"), blank=True, help_text=_("In our own words."))
    words_kk = models.TextField(_("in Kazakh"), blank=True, help_text=_("In our own words."))
    words_en = models.TextField(_("in English"), blank=True, help_text=_("In our own words."))
    words = Localized("words")
    clause = models.CharField(_("clause"), max_length=40, help_text=_("Of the policy."))
    legal_basis = models.ForeignKey(
        LegalBasis,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="claims",
        verbose_name=_("legal basis"),
        help_text=_("The article it answers to. Empty: the law knows no such ground."),
    )
    history = history()
    access = REGISTER

    class Meta:
        verbose_name = _("claimed ground")
        verbose_name_plural = _("claimed grounds")
        ordering = ["operator", "code"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "code"], name="claimed_ground_code_once"),
            models.CheckConstraint(
                name="claimed_ground_has_words",
                condition=~models.Q(words_ru="", words_kk="", words_en=""),
                violation_error_message=_("Say it in at least one language."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.clause}: {self.words}"
