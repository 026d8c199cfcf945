"""For forks: move the book to another repository. python tests/address.py https://github.com/OWNER/REPO

Changes the address in pyproject.toml and wherever a file of the repository quotes it: as github.com/OWNER/REPO (the
Colab links and the setup cells, too) or as OWNER.github.io/REPO. Nothing is executed again.
"""

import hashlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"https://github\.com/([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)/([A-Za-z0-9._-]+)")


def split(url: str) -> tuple[str, str]:
    """(owner, repository) of an address. Raises ValueError if it is not one of a repository on GitHub."""
    match = ADDRESS.fullmatch(url)
    if not match or match[2].strip(".") == "":
        raise ValueError(f"expected https://github.com/OWNER/REPO, got {url!r}")
    return match[1], match[2]


def current(root: Path) -> str:
    """The address in root/pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def texts(root: Path) -> dict[Path, str]:
    """The text files of the repository: what git tracks or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0")
    found = {}
    for path in sorted({root / name for name in names if name}):
        if path.is_file() and not path.is_symlink():
            try:
                found[path] = path.read_bytes().decode("utf-8")
            except UnicodeDecodeError:
                continue  # a picture, or data
    return found


def move(root: Path, url: str) -> list[Path]:
    """Change the address everywhere below root; gives the files that changed."""
    url = url.strip().removesuffix("/").removesuffix(".git")
    (old_owner, old_name), (owner, name) = split(current(root)), split(url)
    site = re.compile(rf"(?<![\w.-]){re.escape(f'{old_owner}.github.io/{old_name}')}(?![\w-])", re.IGNORECASE)
    slug = re.compile(rf"(?<![\w.-]){re.escape(f'{old_owner}/{old_name}')}(?![\w-])")
    changes, hashes = {}, {}
    before = texts(root)
    for path, text in before.items():
        changes[path] = slug.sub(f"{owner}/{name}", site.sub(f"{owner.lower()}.github.io/{name}", text))
        hashes[digest(text)] = digest(changes[path])
    for path in changes:
        if path.suffix == ".ipynb":  # a notebook holds the hash of its source
            changes[path] = re.sub("[0-9a-f]{64}", lambda found: hashes.get(found[0], found[0]), changes[path])
    changed = [path for path in changes if changes[path] != before[path]]
    for path in changed:
        path.write_bytes(changes[path].encode("utf-8"))
    return changed


def digest(text: str) -> str:
    return hashlib.sha256(text.replace("\r\n", "\n").encode("utf-8")).hexdigest()


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("which address? make address URL=https://github.com/OWNER/REPO", file=sys.stderr)
        return 2
    try:
        changed = move(ROOT, arguments[0])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"the files of the book are listed by git: {error.stderr}", file=sys.stderr)
        return 2
    for path in changed:
        print(f"changed {path.relative_to(ROOT)}")
    print(f"the book's address is {current(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
