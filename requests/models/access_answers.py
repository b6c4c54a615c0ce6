"""The answer to a demand for information about one's data (152-FZ 14(7), 94-V 24(1)(1)): what is
told, what is withheld and why, behind the link of the request and a one-time code.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Language
from registry.models import Operator, User
from registry.models.base import OperatorRow
from registry.roles import NOTHING, VIEW, Access
from requests import states
from requests.models.subject_requests import NO_NAMES, SEALED, SubjectRequest
from subjects.models import SealedFile
from subjects.models.base import lean_history
from subjects.vault.field import SealedField, SealedModel
from subjects.vault.models import Sealed
from subjects.vault.store import Place


class AnswerState(models.TextChoices):
    DRAFT = states.DRAFT, _("being prepared")
    RELEASED = states.RELEASED, _("released")
    WITHDRAWN = states.WITHDRAWN, _("withdrawn")


class Withheld(models.TextChoices):
    """Why something is kept out of the answer (152-FZ 14(8), 94-V 24)."""

    OTHER_PERSON = "other_person", _("data of another person")
    SECRET = "secret", _("a secret that a law protects")
    FORBIDDEN = "forbidden", _("a law forbids to tell it")


_ALL = frozenset({"open", "withhold", "release", "withdraw", "print"})


class AccessAnswer(SealedModel, OperatorRow):
    """One answer: a draft until it is released, then two sealed files that end together."""

    request = models.ForeignKey(
        SubjectRequest, models.PROTECT, related_name="answers", verbose_name=_("request")
    )
    language = models.CharField(_("language"), max_length=2, choices=Language)
    state = models.CharField(
        _("state"), max_length=20, choices=AnswerState, default=AnswerState.DRAFT
    )
    # Passages and rows that are withheld; the passages are themselves somebody's data.
    withheld = SealedField(
        _("what is withheld"), kind=Sealed.ANSWER, key="withheld_key", help_text=SEALED
    )
    withheld_key = models.BigIntegerField(null=True, blank=True, unique=True, editable=False)
    # The numbers of the keys of all values in it, packed: it ends with the first of them.
    keys = models.BinaryField(_("keys of the values"), default=bytes)
    paper = models.OneToOneField(
        SealedFile,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="answer_paper",
        verbose_name=_("paper"),
    )
    machine = models.OneToOneField(
        SealedFile,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="answer_machine",
        verbose_name=_("file for machines"),
    )
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(
        User, models.PROTECT, related_name="answers_made", verbose_name=_("made by")
    )
    released_at = models.DateTimeField(_("released at"), null=True, blank=True)
    released_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="answers_released",
        verbose_name=_("released by"),
    )
    ends_on = models.DateField(
        _("ends on"),
        null=True,
        blank=True,
        help_text=_("On this day its key is destroyed, and nobody can read it."),
    )
    reason = models.CharField(_("reason"), max_length=300, blank=True, help_text=NO_NAMES)
    history = lean_history(excluded_fields=["keys"])
    access = Access(
        scope="request__operator",
        dpo=VIEW | _ALL,
        clerk=VIEW | (_ALL - {"release"}),
        auditor=VIEW,
        administrator=NOTHING,
        sworn=True,
    )

    class Meta(SealedModel.Meta):
        abstract = False
        verbose_name = _("answer about the data")
        verbose_name_plural = _("answers about the data")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["request"], condition=models.Q(state=states.DRAFT), name="answer_one_draft"
            ),
            models.UniqueConstraint(
                fields=["request"],
                condition=models.Q(state=states.RELEASED),
                name="answer_one_released",
            ),
            models.CheckConstraint(
                name="answer_released_is_whole",
                condition=~models.Q(state=states.RELEASED)
                | models.Q(
                    paper__isnull=False,
                    machine__isnull=False,
                    released_at__isnull=False,
                    ends_on__isnull=False,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request.number}/{self.pk}"

    @property
    def operator(self) -> Operator:
        return self.request.operator

    def sealed_place(self, name: str) -> Place:
        """Bound to its own row, which must have its number first."""
        return Place(kind=Sealed.ANSWER, owner=self.pk)


class AnswerCode(models.Model):
    """The one-time code of an answer that stands; it says nothing without the secret key."""

    answer = models.OneToOneField(
        AccessAnswer, models.PROTECT, related_name="code", verbose_name=_("answer")
    )
    code_hash = models.CharField(_("hash of the code"), max_length=64, blank=True)
    made_at = models.DateTimeField(_("made at"), null=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    access = Access(
        scope="answer__request__operator",
        dpo=NOTHING,
        clerk=NOTHING,
        auditor=NOTHING,
        administrator=NOTHING,
    )

    class Meta:
        verbose_name = _("code of an answer")
        verbose_name_plural = _("codes of answers")

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"
