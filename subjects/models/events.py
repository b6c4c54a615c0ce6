"""Who looked: journals that cannot be bent, and hold no value."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import Operator, User
from registry.roles import VIEW, Access
from subjects.choices import Looked
from subjects.models.people import DataSubject


class AccessEvent(models.Model):
    """Somebody saw people's data, or searched for them (152-FZ 19(2)(8), 94-V 22)."""

    operator = models.ForeignKey(
        Operator, models.PROTECT, related_name="access_events", verbose_name=_("operator")
    )
    subject = models.ForeignKey(
        DataSubject,
        models.PROTECT,
        null=True,
        related_name="access_events",
        verbose_name=_("person"),
    )
    user = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="access_events", verbose_name=_("who")
    )
    what = models.CharField(_("what"), max_length=20, choices=Looked)
    at = models.DateTimeField(_("when"))
    until = models.DateTimeField(_("open until"), null=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    # How many people or rows, and of which kind: never what was typed.
    details = models.JSONField(_("details"), default=dict)
    access = Access(
        scope="operator",
        dpo=VIEW,
        clerk=VIEW,
        auditor=VIEW,
        administrator=frozenset(),
        sworn=True,
        room="people",
    )
    append_only = True

    class Meta:
        verbose_name = _("access to data")
        verbose_name_plural = _("accesses to data")
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["subject", "-at"], name="access_event_subject"),
            models.Index(fields=["operator", "-at"], name="access_event_operator"),
        ]
        constraints = [
            models.CheckConstraint(
                name="access_event_reveals_for_a_time",
                condition=~models.Q(what=Looked.REVEAL)
                | (models.Q(until__isnull=False) & ~models.Q(reason="")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()}"


def opaque() -> str:
    return secrets.token_urlsafe(24)


class SearchResult(models.Model):
    """Who a search found, under an address that nobody can guess and that expires.

    Holds numbers of cards, never what was typed.
    """

    id = models.CharField(primary_key=True, max_length=40, default=opaque, editable=False)
    user = models.ForeignKey(
        User, models.CASCADE, related_name="search_results", verbose_name=_("who")
    )
    made_at = models.DateTimeField(_("made at"))
    expires_at = models.DateTimeField(_("expires at"), db_index=True)
    subjects = models.JSONField(_("people"), default=list)
    more = models.BooleanField(_("more were found"), default=False)
    by = models.CharField(_("by"), max_length=20)
    access = Access(
        scope=None,
        dpo=frozenset(),
        clerk=frozenset(),
        auditor=frozenset(),
        administrator=frozenset(),
    )

    class Meta:
        verbose_name = _("search result")
        verbose_name_plural = _("search results")

    def __str__(self) -> str:
        return f"{self.by}: {len(self.subjects)}"
