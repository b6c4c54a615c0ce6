"""The log names no link that opens the page of a request."""

from __future__ import annotations

import io
import logging
import logging.config
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from requests.public import tracking
from requests.services.tracking import tracking_path
from tests.conftest import Office
from tests.requests.asking import again, receive


def test_a_page_that_fails_leaves_no_working_link_in_the_log(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tracking_path(again(receive(office.pandev)))
    assert path is not None
    handler = logging.StreamHandler(io.StringIO())
    config: dict[str, Any] = dict(settings.LOGGING)
    made = logging.config.DictConfigurator(config)
    for name in config["handlers"]["console"]["filters"]:
        handler.addFilter(made.configure_filter(config["filters"][name]))
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)

    def broken(*_about: Any, **_named: Any) -> Any:
        raise RuntimeError("the page fails")

    monkeypatch.setattr(tracking, "story_of", broken)
    try:
        assert Client(raise_request_exception=False).get(path).status_code == 500
    finally:
        logger.removeHandler(handler)
    said = handler.stream.getvalue()
    assert "Internal Server Error: /pandev/track/.../" in said
    assert path not in said and path.split("/")[3] not in said
