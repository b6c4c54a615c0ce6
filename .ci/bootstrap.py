"""Make a virtual environment and install into it what one lock file names.

    python3 .ci/bootstrap.py FOLDER --lock requirements.lock
    python3 .ci/bootstrap.py FOLDER --package uv

Standard library only. Works where Python has no ensurepip (Debian without python3-venv) as long
as the system has a pip or a virtualenv; otherwise one sentence says what to install, exit code 2.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

MINIMUM = (3, 11)
PIP_INSTALL = ["install", "-qq", "--disable-pip-version-check", "--no-input"]


def works(*command: str | Path) -> bool:
    """Whether a command ends well; what it says is nobody's business."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def is_usable(python: Path) -> bool:
    """Whether an environment's interpreter runs, and is new enough."""
    return works(python, "-c", f"import sys; sys.exit(sys.version_info < {MINIMUM})")


def pip_for(python: Path) -> list[str] | None:
    """The command that installs into this environment; None when there is no pip at all."""
    if works(python, "-m", "pip", "--version"):
        return [str(python), "-m", "pip"]
    # The system's pip can fill another environment from 22.3 on.
    if works(sys.executable, "-m", "pip", "--python", python, "--version"):
        return [sys.executable, "-m", "pip", "--python", str(python)]
    return None


def make(folder: Path) -> list[str] | None:
    """Make the environment anew; return its pip command, or None and leave nothing behind."""
    python = folder / "bin" / "python"
    for attempt in (
        (sys.executable, "-m", "venv", folder),
        (sys.executable, "-m", "virtualenv", folder),
        ("virtualenv", "--python", sys.executable, folder),
        # Last, because the next change of the lock file needs the system's pip again.
        (sys.executable, "-m", "venv", "--without-pip", folder),
    ):
        shutil.rmtree(folder, ignore_errors=True)
        if works(*attempt) and is_usable(python):
            pip = pip_for(python)
            if pip:
                return pip
    shutil.rmtree(folder, ignore_errors=True)
    return None


def reason(folder: Path) -> str:
    """One sentence for whoever has to help this machine."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if works(sys.executable, "-m", "ensurepip", "--version"):
        return (
            f"Python {version} could not make {folder.absolute()}: look whether the folder may be "
            "written and the disk has room."
        )
    return (
        f"Python {version} cannot make a virtual environment here: install the package "
        f"python{version}-venv (Debian, Ubuntu: apt install python{version}-venv) and run make "
        "again."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Make and fill a virtual environment.")
    parser.add_argument("folder", type=Path)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--lock", type=Path, help="install exactly this, every hash checked")
    what.add_argument("--package", help="install the newest of this package")
    options = parser.parse_args()

    python = options.folder / "bin" / "python"
    pip = pip_for(python) if is_usable(python) else None
    if pip is None:
        print(f"Making {options.folder} ...", flush=True)
        pip = make(options.folder)
    if pip is None:
        print(reason(options.folder), file=sys.stderr)
        return 2
    print(f"Installing {options.lock or options.package} into {options.folder} ...", flush=True)
    wanted = (
        ["--require-hashes", "--no-deps", "--requirement", str(options.lock)]
        if options.lock
        else [options.package]
    )
    return subprocess.run([*pip, *PIP_INSTALL, *wanted], check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
