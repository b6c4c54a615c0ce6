"""A calendar of the clocks that a member of the staff reads elsewhere, under a token of its own."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models.base import history
from registry.models.staff import User
from registry.roles import ADMINISTRATOR_ONLY


class CalendarFeed(models.Model):
    """Whoever holds the token reads the clocks of this user until it is revoked.

    Only its SHA-256 is kept: the address is shown once, when it is made.
    """

    user = models.ForeignKey(
        User, models.PROTECT, related_name="calendar_feeds", verbose_name=_("user")
    )
    token_hash = models.CharField(
        _("hash of the token"), max_length=64, unique=True, editable=False
    )
    mine_only = models.BooleanField(
        _("only my own"),
        default=False,
        help_text=_("Only clocks that you own; otherwise all of your operators."),
    )
    made_at = models.DateTimeField(_("made at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    history = history()
    access = ADMINISTRATOR_ONLY

    class Meta:
        verbose_name = _("calendar of deadlines")
        verbose_name_plural = _("calendars of deadlines")
        ordering = ["-made_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(revoked_at=None), name="calendar_feed_once"
            ),
            models.CheckConstraint(
                name="calendar_feed_revoked_after_it_was_made",
                condition=models.Q(revoked_at=None) | models.Q(revoked_at__gte=models.F("made_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"
