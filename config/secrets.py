"""Development secrets: one file, mode 600, outside OFFICE_VAR and outside git.

Standard library only, because it runs before the settings are read.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
FILE_NAME = "development.env"


def folder() -> Path:
    return Path(os.environ.get("OFFICE_SECRETS") or BASE_DIR / ".secrets")


def ensure_development_secrets() -> Path:
    """Make the file of development secrets once; return its path. Never changes an existing one."""
    path = folder() / FILE_NAME
    if path.exists():
        return path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written aside and linked into place: two processes starting together agree on one file,
    # and a reader never sees half of it.
    draft = path.with_name(f"{FILE_NAME}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"SECRET_KEY={secrets.token_urlsafe(50)}\n")
        stream.write(f"DEMO_PASSWORD={secrets.token_urlsafe(9)}\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path


def read_development_secrets() -> dict[str, str]:
    path = folder() / FILE_NAME
    if not path.exists():
        return {}
    lines = path.read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}
