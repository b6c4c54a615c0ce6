"""Incidents with personal data: the moment of detection, what is known, who was told (152-FZ
21(3.1), Order 187; 94-V 25(2)(8)).
"""

from __future__ import annotations

from typing import Self

from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Language
from registry.models import (
    DataCategory,
    Deadline,
    InformationSystem,
    Operator,
    ProcessingActivity,
    User,
)
from registry.models.base import OPERATOR_HELP, OperatorRow, history
from registry.roles import VIEW, Access
from requests import states
from requests.models.letters import Letter
from requests.models.subject_requests import NO_NAMES

TEXT_LIMIT = 20_000


class IncidentKind(models.TextChoices):
    LEAK = "leak", _("data got out: an unlawful or accidental transfer")
    ACCESS = "access", _("somebody saw data without the right to")
    LOSS = "loss", _("data or a carrier were lost")
    CHANGE = "change", _("data were changed or destroyed without the right to")
    MISDIRECTED = "misdirected", _("a letter went to the wrong person")


class IncidentState(models.TextChoices):
    OPEN = states.OPEN, _("open")
    CLOSED = states.CLOSED, _("closed")
    DISMISSED = states.DISMISSED, _("no incident")


class NoticeStep(models.TextChoices):
    FIRST = "first", _("first notice")
    FINDINGS = "findings", _("results of the investigation")


class EntryKind(models.TextChoices):
    DETECTED = "detected", _("detected")
    DESCRIBED = "described", _("described")
    MEASURE = "measure", _("measure taken")
    INVESTIGATION = "investigation", _("investigation")
    PEOPLE = "people", _("affected people")
    NOTICE = "notice", _("notice")
    EXPORT = "export", _("export")
    STATE = "state", _("closed or reopened")


_CLERK = VIEW | {"add", "describe", "note"}
_DPO = _CLERK | {"affect", "notify", "export", "close", "dismiss", "reopen", "correct"}
# Whoever runs the machine is often the first to see an incident; the people are not theirs to see.
INCIDENTS = Access(scope="operator", dpo=_DPO, clerk=_CLERK, administrator=_CLERK, room="incidents")


class Incident(OperatorRow):
    """One incident; saved with the moment of detection alone, everything else comes as it is known.

    Nothing here is sealed and no name stands in it: who is affected is said by cards.
    """

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="incidents",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    number = models.CharField(_("number"), max_length=40)
    detected_at = models.DateTimeField(
        _("detected at"),
        help_text=_(
            "Local time of the operator, to the minute: the hours of the law run from here, "
            "through nights and days off."
        ),
    )
    registered_at = models.DateTimeField(_("registered at"))
    registered_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="registered_incidents",
        verbose_name=_("registered by"),
    )
    state = models.CharField(
        _("state"), max_length=20, choices=IncidentState, default=IncidentState.OPEN
    )
    kind = models.CharField(
        _("what happened"),
        max_length=20,
        choices=IncidentKind,
        blank=True,
        help_text=_("Empty: not known yet."),
    )
    happened_from = models.DateTimeField(
        _("happened from"), null=True, blank=True, help_text=_("Empty: not known yet.")
    )
    happened_until = models.DateTimeField(
        _("happened until"),
        null=True,
        blank=True,
        help_text=_("Empty: at one moment, or it still goes on."),
    )
    description = models.TextField(
        _("description"),
        max_length=TEXT_LIMIT,
        blank=True,
        help_text=_("What happened to which data, in plain words. No names or numbers of people."),
    )
    causes = models.TextField(
        _("presumed causes"), max_length=TEXT_LIMIT, blank=True, help_text=NO_NAMES
    )
    harm = models.TextField(
        _("presumed harm"),
        max_length=TEXT_LIMIT,
        blank=True,
        help_text=_("What it may do to the people affected. No names or numbers of people."),
    )
    systems = models.ManyToManyField(
        InformationSystem,
        blank=True,
        related_name="incidents",
        verbose_name=_("information systems"),
        help_text=_("Where it happened."),
    )
    activities = models.ManyToManyField(
        ProcessingActivity,
        blank=True,
        related_name="incidents",
        verbose_name=_("processing activities"),
        help_text=_("Whose data it concerns."),
    )
    data_categories = models.ManyToManyField(
        DataCategory,
        blank=True,
        related_name="incidents",
        verbose_name=_("data categories"),
        help_text=_("What was in the data."),
    )
    people_estimate = models.PositiveIntegerField(
        _("people affected, about"),
        null=True,
        blank=True,
        help_text=_("As far as is known; the cards that are named below are counted apart."),
    )
    contact = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="incident_contacts",
        verbose_name=_("contact for the authority"),
        help_text=_("Who speaks with the authority; empty: the responsible person."),
    )
    letter = models.ForeignKey(
        Letter,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="incidents",
        verbose_name=_("misdirected letter"),
        help_text=_("The letter that went to the wrong person."),
    )
    findings = models.TextField(
        _("results of the investigation"),
        max_length=TEXT_LIMIT,
        blank=True,
        help_text=_("What was found out, and what it rests on. No names or numbers of people."),
    )
    culprits = models.TextField(
        _("by whose actions"),
        max_length=TEXT_LIMIT,
        blank=True,
        help_text=_(
            "Whose actions caused it, if anybody's: position and organisation. Names go only into "
            "the letter to the authority."
        ),
    )
    ended_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    ended_reason = models.CharField(_("reason"), max_length=300, blank=True, help_text=NO_NAMES)
    deadlines = GenericRelation(
        Deadline, content_type_field="about_type", object_id_field="about_id"
    )
    history = history(m2m_fields=[systems, activities, data_categories])
    numbered = "INC"
    access = INCIDENTS

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        ordering = ["-detected_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "number"], name="incident_number_once"),
            models.UniqueConstraint(
                fields=["letter"],
                condition=models.Q(letter__isnull=False) & ~models.Q(state=IncidentState.DISMISSED),
                name="incident_of_a_letter_once",
                violation_error_message=_("An incident of this letter is registered already."),
            ),
            models.CheckConstraint(
                name="incident_registered_after_detection",
                condition=models.Q(registered_at__gte=models.F("detected_at")),
                violation_error_message=_("An incident cannot be detected in the future."),
            ),
            models.CheckConstraint(
                name="incident_happened_in_order",
                condition=models.Q(happened_from=None)
                | models.Q(happened_until=None)
                | models.Q(happened_until__gte=models.F("happened_from")),
                violation_error_message=_("It cannot have ended before it began."),
            ),
            models.CheckConstraint(
                name="incident_end_is_whole",
                condition=models.Q(state=IncidentState.OPEN, ended_at=None)
                | (
                    ~models.Q(state=IncidentState.OPEN)
                    & models.Q(ended_at__isnull=False)
                    & ~models.Q(ended_reason="")
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class IncidentEntry(models.Model):
    """A line of the incident's journal: what was done when; never changed.

    ``text``: what somebody wrote, or the English words of the office itself with ``params``.
    """

    incident = models.ForeignKey(
        Incident, models.PROTECT, related_name="entries", verbose_name=_("incident")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=EntryKind)
    happened_at = models.DateTimeField(_("at"))
    text = models.TextField(_("text"), max_length=TEXT_LIMIT, help_text=NO_NAMES)
    # Fills in the words of the office's own entries, so that each reader has their language.
    params = models.JSONField(_("particulars"), default=dict, blank=True)
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="incident_entries",
        verbose_name=_("recorded by"),
    )
    access = Access(scope="incident__operator", room="incidents")
    append_only = True

    class Meta:
        verbose_name = _("entry in the journal of an incident")
        verbose_name_plural = _("entries in the journal of incidents")
        ordering = ["incident", "happened_at", "id"]
        constraints = [
            models.CheckConstraint(name="incident_entry_says_what", condition=~models.Q(text=""))
        ]

    def __str__(self) -> str:
        return f"{self.incident.number}: {self.get_kind_display()}"


class IncidentNotice(models.Model):
    """A notice of an incident as it was written, to be sent as it is; never changed.

    ``facts``: as of ``registry.paper_contents``; ``digest``: SHA-256 of them as canonical JSON.
    ``retold``: it was sent before it was written here (by the authority's portal, say), and holds
    what the office knew when that was recorded.
    """

    incident = models.ForeignKey(
        Incident, models.PROTECT, related_name="notices", verbose_name=_("incident")
    )
    step = models.CharField(_("step"), max_length=10, choices=NoticeStep)
    language = models.CharField(_("language"), max_length=2, choices=Language)
    facts = models.JSONField(_("what it says"))
    digest = models.CharField(_("digest (SHA-256)"), max_length=64)
    retold = models.BooleanField(_("written down after the sending"), default=False)
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="incident_notices",
        verbose_name=_("made by"),
    )
    access = Access(scope="incident__operator", room="incidents")
    append_only = True

    class Meta:
        verbose_name = _("notice of an incident")
        verbose_name_plural = _("notices of incidents")
        ordering = ["incident", "made_at", "id"]

    def __str__(self) -> str:
        return f"{self.incident.number}: {self.get_step_display()}"


class SendingQuerySet(models.QuerySet["IncidentSending"]):
    def standing(self) -> Self:
        """Sendings that no later entry has corrected."""
        return self.filter(replaced_by=None)


class IncidentSending(models.Model):
    """That a notice was sent, when and under which number; a slip is corrected by a later row."""

    notice = models.ForeignKey(
        IncidentNotice, models.PROTECT, related_name="sendings", verbose_name=_("notice")
    )
    sent_at = models.DateTimeField(_("sent at"))
    reference = models.CharField(_("number of the sending"), max_length=100)
    replaces = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        related_name="replaced_by",
        verbose_name=_("corrects"),
    )
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="incident_sendings",
        verbose_name=_("recorded by"),
    )
    access = Access(scope="notice__incident__operator", room="incidents")
    append_only = True

    objects = SendingQuerySet.as_manager()

    class Meta:
        verbose_name = _("sending of a notice of an incident")
        verbose_name_plural = _("sendings of notices of incidents")
        ordering = ["notice", "sent_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="incident_sending_has_a_number", condition=~models.Q(reference="")
            ),
            models.CheckConstraint(
                name="incident_sending_corrected_for_a_reason",
                condition=models.Q(replaces=None) | ~models.Q(reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notice}: {self.reference}"
