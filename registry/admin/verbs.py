"""Pages of a row beyond "change": each verb is a small form that calls one service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from registry.admin.base import OfficeAdmin, refuse_unless
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.explain import sentence


class NotPossibleNow(Conflict):
    template = gettext_noop("%(row)s: this is not possible now (%(verb)s).")


class LocalMoment(forms.DateTimeField):
    """A date and time as the operator's clock shows it; ``zone`` is set by the form."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    input_formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M"]
    zone: ZoneInfo | None = None

    def __init__(self, **kw: Any) -> None:
        super().__init__(input_formats=self.input_formats, **kw)

    def to_python(self, value: Any) -> datetime | None:
        # The plain field would read it in the server's zone.
        with timezone.override(self.zone or timezone.get_current_timezone()):
            return super().to_python(value)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, datetime) and self.zone and timezone.is_aware(value):
            return value.astimezone(self.zone).replace(tzinfo=None)
        return value


class VerbForm(forms.Form):
    """A form about one row; knows the row and who asks."""

    def __init__(self, *args: Any, row: Any, user: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.row, self.user = row, user
        operator = getattr(row, "operator", None)
        for field in self.fields.values():
            if isinstance(field, LocalMoment) and operator is not None:
                field.zone = operator.zone
        self.prepare()

    def prepare(self) -> None:
        """Choices and first values that depend on the row."""


@dataclass(frozen=True)
class Verb:
    """One page: ``act(request, row, cleaned_data)`` calls the service, returns the message, or
    the file that the verb makes.

    ``action`` is the permission; ``allowed`` says whether the row's state lets it.
    """

    name: str
    title: Any
    form: type[VerbForm]
    act: Callable[[HttpRequest, Any, Mapping[str, Any]], Any]
    action: str
    allowed: Callable[[Any], bool] = lambda row: True
    intro: Any = ""
    template: str = "admin/verb.html"


class VerbAdmin(OfficeAdmin):
    """An admin whose rows have verbs; the change page shows those that are possible now."""

    verbs: tuple[Verb, ...] = ()
    change_form_template = "admin/change_form_verbs.html"

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{verb.name}/",
                self.admin_site.admin_view(partial(self.verb_view, verb=verb)),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{verb.name}",
            )
            for verb in self.verbs
        ]
        return own + super().get_urls()

    def possible_verbs(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        return [
            {"title": verb.title, "link": self.verb_link(row, verb.name), "name": verb.name}
            for verb in self.verbs
            if self._may(request, verb.action, row) and verb.allowed(row)
        ]

    def verb_link(self, row: Any, name: str) -> str:
        return reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=[quote(row.pk)]
        )

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        context["verbs"] = self.possible_verbs(request, row) if row is not None else []
        return super().render_change_form(request, context, *args, **kw)

    def verb_context(self, request: HttpRequest, row: Any, verb: Verb) -> dict[str, Any]:
        """What the page shows beside the form."""
        return {}

    def after_refusal(self, request: HttpRequest, row: Any, verb: Verb, form: VerbForm) -> None:
        """What a form that was refused is to ask now, where that has changed meanwhile."""

    def verb_view(self, request: HttpRequest, object_id: str, *, verb: Verb) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        refuse_unless(request, verb.action, row)
        if request.method != "POST" and not verb.allowed(row):
            # No form is offered that could only fail.
            raise NotPossibleNow(row=str(row), verb=str(verb.title))
        # A form without fields posts nothing, and is posted all the same.
        posted = request.POST if request.method == "POST" else None
        form = verb.form(posted, files=request.FILES or None, row=row, user=request.user)
        status = 200
        if request.method == "POST" and form.is_valid():
            try:
                message = verb.act(request, row, form.cleaned_data)
            except OperatorError as error:
                form.add_error(None, sentence(error))
                status = error.status
                self.after_refusal(request, row, verb, form)
            else:
                if isinstance(message, HttpResponse):
                    return message
                if message:
                    messages.success(request, message)
                return HttpResponseRedirect(self.after_verb(request, row))
        context = self.admin_site.each_context(request) | {
            "title": verb.title,
            "intro": verb.intro,
            "form": form,
            "opts": self.opts,
            "original": row,
            "back": self.after_verb(request, row),
            **self.verb_context(request, row, verb),
        }
        return TemplateResponse(request, verb.template, context, status=status)

    def after_verb(self, request: HttpRequest, row: Any) -> str:
        return reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[quote(row.pk)]
        )
