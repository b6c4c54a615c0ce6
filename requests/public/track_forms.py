"""What is typed on the tracking page: a number and a code, or a letter."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from requests.public.forms import (
    MEGABYTE,
    MESSAGE_LIMIT,
    CheckedField,
    FileTooBig,
    PaperField,
    RequestForm,
    _refused,
)
from requests.services.letters import FILE_BYTES


class EntryForm(forms.Form):
    """The number and the code, as they stand on a receipt."""

    number = forms.CharField(
        label=_("Number of the request"),
        help_text=_("Such as REQ-2026-0001."),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
        error_messages={"required": _("Write the number.")},
    )
    tracking = forms.CharField(
        label=_("Code of the request"),
        help_text=_("Twenty letters and digits. Hyphens and spaces do not matter."),
        max_length=80,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false",
                   "class": "mono"}
        ),
        error_messages={"required": _("Write the code.")},
    )  # fmt: skip

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, use_required_attribute=False)

    def clean_number(self) -> str:
        """As we write it, however it was typed."""
        return "".join(self.cleaned_data["number"].split()).upper()


class ReplyForm(forms.Form):
    """A letter of the person to a request that is open."""

    message = CheckedField(
        label=_("Your message"),
        required=False,
        max_length=MESSAGE_LIMIT,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    file_1 = PaperField(label=_("File 1"), required=False)
    file_2 = PaperField(label=_("File 2"), required=False)
    file_3 = PaperField(label=_("File 3"), required=False)
    FILES = RequestForm.FILES

    def __init__(
        self, data: Any = None, files: Any = None, *, too_big: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(data, files, use_required_attribute=False)
        self.too_big = too_big
        for name in self.FILES:
            self.fields[name].widget.attrs["accept"] = ".pdf,.jpg,.jpeg,.png"

    def clean(self) -> dict[str, Any]:
        """Something has to be said or shown."""
        found = super().clean() or {}
        for name in self.too_big & set(self.FILES):
            self.errors.pop(name, None)
            self.add_error(name, _refused(FileTooBig(limit=FILE_BYTES // MEGABYTE)))
        if not self.errors and not found.get("message") and not self.uploads():
            self.add_error("message", _("Write something, or add a file."))
        return found

    def uploads(self) -> list[tuple[bytes, str]]:
        return [found for name in self.FILES if (found := self.cleaned_data.get(name))]
