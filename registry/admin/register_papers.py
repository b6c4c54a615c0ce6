"""The papers that the law wants from the register: their list, their pages and their verbs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.admin import paper_forms as forms
from registry.admin.base import ReadOnlyAdmin
from registry.admin.notices import ENTERED
from registry.admin.paper_writing import WritesPapers
from registry.admin.verbs import Verb, VerbAdmin
from registry.explain import long_day
from registry.models import Filing, RegisterPaper
from registry.services.notices import notice_file
from registry.services.paper_kinds import KINDS
from registry.services.register_papers import (
    paper_contents,
    paper_discard,
    paper_pdf,
    paper_sign,
)
from registry.templatetags.office import moment

Data = Mapping[str, Any]


# --- the verbs ---------------------------------------------------------------------------------
def sign(request: HttpRequest, row: RegisterPaper, data: Data) -> str:
    paper = paper_sign(
        paper=row, signer=data["signer"], order_number=data.get("order_number", ""),
        signed_on=data["signed_on"], by=request.user, now=timezone.now(),
    )  # fmt: skip
    return gettext("%(number)s is signed: from now on it never changes.") % {"number": paper.number}


def file_notice(request: HttpRequest, row: RegisterPaper, data: Data) -> str:
    filing = notice_file(
        paper=row, filed_on=data["filed_on"], reference=data["reference"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    said = gettext("%(number)s is filed, %(day)s.")
    return said % {"number": row.number, "day": long_day(filing.filed_on)}


def discard(request: HttpRequest, row: RegisterPaper, data: Data) -> str:
    number = row.number
    paper_discard(paper=row, reason=data["reason"], by=request.user, now=timezone.now())
    request.office_discarded = True  # type: ignore[attr-defined]
    return gettext("The draft %(number)s is discarded.") % {"number": number}


# --- when they are possible --------------------------------------------------------------------
def _is_draft(row: RegisterPaper | None) -> bool:
    return row is not None and not row.is_signed


def _signable(row: RegisterPaper | None) -> bool:
    # What lacks something the law wants is never signed: its page says what.
    return row is not None and _is_draft(row) and not row.facts["missing"]


def _fileable(row: RegisterPaper | None) -> bool:
    if row is None or not row.is_signed or filing_of(row) is not None:
        return False
    kind = KINDS.get(row.kind)
    return kind is not None and kind.notice


def filing_of(row: RegisterPaper) -> Filing | None:
    """When it went to the authority; None for what did not."""
    return getattr(row, "filing", None)


def state_of(row: RegisterPaper) -> str:
    """Draft, signed or filed, in the reader's words."""
    filing = filing_of(row)
    if filing is not None:
        return gettext("filed on %(day)s") % {"day": long_day(filing.filed_on)}
    if row.is_signed:
        return gettext("signed")
    return gettext("draft, not complete") if row.facts["missing"] else gettext("draft")


@admin.register(RegisterPaper)
class RegisterPaperAdmin(WritesPapers, ReadOnlyAdmin, VerbAdmin):
    list_display = [
        "number", "kind", "about", "state", "signer", "signed_on", "language", "operator",
    ]  # fmt: skip
    list_select_related = ["operator__jurisdiction", "activity", "signer", "filing"]
    list_filter = ["operator", "kind"]
    search_fields = ["number"]
    change_form_template = "admin/registry/registerpaper/change_form.html"
    change_list_template = "admin/registry/registerpaper/change_list.html"
    readonly_fields = ["state", "about", "written", "filed"]
    fields = [
        "operator", "kind", "number", "language", "about", "state", "written", "made_by",
        "order_number", "signer", "signer_position", "signed_on", "filed",
    ]  # fmt: skip
    verbs = (
        Verb(
            name="sign",
            title=_("Sign"),
            form=forms.SignForm,
            act=sign,
            action="sign",
            allowed=_signable,
            intro=_("Records that the printed paper was signed. From then on it never changes:"),
            template="admin/registry/registerpaper/verb.html",
        ),
        Verb(
            name="file",
            title=_("The notice is filed"),
            form=forms.FileNoticeForm,
            act=file_notice,
            action="file",
            allowed=_fileable,
            intro=_("Records that the signed notice went to the authority; its clocks follow."),
        ),
        ENTERED,
        Verb(
            name="discard",
            title=_("Discard"),
            form=forms.DiscardPaperForm,
            act=discard,
            action="discard",
            allowed=_is_draft,
            intro=_("The draft is thrown away; the history keeps it and its number:"),
            template="admin/registry/registerpaper/verb.html",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.select_related(*self.list_select_related, "made_by")

    # --- columns -----------------------------------------------------------------------------
    @admin.display(description=_("processing activity"), ordering="activity__code")
    def about(self, row: RegisterPaper) -> str:
        return str(row.activity or "–")

    @admin.display(description=_("state"), ordering="signed_at")
    def state(self, row: RegisterPaper) -> str:
        return state_of(row)

    @admin.display(description=_("written at"), ordering="made_at")
    def written(self, row: RegisterPaper) -> str:
        return moment(row.made_at, row.operator.zone)

    @admin.display(description=_("filed"))
    def filed(self, row: RegisterPaper) -> str:
        filing = filing_of(row)
        if filing is None:
            return "–"
        told = {"number": filing.reference, "day": long_day(filing.filed_on)}
        return gettext("No. %(number)s of %(day)s") % told

    # --- pages -------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.pdf_view)
        return [path("<path:object_id>/pdf/", view, name="register_paper_pdf"), *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context |= self._shown(row) | {"state_words": state_of(row)}
        return super().render_change_form(request, context, *args, **kw)

    def verb_context(self, request: HttpRequest, row: Any, verb: Verb) -> dict[str, Any]:
        return self._shown(row)

    def _shown(self, row: RegisterPaper) -> dict[str, Any]:
        return {
            "paper": row,
            "contents": paper_contents(row),
            "pdf": reverse("admin:register_paper_pdf", args=[row.pk]),
        }

    def after_verb(self, request: HttpRequest, row: Any) -> str:
        if getattr(request, "office_discarded", False):
            return reverse("admin:registry_registerpaper_changelist")
        return super().after_verb(request, row)

    def pdf_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The paper as a file; whoever may see it may print it."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        response = HttpResponse(paper_pdf(row), content_type="application/pdf")
        name = f"{row.operator.code}-{row.number}-{row.language}.pdf"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response
