"""The words of letters: the operator's drafts beside the office's own text, previews, verbs."""

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
from registry.admin.verbs import LocalMoment, Verb, VerbAdmin, VerbForm
from registry.choices import Language
from registry.errors import OperatorError
from registry.explain import sentence
from registry.models import Operator
from registry.templatetags.office import moment
from requests.admin.forms import LINE, LongText
from requests.models import LetterTemplate
from requests.models.letter_templates import (
    FRAME,
    NO_PEOPLE,
    REASON_LIMIT,
    TEXT_LIMIT,
    TITLE_LIMIT,
    LetterPart,
    TemplateState,
)
from requests.services.letter_samples import difference, instead_of, previews
from requests.services.letter_templates import (
    digest_of,
    in_force_instead,
    letter_template_discard,
    letter_template_draft,
    letter_template_edit,
    letter_template_publish,
    letter_template_withdraw,
)
from requests.services.letter_texts import own_text
from requests.services.letter_vocabulary import Fact, facts_by_path, facts_for, obliged

Data = Mapping[str, Any]


# --- forms ---------------------------------------------------------------------------------------
class WordsForm(VerbForm):
    title = forms.CharField(
        label=_("subject line"),
        max_length=TITLE_LIMIT,
        widget=LINE,
        help_text=_("With {{ number }}. Anybody who sees the mailbox can read it."),
    )
    text = LongText(label=_("text"), max_length=TEXT_LIMIT, help_text=NO_PEOPLE)
    read = forms.CharField(widget=forms.HiddenInput)
    newer: str | None = None

    def prepare(self) -> None:
        if self.row.part in FRAME:
            del self.fields["title"]
        else:
            self.fields["title"].initial = self.row.title
        self.fields["text"].widget.attrs |= {"rows": 24, "lang": self.row.language}
        self.fields["text"].initial = self.row.text
        self.fields["read"].initial = digest_of(self.row)


class ReadForm(VerbForm):
    """Carries what the page shows: who publishes something has read exactly that."""

    in_force_at = LocalMoment(
        label=_("in force from"),
        required=False,
        help_text=_("Empty: at once. Local time of the operator; letters made before keep theirs."),
    )
    read = forms.CharField(widget=forms.HiddenInput)

    def prepare(self) -> None:
        self.fields["read"].initial = digest_of(self.row)


class NothingForm(VerbForm):
    """Nothing to fill in."""


class WhyForm(VerbForm):
    reason = forms.CharField(
        label=_("reason"), max_length=REASON_LIMIT, widget=LINE, help_text=NO_PEOPLE
    )


class BeginForm(forms.Form):
    operator = forms.ModelChoiceField(
        Operator.objects.none(), label=_("operator"), help_text=_("Whose letters they are.")
    )
    part = forms.ChoiceField(
        label=_("letter"), choices=LetterPart.choices, help_text=_("Which words these are.")
    )
    language = forms.ChoiceField(
        label=_("language"),
        choices=Language.choices,
        help_text=_("Of the letters; each language has words of its own."),
    )
    from_own = forms.BooleanField(
        label=_("begin with the office's own words"),
        required=False,
        help_text=_("Else with your words that are in force, if there are any."),
    )


# --- what the verbs do ---------------------------------------------------------------------------
def edit(request: HttpRequest, row: LetterTemplate, data: Data) -> str:
    letter_template_edit(
        template=row, title=data.get("title", ""), text=data["text"], read=data["read"],
        by=request.user, now=timezone.now(),
    )  # fmt: skip
    return gettext("The draft is changed.")


def publish(request: HttpRequest, row: LetterTemplate, data: Data) -> str:
    done = letter_template_publish(
        template=row, read=data["read"], in_force_at=data["in_force_at"], by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    return gettext("%(text)s is published.") % {"text": done}


def discard(request: HttpRequest, row: LetterTemplate, data: Data) -> str:
    name = str(row)
    letter_template_discard(template=row, by=request.user)
    request.office_discarded = True  # type: ignore[attr-defined]
    return gettext("The draft %(version)s is discarded.") % {"version": name}


def withdraw(request: HttpRequest, row: LetterTemplate, data: Data) -> str:
    letter_template_withdraw(
        template=row, reason=data["reason"], by=request.user, now=timezone.now()
    )
    return gettext("Withdrawn: letters say the office's own words again.")


def next_version(request: HttpRequest, row: LetterTemplate, data: Data) -> str:
    draft = letter_template_draft(
        operator=row.operator, part=row.part, language=row.language, by=request.user,
        now=timezone.now(),
    )  # fmt: skip
    request.office_draft = draft  # type: ignore[attr-defined]
    return gettext("A draft is made: change it, read the previews, then publish it.")


def _is(*wanted: str) -> Any:
    return lambda row: bool(row and row.state in wanted)


@admin.register(LetterTemplate)
class LetterTemplateAdmin(ReadOnlyAdmin, VerbAdmin):
    list_display = ["part", "language", "version", "operator", "state_shown", "begins"]
    list_select_related = ["operator__jurisdiction", "withdrawal"]
    list_filter = ["operator", "part", "language"]
    ordering = ["operator", "part", "language", "-version"]
    change_form_template = "admin/requests/lettertemplate/change_form.html"
    change_list_template = "admin/requests/lettertemplate/change_list.html"
    readonly_fields = ["state_shown", "begins", "published", "written", "withdrawn"]
    fields = [
        "operator", "part", "language", "version", "state_shown", "written", "written_by",
        "begins", "published", "published_by", "withdrawn",
    ]  # fmt: skip
    verbs = (
        Verb(
            "edit", _("Change the words"), WordsForm, edit, "edit", _is(TemplateState.DRAFT),
            _("Facts stand in {{ }} and are filled in from the request; see the table below."),
            template="admin/requests/lettertemplate/words.html",
        ),
        Verb(
            "publish", _("Publish"), ReadForm, publish, "publish", _is(TemplateState.DRAFT),
            _("From then on nothing in it can change, and letters made from then on have these "
              "words. Read every preview first."),
            template="admin/requests/lettertemplate/read.html",
        ),
        Verb(
            "discard", _("Discard"), NothingForm, discard, "discard", _is(TemplateState.DRAFT),
            _("The draft is thrown away; its history stays."),
        ),
        Verb(
            "withdraw", _("Withdraw"), WhyForm, withdraw, "withdraw",
            _is(TemplateState.PUBLISHED),
            _("Letters say the office's own words again, until a newer version is in force. "
              "Letters that are made already keep theirs."),
        ),
        Verb(
            "next", _("New version"), NothingForm, next_version, "draft",
            _is(TemplateState.PUBLISHED, TemplateState.WITHDRAWN),
            _("Makes a draft with the words that are in force; this version stays as it is."),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        related = ["operator__jurisdiction", "withdrawal__withdrawn_by", "written_by",
                   "published_by"]  # fmt: skip
        return super().get_queryset(request).select_related(*related)

    # --- columns -----------------------------------------------------------------------------
    @admin.display(description=_("state"), ordering="published_at")
    def state_shown(self, row: LetterTemplate) -> str:
        return str(row.state.label)

    @admin.display(description=_("in force from"), ordering="in_force_at")
    def begins(self, row: LetterTemplate) -> str:
        return moment(row.in_force_at, row.operator.zone) if row.in_force_at else "–"

    @admin.display(description=_("published at"))
    def published(self, row: LetterTemplate) -> str:
        return moment(row.published_at, row.operator.zone) if row.published_at else "–"

    @admin.display(description=_("last changed at"))
    def written(self, row: LetterTemplate) -> str:
        return moment(row.written_at, row.operator.zone)

    @admin.display(description=_("withdrawn"))
    def withdrawn(self, row: LetterTemplate) -> str:
        gone = getattr(row, "withdrawal", None)
        if gone is None:
            return "–"
        when = moment(gone.withdrawn_at, row.operator.zone)
        return f"{when}, {gone.withdrawn_by}: {gone.reason}"

    # --- pages -------------------------------------------------------------------------------
    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kw: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context |= _read(row) | _beside(row)
        return super().render_change_form(request, context, *args, **kw)

    def verb_context(self, request: HttpRequest, row: Any, verb: Verb) -> dict[str, Any]:
        if verb.name == "edit":
            return _beside(row)
        return _read(row) if verb.name == "publish" else {}

    def after_refusal(self, request: HttpRequest, row: Any, verb: Verb, form: VerbForm) -> None:
        if verb.name not in {"edit", "publish"}:
            return
        now = LetterTemplate.objects.filter(pk=row.pk).first()
        if now is None or digest_of(now) == form.data.get("read"):
            return
        # The page shows the newer words, and the next try starts from them, knowingly.
        data: Any = form.data.copy()
        data["read"] = digest_of(now)
        form.data = data
        form.newer = f"{now.title}\n\n{now.text}".strip()  # type: ignore[attr-defined]
        row.title, row.text = now.title, now.text

    def after_verb(self, request: HttpRequest, row: Any) -> str:
        if getattr(request, "office_discarded", False):
            return reverse("admin:requests_lettertemplate_changelist")
        return super().after_verb(request, getattr(request, "office_draft", row))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        can = {"can_draft": self._may(request, "draft")}
        return super().changelist_view(request, (extra_context or {}) | can)

    # --- a first draft -----------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.begin_view)
        return [path("begin/", view, name="letter_template_begin"), *super().get_urls()]

    def begin_view(self, request: HttpRequest) -> HttpResponse:
        """Choose whose letters, which and in which language; the draft begins with words."""
        if not self._may(request, "draft"):
            raise PermissionDenied
        operators = operators_for(request.user, "draft", LetterTemplate)
        posted = request.method == "POST"
        form = BeginForm(request.POST if posted else None)
        field: Any = form.fields["operator"]
        field.queryset = operators.select_related("jurisdiction").order_by("code")
        if len(operators) == 1:
            field.initial = operators[0]
        status = 200
        if posted and form.is_valid():
            try:
                draft = self._begun(request, form.cleaned_data)
            except OperatorError as error:
                form.add_error(None, sentence(error))
                status = error.status
            else:
                messages.success(
                    request,
                    gettext("A draft is made: change it, read the previews, then publish it."),
                )
                return HttpResponseRedirect(self.after_verb(request, draft))
        context = self.admin_site.each_context(request) | {
            "title": gettext("New words of letters"),
            "intro": gettext(
                "A draft is made from words that letters have already. Nothing changes until you "
                "publish it."
            ),
            "form": form,
            "opts": self.opts,
            "back": reverse("admin:requests_lettertemplate_changelist"),
        }
        where = "admin/requests/lettertemplate/begin.html"
        return TemplateResponse(request, where, context, status=status)

    def _begun(self, request: HttpRequest, data: Data) -> LetterTemplate:
        operator = data["operator"]
        if not may(request.user, "draft", LetterTemplate, LetterTemplate(operator=operator)):
            raise PermissionDenied
        return letter_template_draft(by=request.user, now=timezone.now(), **data)


# --- what the pages show -------------------------------------------------------------------------
def _read(row: LetterTemplate) -> dict[str, Any]:
    """The words in whole letters, and what differs from what letters say now."""
    now = timezone.now()
    before = "\n\n".join(instead_of(row, now=now)).strip()
    after = f"{row.title}\n\n{row.text}".strip()
    used = in_force_instead(row, now)
    return {
        "previews": previews(row, now=now),
        "is_used": used is not None and used.pk == row.pk,
        "difference": difference(before, after) if before != after else [],
    }


def _beside(row: LetterTemplate) -> dict[str, Any]:
    """The office's own words, and the table of facts."""
    owed = {one.path for one in obliged(row.part)}
    title, text = own_text(row.language, row.part)
    lists = {name for name, fact in facts_for(row.part).items() if fact.is_list}
    return {
        "own_title": title,
        "own_text": text,
        "facts": [
            {
                "name": name,
                "means": fact.means,
                "how": _how(fact),
                "always": fact.always,
                "owed": name in owed,
                "of": name.partition(".")[0] if name.partition(".")[0] in lists else "",
            }
            for name, fact in facts_by_path(row.part).items()
        ],
    }


def _how(fact: Fact) -> str:
    if fact.is_list:
        return gettext("a list, for a for")
    return gettext("yes or no, for an if") if fact.flag else gettext("words")
