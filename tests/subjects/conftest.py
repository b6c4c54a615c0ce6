"""Keys of the vault outlive the rolled-back rows of a test: what a test did to them is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from subjects.vault import keyring

COMMITTED = {"live_office", "transactional_db", "live_server"}


@pytest.fixture(autouse=True)
def key_files(request: pytest.FixtureRequest) -> Iterator[None]:
    """Bring back key files that a test destroyed, and forget the keys that it rolled back.

    After a test that committed, the database was emptied and has keys of its own again.
    """
    folder = keyring.folder()
    before = {path: path.read_bytes() for path in folder.glob("*-????")} if folder.is_dir() else {}
    yield
    if COMMITTED & set(request.fixturenames):
        before = {}
    for path, content in before.items():
        if not path.exists() or path.read_bytes() != content:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content)
    keyring.forget()
