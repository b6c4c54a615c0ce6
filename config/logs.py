"""What must not stand in a log line: whoever has the link of a request can read its page."""

from __future__ import annotations

import logging
import re

LINK = re.compile(r"(/(?:track|request)/)[^/\s'\"]+")


class WithoutLinks(logging.Filter):
    """Takes the secret part out of the addresses of the public pages; a handler's filter."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if LINK.search(text):
            record.msg, record.args = LINK.sub(r"\1...", text), ()
        return True
