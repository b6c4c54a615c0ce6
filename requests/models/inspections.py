"""Inspections by the authority: the order, what it asks for, what it found, what it prescribes.

The law on control sets how an inspection goes (248-FZ in Russia, the Entrepreneurial Code in
Kazakhstan); every date here is the one that stands on the authority's paper.
"""

from __future__ import annotations

from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import Authority, Deadline, Operator, User
from registry.models.base import OPERATOR_HELP, OperatorRow, history
from registry.roles import VIEW, Access
from requests import states
from requests.models.subject_requests import NO_NAMES

TEXT_LIMIT = 20_000
SHEETS_LIMIT = 1_000_000


class InspectionKind(models.TextChoices):
    PLANNED = "planned", _("planned")
    UNPLANNED = "unplanned", _("unplanned")
    DOCUMENTARY = "documentary", _("documentary")


class InspectionState(models.TextChoices):
    ANNOUNCED = states.ANNOUNCED, _("announced")
    RUNNING = states.RUNNING, _("running")
    FINDINGS = states.FINDINGS, _("findings received")
    CLOSED = states.CLOSED, _("closed")


class AskedState(models.TextChoices):
    OPEN = states.OPEN, _("open")
    GIVEN = states.GIVEN, _("given")
    DROPPED = states.DROPPED, _("taken back by the authority")


class PrescriptionState(models.TextChoices):
    OPEN = states.OPEN, _("open")
    FULFILLED = states.FULFILLED, _("fulfilled")


_CLERK = VIEW | {"add", "ask", "give"}
_DPO = _CLERK | {
    "begin",
    "drop",
    "find",
    "prescribe",
    "delay",
    "fulfil",
    "close",
    "pack",
    "let_in",
    "shut",
    "seen",
}


class Inspection(OperatorRow):
    """One inspection by its order, from the announcement to its end."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="inspections",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    number = models.CharField(_("our number"), max_length=40)
    authority = models.ForeignKey(
        Authority,
        models.PROTECT,
        related_name="inspections",
        verbose_name=_("authority"),
        help_text=_("Which body inspects."),
    )
    order_number = models.CharField(
        _("number of the order"),
        max_length=100,
        help_text=_("As on the order (decision) of the authority."),
    )
    ordered_on = models.DateField(
        _("date of the order"), help_text=_("As on the order; not in the future.")
    )
    kind = models.CharField(
        _("kind"),
        max_length=20,
        choices=InspectionKind,
        help_text=_("As the order names it."),
    )
    basis = models.TextField(_("basis"), max_length=TEXT_LIMIT, help_text=NO_NAMES)
    begins_on = models.DateField(_("begins on"), help_text=_("The first day, as on the order."))
    ends_on = models.DateField(_("ends on"), help_text=_("The last day, as on the order."))
    inspectors = models.CharField(
        _("inspectors"),
        max_length=500,
        blank=True,
        help_text=_("The officials whom the order names, with position: whom to let in."),
    )
    registered_at = models.DateTimeField(_("registered at"))
    registered_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="registered_inspections",
        verbose_name=_("registered by"),
    )
    state = models.CharField(
        _("state"), max_length=20, choices=InspectionState, default=InspectionState.ANNOUNCED
    )
    act_number = models.CharField(
        _("number of the act"),
        max_length=100,
        blank=True,
        help_text=_("Of the act in which the authority writes what it found."),
    )
    act_on = models.DateField(
        _("date of the act"), null=True, blank=True, help_text=_("As on the act.")
    )
    findings = models.TextField(
        _("what was found"), max_length=TEXT_LIMIT, blank=True, help_text=NO_NAMES
    )
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_reason = models.CharField(_("result"), max_length=300, blank=True, help_text=NO_NAMES)
    history = history()
    numbered = "INS"
    access = Access(scope="operator", dpo=_DPO, clerk=_CLERK)

    class Meta:
        verbose_name = _("inspection")
        verbose_name_plural = _("inspections")
        ordering = ["-ordered_on", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "number"], name="inspection_number_once"),
            models.UniqueConstraint(
                fields=["operator", "authority", "order_number", "ordered_on"],
                name="inspection_order_once",
                violation_error_message=_("This order has been registered already."),
            ),
            models.CheckConstraint(
                name="inspection_days_in_order",
                condition=models.Q(ends_on__gte=models.F("begins_on")),
                violation_error_message=_("It cannot end before it begins."),
            ),
            models.CheckConstraint(
                name="inspection_begins_after_its_order",
                condition=models.Q(begins_on__gte=models.F("ordered_on")),
                violation_error_message=_("It cannot begin before its order."),
            ),
            models.CheckConstraint(
                name="inspection_findings_have_an_act",
                condition=models.Q(act_number="", act_on=None, findings="")
                | (~models.Q(act_number="") & models.Q(act_on__isnull=False)),
            ),
            models.CheckConstraint(
                name="inspection_end_is_whole",
                condition=(~models.Q(state=InspectionState.CLOSED) & models.Q(closed_at=None))
                | (
                    models.Q(state=InspectionState.CLOSED, closed_at__isnull=False)
                    & ~models.Q(closed_reason="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class InspectionItem(OperatorRow):
    """One thing that the inspectors asked for, with the day by which they want it."""

    inspection = models.ForeignKey(
        Inspection, models.PROTECT, related_name="items", verbose_name=_("inspection")
    )
    number = models.CharField(_("number"), max_length=60)
    what = models.TextField(_("what is asked"), max_length=TEXT_LIMIT, help_text=NO_NAMES)
    asked_on = models.DateField(_("asked on"), help_text=_("The day of the demand."))
    due_on = models.DateField(
        _("date stated by the authority"), help_text=_("By when the inspectors want it.")
    )
    state = models.CharField(_("state"), max_length=20, choices=AskedState, default=AskedState.OPEN)
    dropped_reason = models.CharField(
        _("why it is no longer asked"), max_length=300, blank=True, help_text=NO_NAMES
    )
    deadlines = GenericRelation(
        Deadline, content_type_field="about_type", object_id_field="about_id"
    )
    history = history()
    access = Access(
        scope="inspection__operator", dpo=VIEW | {"give", "drop"}, clerk=VIEW | {"give"}
    )

    class Meta:
        verbose_name = _("thing asked by inspectors")
        verbose_name_plural = _("things asked by inspectors")
        ordering = ["inspection", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["inspection", "number"], name="inspection_item_number_once"
            ),
            models.CheckConstraint(
                name="inspection_item_due_after_it_was_asked",
                condition=models.Q(due_on__gte=models.F("asked_on")),
                violation_error_message=_("It cannot be due before it was asked."),
            ),
            models.CheckConstraint(
                name="inspection_item_dropped_for_a_reason",
                condition=~models.Q(state=AskedState.DROPPED) | ~models.Q(dropped_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def operator(self) -> Operator:
        return self.inspection.operator


class InspectionAnswer(models.Model):
    """What the inspectors were given, once and for all; never changed."""

    item = models.OneToOneField(
        InspectionItem, models.PROTECT, related_name="answer", verbose_name=_("what is asked")
    )
    given_at = models.DateTimeField(_("given at"))
    copies = models.TextField(_("copies given"), max_length=TEXT_LIMIT, help_text=NO_NAMES)
    sheets = models.PositiveIntegerField(_("sheets"), null=True)
    recorded_at = models.DateTimeField(_("recorded at"))
    given_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="inspection_answers",
        verbose_name=_("given by"),
    )
    access = Access(scope="item__inspection__operator")
    append_only = True

    class Meta:
        verbose_name = _("copies given to inspectors")
        verbose_name_plural = _("copies given to inspectors")
        ordering = ["item"]
        constraints = [
            models.CheckConstraint(
                name="inspection_answer_says_what", condition=~models.Q(copies="")
            )
        ]

    def __str__(self) -> str:
        return self.item.number


class Prescription(OperatorRow):
    """What the authority orders to put right, and by which day."""

    inspection = models.ForeignKey(
        Inspection, models.PROTECT, related_name="prescriptions", verbose_name=_("inspection")
    )
    number = models.CharField(
        _("number of the prescription"), max_length=100, help_text=_("The authority's own number.")
    )
    dated_on = models.DateField(_("date of the prescription"), help_text=_("As on the paper."))
    demands = models.TextField(_("demands"), max_length=TEXT_LIMIT, help_text=NO_NAMES)
    due_on = models.DateField(
        _("date stated by the authority"),
        help_text=_("By when it is to be fulfilled; a delay that was granted moves it."),
    )
    state = models.CharField(
        _("state"), max_length=20, choices=PrescriptionState, default=PrescriptionState.OPEN
    )
    fulfilled_at = models.DateTimeField(_("fulfilled at"), null=True, blank=True)
    report_number = models.CharField(_("number of the report"), max_length=100, blank=True)
    deadlines = GenericRelation(
        Deadline, content_type_field="about_type", object_id_field="about_id"
    )
    history = history()
    access = Access(scope="inspection__operator", dpo=VIEW | {"delay", "fulfil"})

    class Meta:
        verbose_name = _("prescription of the authority")
        verbose_name_plural = _("prescriptions of the authority")
        ordering = ["inspection", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["inspection", "number"], name="prescription_number_once"
            ),
            models.CheckConstraint(
                name="prescription_due_after_its_date",
                condition=models.Q(due_on__gte=models.F("dated_on")),
                violation_error_message=_("A prescription cannot be due before its date."),
            ),
            models.CheckConstraint(
                name="prescription_fulfilment_is_whole",
                condition=models.Q(state=PrescriptionState.OPEN, fulfilled_at=None)
                | (
                    models.Q(state=PrescriptionState.FULFILLED, fulfilled_at__isnull=False)
                    & ~models.Q(report_number="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def operator(self) -> Operator:
        return self.inspection.operator


class PrescriptionDelay(models.Model):
    """A later day that the authority granted, by which paper; never changed."""

    prescription = models.ForeignKey(
        Prescription, models.PROTECT, related_name="delays", verbose_name=_("prescription")
    )
    asked = models.CharField(_("number of our request"), max_length=100)
    paper = models.CharField(_("paper of the authority"), max_length=100)
    granted_on = models.DateField(_("granted on"))
    due_before = models.DateField(_("due before"))
    due_after = models.DateField(_("due after"))
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="prescription_delays",
        verbose_name=_("recorded by"),
    )
    access = Access(scope="prescription__inspection__operator")
    append_only = True

    class Meta:
        verbose_name = _("delay of a prescription")
        verbose_name_plural = _("delays of prescriptions")
        ordering = ["prescription", "id"]
        constraints = [
            models.CheckConstraint(
                name="prescription_delay_is_later",
                condition=models.Q(due_after__gt=models.F("due_before")),
            ),
            models.CheckConstraint(
                name="prescription_delay_has_its_papers",
                condition=~models.Q(asked="") & ~models.Q(paper=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prescription.number}: {self.paper}"
