"""The repository's address stands in pyproject.toml, and `make address` moves the whole book."""

import re
import subprocess

import address
import build
import nbformat
import pytest

OLD = address.current(address.ROOT)
OWNER, NAME = address.split(OLD)
NEW = "https://github.com/someone-else/their.book"

SOURCE = f"""\
# One

The code is at {OLD}/tree/main.

```{{code-cell}}
:tags: [setup]
# filled in when the book is built
```
"""


@pytest.fixture
def root(tmp_path):
    """A small repository with a built chapter and every way to quote the address."""
    root = tmp_path / "book"
    (root / "notebooks" / "src").mkdir(parents=True)
    (root / "pyproject.toml").write_bytes((address.ROOT / "pyproject.toml").read_bytes())
    source = root / "notebooks" / "src" / "01_one.md"
    source.write_text(SOURCE, encoding="utf-8")
    notebook = build.read(source)
    notebook.cells[1].execution_count = 1
    nbformat.write(notebook, build.target(source))
    (root / "README.md").write_text(
        f"[code]({OLD}) [clone]({OLD}.git) [site](https://{OWNER.lower()}.github.io/{NAME}/index.html)\n"
        f"https://colab.research.google.com/github/{OWNER}/{NAME}/blob/main/notebooks/01_one.ipynb\n"
        f"not ours: {OLD}-two my-{OWNER}/{NAME} {OWNER}/other\n",
        encoding="utf-8",
    )
    (root / "picture.png").write_bytes(b"\x89PNG\xff" + OLD.encode())
    (root / ".gitignore").write_text("_build/\n")
    (root / "_build").mkdir()
    (root / "_build" / "index.html").write_text(OLD)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    assert build.problems(source) == []
    return root


def contents(root) -> dict:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and ".git/" not in path.as_posix()}


def test_the_whole_book_moves_and_its_notebooks_stay_valid(root):
    changed = address.move(root, NEW)
    assert {path.name for path in changed} == {"pyproject.toml", "01_one.md", "01_one.ipynb", "README.md"}
    assert address.current(root) == NEW
    assert build.problems(root / "notebooks" / "src" / "01_one.md") == []
    assert f"git+{NEW}@v" in (root / "notebooks" / "01_one.ipynb").read_text(encoding="utf-8")
    assert (root / "README.md").read_text(encoding="utf-8") == (
        f"[code]({NEW}) [clone]({NEW}.git) [site](https://someone-else.github.io/their.book/index.html)\n"
        "https://colab.research.google.com/github/someone-else/their.book/blob/main/notebooks/01_one.ipynb\n"
        f"not ours: {OLD}-two my-{OWNER}/{NAME} {OWNER}/other\n"
    )


def test_moving_again_changes_nothing_and_moving_back_restores_every_byte(root):
    before = contents(root)
    address.move(root, NEW + "/")
    assert address.move(root, NEW + ".git") == []
    address.move(root, OLD)
    assert contents(root) == before


@pytest.mark.parametrize(
    "url",
    [
        "",
        "their/book",
        "http://github.com/a/b",
        "https://gitlab.com/a/b",
        "https://github.com/a",
        "https://github.com/a/b/c",
        "https://github.com/-a/b",
        "https://github.com/a/..",
        'https://github.com/a/b"',
        "https://github.com/a/b c",
    ],
)
def test_what_is_not_an_address_is_refused_and_nothing_changes(url, root):
    before = contents(root)
    with pytest.raises(ValueError, match="expected https://github"):
        address.move(root, url)
    assert contents(root) == before


def test_the_command_says_what_is_wrong(capsys):
    assert address.main([]) == 2 and address.main(["nonsense"]) == 2
    assert "which address?" in capsys.readouterr().err


def test_no_file_quotes_another_address_of_the_book():
    """Links to other people's repositories are fine; one to this book under another owner is a left-over."""
    names = "|".join({re.escape(NAME), "genbook"})
    quoted = re.compile(
        rf"github(?:usercontent)?(?:\.com)?/([\w-]+)/({names})\b|([\w-]+)\.github\.io/({names})\b", re.I
    )
    for path, text in address.texts(address.ROOT).items():
        for match in quoted.finditer(text):
            owner, name = (match[1] or match[3]), (match[2] or match[4])
            if owner in ("you", "OWNER"):  # an example of a command
                continue
            assert (owner.lower(), name.lower()) == (OWNER.lower(), NAME.lower()), f"{path}: {match[0]}"
