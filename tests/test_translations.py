"""Russian and Kazakh are complete, and what is compiled is what the catalogues say."""

from __future__ import annotations

import ast
import gettext
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import PoFileError, read_po

from config.management.commands.compile_translations import compile_catalogues

BASE_DIR = Path(__file__).resolve().parent.parent
LANGUAGES = ("ru", "kk")
DOMAINS = ("django", "djangojs")
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[-0-9.]*[sdrf]|\{\w*\}")
# What holds no text for the people who use the office, or is made by it.
NOT_EXTRACTED = (".*", "__pycache__", "*.mo", "benchmarks", "docs", "tests", "var")

SAMPLE = """from django.utils.translation import gettext_lazy as _
A = _("one") % 1
B = f"{_('two')}"
C = _("three").format(3)
D = _("four")
"""


def catalogue_path(base: Path, language: str, domain: str) -> Path:
    return base / "locale" / language / "LC_MESSAGES" / f"{domain}.po"


def read(base: Path, language: str, domain: str) -> Catalog:
    """A catalogue; an empty one where there is none."""
    path = catalogue_path(base, language, domain)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as stream:
        return read_po(stream, locale=language, abort_invalid=True)


def entries(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def forms(texts: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """The text of an entry, or its plural forms, as a tuple either way."""
    return (texts,) if isinstance(texts, str) else tuple(texts or ())


def name(message: Message) -> str:
    text = forms(message.id)[0]
    return f"{message.context} | {text}" if message.context else text


CATALOGUES = pytest.mark.parametrize(
    "language, domain",
    [
        (language, domain)
        for language, domain in product(LANGUAGES, DOMAINS)
        if domain == "django" or catalogue_path(BASE_DIR, language, domain).exists()
    ],
)


@CATALOGUES
def test_every_entry_is_translated_in_all_its_forms(language: str, domain: str) -> None:
    catalogue = read(BASE_DIR, language, domain)
    empty = [
        name(message)
        for message in entries(catalogue)
        if not all(forms(message.string))
        or (message.pluralizable and len(forms(message.string)) != catalogue.num_plurals)
    ]
    assert empty == []


@CATALOGUES
def test_no_entry_is_fuzzy_or_obsolete(language: str, domain: str) -> None:
    catalogue = read(BASE_DIR, language, domain)
    assert [name(message) for message in entries(catalogue) if message.fuzzy] == []
    assert [name(message) for message in catalogue.obsolete.values()] == []


def placeholders(text: str) -> Counter[str]:
    return Counter(PLACEHOLDER.findall(text.replace("%%", "")))


@CATALOGUES
def test_every_form_has_the_placeholders_of_the_original(language: str, domain: str) -> None:
    wrong = [
        (name(message), form)
        for message in entries(read(BASE_DIR, language, domain))
        for form in forms(message.string)
        # The last form of the original is its plural, which names everything.
        if form and placeholders(form) != placeholders(forms(message.id)[-1])
    ]
    assert wrong == []


def evaluated(tree: ast.Module) -> Iterator[int]:
    """Lines where a lazy text is joined or filled in while the module is loaded."""
    lazy = {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for name in node.names
        if name.name.endswith("_lazy")
    }
    for node in ast.walk(tree):
        text: ast.AST | None = None
        if isinstance(node, ast.BinOp):
            text = node.left
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            text = node.func.value
        elif isinstance(node, ast.FormattedValue):
            text = node.value
        if isinstance(text, ast.Call) and getattr(text.func, "id", "") in lazy:
            yield node.lineno


def test_no_text_is_filled_in_before_anybody_reads_it() -> None:
    """``_("...") % name`` outside a function says it in the language of the start, for ever."""
    wrong = [
        f"{path.relative_to(BASE_DIR)}:{line}"
        for room in ("config", "registry", "subjects", "requests")
        for path in sorted((BASE_DIR / room).rglob("*.py"))
        for line in evaluated(ast.parse(path.read_text()))
    ]
    assert wrong == []
    assert sorted(evaluated(ast.parse(SAMPLE))) == [2, 3, 4]


# --- the catalogues against the code --------------------------------------------------------


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree after makemessages; the catalogues of the tree itself stay untouched."""
    if shutil.which("xgettext") is None:
        reason = "GNU gettext is not installed, so the texts of the code cannot be collected."
        if os.environ.get("REQUIRE_GETTEXT") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("extracted")
    tree = folder / "tree"
    shutil.copytree(BASE_DIR, tree, ignore=shutil.ignore_patterns(*NOT_EXTRACTED))
    environment = os.environ | {
        # Not the settings of the tests, which are no part of the copy.
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "OFFICE_MODE": "development",
        "OFFICE_SECRETS": str(folder / "secrets"),
        "OFFICE_VAR": str(folder / "var"),
        "DATABASE_URL": "",
        "REDIS_URL": "",
    }
    for domain in DOMAINS:
        made = subprocess.run(
            [
                *(sys.executable, "manage.py", "makemessages", "--domain", domain),
                *(part for language in LANGUAGES for part in ("--locale", language)),
                "--no-obsolete",
            ],
            check=False,
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr
    return tree


def keys(catalogue: Catalog) -> set[tuple[str, ...]]:
    return {(message.context or "", *forms(message.id)) for message in entries(catalogue)}


@pytest.mark.parametrize("language, domain", list(product(LANGUAGES, DOMAINS)))
def test_the_catalogue_holds_what_the_code_says_and_no_more(
    extracted: Path, language: str, domain: str
) -> None:
    ours, needed = (keys(read(base, language, domain)) for base in (BASE_DIR, extracted))
    for heading, differing in (
        ("Not in the catalogue (make messages adds them)", needed - ours),
        ("In the catalogue, but nowhere in the code", ours - needed),
    ):
        if differing:
            lines = "\n".join(" | ".join(filter(None, key)) for key in sorted(differing))
            pytest.fail(f"{len(differing)}. {heading}:\n{lines}", pytrace=False)


# --- the glossary ---------------------------------------------------------------------------


def without_brackets(text: str) -> str:
    return re.sub(r"\s*\([^)]*\)\s*", " ", text).strip()


@cache
def glossary() -> dict[str, dict[str, set[str]]]:
    """English term -> language -> the translations that the glossary allows, in small letters."""
    terms: dict[str, dict[str, set[str]]] = {}
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|",
        (BASE_DIR / "docs" / "glossary.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    for english, russian, kazakh in rows[1:]:  # after the headings
        # "legal basis, ground" are two words for one thing.
        for term in english.split(","):
            for variant in (term.strip(), without_brackets(term)):
                allowed = terms.setdefault(variant.casefold(), {"ru": set(), "kk": set()})
                for language, text in (("ru", russian), ("kk", kazakh)):
                    texts = (text.strip(), without_brackets(text))
                    allowed[language].update(one.casefold() for one in texts)
    return terms


def departures(catalogue: Catalog, language: str) -> Iterator[tuple[str, str, set[str]]]:
    """Entries that are exactly a term of the glossary, but translated otherwise."""
    for message in entries(catalogue):
        # A context says that the word means something else here, such as a verb.
        if message.context or message.pluralizable:
            continue
        (term,), (translation,) = forms(message.id), forms(message.string)
        allowed = glossary().get(term.casefold())
        if allowed and translation and translation.casefold() not in allowed[language]:
            yield term, translation, allowed[language]


@CATALOGUES
def test_a_term_of_the_glossary_has_the_translation_of_the_glossary(
    language: str, domain: str
) -> None:
    assert list(departures(read(BASE_DIR, language, domain), language)) == []


def test_the_glossary_is_read_whole() -> None:
    assert glossary()["ground"]["ru"] == glossary()["legal basis"]["ru"]
    assert glossary()["ground"]["ru"] == {"правовое основание"}
    assert "сұрау салуы" in glossary()["inquiry"]["kk"]
    catalogue = Catalog(locale="ru")
    catalogue.add("Ground", "Причина")
    catalogue.add("Operator", "Оператор")
    catalogue.add("Answer", "Ответить", context="verb")
    assert [departure[0] for departure in departures(catalogue, "ru")] == ["Ground"]


# --- compiling ------------------------------------------------------------------------------

HEADER = r"""
msgid ""
msgstr ""
"Language: \n"
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=4; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || "
"n%100>14) ? 1 : n%10==0 || (n%10>=5 && n%10<=9) || (n%100>=11 && n%100<=14)? 2 : 3);\n"

msgid "%(count)d day"
msgid_plural "%(count)d days"
msgstr[0] "%(count)d день"
msgstr[1] "%(count)d дня"
msgstr[2] "%(count)d дней"
msgstr[3] "%(count)d дня"

msgid "Answer"
msgstr "Ответ"

msgctxt "verb"
msgid "Answer"
msgstr "Ответить"

msgid "%(count)d hour"
msgid_plural "%(count)d hours"
msgstr[0] "%(count)d час"
msgstr[1] ""
msgstr[2] ""
msgstr[3] ""

#, fuzzy
msgid "Late"
msgstr "Поздно"

#~| msgid "Very old"
#~ msgid "Old"
#~ msgstr "Старый"
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "ru" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    path.write_text(HEADER, encoding="utf-8")
    return path


def test_the_compiled_form_keeps_plurals_contexts_and_the_plural_rule(
    tmp_path: Path, source: Path
) -> None:
    assert compile_catalogues([tmp_path]) == [source.with_suffix(".mo")]
    compiled = gettext.translation("django", tmp_path, ["ru"])
    days = [compiled.ngettext("%(count)d day", "%(count)d days", count) for count in (1, 3, 11, 25)]
    assert days == ["%(count)d день", "%(count)d дня", "%(count)d дней", "%(count)d дней"]
    assert compiled.gettext("Answer") == "Ответ"
    assert compiled.pgettext("verb", "Answer") == "Ответить"
    assert "nplurals=4" in compiled.info()["plural-forms"]
    assert compiled.ngettext("%(count)d hour", "%(count)d hours", 21) == "%(count)d hours"
    # Neither a guess nor an entry out of use is shown to anybody.
    assert (compiled.gettext("Late"), compiled.gettext("Old")) == ("Late", "Old")


def test_a_catalogue_is_compiled_again_only_when_it_changed(tmp_path: Path, source: Path) -> None:
    compile_catalogues([tmp_path])
    assert compile_catalogues([tmp_path]) == []
    later = source.with_suffix(".mo").stat().st_mtime + 1
    os.utime(source, (later, later))
    assert compile_catalogues([tmp_path]) == [source.with_suffix(".mo")]
    assert sorted(path.name for path in source.parent.iterdir()) == ["django.mo", "django.po"]


def test_a_broken_catalogue_is_refused_and_the_compiled_form_stays(
    tmp_path: Path, source: Path
) -> None:
    compile_catalogues([tmp_path])
    before = source.with_suffix(".mo").read_bytes()
    source.write_text(f'{HEADER}\nmsgid "Half"\n', encoding="utf-8")
    later = source.with_suffix(".mo").stat().st_mtime + 1
    os.utime(source, (later, later))
    with pytest.raises(PoFileError):
        compile_catalogues([tmp_path])
    assert source.with_suffix(".mo").read_bytes() == before


def test_every_catalogue_of_the_project_compiles_without_loss(tmp_path: Path) -> None:
    folder = tmp_path / "locale"
    shutil.copytree(BASE_DIR / "locale", folder, ignore=shutil.ignore_patterns("*.mo"))
    compiled = compile_catalogues([folder, folder / "third_party"])
    assert len(compiled) == len(list(folder.rglob("*.po")))
    for path in compiled:
        with path.open("rb") as stream:
            found = texts(read_mo(stream))
        with path.with_suffix(".po").open("rb") as stream:
            assert found == texts(read_po(stream, locale=path.parts[-3]))


def texts(catalogue: Catalog) -> dict[tuple[str, ...], tuple[str, ...]]:
    """What a reader can be shown, by context and original."""
    found = {}
    for entry in entries(catalogue):
        context: str | bytes = entry.context or ""
        if isinstance(context, bytes):  # so Babel reads it from a compiled catalogue
            context = context.decode()
        if not entry.fuzzy and all(forms(entry.string)):
            found[context, *forms(entry.id)] = forms(entry.string)
    return found
