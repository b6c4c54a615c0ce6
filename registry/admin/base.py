"""The one admin base: scoped to the user's operators in every list, form, link and history.

Every ModelAdmin of the office inherits ``ScopedAdmin``. Its rule: a row that the user may not
see does not exist (404, not 403), wherever its number is typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Field, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin

from registry.access import access_of, may, operator_ids, operators_for, scoped
from registry.admin.history import WordedChanges
from registry.models import Operator
from registry.models.base import ChoiceListField


class ScopedForm(forms.ModelForm):
    """Refuses rows of another operator in many-to-many fields too; a change asks why."""

    change_reason = forms.CharField(
        label=_("reason for the change"),
        required=False,
        max_length=300,
        help_text=_("Stands in the history beside your name."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.fields["change_reason"].required = self.instance.pk is not None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        data = self.cleaned_data if cleaned is None else cleaned
        operator = data.get("operator") or getattr(self.instance, "operator", None)
        for name, value in data.items():
            if operator is None or not isinstance(value, QuerySet):
                continue
            for row in value:
                if getattr(row, "operator_id", operator.pk) != operator.pk:
                    self.add_error(name, ValidationError(_("This belongs to another operator.")))
                    break
        return data


class ScopedRelatedFilter(admin.RelatedFieldListFilter):
    """Offers only the rows that the user may see."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: admin.ModelAdmin
    ) -> list[tuple[Any, str]]:
        rows = scoped(field.remote_field.model._default_manager.all(), request.user)
        return [(row.pk, str(row)) for row in rows]


class OfficeAdmin(SimpleHistoryAdmin):
    """Permissions by role and operator; no deletion in bulk; history that cannot be bent."""

    form = ScopedForm
    show_full_result_count = False
    list_per_page = 50
    # Each version is compared with the one before, field by field.
    history_list_per_page = 25
    save_on_top = False
    actions: Sequence[Any] = ()
    # Fields that are fixed once the row exists.
    fixed: Sequence[str] = ()

    def __init__(self, model: type[Model], admin_site: Any) -> None:
        super().__init__(model, admin_site)
        fields = [field for field in self.opts.fields if isinstance(field, ChoiceListField)]
        self.choice_lists = [field.name for field in fields]
        for field in fields:
            setattr(self, f"{field.name}_in_words", _words_of(field))

    # --- who ---------------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return scoped(super().get_queryset(request), request.user)

    def _may(self, request: HttpRequest, action: str, obj: Model | None = None) -> bool:
        opts = self.opts
        return request.user.has_perm(f"{opts.app_label}.{action}_{opts.model_name}", obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "view")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, "delete", obj)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        # The plain admin would go to the first page and name the kind and number there.
        raise Http404

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        # Deleting in bulk writes no reason and asks nobody.
        actions.pop("delete_selected", None)
        return actions

    def get_list_display(self, request: HttpRequest) -> Sequence[Any]:
        """Whoever works for one operator is not told its name in each line."""
        shown = super().get_list_display(request)
        access = access_of(self.model)
        if access is None or getattr(request.user, "is_superuser", False):
            return shown
        one = len(operator_ids(request.user, "view", access)) == 1
        return [name for name in shown if not (one and name == "operator")]

    def get_list_filter(self, request: HttpRequest) -> Sequence[Any]:
        return [self._scoped_filter(item) for item in super().get_list_filter(request)]

    def _scoped_filter(self, item: Any) -> Any:
        if isinstance(item, str) and self.opts.get_field(item.split("__")[0]).is_relation:
            return (item, ScopedRelatedFilter)
        return item

    # --- forms -------------------------------------------------------------------------------
    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[Any]:
        fields = super().get_fields(request, obj)
        if obj is not None and self.has_change_permission(request, obj):
            return fields
        return [name for name in fields if name != "change_reason"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        fields = super().get_readonly_fields(request, obj)
        words = [f"{name}_in_words" for name in self.choice_lists]
        return [*fields, *self.fixed, *words] if obj is not None else fields

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Lists of choices that can only be read are shown as words, not as their codes."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or not self.choice_lists:
            return fieldsets
        fixed = set(self.choice_lists)
        if self.has_change_permission(request, obj):
            fixed &= set(self.get_readonly_fields(request, obj))
        return [
            (
                title,
                options
                | {
                    "fields": [
                        f"{name}_in_words" if name in fixed else name for name in options["fields"]
                    ]
                },
            )
            for title, options in fieldsets
        ]

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        queryset = super().get_field_queryset(db, db_field, request)
        if queryset is None:
            queryset = db_field.remote_field.model._default_manager.all()
        if db_field.remote_field.model is Operator and access_of(self.model) is not None:
            wanted = operators_for(request.user, "add", self.model) | operators_for(
                request.user, "change", self.model
            )
            return queryset.filter(pk__in=wanted.values("pk"))
        return scoped(queryset, request.user)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kw: Any) -> Any:
        kw.setdefault("queryset", self.get_field_queryset(None, db_field, request))
        field = super().formfield_for_foreignkey(db_field, request, **kw)
        if db_field.name == "operator" and field is not None and field.queryset.count() == 1:
            field.initial = field.queryset.first()
        return field

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kw: Any) -> Any:
        kw.setdefault("queryset", self.get_field_queryset(None, db_field, request))
        return super().formfield_for_manytomany(db_field, request, **kw)

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kw: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kw)
        widget = getattr(field, "widget", None)
        # Related rows are made on their own pages, where their own rules hold.
        for name in ("can_add_related", "can_change_related", "can_delete_related"):
            if hasattr(widget, name):
                setattr(widget, name, False)
        return field

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        # The form offered only allowed operators; a forged one is refused here.
        if not self._may(request, "change" if change else "add", obj):
            raise PermissionDenied
        obj._change_reason = form.cleaned_data.get("change_reason") or "added in the admin"
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        obj._history_user = request.user
        obj._change_reason = "deleted in the admin"
        super().delete_model(request, obj)

    # The admin's own log would keep a second trail, with no reason and outside its guard.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry | None:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry | None:
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None

    # --- history -----------------------------------------------------------------------------
    def has_history(self) -> bool:
        return hasattr(self.model._meta, "simple_history_manager_attribute")

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Only of a row that the user may see now; a deleted row's history is not a way in."""
        if not self.has_history() or self.get_object(request, object_id) is None:
            raise Http404
        return super().history_view(request, object_id, extra_context)

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_history() or self.get_object(request, object_id) is None:
            raise Http404
        if request.method == "POST":
            raise PermissionDenied
        return super().history_form_view(request, object_id, version_id, extra_context)

    def get_historical_record_context_helper(
        self, request: HttpRequest, historical_record: Any
    ) -> WordedChanges:
        return WordedChanges(self.model, historical_record)

    def has_view_history_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "view", obj)

    def has_change_history_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        context["has_history"] = self.has_history()
        return super().render_change_form(request, context, *args, **kw)


def _words_of(field: ChoiceListField) -> Any:
    """A column that writes the labels of a list of choices."""

    def words(obj: Any) -> str:
        labels = dict(field.options.choices) if field.options else {}
        chosen = getattr(obj, field.name) or []
        return ", ".join(str(labels.get(code, code)) for code in chosen) or "–"

    words.short_description = field.verbose_name  # type: ignore[attr-defined]
    return words


class ReadOnlyAdmin(OfficeAdmin):
    """Rows that only services write."""

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        return [
            *(field.name for field in self.opts.fields),
            *(name for name in self.readonly_fields if name not in self._field_names()),
            *(f"{name}_in_words" for name in self.choice_lists),
        ]

    def _field_names(self) -> set[str]:
        return {field.name for field in self.opts.fields}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def refuse_unless(request: HttpRequest, action: str, row: Model) -> None:
    """404 for a row the user may not see, 403 for an action that the role does not grant."""
    model = type(row)
    if not may(request.user, "view", model, row):
        raise Http404
    if not may(request.user, action, model, row):
        raise PermissionDenied


__all__ = [
    "OfficeAdmin",
    "ReadOnlyAdmin",
    "ScopedForm",
    "ScopedRelatedFilter",
    "refuse_unless",
]
