"""The policy: its versions, and their texts as people read them."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Language, PolicyOrigin
from registry.models.base import OPERATOR_HELP, OperatorRow, history
from registry.models.operators import Operator
from registry.models.staff import User
from registry.roles import VIEW, Access


class PolicyVersionQuerySet(models.QuerySet["PolicyVersion"]):
    def published(self) -> Self:
        return self.filter(published_at__isnull=False)

    def in_force(self, day: date) -> Self:
        """Of each operator the one version in force on the day: the last whose day has come."""
        began = PolicyVersion.objects.filter(published_at__isnull=False, in_force_on__lte=day)
        newer = began.filter(
            operator=models.OuterRef("operator"), in_force_on__gt=models.OuterRef("in_force_on")
        )
        return self.published().filter(~models.Exists(newer), in_force_on__lte=day)


class PolicyVersion(OperatorRow):
    """One version of the policy: a draft, then published, then superseded by the next.

    What supersedes it is never written down: the version with the next day is it, so that no
    two can supersede each other. Immutable once published, by trigger.
    """

    frozen_once = "published_at"

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="policy_versions",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    number = models.PositiveIntegerField(_("number"), editable=False)
    label = models.CharField(
        _("label"),
        max_length=40,
        blank=True,
        help_text=_("As the policy names itself, if it does."),
    )
    origin = models.CharField(_("origin"), max_length=20, choices=PolicyOrigin, editable=False)
    in_force_on = models.DateField(
        _("in force from"),
        null=True,
        blank=True,
        help_text=_("First day on which this version binds (94-V 25(2)(1-1), 152-FZ 18.1(2))."),
    )
    created_at = models.DateTimeField(_("recorded at"), editable=False)
    published_at = models.DateTimeField(_("published at"), null=True, editable=False)
    published_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="published_policies",
        verbose_name=_("published by"),
    )
    history = history()
    access = Access(
        scope="operator",
        dpo=VIEW | {"draft", "publish", "delete"},
        administrator=VIEW | {"draft", "publish", "delete"},
        room="register",
    )

    objects = PolicyVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("version of the policy")
        verbose_name_plural = _("versions of the policy")
        ordering = ["operator", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "number"], name="policy_version_number_once"
            ),
            models.UniqueConstraint(
                fields=["operator", "in_force_on"],
                condition=models.Q(published_at__isnull=False),
                name="policy_version_one_a_day",
                violation_error_message=_("Another version of the policy is in force that day."),
            ),
            models.CheckConstraint(
                name="policy_version_counts_from_one", condition=models.Q(number__gte=1)
            ),
            models.CheckConstraint(
                name="policy_version_published_has_a_day",
                condition=models.Q(published_at=None) | models.Q(in_force_on__isnull=False),
                violation_error_message=_("A version is published with its first day."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operator.code} {self.label or self.number}"

    @property
    def is_published(self) -> bool:
        return self.published_at is not None


class PolicyText(models.Model):
    """The text of one version in one language, as it stands, with the clauses found in it.

    Never changed: a draft that is not right is thrown away whole. ``clauses``: a list of
    ``{"number", "heading", "text"}``; ``digest``: SHA-256 of the text in UTF-8.
    """

    frozen_once = "published_at"

    version = models.ForeignKey(
        PolicyVersion,
        models.CASCADE,
        related_name="texts",
        verbose_name=_("version of the policy"),
    )
    language = models.CharField(_("language"), max_length=2, choices=Language)
    text = models.TextField(_("text"))
    clauses = models.JSONField(_("clauses"), default=list)
    digest = models.CharField(_("digest (SHA-256)"), max_length=64)
    published_at = models.DateTimeField(_("published at"), null=True, editable=False)
    history = history()
    access = Access(scope="version__operator", room="register")

    class Meta:
        verbose_name = _("text of the policy")
        verbose_name_plural = _("texts of the policy")
        ordering = ["version", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "language"], name="policy_text_language_once"
            ),
            models.CheckConstraint(
                name="policy_text_has_text", condition=~models.Q(text="") & ~models.Q(digest="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version}, {self.language}"
