"""The language of an operator's own words: a small, closed part of Django's template language.

Facts of the vocabulary, ``if`` and ``for``, three filters; nothing is loaded, included or called.
A condition asks only whether there is something, so that every form that a letter can take is
tried before its words are saved.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import product
from typing import Any

from django.template import Context, Engine, Library, Template, TemplateSyntaxError
from django.template import defaultfilters as filters
from django.template import defaulttags as tags
from django.template.base import FilterExpression, Lexer, TextNode, TokenType, VariableNode

from registry.errors import OperatorError, gettext_noop
from requests.models.letter_templates import TEXT_LIMIT, TITLE_LIMIT
from requests.services.letter_vocabulary import (
    NUMBER,
    Fact,
    facts_by_path,
    facts_for,
    has_title,
    obliged,
)

TAGS = ("if", "elif", "else", "endif", "for", "empty", "endfor")
FILTERS = ("capfirst", "lower", "upper")
# A tag, nesting, loops in loops, conditions: what no letter needs more of.
TAG_LIMIT = 200
DEPTH_LIMIT = 8
LOOP_LIMIT = 2
SWITCH_LIMIT = 10

register = Library()
register.tag("if", tags.do_if)
register.tag("for", tags.do_for)
for _name in FILTERS:
    register.filter(_name, getattr(filters, _name))

_GAP = re.compile(r"\n{3,}")
_HALF_A_MARK = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")


class TemplateTooLong(OperatorError):
    template = gettext_noop("The words have %(length)s characters; at most %(limit)s are taken.")


class TemplateCharacter(OperatorError):
    template = gettext_noop("Line %(line)s has a character that cannot be seen or printed.")


class TemplateSyntax(OperatorError):
    template = gettext_noop(
        "Line %(line)s cannot be read: a mark is not closed, or misspelt, or at a wrong place."
    )


class TemplateTag(OperatorError):
    template = gettext_noop(
        "Line %(line)s: {%% %(tag)s %%} is not known here; only %(known)s can be used."
    )


class TemplateFact(OperatorError):
    template = gettext_noop(
        "Line %(line)s: “%(fact)s” is no fact of this letter; see the table of facts."
    )


class TemplateFilter(OperatorError):
    template = gettext_noop(
        "Line %(line)s: a filter is not known here; only %(known)s can be used."
    )


class TemplateListPrinted(OperatorError):
    template = gettext_noop(
        "Line %(line)s: “%(fact)s” is a list or a yes-or-no; it stands in a for or an if, not in "
        "the text itself."
    )


class TemplateLoop(OperatorError):
    template = gettext_noop("Line %(line)s: for goes over a list, and “%(fact)s” is none.")


class TemplateLoopName(OperatorError):
    template = gettext_noop("Line %(line)s: give the row a name that no fact has.")


class TemplateComparison(OperatorError):
    template = gettext_noop(
        "Line %(line)s: a condition asks only whether there is something (and, or, not); it "
        "compares nothing."
    )


class TemplateTooDeep(OperatorError):
    template = gettext_noop("Line %(line)s: too many conditions or loops stand inside each other.")


class TemplateTooManyConditions(OperatorError):
    template = gettext_noop(
        "The words depend on %(count)s things at once; at most %(limit)s can be tried."
    )


class TemplateLost(OperatorError):
    template = gettext_noop(
        "The words must always tell %(means)s, wherever the office knows it: {{ %(fact)s }} is "
        "missing, or can be missing."
    )


class TemplateBlank(OperatorError):
    template = gettext_noop("The words can come out empty.")


class TitleUnwanted(OperatorError):
    template = gettext_noop("These words have no subject line of their own.")


class _Small(Engine):
    default_builtins = [__name__]


@cache
def _engine() -> Engine:
    return _Small(autoescape=False, debug=False, libraries={})


@lru_cache(maxsize=256)
def _compiled(text: str) -> Template:
    return _engine().from_string(text)


def filled(text: str, facts: Mapping[str, Any]) -> str:
    """The words with these facts; facts are values and are never read as templates."""
    return tidy(_compiled(text).render(Context(dict(facts), autoescape=False)))


def tidy(text: str) -> str:
    """No blanks at the ends of lines, one empty line between paragraphs."""
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return _GAP.sub("\n\n", lines)


def cleaned(text: str) -> str:
    """One kind of line end, composed letters, nothing around."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    return unicodedata.normalize("NFC", text)


def check(*, part: str, title: str, text: str) -> None:
    """Refuse by name words that are not this language, or lose what the person must be told."""
    if has_title(part):
        _check(title, {NUMBER.name: NUMBER}, limit=TITLE_LIMIT)
        _tell_number(title)
    elif title:
        raise TitleUnwanted()
    switches = _check(text, facts_for(part), limit=TEXT_LIMIT)
    _tell_all(part, text, switches)


# --- reading -------------------------------------------------------------------------------------
@dataclass(slots=True)
class _Reading:
    """What one text is found to depend on."""

    facts: Mapping[str, Fact]
    switches: set[str] = field(default_factory=set)


# The name of a row or a line inside its loop -> the list's path, and what it has.
_Scope = dict[str, tuple[str, Fact | None]]


def _check(text: str, facts: Mapping[str, Fact], *, limit: int) -> frozenset[str]:
    if len(text) > limit:
        raise TemplateTooLong(length=len(text), limit=limit)
    if not text.strip():
        raise TemplateBlank()
    for number, line in enumerate(text.split("\n"), 1):
        if any(unicodedata.category(one) in {"Cc", "Cs", "Co"} and one != "\t" for one in line):
            raise TemplateCharacter(line=number)
    _check_tokens(text)
    try:
        template = _compiled(text)
    except TemplateSyntaxError as error:
        token = getattr(error, "token", None)
        at: int = token.lineno if token is not None else 1
        if "Invalid filter" in str(error):
            raise TemplateFilter(line=at, known=", ".join(FILTERS)) from None
        raise TemplateSyntax(line=at) from None
    reading = _Reading(facts)
    _walk(template.nodelist, reading, {}, loops=0)
    return frozenset(reading.switches)


def _check_tokens(text: str) -> None:
    depth = 0
    for token in Lexer(text).tokenize():
        line = token.lineno
        if token.token_type == TokenType.TEXT:
            continue
        if len(token.contents) > TAG_LIMIT:
            raise TemplateSyntax(line=line)
        if token.token_type != TokenType.BLOCK:
            continue
        tag = (token.contents.split() or [""])[0]
        if tag not in TAGS:
            raise TemplateTag(line=line, tag=tag[:40], known=", ".join(TAGS))
        depth += (tag in {"if", "for"}) - (tag in {"endif", "endfor"})
        if depth > DEPTH_LIMIT:
            raise TemplateTooDeep(line=line)


def _walk(nodes: Iterable[Any], reading: _Reading, scope: _Scope, *, loops: int) -> None:
    for node in nodes:
        line = node.token.lineno
        if isinstance(node, TextNode):
            half = _HALF_A_MARK.search(node.s)
            if half:
                raise TemplateSyntax(line=line + node.s.count("\n", 0, half.start()))
        elif isinstance(node, VariableNode):
            path, fact = _found(node.filter_expression, reading, scope, line)
            if fact is not None and (fact.flag or fact.is_list):
                raise TemplateListPrinted(line=line, fact=path)
        elif isinstance(node, tags.IfNode):
            for condition, branch in node.conditions_nodelists:
                if condition is not None:
                    _ask(condition, reading, scope, line)
                _walk(branch, reading, scope, loops=loops)
        elif isinstance(node, tags.ForNode):
            _loop(node, reading, scope, line, loops)
        else:
            raise TemplateTag(line=line, tag="?", known=", ".join(TAGS))


def _loop(node: Any, reading: _Reading, scope: _Scope, line: int, loops: int) -> None:
    if loops == LOOP_LIMIT:
        raise TemplateTooDeep(line=line)
    path, fact = _found(node.sequence, reading, scope, line)
    if fact is None or not fact.is_list or node.sequence.filters:
        raise TemplateLoop(line=line, fact=path)
    name = node.loopvars[0]
    if len(node.loopvars) > 1 or name in reading.facts or name in scope or name == "forloop":
        raise TemplateLoopName(line=line)
    if not fact.always:
        reading.switches.add(path)
    inner = scope | {name: (path, fact if fact.rows else None), "forloop": ("forloop", None)}
    _walk(node.nodelist_loop, reading, inner, loops=loops + 1)
    _walk(node.nodelist_empty, reading, scope, loops=loops)


def _ask(condition: Any, reading: _Reading, scope: _Scope, line: int) -> None:
    """A condition: facts joined by and, or, not."""
    expression = getattr(condition, "value", None)
    if isinstance(expression, FilterExpression):
        path, fact = _found(expression, reading, scope, line)
        if expression.filters:
            raise TemplateComparison(line=line)
        if fact is None and path == "forloop":
            raise TemplateFact(line=line, fact="forloop.counter")
        if fact is not None and not fact.always:
            reading.switches.add(path)
        return
    if condition.id not in {"and", "or", "not"}:
        raise TemplateComparison(line=line)
    for side in (condition.first, condition.second):
        if side is not None:
            _ask(side, reading, scope, line)


def _found(
    expression: FilterExpression, reading: _Reading, scope: _Scope, line: int
) -> tuple[str, Fact | None]:
    """The path of a fact and the fact; no fact: a line of a plain list, or the loop's counter."""
    lookups = getattr(expression.var, "lookups", None)
    said = expression.token[:60]
    if not lookups:
        # A number, or words in quotes.
        raise TemplateFact(line=line, fact=said)
    first, rest = lookups[0], lookups[1:]
    if first in scope:
        path, row = scope[first]
        if path == "forloop":
            if rest == ("counter",):
                return path, None
        elif row is None:
            if not rest:
                return path, None
        elif len(rest) == 1:
            for fact in row.rows:
                if fact.name == rest[0]:
                    return f"{path}.{fact.name}", fact
    elif first in reading.facts and not rest:
        return first, reading.facts[first]
    raise TemplateFact(line=line, fact=said)


# --- trying --------------------------------------------------------------------------------------
def _tell_number(title: str) -> None:
    mark = _mark("number")
    if mark not in filled(title, {"number": mark}).casefold():
        raise TemplateLost(means=NUMBER.means, fact="number")
    if "\n" in title:
        raise TemplateSyntax(line=2)


def _tell_all(part: str, text: str, switches: frozenset[str]) -> None:
    """Render the text in every form that its conditions can give it, and look for what it owes."""
    if len(switches) > SWITCH_LIMIT:
        raise TemplateTooManyConditions(count=len(switches), limit=SWITCH_LIMIT)
    known = facts_by_path(part)
    for off in _forms(switches):
        said = filled(text, marked(part, off))
        if not said:
            raise TemplateBlank()
        said = said.casefold()
        for path in _owed(part, off):
            if any(mark not in said for mark in _marks(path, known)):
                raise TemplateLost(means=known[path].means, fact=path)


def _forms(switches: frozenset[str]) -> Iterator[frozenset[str]]:
    ordered = sorted(switches)
    for off in product((False, True), repeat=len(ordered)):
        yield frozenset(path for path, gone in zip(ordered, off, strict=True) if gone)


def _owed(part: str, off: frozenset[str]) -> Iterator[str]:
    for one in obliged(part):
        wanted = {one.path, one.path.partition(".")[0], *one.when}
        if not wanted & off:
            yield one.path


_ROWS = (1, 2)


def _mark(path: str, row: int = 0) -> str:
    """What no words can hold: they have no characters of private use."""
    return f"\ue000{path}.{row}\ue001"


def _marks(path: str, known: Mapping[str, Fact]) -> list[str]:
    return [_mark(path, row) for row in _ROWS] if "." in path else [_mark(path)]


def marked(part: str, off: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Facts of which each is its own mark; those in ``off`` are not there."""
    found: dict[str, Any] = {}
    for name, fact in facts_for(part).items():
        if fact.rows:
            rows = [{one.name: _value(one, f"{name}.{one.name}", row, off) for one in fact.rows}
                    for row in _ROWS]  # fmt: skip
            found[name] = [] if name in off else rows
        else:
            found[name] = _value(fact, name, 0, off)
    return found


def _value(fact: Fact, path: str, row: int, off: frozenset[str]) -> Any:
    if fact.flag:
        return path not in off
    if fact.plain:
        return [] if path in off else [_mark(path, row)]
    return "" if path in off else _mark(path, row)
