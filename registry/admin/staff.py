"""Staff: accounts, roles, absences, and the page of a leaver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from registry.access import scoped
from registry.admin.base import OfficeAdmin, ScopedForm
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.models import Absence, Membership, User
from registry.services.staff import open_work, sessions_end, staff_leave


class StaffForm(ScopedForm, UserAdmin.form):  # type: ignore[name-defined,misc]
    """The account; a change asks why."""


@admin.register(User)
class StaffAdmin(OfficeAdmin, UserAdmin):
    """Accounts. Only the administrator makes and changes them; nobody deletes one."""

    form = StaffForm
    list_display = ["username", "first_name", "last_name", "email", "language", "is_active"]
    list_filter = ["is_active", "language"]
    search_fields = ["username", "first_name", "last_name", "email"]
    fixed = ["username"]
    filter_horizontal = []
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("name and contacts"), {"fields": ["first_name", "last_name", "email", "language"]}),
        (
            _("access"),
            {
                "fields": ["is_active", "is_superuser"],
                "description": _(
                    "Roles with operators are memberships. Whoever leaves is handed over on the "
                    "page of the membership, then deactivated."
                ),
            },
        ),
    ]
    add_fieldsets = [
        (
            None,
            {
                "classes": ["wide"],
                "fields": ["username", "email", "language", "usable_password", "password1",
                           "password2"],
            },
        ),
    ]  # fmt: skip

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kw)
        if "is_superuser" in form.base_fields:
            form.base_fields["is_superuser"].label = _("administrator")
            form.base_fields["is_superuser"].help_text = _(
                "Keeps the law, the operators and the staff; decides nothing for an operator."
            )
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets = list(super().get_fieldsets(request, obj))
        if obj is not None and self.has_change_permission(request, obj):
            sets.append((None, {"fields": ["change_reason"]}))
        return sets

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        user = super().get_object(request, object_id, from_field)
        match = request.resolver_match
        if user is not None and match is not None and match.url_name == "auth_user_password_change":
            user._change_reason = "password changed in the admin"
        return user

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.is_staff = True
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            sessions_end(user=obj)


class LeaveForm(VerbForm):
    successor = forms.ModelChoiceField(
        User.objects.none(),
        label=_("who takes over"),
        required=False,
        help_text=_("Gets every open deadline and substitution. Needed when anything is open."),
    )
    reason = forms.CharField(
        label=_("reason"),
        max_length=300,
        help_text=_("Such as the number and date of the order; it stands in the history."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    def prepare(self) -> None:
        self.fields["successor"].queryset = (
            User.objects.filter(
                is_active=True,
                memberships__operator=self.row.operator,
                memberships__ended_on=None,
            )
            .exclude(pk=self.row.user_id)
            .exclude(memberships__operator=self.row.operator, memberships__role="auditor")
            .distinct()
        )


def leave(request: HttpRequest, row: Membership, data: Mapping[str, Any]) -> str:
    work = staff_leave(
        membership=row,
        successor=data["successor"],
        by=request.user,
        now=timezone.now(),
        reason=data["reason"],
    )
    count = len(work.deadlines)
    return ngettext(
        "The role has ended; %(count)s open deadline was handed over.",
        "The role has ended; %(count)s open deadlines were handed over.",
        count,
    ) % {"count": count}


@admin.register(Membership)
class MembershipAdmin(VerbAdmin):
    list_display = [
        "user", "role", "operator", "position", "undertaking_on", "started_on", "ended_on"
    ]  # fmt: skip
    list_select_related = ["user", "operator"]
    list_filter = ["operator", "role"]
    search_fields = ["user__username", "user__first_name", "user__last_name"]
    fixed = ["user", "operator"]
    exclude = ["ended_on"]
    verbs = (
        Verb(
            name="leave",
            title=_("Leaves the operator"),
            form=LeaveForm,
            act=leave,
            action="change",
            allowed=lambda row: row.ended_on is None,
            intro=_("Hands over everything open, ends the role and, with the last role, log-in."),
            template="admin/leave.html",
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if obj is not None and obj.user_id == request.user.pk and not request.user.is_superuser:
            # Nobody vouches for their own promise.
            return [*fields, "undertaking", "undertaking_on"]
        return fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kw: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kw)
        if db_field.name == "user" and field is not None:
            # A newcomer has no operator yet; the staff of others stay out of sight.
            seen = scoped(User.objects.filter(is_active=True), request.user)
            newcomers = User.objects.filter(is_active=True, memberships=None)
            # An inspector never gets a role: beside one, the pass would hold nobody back.
            field.queryset = User.objects.filter(
                Q(pk__in=seen.values("pk")) | Q(pk__in=newcomers.values("pk")), inspector_pass=None
            )
        return field

    def verb_context(self, request: HttpRequest, row: Membership, verb: Verb) -> dict[str, Any]:
        today = timezone.localdate(timezone.now(), row.operator.zone)
        return {"work": open_work(membership=row, today=today)}


@admin.register(Absence)
class AbsenceAdmin(OfficeAdmin):
    list_display = ["user", "substitute", "operator", "first_on", "last_on", "order_number"]
    list_select_related = ["user", "substitute", "operator"]
    list_filter = ["operator"]
    fixed = ["operator", "user"]
