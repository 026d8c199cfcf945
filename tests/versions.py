"""The unit tests and a chapter with the oldest, or the newest, packages that pyproject.toml allows, without its pins.

python tests/versions.py oldest|newest: with this Python, in an environment of its own in _build.
What builds the site stays out, and with it the tests of the site and of the pinned environment.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

from environment import check_version

ROOT = Path(__file__).resolve().parents[1]
RESOLUTIONS = {"oldest": "lowest-direct", "newest": "highest"}
TOOLS = ["pytest", "pytest-xdist", "hypothesis", "prdc", "jupytext", "nbclient", "nbval", "ipykernel", "myst-nb"]
CHAPTER = "03_vae_derivation"


def make(folder: Path, install) -> Path:
    """Make or update an environment with uv in it; `install` gets the start of uv's commands. Gives its Python."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run(sys.executable, "-m", "venv", folder)
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv")
    install([python, "-m", "uv", "pip"])
    return python


def environment(which: str) -> Path:
    """An environment with these packages, and its Python. The versions stand in requirements.txt in its folder."""
    folder = ROOT / "_build" / f"{which}-{sys.version_info[0]}.{sys.version_info[1]}"
    requirements = folder / "requirements.txt"
    # Only wheels: an old source that a new Python would have to compile counts for nobody.
    allowed = ["--resolution", RESOLUTIONS[which], "--only-binary", ":all:", "--no-header", "--quiet"]

    def install(uv: list) -> None:
        here = ["--python", uv[0]]
        run(*uv, "compile", *allowed, "--extra", "train", *here, "pyproject.toml", "-o", requirements)
        run(*uv, "install", "--quiet", *here, "-r", requirements, *TOOLS)
        run(*uv, "install", "--quiet", *here, "--no-deps", "--editable", ".")

    return make(folder, install)


def run(*command, cwd: Path = ROOT, **environment: str) -> None:
    """Run a command here. Ends this program if it fails: the command has said why."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=os.environ | environment)
    if done.returncode:
        sys.exit(f"failed: {' '.join(map(str, command))}")


def main(which: str) -> None:
    python = environment(which)
    print(f"{which} packages, Python {platform.python_version()}:")
    run(python, "-m", "uv", "pip", "list", "--python", python)
    # Old packages do what newer ones call deprecated. By the environment, as tests start pytest themselves.
    options = {"oldest": {"PYTEST_ADDOPTS": "-W ignore::DeprecationWarning"}, "newest": {}}[which]
    of_the_pins = ["test_site*.py", "test_print.py", "test_live*", "test_colab.py", "test_environment.py"]
    ignored = [f"--ignore-glob=tests/{name}" for name in of_the_pins]
    run(python, "-m", "pytest", "tests", "-n", "2", *ignored, OMP_NUM_THREADS="1", **options)
    run(python, "-m", "pytest", "--nbval", f"notebooks/{CHAPTER}.ipynb", **options)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in RESOLUTIONS:
        sys.exit(__doc__)
    check_version()
    main(sys.argv[1])
