"""What a DPO does with the forms of the register and with the page of findings."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from playwright.sync_api import expect
from pypdf import PdfReader

from registry.models import Operator
from tests.browser.conftest import Visitor
from tests.browser.line_hands import press

CODE = "ipm-site"
Key = tuple[str, str]


def the_operator() -> Operator:
    return Operator.objects.get(code=CODE)


def row(model: type[Model], code: str) -> Any:
    return model._default_manager.get(operator__code=CODE, code=code)  # type: ignore[misc]


# --- forms -------------------------------------------------------------------------------------
def fill(visitor: Visitor, values: Mapping[str, Any]) -> None:
    """Fill each field as its kind wants; rows are chosen by their number, lists by values."""
    for name, value in values.items():
        _fill(visitor, name, value)


def _fill(visitor: Visitor, name: str, value: Any) -> None:
    page = visitor.page
    if page.locator(f"#id_{name}_from").count():
        # Two boxes with arrows between them: empty the right one, then move what is wanted.
        page.evaluate(f"document.getElementById('id_{name}_remove_all').click()")
        page.select_option(f"#id_{name}_from", [_option(one) for one in value])
        page.click(f"#id_{name}_add")
        return
    fields = page.locator(f"#content [name='{name}']")
    kind = fields.first.evaluate("field => field.type")
    if kind == "checkbox":
        wanted = [value] if isinstance(value, bool) else value
        for box in fields.all():
            box.set_checked(
                wanted == [True] if isinstance(value, bool) else box.input_value() in wanted
            )
    elif kind.startswith("select"):
        chosen = value if isinstance(value, list) else [value]
        fields.select_option([_option(one) for one in chosen])
    else:
        fields.fill(str(value))


def _option(value: Any) -> str:
    if isinstance(value, Model):
        return str(value.pk)
    return str(value).lower() if isinstance(value, bool) else str(value)


def enter(visitor: Visitor, model: type[Model], **values: Any) -> None:
    """A new row, by the form of its table; leaves an empty form for the next one."""
    address = f"/admin/registry/{model._meta.model_name}/add/"
    if not visitor.page.url.endswith(address):
        visitor.open(address)
    if visitor.page.locator("[name=operator]").count():
        values = {"operator": the_operator(), **values}
    fill(visitor, values)
    press(visitor, "input[name=_addanother]")
    done(visitor)


def change(visitor: Visitor, **values: Any) -> None:
    """Change what the row on the screen says; a change asks why."""
    fill(visitor, {**values, "change_reason": "A finding of the register"})
    press(visitor, "input[name=_save]")
    done(visitor)


def delete(visitor: Visitor) -> None:
    """Delete the row on the screen."""
    press(visitor, ".deletelink")
    press(visitor, "#content form input[type=submit]")
    done(visitor)


def done(visitor: Visitor) -> None:
    """The office says that it was done; a refusal shows what it says."""
    page = visitor.page
    refused = page.locator(".errornote, .errorlist").all_inner_texts()
    assert refused == [], f"{page.url}: {refused}"
    expect(page.locator(".messagelist").locator(".success, .info").first).to_be_visible()


# --- findings ----------------------------------------------------------------------------------
def look(visitor: Visitor, **query: str) -> None:
    asked = "&".join(f"{name}={value}" for name, value in {"page": "all", **query}.items())
    visitor.open(f"/admin/registry/operator/{the_operator().pk}/findings/?{asked}")


def findings(visitor: Visitor, **query: str) -> set[Key]:
    """What the page lists; without a choice, what is open."""
    look(visitor, **query)
    found = visitor.page.evaluate(
        "[...document.querySelectorAll('.finding')].map(one =>"
        " ['.finding-id', '.object'].map(part => one.querySelector(part).textContent.trim()))"
    )
    return {(id, object) for id, object in found}


def finding(visitor: Visitor, key: Key) -> Any:
    """That finding on the page, which is open already."""
    page, (id, object) = visitor.page, key
    there = page.locator(".finding").filter(
        has=page.locator(".finding-id").get_by_text(id, exact=True)
    )
    return there.filter(has=page.locator(".object").get_by_text(object, exact=True))


def follow(visitor: Visitor, key: Key) -> None:
    """From the finding to the row that it is about."""
    press(visitor, finding(visitor, key).locator("h2 a"))


def acknowledge(visitor: Visitor, key: Key, reason: str, until: str) -> None:
    press(visitor, finding(visitor, key).locator(".finding-verbs a.button"))
    fill(visitor, {"reason": reason, "until": until})
    visitor.submit()
    done(visitor)


# --- papers ------------------------------------------------------------------------------------
def paper(visitor: Visitor, selector: str) -> str:
    """Download what the button or link gives, and read it as a person would."""
    with visitor.page.expect_download() as arrived:
        visitor.page.locator(selector).first.click()
    return read_paper(arrived.value.path().read_bytes())


def read_paper(content: bytes) -> str:
    reader = PdfReader(io.BytesIO(content))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())
