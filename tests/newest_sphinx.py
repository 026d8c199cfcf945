"""The way off Jupyter Book 1 stays open: the site by plain sphinx-build, with the newest Sphinx that the rest allows.

python tests/newest_sphinx.py: in an environment of its own in _build. Fails where that build gives a warning; prints
the versions, and in what its pages differ from those of `make book` where they are there.
"""

import re
import shutil
import sys
from importlib.metadata import requires
from pathlib import Path

from bs4 import BeautifulSoup
from versions import ROOT, make, run

HELD_BACK = {"sphinx", "myst-parser", "docutils"}  # only by Jupyter Book's own bounds
SITE, NEW = ROOT / "_build" / "html", ROOT / "_build" / "newest-sphinx"


def packages() -> list[str]:
    """What builds the site: Jupyter Book's needs and ours, without the bounds on what it holds back."""
    needs = [need for need in requires("jupyter-book") if "extra ==" not in need]
    ours = [need.split(";")[0] for need in requires("genbook") if "extra ==" not in need or "book" in need]
    needs += [need for need in ours if not re.match(r"torch|jupyter-book|accelerate|prdc|playwright|uv\b|ruff", need)]
    bare = [re.match(r"[\w-]+", need)[0] for need in needs]
    return [name if name in HELD_BACK else need for name, need in zip(bare, needs, strict=True)]


def pages(site: Path) -> dict[str, set[str]]:
    """Page -> the ids that links can lead to."""
    found = {}
    for path in sorted(site.rglob("*.html")):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        found[path.relative_to(site).as_posix()] = {tag["id"] for tag in soup.find_all(id=True)}
    return found


def main() -> None:
    needs = [need for need in packages() if not re.match(r"sphinx==", need)]

    def install(uv: list) -> None:
        run(*uv, "install", "--quiet", "--python", uv[0], *needs)
        run(*uv, "install", "--quiet", "--python", uv[0], "--no-deps", "jupyter-book==1.0.4.post1", ".")

    python = make(NEW / "env", install)
    copied = NEW / "book"
    shutil.rmtree(copied, ignore_errors=True)
    ignored = shutil.ignore_patterns(".*", "_build", "tests", "__pycache__", "findings")
    shutil.copytree(ROOT, copied, ignore=ignored, symlinks=True)
    code = "from jupyter_book.cli.main import main; main()"
    run(python, "-c", code, "config", "sphinx", ".", cwd=copied)
    command = [python, "-m", "sphinx", "-nW", "--keep-going", "-q", "-b", "html"]
    run(*command, "-d", NEW / "doctrees", ".", NEW / "html", cwd=copied, PYTHONPATH=str(copied / "book/_ext"))
    run(python, "-m", "uv", "pip", "list", "--python", python)
    if not SITE.exists():
        return
    ours, theirs = pages(SITE), pages(NEW / "html")
    for what, names in (("only in make book", ours.keys() - theirs), ("only here", theirs.keys() - ours)):
        print(f"pages {what}: {', '.join(sorted(names)) or 'none'}")
    for page in ours.keys() & theirs.keys():
        gone, new = ours[page] - theirs[page], theirs[page] - ours[page]
        if gone or new:
            print(f"{page}: ids that are gone: {sorted(gone) or 'none'}; new ones: {sorted(new) or 'none'}")


if __name__ == "__main__":
    sys.exit(main())
