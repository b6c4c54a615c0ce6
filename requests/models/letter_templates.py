"""The operator's own words of the letters to people: versions, immutable once published."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Language
from registry.models import Operator, User
from registry.models.base import OPERATOR_HELP, OperatorRow, history
from registry.roles import VIEW, Access
from requests import states

TEXT_LIMIT = 10_000
TITLE_LIMIT = 200
REASON_LIMIT = 300
NO_PEOPLE = _("No names or numbers of people here: they come from the request.")


class LetterPart(models.TextChoices):
    """Which words: of a whole kind of letter, or what stands around each of them."""

    RECEIPT = "receipt", _("receipt")
    DECISION = "decision", _("decision")
    EXTENSION = "extension", _("extension of the term")
    CLOSING = "closing", _("closing letter")
    REPLY = "reply", _("reply")
    GREETING = "greeting", _("greeting of every letter")
    FOOTER = "footer", _("end of every letter")


# They stand around the text of a kind, and have no subject line.
FRAME = frozenset({LetterPart.GREETING, LetterPart.FOOTER})


class TemplateState(models.TextChoices):
    DRAFT = states.DRAFT, _("draft")
    PUBLISHED = "published", _("published")
    WITHDRAWN = states.WITHDRAWN, _("withdrawn")


class LetterTemplateQuerySet(models.QuerySet["LetterTemplate"]):
    def drafts(self) -> Self:
        return self.filter(published_at=None)

    def begun(self, moment: datetime) -> Self:
        """Of each operator, part and language the highest published version that has begun."""
        began = LetterTemplate.objects.filter(published_at__isnull=False, in_force_at__lte=moment)
        newer = began.filter(
            operator=models.OuterRef("operator"),
            part=models.OuterRef("part"),
            language=models.OuterRef("language"),
            version__gt=models.OuterRef("version"),
        )
        return self.filter(
            ~models.Exists(newer), published_at__isnull=False, in_force_at__lte=moment
        )

    def in_force(self, moment: datetime) -> Self:
        """The same, unless it was withdrawn: then the office's own words are in force."""
        gone = LetterTemplateWithdrawal.objects.filter(
            template=models.OuterRef("pk"), withdrawn_at__lte=moment
        )
        return self.begun(moment).filter(~models.Exists(gone))


class LetterTemplate(OperatorRow):
    """One version of an operator's words for one kind of letter, in one language.

    A draft until it is published; from then on the service and a trigger of the database refuse
    any change, so that a letter always points at the words it came from. That it was withdrawn is
    said in a row of its own.
    """

    frozen_once = "published_at"

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="letter_templates",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    part = models.CharField(
        _("letter"), max_length=20, choices=LetterPart, help_text=_("Which words these are.")
    )
    language = models.CharField(
        _("language"),
        max_length=2,
        choices=Language,
        help_text=_("Of the letters; each language has words of its own."),
    )
    version = models.PositiveIntegerField(_("version"), editable=False)
    title = models.CharField(
        _("subject line"),
        max_length=TITLE_LIMIT,
        blank=True,
        help_text=_("With {{ number }}. Anybody who sees the mailbox can read it."),
    )
    text = models.TextField(_("text"), max_length=TEXT_LIMIT, help_text=NO_PEOPLE)
    written_at = models.DateTimeField(_("last changed at"), editable=False)
    written_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="written_letter_templates",
        verbose_name=_("last changed by"),
    )
    in_force_at = models.DateTimeField(
        _("in force from"),
        null=True,
        blank=True,
        help_text=_("Letters made from this moment on have these words."),
    )
    published_at = models.DateTimeField(_("published at"), null=True, editable=False)
    published_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="published_letter_templates",
        verbose_name=_("published by"),
    )
    history = history()
    access = Access(
        scope="operator",
        dpo=VIEW | {"draft", "edit", "publish", "discard", "withdraw"},
        administrator=VIEW | {"draft", "edit", "publish", "discard", "withdraw"},
    )

    objects = LetterTemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("words of letters")
        verbose_name_plural = _("words of letters")
        ordering = ["operator", "part", "language", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "part", "language", "version"],
                name="letter_template_version_once",
            ),
            models.UniqueConstraint(
                fields=["operator", "part", "language"],
                condition=models.Q(published_at=None),
                name="letter_template_one_draft",
                violation_error_message=_("There is a draft of these words already."),
            ),
            models.CheckConstraint(
                name="letter_template_counts_from_one", condition=models.Q(version__gte=1)
            ),
            models.CheckConstraint(
                name="letter_template_says_something", condition=~models.Q(text="")
            ),
            models.CheckConstraint(
                name="letter_template_has_its_subject",
                condition=(models.Q(part__in=sorted(FRAME)) & models.Q(title=""))
                | (~models.Q(part__in=sorted(FRAME)) & ~models.Q(title="")),
            ),
            models.CheckConstraint(
                name="letter_template_published_is_whole",
                condition=models.Q(published_at=None, published_by=None, in_force_at=None)
                | models.Q(
                    published_at__isnull=False,
                    published_by__isnull=False,
                    in_force_at__isnull=False,
                    in_force_at__gte=models.F("published_at"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_part_display()}, {self.get_language_display()}, v{self.version}"

    @property
    def is_published(self) -> bool:
        return self.published_at is not None

    @property
    def state(self) -> TemplateState:
        """Asks for the withdrawal: lists select it with the row."""
        if self.published_at is None:
            return TemplateState.DRAFT
        gone = getattr(self, "withdrawal", None)
        return TemplateState.PUBLISHED if gone is None else TemplateState.WITHDRAWN


class LetterTemplateWithdrawal(OperatorRow):
    """From this moment on the office's own words are in force again; once, and never undone."""

    template = models.OneToOneField(
        LetterTemplate,
        models.PROTECT,
        related_name="withdrawal",
        verbose_name=_("words of letters"),
    )
    withdrawn_at = models.DateTimeField(_("withdrawn at"))
    withdrawn_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="withdrawn_letter_templates",
        verbose_name=_("who withdrew it"),
    )
    reason = models.CharField(_("reason"), max_length=REASON_LIMIT, help_text=NO_PEOPLE)
    access = Access(scope="template__operator")
    append_only = True

    class Meta:
        verbose_name = _("withdrawal of words of letters")
        verbose_name_plural = _("withdrawals of words of letters")
        ordering = ["template"]
        constraints = [
            models.CheckConstraint(
                name="letter_template_withdrawal_says_why", condition=~models.Q(reason="")
            )
        ]

    def __str__(self) -> str:
        return str(self.template)

    @property
    def operator(self) -> Operator:
        return self.template.operator
