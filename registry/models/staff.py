"""Who works here: users, their roles with operators, their absences and substitutes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.contrib import auth
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Language, Role, Room
from registry.models.base import OPERATOR_HELP, ChoiceListField, OperatorRow, history
from registry.models.operators import Operator
from registry.roles import EDIT, FULL, Access


class StaffQuerySet(models.QuerySet["User"]):
    def delete(self) -> Any:
        raise ValidationError(_("Staff are deactivated, never deleted: history names them."))


class StaffManager(UserManager.from_queryset(StaffQuerySet)):  # type: ignore[misc]
    """Accounts, none of which can be deleted."""


class User(AbstractUser):
    """Somebody who logs in. Deactivated when they leave, never deleted: history names them."""

    first_name = models.CharField(
        _("first name"), max_length=150, blank=True, help_text=_("As colleagues know the person.")
    )
    last_name = models.CharField(
        _("last name"), max_length=150, blank=True, help_text=_("As the papers will print it.")
    )
    email = models.EmailField(
        _("email address"), blank=True, help_text=_("Where reminders and the digest go.")
    )
    language = models.CharField(
        _("language"),
        max_length=2,
        choices=Language,
        default=Language.RU,
        help_text=_("Of the pages and of the office's mails to this person."),
    )
    objects = StaffManager()  # type: ignore[misc]
    history = history(excluded_fields=["password", "last_login"])
    # Being on the staff of an operator is what opens the door; see registry.access.
    access = Access(
        scope="memberships__operator",
        dpo=frozenset({"view"}),
        administrator=EDIT,
    )

    class Meta:
        verbose_name = _("staff member")
        verbose_name_plural = _("staff")
        ordering = ["username"]

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Ask the backends alone: being a superuser gives no right by itself."""
        return self.is_active and any(
            backend.has_perm(self, perm, obj=obj)
            for backend in auth.get_backends()
            if hasattr(backend, "has_perm")
        )

    def has_perms(self, perm_list: Any, obj: Any = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and any(
            backend.has_module_perms(self, app_label)
            for backend in auth.get_backends()
            if hasattr(backend, "has_module_perms")
        )

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A log-in is not a change of the account: it leaves no row in its history."""
        if set(kwargs.get("update_fields") or ()) == {"last_login"}:
            self.skip_history_when_saving = True
            try:
                super().save(*args, **kwargs)
            finally:
                del self.skip_history_when_saving
        else:
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise ValidationError(_("Staff are deactivated, never deleted: history names them."))


class Membership(OperatorRow):
    """A person's role with an operator, from a day until a day."""

    user = models.ForeignKey(
        User,
        models.PROTECT,
        related_name="memberships",
        verbose_name=_("staff member"),
        help_text=_("Who."),
    )
    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="memberships",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    role = models.CharField(
        _("role"),
        max_length=20,
        choices=Role,
        help_text=_("The DPO decides and answers, the clerk registers, the auditor reads."),
    )
    position = models.CharField(
        _("position"), max_length=200, blank=True, help_text=_("As the acts will print it.")
    )
    undertaking = models.CharField(
        _("undertaking"),
        max_length=100,
        blank=True,
        help_text=_(
            "Number of the signed promise not to disclose personal data (152-FZ 7, 94-V 11). "
            "Without it the pages of people stay closed."
        ),
    )
    undertaking_on = models.DateField(
        _("undertaking signed on"), null=True, blank=True, help_text=_("From this day on.")
    )
    started_on = models.DateField(_("from"), help_text=_("First day in this role."))
    ended_on = models.DateField(
        _("until"), null=True, blank=True, help_text=_("Last day in this role. Empty: still here.")
    )
    history = history()
    access = Access(scope="operator", dpo=EDIT, administrator=EDIT, lent=False)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["operator", "role", "user"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "operator"],
                condition=models.Q(ended_on=None),
                name="membership_once_at_a_time",
                violation_error_message=_("This person has a role with this operator already."),
            ),
            models.CheckConstraint(
                name="membership_ends_after_it_starts",
                condition=models.Q(ended_on=None) | models.Q(ended_on__gte=models.F("started_on")),
                violation_error_message=_("A role cannot end before it starts."),
            ),
            models.CheckConstraint(
                name="membership_undertaking_is_whole",
                condition=models.Q(undertaking="", undertaking_on=None)
                | (~models.Q(undertaking="") & models.Q(undertaking_on__isnull=False)),
                violation_error_message=_("An undertaking has both a number and a day."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()}"

    def sworn_on(self, day: date) -> bool:
        """Whether the person has promised, by that day, not to disclose people's data."""
        return self.undertaking_on is not None and self.undertaking_on <= day

    def holds_on(self, day: date) -> bool:
        return self.started_on <= day and (self.ended_on is None or day <= self.ended_on)


class Absence(OperatorRow):
    """A person is away and a colleague stands in: reminders, approvals, new cases go there."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="absences",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    user = models.ForeignKey(
        User,
        models.PROTECT,
        related_name="absences",
        verbose_name=_("who is away"),
        help_text=_("A member of the operator's staff."),
    )
    substitute = models.ForeignKey(
        User,
        models.PROTECT,
        related_name="substitutions",
        verbose_name=_("substitute"),
        help_text=_("Has the absent person's rights, for these days only."),
    )
    first_on = models.DateField(_("first day"), help_text=_("First day away."))
    last_on = models.DateField(_("last day"), help_text=_("Last day away."))
    order_number = models.CharField(
        _("order"), max_length=100, help_text=_("Number and date of the order on substitution.")
    )
    history = history()
    access = Access(scope="operator", dpo=FULL, administrator=FULL, lent=False)

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        ordering = ["-first_on"]
        constraints = [
            models.CheckConstraint(
                name="absence_ends_after_it_starts",
                condition=models.Q(last_on__gte=models.F("first_on")),
                violation_error_message=_("An absence cannot end before it starts."),
            ),
            models.CheckConstraint(
                name="absence_substitute_is_another",
                condition=~models.Q(user=models.F("substitute")),
                violation_error_message=_("Nobody stands in for themselves."),
            ),
            models.CheckConstraint(
                name="absence_has_an_order",
                condition=~models.Q(order_number=""),
                violation_error_message=_("Name the order on substitution."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} → {self.substitute}"

    def clean(self) -> None:
        super().clean()
        if not (self.operator_id and self.user_id and self.substitute_id):
            return
        for field in ("user", "substitute"):
            person = getattr(self, field)
            if not person.memberships.filter(operator_id=self.operator_id, ended_on=None).exists():
                raise ValidationError({field: _("Not on the staff of this operator.")})
        if self.first_on and self.last_on:
            overlapping = (
                Absence.objects.filter(
                    operator_id=self.operator_id,
                    user_id=self.user_id,
                    first_on__lte=self.last_on,
                    last_on__gte=self.first_on,
                )
                .exclude(pk=self.pk)
                .exists()
            )
            if overlapping:
                raise ValidationError(_("These days overlap with another absence."))


class InspectorPass(OperatorRow):
    """What an account of an inspector opens, until which moment: no role, and nothing to decide.

    Such an account holds no membership, ever: it is not of the staff, owns no clock, signs
    nothing and stands in for nobody. It signs no undertaking either: what an inspector learns is
    kept secret by the authority's own duty (152-FZ 23), and values stay masked for it.
    """

    user = models.OneToOneField(
        User, models.PROTECT, related_name="inspector_pass", verbose_name=_("inspector")
    )
    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="inspector_passes",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    rooms = ChoiceListField(_("rooms"), options=Room)
    until = models.DateTimeField(_("open until"))
    history = history()
    access = Access(scope="operator", lent=False)

    class Meta:
        verbose_name = _("pass of an inspector")
        verbose_name_plural = _("passes of inspectors")
        ordering = ["-until"]

    def __str__(self) -> str:
        return f"{self.operator.code}: {self.user.username}"

    def holds_at(self, moment: datetime) -> bool:
        return moment < self.until
