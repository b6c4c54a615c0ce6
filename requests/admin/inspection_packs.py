"""The form of a response pack, and the file itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from registry.access import may
from registry.admin.verbs import VerbForm
from registry.choices import Language
from registry.models import ConsentText
from requests.models import Incident, RegulatorInquiry, SubjectRequest
from requests.models.inspection_packs import PackPart
from requests.services.packing import inspection_pack
from subjects.admin.forms import day_input
from subjects.models import AccessEvent, DestructionAct

# Who makes a pack needs the right to see what stands in it: without an undertaking nobody takes
# the acts of destruction and the journals of people out of the office.
SEEN: dict[str, type[Model]] = {
    PackPart.ACTS: DestructionAct,
    PackPart.DESTRUCTIONS: DestructionAct,
    PackPart.REQUESTS: SubjectRequest,
    PackPart.INQUIRIES: RegulatorInquiry,
    PackPart.INCIDENTS: Incident,
    PackPart.LOOKED: AccessEvent,
}


class PackForm(VerbForm):
    """What goes into the pack, of which days, in which language."""

    parts = forms.MultipleChoiceField(
        label=_("what the pack holds"), choices=PackPart.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Each becomes a folder; what is empty is named in the manifest."),
    )  # fmt: skip
    consents = forms.ModelMultipleChoiceField(
        ConsentText.objects.none(), label=_("consent texts"), required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Those that the inspectors asked for; with the tick above."),
    )  # fmt: skip
    since = forms.DateField(
        label=_("from"), widget=day_input(),
        help_text=_("The first day of acts, journals, registers and of who looked."),
    )  # fmt: skip
    until = forms.DateField(
        label=_("until"), widget=day_input(), help_text=_("The last day, counted too.")
    )
    language = forms.ChoiceField(
        label=_("language"), choices=Language.choices,
        help_text=_("Of what is printed for the pack; what was signed keeps its own."),
    )  # fmt: skip

    def prepare(self) -> None:
        operator = self.row.operator
        parts: Any = self.fields["parts"]
        parts.choices = [
            (code, label)
            for code, label in PackPart.choices
            if code not in SEEN or may(self.user, "view", SEEN[code], SEEN[code](operator=operator))
        ]
        consents: Any = self.fields["consents"]
        consents.queryset = ConsentText.objects.published().filter(operator=operator)
        self.fields["language"].initial = (get_language() or "en")[:2]
        today = timezone.localdate(timezone.now(), operator.zone)
        self.fields["since"].initial = today.replace(month=1, day=1)
        self.fields["until"].initial = today


def pack(request: HttpRequest, row: Any, data: Mapping[str, Any]) -> HttpResponse:
    """The pack as a download; it is kept nowhere."""
    made = inspection_pack(
        inspection=row,
        by=request.user,  # type: ignore[arg-type]
        now=timezone.now(),
        **data,
    )
    return HttpResponse(
        made.content,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{made.name}"',
            "Cache-Control": "no-store",
        },
    )
