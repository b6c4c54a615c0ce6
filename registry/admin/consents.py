"""Consent texts: drafts written from the register, what the law finds missing, publication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import may
from registry.admin.base import ScopedForm
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.consent_contents import digest
from registry.errors import OperatorError
from registry.explain import long_day, missing_in_words, sentence
from registry.models import ConsentText
from registry.models.base import LANGUAGES
from registry.services.consents import (
    consent_text_draft,
    consent_text_publish,
    contents_of,
    draft_locked,
    missing_of,
)

NAMES = ["name_ru", "name_kk", "name_en"]
CHOICES = [
    "activities", "data_categories", "operations", "third_parties", "cross_border",
    "dissemination", "term_length", "term_unit", "end_event", "withdrawal_channels",
    "separate_document", "in_force_on",
]  # fmt: skip
TEXTS = [f"text_{language}" for language in LANGUAGES]


class ConsentTextForm(ScopedForm):
    """A draft as it stands: its words and its choices."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in TEXTS:
            if isinstance(cleaned.get(name), str):
                # Browsers send line ends as CRLF whatever they were given.
                cleaned[name] = cleaned[name].replace("\r\n", "\n")
        activities, data = cleaned.get("activities"), cleaned.get("data_categories")
        if activities is not None and data is not None:
            beyond = data.exclude(activities__in=activities).first()
            if beyond is not None:
                self.add_error(
                    "data_categories",
                    ValidationError(
                        _("The data category %(category)s belongs to none of the activities."),
                        params={"category": beyond.code},
                    ),
                )
        return cleaned


class FirstDraftForm(ConsentTextForm):
    """Asks what the register cannot know; the service writes the words from the register."""

    asker: HttpRequest

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.fields["activities"].required = True
        for name in ("data_categories", "operations", "withdrawal_channels"):
            self.fields[name].help_text = _("Empty: as the register says.")

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not data.get("data_categories"):
            # Empty means all of the activities, not none of them.
            data.pop("data_categories", None)
        cleaned = super().clean()
        if not self.errors:
            try:
                self.instance = self._drafted(cleaned)
            except OperatorError as error:
                self.office_status = error.status
                self.add_error(None, sentence(error))
        return cleaned

    def _drafted(self, data: Mapping[str, Any]) -> ConsentText:
        user = self.asker.user
        if not may(user, "add", ConsentText, ConsentText(operator=data["operator"])):
            raise PermissionDenied
        given = {
            name: data.get(name) or None
            for name in ("data_categories", "operations", "withdrawal_channels")
        }
        same = [name for name in (*NAMES, *CHOICES) if name not in given]
        return consent_text_draft(
            operator=data["operator"],
            code=data["code"],
            by=user,
            now=timezone.now(),
            **given,
            **{name: data[name] for name in same},
        )

    def _post_clean(self) -> None:
        """The service has judged the row already."""

    def save(self, commit: bool = True) -> ConsentText:
        return self.instance

    def save_m2m(self) -> None:
        """The service has done it."""


class VersionForm(VerbForm):
    in_force_on = forms.DateField(
        label=_("in force from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("First day on which people read the new version; may be given later."),
    )


class PublishForm(VerbForm):
    """Nothing to fill in; carries the digest of what the page shows."""

    read = forms.CharField(required=False, widget=forms.HiddenInput)

    def prepare(self) -> None:
        self.fields["read"].initial = digest(contents_of(self.row))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        # The service refuses what has changed; the page then shows the newer text, and the next
        # try starts from it, knowingly.
        data: Any = self.data
        self.data = data.copy()
        self.data["read"] = self.fields["read"].initial  # type: ignore[index]
        return cleaned


def new_version(request: HttpRequest, row: ConsentText, data: Mapping[str, Any]) -> str:
    draft = consent_text_draft(
        operator=row.operator,
        code=row.code,
        activities=row.activities.all(),
        in_force_on=data["in_force_on"],
        by=request.user,
        now=timezone.now(),
        third_parties=row.third_parties,
        cross_border=row.cross_border,
        dissemination=row.dissemination,
        term_length=row.term_length,
        term_unit=row.term_unit,
        end_event=row.end_event,
        separate_document=row.separate_document,
    )
    request.office_draft = draft  # type: ignore[attr-defined]
    return gettext("%(text)s is written from the register: read it before you publish it.") % {
        "text": draft
    }


def publish(request: HttpRequest, row: ConsentText, data: Mapping[str, Any]) -> str:
    text = consent_text_publish(text=row, by=request.user, now=timezone.now(), read=data["read"])
    return gettext("%(text)s is published.") % {"text": text}


@admin.register(ConsentText)
class ConsentTextAdmin(VerbAdmin):
    form = ConsentTextForm
    change_form_template = "admin/registry/consenttext/change_form.html"
    list_display = ["code", "version", "name", "operator", "in_force_on", "published"]
    list_select_related = ["operator__jurisdiction"]
    list_filter = ["operator"]
    search_fields = ["code", *NAMES]
    readonly_fields = ["version", "published", "published_by", "digest"]
    filter_horizontal = ["activities", "data_categories"]
    fixed = ["operator", "code"]
    verbs = (
        Verb(
            name="publish",
            title=_("Publish"),
            form=PublishForm,
            act=publish,
            action="publish",
            allowed=lambda row: not row.is_published,
            intro=_("From then on nothing in it can change: neither words nor choices."),
            template="admin/registry/consenttext/publish.html",
        ),
        Verb(
            name="version",
            title=_("New version from the register"),
            form=VersionForm,
            act=new_version,
            action="draft",
            intro=_(
                "Makes a new draft, written from the register as it is today; this version stays "
                "as it is."
            ),
        ),
    )

    # --- what may be written -----------------------------------------------------------------
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.is_published:
            return False
        return super().has_change_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [
                (
                    None,
                    {
                        "fields": ["operator", "code", *NAMES, *CHOICES],
                        "description": _(
                            "The texts are written from the register in the operator's languages. "
                            "You can change them before you publish."
                        ),
                    },
                )
            ]
        sets = [
            (None, {"fields": ["operator", "code", "version", *NAMES]}),
            (_("what it says"), {"fields": CHOICES}),
            (_("text"), {"fields": TEXTS}),
        ]
        if obj.is_published:
            sets.append((_("publication"), {"fields": ["published", "published_by", "digest"]}))
        if self.has_change_permission(request, obj):
            sets.append((None, {"fields": ["change_reason"]}))
        return sets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        return [] if obj is None else super().get_readonly_fields(request, obj)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        if obj is None:
            kw["form"] = type("AskedDraftForm", (FirstDraftForm,), {"asker": request})
        return super().get_form(request, obj, change=change, **kw)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            return  # the form's service has saved it
        # Somebody may have published it since the form was opened.
        draft_locked(obj)
        super().save_model(request, obj, form, change)

    def changeform_view(self, request: HttpRequest, *args: Any, **kw: Any) -> HttpResponse:
        response = super().changeform_view(request, *args, **kw)
        context = getattr(response, "context_data", None) or {}
        if "adminform" in context:
            response.status_code = getattr(context["adminform"].form, "office_status", 200)
        return response

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kw: Any) -> HttpResponse:
        self.message_user(
            request,
            gettext("%(text)s is written from the register: read it before you publish it.")
            % {"text": obj},
        )
        return HttpResponseRedirect(self.after_verb(request, obj))

    def after_verb(self, request: HttpRequest, row: Any) -> str:
        return super().after_verb(request, getattr(request, "office_draft", row))

    # --- reading -----------------------------------------------------------------------------
    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        # A first draft always leads to its page; it has one button.
        context |= {"show_save_and_add_another": False}
        if row is None:
            context["show_save_and_continue"] = False
        elif not row.is_published:
            context["lacking"] = _lacking(row)
        return super().render_change_form(request, context, *args, **kw)

    def verb_context(self, request: HttpRequest, row: Any, verb: Verb) -> dict[str, Any]:
        if verb.name != "publish":
            return {}
        field = self.opts.get_field
        texts = [(field(name).verbose_name, getattr(row, name)) for name in TEXTS]
        return {"lacking": _lacking(row), "texts": [pair for pair in texts if pair[1]]}

    @admin.display(description=_("published at"), ordering="published_at")
    def published(self, row: ConsentText) -> str:
        if row.published_at is None:
            return gettext("draft")
        local = row.published_at.astimezone(row.operator.zone)
        return f"{long_day(local.date())}, {local:%H:%M}"


def _lacking(row: ConsentText) -> list[str]:
    """What the law demands and the draft lacks, one sentence each."""
    try:
        return missing_in_words(missing_of(row))
    except OperatorError as error:
        return [sentence(error)]
