"""Every string of Django and of the installed packages has Russian and Kazakh.

What a package asks for is read from Django's English catalogues, or, for a
package that ships none, from its sources. What it gets is its own catalogue
of the language with ours laid over it.
"""

from __future__ import annotations

import importlib
import io
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

THIRD_PARTY = Path(__file__).resolve().parent.parent / "locale" / "third_party"
LANGUAGES = ("kk", "ru")

# (package, domain); the English catalogue is beside the others.
DJANGO_CATALOGUES = (
    ("django.conf", "django"),
    ("django.contrib.admin", "django"),
    ("django.contrib.admin", "djangojs"),
    ("django.contrib.auth", "django"),
    ("django.contrib.contenttypes", "django"),
    ("django.contrib.postgres", "django"),
    ("django.contrib.sessions", "django"),
)
# These bring no strings but the app names, which django.conf holds.
WITHOUT_CATALOGUE = ("django.contrib.messages", "django.contrib.staticfiles")
# No English catalogue: the sources say what is asked for.
SOURCES = ("axes", "django_filters", "django_otp", "simple_history")

CATALOGUES = DJANGO_CATALOGUES + tuple((name, "django") for name in SOURCES)
OURS = [
    pytest.param(path, id="-".join((path.parts[-3], path.stem)))
    for path in sorted(THIRD_PARTY.glob("*/LC_MESSAGES/*.po"))
]

KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sdr]|\{\w*\}")

Key = tuple[str | None, str]


def package_dir(name: str) -> Path:
    return Path(next(iter(importlib.import_module(name).__path__)))


@cache
def catalogue(path: Path) -> Catalog:
    if not path.exists():
        return Catalog()
    with path.open("rb") as file:
        return read_po(file)


def po(root: Path, language: str, domain: str) -> Path:
    return root / language / "LC_MESSAGES" / f"{domain}.po"


def key(message: Message) -> Key:
    text = message.id if isinstance(message.id, str) else message.id[0]
    return message.context, text


def messages(source: Catalog) -> list[Message]:
    return [message for message in source if message.id]


@cache
def from_sources(name: str) -> Catalog:
    found = Catalog()
    root = package_dir(name)
    for path in sorted(root.rglob("*")):
        if path.suffix == ".py":
            text = path.read_text(encoding="utf-8")
        elif path.suffix in {".html", ".txt"}:
            # The brackets keep the tokenizer from minding the indentation.
            template = path.read_text(encoding="utf-8")
            text = f"(\n{templatize(template, origin=path.name)}\n)"
        else:
            continue
        code = io.BytesIO(text.encode())
        for _line, msgid, _comments, context in extract("python", code, KEYWORDS):
            found.add(msgid, context=context)
    return found


def asked(name: str, domain: str) -> list[Message]:
    if name in SOURCES:
        return messages(from_sources(name))
    return messages(catalogue(po(package_dir(name) / "locale", "en", domain)))


def forms(message: Message) -> list[str]:
    if isinstance(message.string, str):
        return [message.string]
    return list(message.string or ())


def complete(message: Message | None, plurals: int) -> bool:
    if message is None or message.fuzzy:
        return False
    expected = 1 if isinstance(message.id, str) else plurals
    return len(forms(message)) == expected and all(forms(message))


def translation(name: str, domain: str, language: str, wanted: Message) -> Message | None:
    """The complete translation that wins; ours lies over the package's own."""
    context, text = key(wanted)
    own = po(package_dir(name) / "locale", language, domain)
    for path in (po(THIRD_PARTY, language, domain), own):
        source = catalogue(path)
        message = source.get(text, context)
        if message is None or not complete(message, source.num_plurals):
            continue
        if not isinstance(wanted.id, str) and isinstance(message.id, str):
            continue  # a plural is asked for, one form is there
        return message
    return None


def placeholders(text: str) -> Counter[str]:
    return Counter(PLACEHOLDER.findall(text))


def wrong_placeholders(message: Message) -> list[str]:
    msgids = [message.id] if isinstance(message.id, str) else message.id
    allowed = [placeholders(text) for text in msgids]
    return [text for text in forms(message) if placeholders(text) not in allowed]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "domain"), CATALOGUES)
def test_every_string_is_translated(name: str, domain: str, language: str) -> None:
    wanted = asked(name, domain)
    assert wanted, f"{name} asks for nothing: is its catalogue elsewhere?"
    missing = [
        key(message) for message in wanted if translation(name, domain, language, message) is None
    ]
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "domain"), CATALOGUES)
def test_placeholders_survive(name: str, domain: str, language: str) -> None:
    found = (translation(name, domain, language, message) for message in asked(name, domain))
    wrong = {
        key(message): wrong_placeholders(message)
        for message in found
        if message is not None and wrong_placeholders(message)
    }
    assert wrong == {}


@pytest.mark.parametrize("name", WITHOUT_CATALOGUE)
def test_packages_without_a_catalogue_still_have_none(name: str) -> None:
    assert not (package_dir(name) / "locale").exists()


def test_our_catalogues_are_there() -> None:
    assert {param.id for param in OURS} >= {"kk-django", "kk-djangojs", "ru-django"}


@pytest.mark.parametrize("path", OURS)
def test_ours_is_complete_and_never_fuzzy(path: Path) -> None:
    ours = catalogue(path)
    assert not ours.fuzzy
    bad = [key(m) for m in messages(ours) if not complete(m, ours.num_plurals)]
    assert bad == []
    wrong = [key(m) for m in messages(ours) if wrong_placeholders(m)]
    assert wrong == []
    assert not ours.obsolete


@pytest.mark.parametrize("path", OURS)
def test_ours_counts_as_django_does(path: Path) -> None:
    language = path.parts[-3]
    django = catalogue(po(package_dir("django.conf") / "locale", language, "django"))
    ours = catalogue(path)
    assert ours.num_plurals == django.num_plurals
    assert ours.plural_expr == django.plural_expr


@pytest.mark.parametrize("path", OURS)
def test_nobody_has_stopped_asking(path: Path) -> None:
    wanted = {
        key(message)
        for name, domain in CATALOGUES
        if domain == path.stem
        for message in asked(name, domain)
    }
    stale = [key(m) for m in messages(catalogue(path)) if key(m) not in wanted]
    assert stale == []
