"""Find a person: one box that posts, and the hits side by side under an address that expires."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import operators_for, scoped
from registry.admin.verbs import VerbAdmin
from registry.errors import OperatorError
from registry.explain import sentence
from subjects.admin.forms import line
from subjects.models import DataSubject
from subjects.services.reading import hits
from subjects.services.search import TEXT_LIMIT, SearchGone, result_of, search


class FindForm(forms.Form):
    text = forms.CharField(
        label=_("whom do you look for"),
        max_length=TEXT_LIMIT,
        widget=line(spellcheck="false"),
        help_text=_(
            "E-mail, phone in any writing or its last 4 digits, IIN, account, IP address, words of "
            "a name or their first 4 letters, or the code of the card. The search is recorded, "
            "what you type is not."
        ),
    )

    def __init__(self, *args: Any, focused: bool = False, **kw: Any) -> None:
        super().__init__(*args, **kw)
        if focused:
            self.fields["text"].widget.attrs["autofocus"] = True


class FindingAdmin(VerbAdmin):
    """The pages of the search, beside those of the rows."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("find/", view(self.find_view), name="people_find"),
            path("found/<str:number>/", view(self.found_view), name="people_found"),
            *super().get_urls(),
        ]

    def find_view(self, request: HttpRequest) -> HttpResponse:
        """One box; what is typed travels in the body of a POST only."""
        if not self._may(request, "view"):
            raise PermissionDenied
        form = FindForm(request.POST or None, focused=True)
        status = 200
        if request.method == "POST" and form.is_valid():
            try:
                result = search(
                    user=request.user,
                    text=form.cleaned_data["text"],
                    now=timezone.now(),
                    operators=operators_for(request.user, "view", DataSubject),
                )
            except OperatorError as error:
                form.add_error("text", sentence(error))
                status = error.status
            else:
                return HttpResponseRedirect(reverse("admin:people_found", args=[result.pk]))
        context = self._page(request, gettext("Find a person"), form)
        return TemplateResponse(
            request, "admin/subjects/datasubject/find.html", context, status=status
        )

    def found_view(self, request: HttpRequest, number: str) -> HttpResponse:
        if not self._may(request, "view"):
            raise PermissionDenied
        now = timezone.now()
        context = self._page(request, gettext("Found"), FindForm())
        try:
            result = result_of(user=request.user, number=number, now=now)
        except SearchGone as error:
            context |= {"gone": sentence(error)}
            return TemplateResponse(
                request, "admin/subjects/datasubject/found.html", context, status=error.status
            )
        rows = scoped(DataSubject.objects.filter(pk__in=result.subjects), request.user)
        by_pk = {row.pk: row for row in rows.select_related("operator__jurisdiction", "category")}
        cards = [by_pk[pk] for pk in result.subjects if pk in by_pk]
        if request.method == "POST":
            return self._together(request, cards)
        today = timezone.localdate(now)
        return TemplateResponse(
            request,
            "admin/subjects/datasubject/found.html",
            context
            | {
                "hits": hits(cards, today),
                "more": result.more,
                "may_link": len(cards) > 1 and self._may(request, "link"),
                "may_merge": len(cards) > 1 and self._may(request, "merge"),
                "may_add": self.has_add_permission(request),
                "operators": len({card.operator_id for card in cards}),
            },
        )

    def _together(self, request: HttpRequest, cards: list[DataSubject]) -> HttpResponse:
        """Two ticked hits go on to the page that links or merges them; the older card stays."""
        ticked = sorted(
            (card for card in cards if str(card.pk) in request.POST.getlist("card")),
            key=lambda card: card.pk,
        )
        verb = request.POST.get("verb", "")
        if len(ticked) != 2 or verb not in {"link", "merge"}:
            messages.error(request, gettext("Tick the two cards that are one person."))
            return HttpResponseRedirect(request.path)
        if ticked[0].operator_id != ticked[1].operator_id:
            messages.error(request, gettext("Cards of two operators stay apart."))
            return HttpResponseRedirect(request.path)
        return HttpResponseRedirect(f"{self.verb_link(ticked[0], verb)}?other={ticked[1].code}")

    def _page(self, request: HttpRequest, title: str, form: forms.Form) -> dict[str, Any]:
        return self.admin_site.each_context(request) | {
            "title": title, "opts": self.opts, "form": form,
        }  # fmt: skip
