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


def inside_data() -> bool:
    """Whether the secrets would lie in the office's data folder, and so in its backups."""
    data = Path(os.environ.get("OFFICE_VAR") or BASE_DIR / "var")
    return folder().resolve().is_relative_to(data.resolve())


def ensure_development_secrets() -> Path:
    """Make the file of development secrets once; return its path. Never changes an existing one.

    Makes none inside the data folder: the settings refuse that place by name.
    """
    path = folder() / FILE_NAME
    if path.exists() or inside_data():
        return path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written aside and linked into place: two processes starting together agree on one file,
    # and a reader never sees half of it.
    draft = path.with_name(f"{FILE_NAME}.{secrets.token_hex(8)}")
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
