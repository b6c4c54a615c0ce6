"""The correspondence of a request: letters both ways, each text under a key of its own."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Language
from registry.models import Operator, User
from registry.models.base import OperatorRow
from registry.roles import VIEW, Access
from requests import states
from requests.models.letter_templates import LetterTemplate
from requests.models.subject_requests import NO_NAMES, SEALED, SubjectRequest
from subjects.models import SealedFile
from subjects.models.base import lean_history
from subjects.vault.field import SealedField, SealedModel
from subjects.vault.models import Sealed
from subjects.vault.store import Place

PROOF_LIMIT = 300


class Way(models.TextChoices):
    """Whose letter it is."""

    OUT = "out", _("from us")
    IN = "in", _("from the person")


class LetterKind(models.TextChoices):
    RECEIPT = "receipt", _("receipt")
    DECISION = "decision", _("decision")
    EXTENSION = "extension", _("extension of the term")
    CLOSING = "closing", _("closing letter")
    REPLY = "reply", _("reply")
    INCOMING = "incoming", _("letter of the person")


class LetterBy(models.TextChoices):
    EMAIL = "email", _("e-mail")
    POST = "post", _("post")
    BY_HAND = "by_hand", _("by hand")
    PAGE = "page", _("page of the request")


class LetterState(models.TextChoices):
    DRAFT = states.DRAFT, _("draft")
    QUEUED = states.QUEUED, _("waits to be sent")
    SENDING = states.SENDING, _("is being sent")
    SENT = states.SENT, _("sent")
    FAILED = states.FAILED, _("could not be sent")
    PRINTED = states.PRINTED, _("printed")
    PROVEN = states.PROVEN, _("delivery proven")
    CANCELLED = states.CANCELLED, _("cancelled")
    RECEIVED = states.RECEIVED, _("received")


# Somebody works with paper: the clerk prints and posts what the DPO has sent.
_CLERK = VIEW | {"open", "edit", "approve", "print", "prove", "retry", "misdirect"}
LETTERS = Access(
    scope="request__operator",
    dpo=_CLERK | {"send", "cancel", "reroute"},
    clerk=_CLERK,
    auditor=VIEW,
    administrator=frozenset(),
    sworn=True,
)


def _sealed(label: Any, name: str) -> SealedField:
    return SealedField(label, kind=Sealed.LETTER, key=f"{name}_key", help_text=SEALED)


def _key() -> Any:
    return models.BigIntegerField(null=True, blank=True, unique=True, editable=False)


def _words(label: Any, related_name: str) -> Any:
    return models.ForeignKey(
        LetterTemplate,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name=related_name,
        verbose_name=label,
        help_text=_("Empty: the office's own words."),
    )


class Letter(SealedModel, OperatorRow):
    """One letter, ours or the person's. It ends with the correspondence; its address before."""

    request = models.ForeignKey(
        SubjectRequest, models.PROTECT, related_name="letters", verbose_name=_("request")
    )
    way = models.CharField(_("from whom"), max_length=3, choices=Way)
    kind = models.CharField(_("kind"), max_length=20, choices=LetterKind)
    language = models.CharField(_("language"), max_length=2, choices=Language)
    by = models.CharField(_("sent by way of"), max_length=10, choices=LetterBy)
    state = models.CharField(
        _("state"), max_length=20, choices=LetterState, default=LetterState.DRAFT
    )
    body = _sealed(_("text"), "body")
    body_key = _key()
    address = _sealed(_("address"), "address")
    address_key = _key()
    template = _words(_("words"), "letters")
    greeting_template = _words(_("words of the greeting"), "greeted_letters")
    footer_template = _words(_("words of the end"), "ended_letters")
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="made_letters",
        verbose_name=_("made by"),
        help_text=_("Empty: the office itself, or the person."),
    )
    written_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="written_letters",
        verbose_name=_("last changed by"),
    )
    approved_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="approved_letters",
        verbose_name=_("approved by"),
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    claimed_at = models.DateTimeField(_("taken at"), null=True, blank=True)
    error = models.CharField(_("last error"), max_length=100, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    proof = models.CharField(
        _("proof of sending"), max_length=PROOF_LIMIT, blank=True, help_text=NO_NAMES
    )
    keep_until = models.DateField(
        _("kept until"),
        null=True,
        blank=True,
        help_text=_("Known when the request has ended: limitation (Civil Code 178, 196)."),
    )
    history = lean_history()
    access = LETTERS

    class Meta(SealedModel.Meta):
        abstract = False
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        ordering = ["request", "id"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(state__in=[states.QUEUED, states.SENDING]),
                name="letter_waits",
            )
        ]
        constraints = [
            # What a machine makes is made once, however often it is asked. A request that was
            # opened again is closed again.
            models.UniqueConstraint(
                fields=["request"],
                condition=models.Q(kind=LetterKind.RECEIPT) & ~models.Q(state=states.CANCELLED),
                name="letter_receipt_once",
            ),
            models.UniqueConstraint(
                fields=["request"],
                condition=models.Q(kind=LetterKind.CLOSING)
                & ~models.Q(state__in=[states.SENT, states.PROVEN, states.CANCELLED]),
                name="letter_closing_once",
            ),
            models.CheckConstraint(
                name="letter_incoming_is_received",
                condition=models.Q(way="in", kind="incoming", state=states.RECEIVED)
                | (
                    models.Q(way="out")
                    & ~models.Q(kind="incoming")
                    & ~models.Q(state=states.RECEIVED)
                ),
            ),
            models.CheckConstraint(
                name="letter_sent_has_its_moment",
                condition=models.Q(
                    state__in=[states.SENT, states.PROVEN, states.RECEIVED], sent_at__isnull=False
                )
                | (
                    ~models.Q(state__in=[states.SENT, states.PROVEN, states.RECEIVED])
                    & models.Q(sent_at=None)
                ),
            ),
            models.CheckConstraint(
                name="letter_approved_by_another",
                condition=models.Q(approved_by=None, approved_at=None)
                | (
                    models.Q(approved_by__isnull=False, approved_at__isnull=False)
                    & (models.Q(made_by=None) | ~models.Q(approved_by=models.F("made_by")))
                    & (models.Q(written_by=None) | ~models.Q(approved_by=models.F("written_by")))
                ),
            ),
            models.CheckConstraint(
                name="letter_proven_has_a_proof",
                condition=~models.Q(state=states.PROVEN) | ~models.Q(proof=""),
            ),
            models.CheckConstraint(
                name="letter_waits_for_its_turn",
                condition=~models.Q(state=states.QUEUED, by="email")
                | models.Q(next_attempt_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request.number}: {self.get_kind_display()}"

    @property
    def operator(self) -> Operator:
        return self.request.operator

    def sealed_place(self, name: str) -> Place:
        """Bound to the letter's own row, which must have its number first."""
        return Place(kind=Sealed.LETTER, owner=self.pk)


class LetterFile(OperatorRow):
    """A file that came with a letter. Its name is not kept."""

    letter = models.ForeignKey(
        Letter, models.PROTECT, related_name="files", verbose_name=_("letter")
    )
    file = models.OneToOneField(
        SealedFile, models.PROTECT, related_name="letter_file", verbose_name=_("file")
    )
    access = Access(
        scope="letter__request__operator",
        dpo=VIEW,
        clerk=VIEW,
        auditor=VIEW,
        administrator=frozenset(),
        sworn=True,
    )

    class Meta:
        verbose_name = _("file of a letter")
        verbose_name_plural = _("files of letters")
        ordering = ["letter", "id"]

    def __str__(self) -> str:
        return f"{self.letter}: {self.pk}"

    @property
    def operator(self) -> Operator:
        return self.letter.operator
