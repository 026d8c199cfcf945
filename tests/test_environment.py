"""What brings the book its environment, on machines that lack this or that: Makefile, environment.py, chromium.py."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import chromium
import environment
import pytest

ROOT = Path(__file__).parents[1]
posix = pytest.mark.skipif(os.name == "nt", reason="a shell's PATH and links")


@posix
def test_node_modules_come_without_a_node_on_the_path(tmp_path):
    """The Makefile's rule, on a package whose script asks for one."""
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    (tmp_path / ".venv").symlink_to(sys.prefix)
    package = {"name": "asks", "version": "1.0.0", "scripts": {"install": "node --version"}}
    (tmp_path / "asks").mkdir()
    (tmp_path / "asks/package.json").write_text(json.dumps(package))
    depends = {"name": "book", "dependencies": {"asks": "file:asks"}}
    (tmp_path / "package.json").write_text(json.dumps(depends))
    packages = {"": depends, "asks": {"version": "1.0.0", "hasInstallScript": True}}
    packages["node_modules/asks"] = {"resolved": "asks", "link": True}
    (tmp_path / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": packages}))
    (tmp_path / "bin").mkdir()
    for name in ("sh", "touch"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    command = [shutil.which("make"), "-o", ".venv/.installed", "node_modules/.installed"]
    settings = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "node_modules/asks").exists() and (tmp_path / "node_modules/.installed").exists()


def test_no_pinned_package_needs_its_script():
    """esbuild has one, and works without: its binary is a package of its own. A new one must be looked at."""
    scripts = set()
    for lock in (ROOT / "package-lock.json", ROOT / "tests/lighthouse/package-lock.json"):
        packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
        scripts |= {name for name, package in packages.items() if package.get("hasInstallScript")}
    assert scripts == {"node_modules/esbuild"}


def test_a_missing_browser_stops_no_other_test():
    """`make test` asks for one when all that needs none has passed."""
    done = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if re.search(r"pytest|chromium\.py", line)]
    kinds = [next(kind for kind in ("not browser", "nbval", "chromium", "browser") if kind in line) for line in lines]
    assert kinds == ["not browser", "nbval", "chromium", "browser"]


def test_what_needs_a_browser_is_marked(request, browser):
    assert request.node.get_closest_marker("browser")


@posix
@pytest.mark.parametrize(
    "script, reason", [(None, "No such file"), ("echo libnss3.so is missing >&2; exit 127", "libnss3")]
)
def test_a_browser_that_does_not_start_is_one_sentence(tmp_path, script, reason):
    path = tmp_path / "chrome"
    if script:
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    command = [sys.executable, ROOT / "tests/chromium.py"]
    done = subprocess.run(command, env=os.environ | {"CHROMIUM": str(path)}, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and reason in done.stderr and chromium.ADVICE in done.stderr


# --- .venv --------------------------------------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path, monkeypatch):
    """environment.main for a folder of its own, without the network: calling it gives the commands that were run."""
    monkeypatch.setattr(environment, "ROOT", str(tmp_path))
    for name in ("FOLDER", "PYTHON", "DONE"):
        path = getattr(environment, name).replace(str(ROOT), str(tmp_path))
        monkeypatch.setattr(environment, name, path)
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    commands = []

    def run(*command):
        commands.append(command[2] if command[2] == "venv" else " ".join(command[6:]))
        if command[2] == "venv":
            venv.create(command[3], symlinks=os.name != "nt")
            packages = next(Path(command[3]).rglob("site-packages"))
            (packages / "pip.py").touch()

    def make(mine=False):
        commands.clear()
        environment.main(mine)
        return list(commands)

    monkeypatch.setattr(environment, "run", run)
    return make


ALL = ["venv", "-r requirements.txt", "--no-deps --editable ."]


def test_the_environment_is_made_once_and_brought_up_to_date(made, tmp_path):
    assert made() == ALL
    assert made() == [] and made(mine=True) == []
    (tmp_path / "requirements.txt").write_text("numpy")
    assert made() == ALL[1:]
    assert made() == []


def without_pip(folder):
    next(folder.rglob("pip.py")).unlink()


def python_is_gone(folder):
    shutil.rmtree(Path(environment.PYTHON).parent)


def another_python_by_now(folder):
    """As when a distribution's python3 becomes the next one: its packages are looked for in another folder."""
    library = next(folder.rglob("site-packages")).parent
    library.rename(library.with_name("python3.1"))


def moved(folder):
    done = folder / ".installed"
    done.write_text(done.read_text().replace(str(folder.parent), "/elsewhere"))


@pytest.mark.parametrize("harm", [without_pip, python_is_gone, moved, pytest.param(another_python_by_now, marks=posix)])
def test_an_environment_that_does_not_work_is_made_anew(made, tmp_path, harm):
    made()
    harm(tmp_path / ".venv")
    assert made() == ALL
    assert made() == []


def test_a_python_that_is_named_is_never_ignored(made, monkeypatch):
    made()
    which = environment.which
    monkeypatch.setattr(environment, "which", lambda *a: "3 99 /there" if a[0] == sys.executable else which(*a))
    assert made() == []
    assert made(mine=True) == ALL


def test_an_installation_that_failed_is_not_taken_for_one(made, monkeypatch):
    run = environment.run
    monkeypatch.setattr(environment, "run", lambda *c: sys.exit(1) if "-r" in c else run(*c))
    with pytest.raises(SystemExit):
        made()
    monkeypatch.setattr(environment, "run", run)
    assert made() == ALL[1:]


def test_a_python_that_is_too_old_is_told(made, tmp_path, monkeypatch):
    for name in ("environment.py", "versions.py"):  # and can read what tells it
        ast.parse((ROOT / "tests" / name).read_text(encoding="utf-8"), feature_version=(3, 6))
    assert f'requires-python = ">={".".join(map(str, environment.FIRST))}"' in (ROOT / "pyproject.toml").read_text()
    monkeypatch.setattr(environment, "FIRST", (9, 0))
    with pytest.raises(SystemExit, match=r"^genbook needs Python 9\.0 or newer, this is 3"):
        made()
    assert not (tmp_path / ".venv").exists()


def test_readme_lock_and_weekly_tests_name_the_same_pythons():
    text = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", ".github/workflows/weekly.yml")}
    locked = re.search(r"^PYTHONS := (.+)$", text["Makefile"], re.M)[1].split()
    weekly = re.search(r"python: \[(.+)\]", text[".github/workflows/weekly.yml"])[1]
    assert re.findall(r"[\d.]+", weekly) == locked
    assert f"Python {locked[0]} to {locked[-1]}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert locked[0] == ".".join(map(str, environment.FIRST))
