"""Whom a request is about, by what somebody made sure who writes, what the staff note."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import Operator, User
from registry.models.base import OperatorRow
from registry.roles import VIEW, Access
from requests.models.subject_requests import SEALED, CheckKind, MatchedBy, SubjectRequest
from subjects.models import DataSubject
from subjects.models.base import lean_history
from subjects.vault.field import SealedField, SealedModel
from subjects.vault.models import Sealed
from subjects.vault.store import Place

PARTS = Access(
    scope="request__operator",
    dpo=VIEW,
    clerk=VIEW,
    auditor=VIEW,
    administrator=frozenset(),
    sworn=True,
    room="requests",
)


class RequestSubject(OperatorRow):
    """A card that the request is about: by what it was found, and who says so."""

    request = models.ForeignKey(
        SubjectRequest, models.PROTECT, related_name="people", verbose_name=_("request")
    )
    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="requests", verbose_name=_("person")
    )
    matched_by = models.CharField(_("matched by"), max_length=10, choices=MatchedBy)
    confirmed_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="confirmed_request_subjects",
        verbose_name=_("confirmed by"),
    )
    linked_at = models.DateTimeField(_("linked at"))
    unlinked_at = models.DateTimeField(_("unlinked at"), null=True, blank=True)
    history = lean_history()
    access = PARTS

    class Meta:
        verbose_name = _("person of a request")
        verbose_name_plural = _("people of requests")
        ordering = ["request", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "subject"],
                condition=models.Q(unlinked_at=None),
                name="request_subject_once",
            ),
            models.CheckConstraint(
                name="request_subject_unlinked_after_linked",
                condition=models.Q(unlinked_at=None)
                | models.Q(unlinked_at__gte=models.F("linked_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request.number}: {self.subject.code}"

    @property
    def operator(self) -> Operator:
        return self.request.operator


class IdentityCheck(OperatorRow):
    """By what somebody made sure who writes. No copy and no number is kept (94-V 7(10))."""

    request = models.ForeignKey(
        SubjectRequest, models.PROTECT, related_name="checks", verbose_name=_("request")
    )
    kind = models.CharField(_("what was checked"), max_length=20, choices=CheckKind)
    checked_at = models.DateTimeField(_("checked at"))
    checked_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="identity_checks",
        verbose_name=_("checked by"),
    )
    history = lean_history()
    access = PARTS

    class Meta:
        verbose_name = _("identity check")
        verbose_name_plural = _("identity checks")
        ordering = ["request", "id"]

    def __str__(self) -> str:
        return f"{self.request.number}: {self.get_kind_display()}"

    @property
    def operator(self) -> Operator:
        return self.request.operator


class RequestNote(SealedModel, OperatorRow):
    """What the staff note about a request for each other; never sent, never changed.

    Sealed, because whoever writes a note writes of the person; it ends with the letter.
    """

    request = models.ForeignKey(
        SubjectRequest, models.PROTECT, related_name="notes", verbose_name=_("request")
    )
    text = SealedField(_("note"), kind=Sealed.REQUEST, key="text_key", help_text=SEALED)
    text_key = models.BigIntegerField(null=True, blank=True, unique=True, editable=False)
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="request_notes",
        verbose_name=_("made by"),
    )
    append_only = True
    access = PARTS

    class Meta(SealedModel.Meta):
        abstract = False
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        ordering = ["request", "id"]

    def __str__(self) -> str:
        return f"{self.request.number}: {self.pk}"

    @property
    def operator(self) -> Operator:
        return self.request.operator

    def sealed_place(self, name: str) -> Place:
        """Bound to the request, with which it ends."""
        return Place(kind=Sealed.REQUEST, owner=self.request_id)
