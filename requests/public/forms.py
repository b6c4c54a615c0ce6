"""The form as people see it, checked as every value of the office is."""

from __future__ import annotations

import io
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from registry.errors import OperatorError, gettext_noop
from registry.explain import sentence
from requests.models.subject_requests import AnswerBy, RequestKind
from requests.services.letters import FILE_BYTES, FILES_LIMIT, TAKEN
from requests.services.submissions import CODE_DIGITS, Told, Upload
from subjects import values
from subjects.services.files import photo_check, sniff
from subjects.services.pictures import HEAD_BYTES, PDF, UnknownContent

NAME_LIMIT, POSTAL_LIMIT, MESSAGE_LIMIT = 200, 500, 5_000
MEGABYTE = 1024 * 1024

# In the words of whoever has no words for it; what it is by law stands in the request.
WISHES: tuple[tuple[str, Any], ...] = (
    (RequestKind.DESTRUCTION, _("I want my data deleted")),
    (RequestKind.MARKETING, _("Stop writing to me")),
    (RequestKind.WITHDRAWAL, _("I take my consent back")),
    (RequestKind.CEASE, _("Stop using my data for anything")),
    (RequestKind.INFORMATION, _("What do you know about me?")),
    (RequestKind.CORRECTION, _("Something in my data is wrong")),
    (RequestKind.BLOCKING, _("Do not use my data until you have checked them")),
    (RequestKind.UNBLOCKING, _("You have blocked my data: use them again")),
    (RequestKind.OBJECTION, _("A computer decided about me, and I do not agree")),
    (RequestKind.COMPLAINT, _("I complain about how you treat my data")),
    (RequestKind.OTHER, _("Something else")),
)
# What says nothing without words.
NEEDS_WORDS = frozenset(
    {
        RequestKind.CORRECTION,
        RequestKind.BLOCKING,
        RequestKind.OBJECTION,
        RequestKind.COMPLAINT,
        RequestKind.OTHER,
    }
)


class FileTooBig(OperatorError):
    template = gettext_noop("This file is larger than %(limit)s MB.")


class FileNotTaken(OperatorError):
    template = gettext_noop("This file is no PDF, JPEG or PNG, whatever its name says.")


class FileIsEmpty(OperatorError):
    template = gettext_noop("This file is empty.")


class ManyLines(OperatorError):
    template = gettext_noop("Write this in one line.")


def _refused(error: OperatorError) -> forms.ValidationError:
    # Without its cause: what a library said may quote the value.
    return forms.ValidationError(sentence(error))


class CheckedField(forms.CharField):
    """Text as the office keeps it; ``format``: of ``subjects.values``."""

    def __init__(self, *, format: str = values.LOG, one_line: bool = False, **kw: Any) -> None:
        super().__init__(**kw)
        self.format, self.one_line = format, one_line

    def to_python(self, value: Any) -> str:
        """Checked before Django strips it: positions in a refusal are those of what was typed."""
        text = value if isinstance(value, str) else ""
        if not text.strip():
            return ""
        try:
            if self.one_line and len(text.splitlines()) > 1:
                raise ManyLines()
            checked = values.check(self.format, text)
        except OperatorError as error:
            raise _refused(error) from None
        return " ".join(checked.split()) if self.one_line else checked


class PaperField(forms.FileField):
    """A file in memory, known by what it holds; its name is not kept."""

    def clean(self, data: Any, initial: Any = None) -> Upload | None:  # type: ignore[override]
        """The content and its type; None: nothing was chosen."""
        if data is None:
            return None
        try:
            return _checked(data)
        except OperatorError as error:
            raise _refused(error) from None


def _checked(upload: Any) -> Upload:
    # The handler has dropped what is too big, and left a mark.
    if upload.size > FILE_BYTES:
        raise FileTooBig(limit=FILE_BYTES // MEGABYTE)
    content = upload.read()
    if not content:
        raise FileIsEmpty()
    try:
        found = sniff(content[:HEAD_BYTES])
    except UnknownContent:
        found = ""
    if found not in TAKEN:
        raise FileNotTaken()
    return content, found if found == PDF else photo_check(io.BytesIO(content), len(content))


class RequestForm(forms.Form):
    """Who writes, what is wished, where the answer goes."""

    # The office tells errors beside the fields, in the language of the page.
    use_required_attribute = False
    wish = forms.ChoiceField(
        label=_("What do you want?"),
        choices=WISHES,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what you want.")},
    )
    name = CheckedField(
        label=_("Your name"),
        help_text=_("As you gave it to us, so that we find you."),
        max_length=NAME_LIMIT,
        one_line=True,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Write your name.")},
    )
    email = CheckedField(
        label=_("Your e-mail address"),
        help_text=_("We send a code to it at once, and later the answer."),
        required=False,
        format=values.EMAIL,
        max_length=values.LIMITS[values.EMAIL],
        # Not of type "email": a browser's own refusals speak the browser's language.
        widget=forms.TextInput(
            attrs={"autocomplete": "email", "inputmode": "email", "autocapitalize": "none",
                   "spellcheck": "false"}
        ),
    )  # fmt: skip
    no_email = forms.BooleanField(label=_("I have no e-mail"), required=False)
    answer_by = forms.ChoiceField(
        label=_("Without e-mail: how do you get the answer?"),
        required=False,
        choices=[
            (AnswerBy.POST, _("By post")),
            (AnswerBy.BY_HAND, _("I come and fetch it")),
        ],
        widget=forms.RadioSelect,
    )
    postal = CheckedField(
        label=_("Your postal address"),
        help_text=_("Only if the answer goes by post."),
        required=False,
        max_length=POSTAL_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "street-address"}),
    )
    message = CheckedField(
        label=_("Your message"),
        help_text=_(
            "What you want us to know. Write no numbers of documents here: if we need one to know "
            "you, we ask."
        ),
        required=False,
        max_length=MESSAGE_LIMIT,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    file_1 = PaperField(label=_("File 1"), required=False)
    file_2 = PaperField(label=_("File 2"), required=False)
    file_3 = PaperField(label=_("File 3"), required=False)
    # For machines that fill in everything.
    website = forms.CharField(
        label=_("Leave this empty"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )
    FILES = tuple(f"file_{number}" for number in range(1, FILES_LIMIT + 1))

    def __init__(self, *args: Any, too_big: frozenset[str] = frozenset(), **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.too_big = too_big
        for name in self.FILES:
            self.fields[name].widget.attrs["accept"] = ".pdf,.jpg,.jpeg,.png"

    def clean(self) -> dict[str, Any]:
        """What the answer needs, and that a wish which says nothing has words."""
        found = super().clean() or {}
        if found.get("no_email"):
            # Whatever stands in the field that the box hides is not meant, nor kept.
            found["email"] = ""
            self.errors.pop("email", None)
            if not found.get("answer_by"):
                self._miss("answer_by", _("Choose how you get the answer."))
            elif found["answer_by"] == AnswerBy.POST and not found.get("postal"):
                self._miss("postal", _("Write where the answer goes."))
        elif not found.get("email"):
            self._miss("email", _("Write your e-mail address, or tick that you have none."))
        if found.get("wish") in NEEDS_WORDS and not found.get("message"):
            self._miss("message", _("Say what it is about."))
        for name in self.too_big & set(self.FILES):
            self.errors.pop(name, None)
            self.add_error(name, _refused(FileTooBig(limit=FILE_BYTES // MEGABYTE)))
        return found

    def _miss(self, name: str, text: Any) -> None:
        if name not in self.errors:
            self.add_error(name, text)

    def told(self) -> Told:
        """Only what is needed: an address for the post is not kept where the answer is mailed."""
        data = self.cleaned_data
        answer_by = AnswerBy.EMAIL if data["email"] else AnswerBy(data["answer_by"])
        return Told(
            kind=data["wish"],
            name=data["name"],
            answer_by=answer_by,
            email=data["email"],
            postal=data["postal"] if answer_by == AnswerBy.POST else "",
            message=data["message"],
        )

    def uploads(self) -> list[Upload]:
        return [found for name in self.FILES if (found := self.cleaned_data[name])]


class CodeForm(forms.Form):
    """The digits of the mail."""

    code = forms.CharField(
        label=_("Code from the e-mail"),
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "class": "code"}
        ),
        max_length=40,
        error_messages={"required": _("Type in the code.")},
    )

    use_required_attribute = False

    def clean_code(self) -> str:
        """Digits only, however they were grouped; what cannot be a code costs no try."""
        code = "".join(sign for sign in self.cleaned_data["code"] if sign not in " -\u00a0")
        if len(code) != CODE_DIGITS or not (code.isascii() and code.isdigit()):
            raise forms.ValidationError(_("The code has six digits."))
        return code
