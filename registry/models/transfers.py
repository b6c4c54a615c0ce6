"""Data that leave the operator: the transfer and its gate, the instruction of a processor."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Gate, Operation, RecipientFact
from registry.models.base import OPERATOR_HELP, ChoiceListField, OperatorRow, history
from registry.models.law import LegalBasis
from registry.models.operators import Operator
from registry.models.register import (
    DataCategory,
    ProcessingActivity,
    Recipient,
    RegisterRow,
    register_constraints,
)
from registry.roles import VIEW, Access

GATED = Access(
    scope="operator",
    dpo=VIEW | {"add", "change", "delete", "gate"},
    administrator=VIEW | {"add", "change", "delete", "gate"},
    room="register",
)


class Transfer(RegisterRow):
    """Data of one activity given to one recipient, and how far it has come through its gate.

    The steps stand in order (152-FZ 12(3)-(11)): the recipient assessed, the notice filed, the
    waiting period over, open; a ban closes it at once. Services set the dates, constraints
    refuse any other order. ``gate`` is what the law wanted when the gate was last looked at.
    """

    recipient = models.ForeignKey(
        Recipient,
        models.PROTECT,
        related_name="transfers",
        verbose_name=_("recipient"),
        help_text=_("Whom the data are given to."),
    )
    activity = models.ForeignKey(
        ProcessingActivity,
        models.PROTECT,
        related_name="transfers",
        verbose_name=_("processing activity"),
        help_text=_("Its purpose is the purpose of the transfer."),
    )
    data_categories = models.ManyToManyField(
        DataCategory,
        blank=True,
        related_name="transfers",
        verbose_name=_("data categories"),
        help_text=_("What is given; none beyond those of the activity."),
    )
    legal_basis = models.ForeignKey(
        LegalBasis,
        models.PROTECT,
        related_name="transfers",
        verbose_name=_("legal basis"),
        help_text=_("On what the transfer stands (152-FZ 12(4)(3), 94-V 16(3))."),
    )
    gate = models.CharField(_("gate"), max_length=10, choices=Gate, editable=False)
    assessed_on = models.DateField(_("recipient assessed on"), null=True, editable=False)
    filed_on = models.DateField(_("notice filed on"), null=True, editable=False)
    notice_number = models.CharField(
        _("number of the notice"), max_length=100, blank=True, editable=False
    )
    opens_on = models.DateField(_("not before"), null=True, editable=False)
    opened_on = models.DateField(_("open since"), null=True, editable=False)
    banned_on = models.DateField(_("banned on"), null=True, editable=False)
    ban_document = models.CharField(
        _("document of the ban"), max_length=300, blank=True, editable=False
    )
    ended_on = models.DateField(_("ended on"), null=True, editable=False)
    history = history(m2m_fields=[data_categories])
    access = GATED

    class Meta(RegisterRow.Meta):
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        constraints = [
            *register_constraints("transfer"),
            models.CheckConstraint(
                name="transfer_filed_after_assessment",
                condition=models.Q(filed_on=None, notice_number="")
                | (
                    # Said aloud, for a check that compares with NULL lets everything pass.
                    models.Q(
                        filed_on__isnull=False,
                        assessed_on__isnull=False,
                        assessed_on__lte=models.F("filed_on"),
                    )
                    & ~models.Q(notice_number="")
                ),
                violation_error_message=_(
                    "The recipient is assessed before the notice is filed, and the notice has a "
                    "number (152-FZ 12(5))."
                ),
            ),
            models.CheckConstraint(
                name="transfer_opened_after_notice",
                condition=models.Q(opened_on=None)
                | models.Q(gate__in=[Gate.NONE, Gate.GROUND])
                | models.Q(
                    gate=Gate.NOTICE,
                    filed_on__isnull=False,
                    filed_on__lte=models.F("opened_on"),
                )
                | models.Q(
                    gate=Gate.WAIT,
                    filed_on__isnull=False,
                    filed_on__lte=models.F("opened_on"),
                    opens_on__isnull=False,
                    opens_on__lte=models.F("opened_on"),
                ),
                violation_error_message=_(
                    "A cross-border transfer opens after its notice and its waiting period "
                    "(152-FZ 12(3), 12(11))."
                ),
            ),
            models.CheckConstraint(
                name="transfer_banned_by_document",
                condition=models.Q(banned_on=None, ban_document="")
                | (models.Q(banned_on__isnull=False) & ~models.Q(ban_document="")),
                violation_error_message=_("Name the document of the ban."),
            ),
            models.CheckConstraint(
                name="transfer_ends_after_it_opens",
                condition=models.Q(ended_on=None)
                | models.Q(opened_on=None)
                | models.Q(ended_on__gte=models.F("opened_on")),
            ),
        ]

    def open_on(self, day: date) -> bool:
        """Whether data may go to the recipient on that day."""
        return (
            self.opened_on is not None
            and self.opened_on <= day
            and (self.banned_on is None or day < self.banned_on)
            and (self.ended_on is None or day <= self.ended_on)
        )


class RecipientInformation(models.Model):
    """One thing found out about a foreign recipient before the notice (152-FZ 12(5))."""

    transfer = models.ForeignKey(
        Transfer, models.CASCADE, related_name="information", verbose_name=_("transfer")
    )
    fact = models.CharField(
        _("what"), max_length=20, choices=RecipientFact, help_text=_("Which of the three.")
    )
    received_on = models.DateField(_("received on"), help_text=_("When the answer came."))
    document = models.CharField(
        _("document"), max_length=300, help_text=_("The paper that says it: number and date.")
    )
    history = history()
    access = Access(scope="transfer__operator", room="register")

    class Meta:
        verbose_name = _("information about the recipient")
        verbose_name_plural = _("information about recipients")
        ordering = ["transfer", "fact"]
        constraints = [
            models.UniqueConstraint(fields=["transfer", "fact"], name="recipient_information_once"),
            models.CheckConstraint(
                name="recipient_information_has_a_document", condition=~models.Q(document="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.transfer}: {self.get_fact_display()}"


class ProcessorInstruction(OperatorRow):
    """What a processor was told to do with data, as 152-FZ 6(3) wants it said."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="instructions",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    recipient = models.ForeignKey(
        Recipient,
        models.PROTECT,
        related_name="instructions",
        verbose_name=_("processor"),
        help_text=_("Who processes on the operator's behalf."),
    )
    number = models.CharField(
        _("number"), max_length=100, help_text=_("Of the contract or instruction.")
    )
    signed_on = models.DateField(_("signed on"), help_text=_("First day on which it binds."))
    ended_on = models.DateField(_("ended on"), null=True, blank=True, help_text=_("Last day."))
    activities = models.ManyToManyField(
        ProcessingActivity,
        blank=True,
        related_name="instructions",
        verbose_name=_("processing activities"),
        help_text=_("Their purposes are those of the instruction."),
    )
    data_categories = models.ManyToManyField(
        DataCategory,
        blank=True,
        related_name="instructions",
        verbose_name=_("data categories"),
        help_text=_("The list of data that the processor may touch."),
    )
    operations = ChoiceListField(
        _("operations"), options=Operation, help_text=_("What the processor may do with them.")
    )
    confidentiality = models.BooleanField(
        _("confidentiality"), default=False, help_text=_("It must keep the data confidential.")
    )
    localisation = models.BooleanField(
        _("storage in the country"),
        default=False,
        help_text=_("It keeps the databases in the country (152-FZ 18(5), 94-V 12(2))."),
    )
    security = models.BooleanField(
        _("security measures"),
        default=False,
        help_text=_("It takes the measures of 18.1 and 19 and shows them on request."),
    )
    incident_notice = models.BooleanField(
        _("notice of incidents"),
        default=False,
        help_text=_("It tells the operator of an incident at once (152-FZ 21(3.1))."),
    )
    history = history(m2m_fields=[activities, data_categories])
    access = Access(
        scope="operator",
        dpo=VIEW | {"add", "change", "delete"},
        administrator=VIEW | {"add", "change", "delete"},
        room="register",
    )

    class Meta:
        verbose_name = _("instruction of a processor")
        verbose_name_plural = _("instructions of processors")
        ordering = ["operator", "recipient", "-signed_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "recipient", "number"], name="instruction_number_once"
            ),
            models.CheckConstraint(
                name="instruction_ends_after_it_begins",
                condition=models.Q(ended_on=None) | models.Q(ended_on__gte=models.F("signed_on")),
                violation_error_message=_("An instruction cannot end before it is signed."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recipient}: {self.number}"

    def in_force(self, day: date) -> bool:
        return self.signed_on <= day and (self.ended_on is None or day <= self.ended_on)
