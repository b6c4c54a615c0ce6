"""What came in by the public form and is no request yet, and how often somebody came.

Neither has a history: what is unconfirmed is gone in a day, and a history would keep it.
"""

from __future__ import annotations

import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Language
from registry.models import Operator
from registry.models.base import OperatorRow
from registry.roles import NOTHING, Access
from requests.models.subject_requests import SubjectRequest
from subjects.vault.field import SealedField, SealedModel
from subjects.vault.models import NOBODY, Sealed
from subjects.vault.store import Place


def new_public_id() -> str:
    """192 bits: whoever has it was given it."""
    return secrets.token_urlsafe(24)


class Submission(SealedModel, OperatorRow):
    """A form that waits for the code of its e-mail address; then the way to its receipt, a day.

    All that was told is one sealed value, and each file a ``SealedFile`` of this row.
    """

    operator = models.ForeignKey(
        Operator, models.PROTECT, related_name="submissions", verbose_name=_("operator")
    )
    public_id = models.CharField(
        _("public number"), max_length=40, unique=True, default=new_public_id
    )
    # Of the page that was filled in: pressed twice, it is one submission.
    nonce = models.CharField(_("nonce"), max_length=40, unique=True)
    language = models.CharField(_("language"), max_length=2, choices=Language)
    made_at = models.DateTimeField(_("made at"))
    told = SealedField(_("what was told"), kind=Sealed.SUBMISSION, key="told_key")
    told_key = models.BigIntegerField(null=True, blank=True, unique=True, editable=False)
    code_hash = models.CharField(_("hash of the code"), max_length=64, blank=True)
    code_made_at = models.DateTimeField(_("code made at"), null=True)
    # Empty while no mail with the newest code has gone.
    code_sent_at = models.DateTimeField(_("code sent at"), null=True)
    codes = models.PositiveSmallIntegerField(_("codes"), default=0)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    request = models.ForeignKey(
        SubjectRequest,
        models.PROTECT,
        null=True,
        related_name="submissions",
        verbose_name=_("request"),
    )
    # The form belongs to whoever filled it in; staff see the request that comes of it.
    access = Access(
        scope="operator", dpo=NOTHING, clerk=NOTHING, auditor=NOTHING, administrator=NOTHING
    )

    class Meta(SealedModel.Meta):
        abstract = False
        verbose_name = _("submission of the public form")
        verbose_name_plural = _("submissions of the public form")
        indexes = [models.Index(fields=["made_at"], name="submission_made")]
        constraints = [
            models.CheckConstraint(
                name="submission_confirmed_is_a_request",
                condition=models.Q(confirmed_at=None, request=None)
                | models.Q(confirmed_at__isnull=False, request__isnull=False),
            ),
            models.CheckConstraint(
                name="submission_waits_with_a_code",
                condition=models.Q(confirmed_at__isnull=False)
                | (models.Q(code_made_at__isnull=False) & ~models.Q(code_hash="")),
            ),
        ]

    def __str__(self) -> str:
        # Not the public number: whoever has that opens the page.
        return f"{self._meta.verbose_name} {self.pk}"

    def sealed_place(self, name: str) -> Place:
        """Bound to its own row, which must have its number first."""
        return Place(kind=Sealed.SUBMISSION, owner=self.pk)


class Throttle(models.Model):
    """How often one visitor came within one hour.

    ``bucket`` is an HMAC of what is counted, by whom and of the hour itself: it names nobody, and
    two hours of one visitor cannot be told to be of the same.
    """

    bucket = models.CharField(_("bucket"), max_length=64)
    window = models.DateTimeField(_("hour"), db_index=True)
    count = models.PositiveIntegerField(_("times"), default=0)
    access = NOBODY

    class Meta:
        verbose_name = _("counter of the public form")
        verbose_name_plural = _("counters of the public form")
        constraints = [models.UniqueConstraint(fields=["bucket", "window"], name="throttle_once")]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"
