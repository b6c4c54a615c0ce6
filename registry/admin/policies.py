"""The policy: its versions and their clauses, import of a file, publication of a draft."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import may, operators_for
from registry.admin.base import ReadOnlyAdmin
from registry.admin.policy_draft import DraftsFromRegister
from registry.admin.verbs import Verb, VerbAdmin, VerbForm
from registry.choices import Language
from registry.clauses import gaps, restored
from registry.errors import OperatorError
from registry.explain import long_day, sentence
from registry.models import Operator, PolicyVersion
from registry.services.policies import (
    policy_discard,
    policy_import,
    policy_state,
    with_next,
)
from registry.services.policy_files import MOST_BYTES, PolicyTooBig
from registry.services.policy_generating import policy_publish_as_written
from registry.templatetags.office import moment

DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class PublishPolicyForm(VerbForm):
    # The service refuses to publish without a day, and says why.
    in_force_on = forms.DateField(
        label=_("in force from"),
        required=False,
        widget=DAY,
        help_text=_(
            "First day on which this version binds; today at the earliest "
            "(94-V 25(2)(1-1), 152-FZ 18.1(2))."
        ),
    )


class DiscardPolicyForm(VerbForm):
    """Nothing to fill in."""


class ImportPolicyForm(forms.Form):
    """A policy that people have read, as it stands."""

    operator = forms.ModelChoiceField(
        Operator.objects.none(), label=_("operator"), help_text=_("Whose policy it is.")
    )
    language = forms.ChoiceField(
        label=_("language"),
        choices=Language.choices,
        help_text=_("Of the text. Other languages of the same day join its version."),
    )
    dated = forms.DateField(
        label=_("in force from"),
        widget=DAY,
        help_text=_("The date that the policy bears; two versions cannot begin on one day."),
    )
    label = forms.CharField(
        label=_("label"),
        required=False,
        max_length=40,
        help_text=_("As the policy names itself, if it does."),
    )
    content = forms.FileField(
        label=_("file"),
        required=False,
        help_text=_("Plain text in UTF-8, at most 1 MB. It is kept as it stands."),
    )


def publish(request: HttpRequest, row: PolicyVersion, data: Mapping[str, Any]) -> str:
    version = policy_publish_as_written(
        version=row, in_force_on=data["in_force_on"], by=request.user, now=timezone.now()
    )
    return gettext("%(version)s is published, in force from %(day)s.") % {
        "version": version,
        "day": long_day(version.in_force_on),
    }


def discard(request: HttpRequest, row: PolicyVersion, data: Mapping[str, Any]) -> str:
    name = str(row)
    policy_discard(version=row, by=request.user)
    request.office_discarded = True  # type: ignore[attr-defined]
    return gettext("The draft %(version)s is discarded.") % {"version": name}


@admin.register(PolicyVersion)
class PolicyVersionAdmin(DraftsFromRegister, ReadOnlyAdmin, VerbAdmin):
    list_display = [
        "number", "operator", "label", "state", "in_force_on", "superseded_on", "origin",
    ]  # fmt: skip
    list_select_related = ["operator__jurisdiction"]
    list_filter = ["operator", "origin"]
    ordering = ["operator", "-number"]
    change_form_template = "admin/registry/policyversion/change_form.html"
    change_list_template = "admin/registry/policyversion/change_list.html"
    readonly_fields = ["state", "superseded_on", "published"]
    fields = [
        "operator", "number", "label", "origin", "state", "in_force_on", "superseded_on",
        "published", "published_by",
    ]  # fmt: skip
    verbs = (
        Verb(
            name="publish",
            title=_("Publish"),
            form=PublishPolicyForm,
            act=publish,
            action="publish",
            allowed=lambda row: not row.is_published,
            intro=_(
                "From then on nothing in it can change, and everybody can read it. This is what "
                "will be published:"
            ),
            template="admin/registry/policyversion/verb.html",
        ),
        Verb(
            name="discard",
            title=_("Discard"),
            form=DiscardPolicyForm,
            act=discard,
            action="delete",
            allowed=lambda row: not row.is_published,
            intro=_("The draft is thrown away with all its texts. This is what will go:"),
            template="admin/registry/policyversion/verb.html",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_next(super().get_queryset(request)).select_related("operator__jurisdiction")

    # --- columns -----------------------------------------------------------------------------
    @admin.display(description=_("state"), ordering="in_force_on")
    def state(self, row: Any) -> str:
        today = timezone.localdate(timezone.now(), row.operator.zone)
        return str(policy_state(row, today=today).label)

    @admin.display(description=_("superseded on"))
    def superseded_on(self, row: Any) -> str:
        return long_day(row.next_on) if row.next_on else "–"

    @admin.display(description=_("published at"), ordering="published_at")
    def published(self, row: PolicyVersion) -> str:
        return moment(row.published_at, row.operator.zone) if row.published_at else "–"

    # --- pages -------------------------------------------------------------------------------
    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context |= {"texts": texts_of(row), "address": _address(row)}
        return super().render_change_form(request, context, *args, **kw)

    def verb_context(self, request: HttpRequest, row: Any, verb: Verb) -> dict[str, Any]:
        return {"texts": texts_of(row)}

    def after_verb(self, request: HttpRequest, row: Any) -> str:
        if getattr(request, "office_discarded", False):
            return reverse("admin:registry_policyversion_changelist")
        return super().after_verb(request, row)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        can = {"can_import": self._may(request, "publish")}
        return super().changelist_view(request, (extra_context or {}) | can)

    # --- import ------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="policy_import"), *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file of a policy; what is imported is published at once."""
        operators = operators_for(request.user, "publish", PolicyVersion)
        if not self._may(request, "publish"):
            raise PermissionDenied
        posted = request.method == "POST"
        form = ImportPolicyForm(*((request.POST, request.FILES) if posted else ()))
        field: Any = form.fields["operator"]
        field.queryset = operators.select_related("jurisdiction")
        if len(operators) == 1:
            field.initial = operators[0]
        status = 200
        if posted:
            try:
                done = self._imported(request, form) if form.is_valid() else None
            except OperatorError as error:
                form.add_error(None, sentence(error))
                status, done = error.status, None
            if done is not None:
                return done
        context = self.admin_site.each_context(request) | {
            "title": gettext("Import a policy"),
            "intro": gettext(
                "The text is kept as it stands, split into its clauses and published at once: "
                "people have read it."
            ),
            "form": form,
            "opts": self.opts,
            "back": reverse("admin:registry_policyversion_changelist"),
        }
        template = "admin/registry/policyversion/import.html"
        return TemplateResponse(request, template, context, status=status)

    def _imported(self, request: HttpRequest, form: ImportPolicyForm) -> HttpResponse | None:
        data = form.cleaned_data
        content = data["content"]
        if getattr(request, "office_upload_too_big", False):
            # The handler of uploads has dropped it, and says so by this mark.
            raise PolicyTooBig(limit=MOST_BYTES // 1024 // 1024)
        if content is None:
            form.add_error("content", gettext("Choose a file."))
            return None
        operator = data["operator"]
        if not may(request.user, "publish", PolicyVersion, PolicyVersion(operator=operator)):
            raise PermissionDenied
        version, created = policy_import(
            operator=operator,
            language=data["language"],
            dated=data["dated"],
            text=content.read(MOST_BYTES + 1),
            label=data["label"],
            by=request.user,
            now=timezone.now(),
        )
        said = gettext("%(version)s is imported.") if created else gettext(
            "%(version)s has this text already: nothing has changed."
        )  # fmt: skip
        messages.success(request, said % {"version": version})
        page = reverse("admin:registry_policyversion_change", args=[version.pk])
        return HttpResponseRedirect(page)


def texts_of(row: PolicyVersion) -> list[dict[str, Any]]:
    """The clauses of each language, and what their numbering skips."""
    found = []
    for text in row.texts.defer("text").order_by("pk"):
        clauses = restored(text.clauses)
        missing = gaps(clauses)
        found.append(
            {
                "text": text,
                "clauses": clauses,
                "headings": [gap.number for gap in missing if gap.heading],
                "numbers": [gap.number for gap in missing if not gap.heading],
            }
        )
    return found


def _address(row: PolicyVersion) -> str:
    """Where everybody reads it; empty for a draft."""
    text = row.texts.defer("text", "clauses").order_by("pk").first()
    if not row.is_published or text is None:
        return ""
    where = [row.operator.code, row.number, text.language]
    return reverse("public_policy_version", args=where)
