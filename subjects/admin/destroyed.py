"""Was somebody destroyed? One box that posts, and the answer in the same page, nowhere else."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from registry.access import operators_for
from registry.choices import Channel
from registry.errors import OperatorError
from registry.explain import long_day, sentence, short_day
from registry.models import Operator
from subjects.admin.events import KINDS
from subjects.choices import GroundEnd
from subjects.models import DestructionAct
from subjects.services.consents_told import ConsentTold
from subjects.services.evidence import TEXT_LIMIT, Answer, was_destroyed


class NeverEchoed(forms.TextInput):
    """What was typed does not come back: the page may be printed, and stays in the browser."""

    def format_value(self, value: Any) -> None:
        return None


class AskForm(forms.Form):
    operator = forms.ModelChoiceField(
        label=_("operator"),
        queryset=Operator.objects.none(),
        help_text=_("Whose evidence is asked; each operator's stays apart."),
    )
    text = forms.CharField(
        label=_("who is it about"),
        max_length=TEXT_LIMIT,
        widget=NeverEchoed(
            attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}
        ),
        help_text=_(
            "E-mail, phone, IIN or account, whole and as it was written. A name leaves no "
            "evidence. The question is recorded, what you type is not."
        ),
    )

    def __init__(self, *args: Any, operators: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        field: Any = self.fields["operator"]
        field.queryset = operators
        listed = list(operators[:2])
        if len(listed) == 1:
            # Nothing to choose.
            field.initial, field.widget = listed[0].pk, forms.HiddenInput()


def ask_view(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Asks by POST and answers at once: neither question nor answer has an address."""
    operators = operators_for(request.user, "ask", DestructionAct).order_by("pk")
    if not operators:
        raise PermissionDenied
    form = AskForm(request.POST or None, operators=operators)
    answers: list[dict[str, Any]] | None = None
    status = 200
    if request.method == "POST" and form.is_valid():
        operator = form.cleaned_data["operator"]
        try:
            found = was_destroyed(
                operator=operator,
                text=form.cleaned_data["text"],
                by=request.user,
                now=timezone.now(),
            )
        except OperatorError as error:
            form.add_error("text", sentence(error))
            status = error.status
        else:
            answers = [_shown(one, operator) for one in found]
    context = site.each_context(request) | {
        "title": gettext("Was somebody destroyed?"),
        "opts": DestructionAct._meta,
        "form": form,
        "answers": answers,
    }
    return TemplateResponse(
        request, "admin/subjects/destructionact/ask.html", context, status=status
    )


def _shown(one: Answer, operator: Operator) -> dict[str, Any]:
    return {
        "code": one.code,
        "stays": one.stays,
        "matched": KINDS[one.matched],
        "day": long_day(one.destroyed_at.astimezone(operator.zone).date()),
        "reason": one.reason,
        "act": one.act,
        "by": one.by or gettext("the office itself"),
        "consents": [_consent(each, operator) for each in one.consents],
    }


def _consent(one: ConsentTold, operator: Operator) -> str:
    """Text and version, way, period and end of one consent."""
    words = gettext("%(text)s v%(version)s, %(channel)s, from %(first_day)s") % {
        "text": one.text,
        "version": one.version,
        "channel": Channel(one.channel).label,
        "first_day": short_day(one.since(operator.zone)),
    }
    if one.until is None:
        return words
    return words + gettext(" until %(day)s (%(why)s)") % {
        "day": short_day(one.until), "why": dict(GroundEnd.choices).get(one.ended, one.ended),
    }  # fmt: skip
