"""The field of a claim's code: offers those that findings understand, and takes any other."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.widgets import AdminTextInputWidget
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from registry.choices import ClaimTopic
from registry.findings.known import meanings


class KnownClaimInput(AdminTextInputWidget):
    """A line of text with a list to choose from: each code with its topic and its meaning."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        number = f"{(attrs or {}).get('id', f'id_{name}')}_known"
        line = super().render(name, value, {**(attrs or {}), "list": number}, renderer)
        options = format_html_join(
            "\n",
            '<option value="{}">{}</option>',
            (
                (code, f"{ClaimTopic(topic).label}: {gettext(meaning)}")
                for topic, code, meaning in meanings()
            ),
        )
        return format_html('{}<datalist id="{}">{}</datalist>', line, number, options)
