"""Colab, as closely as can be without it: Jupyter's kernel, another torch than the book's, and one notebook alone.

One chapter is enough for every day. With GENBOOK_ALL=1 (`make test-all`) all are run.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import build
import lint
import nbformat
import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[1]
ALL = bool(os.environ.get("GENBOOK_ALL"))
CHAPTERS = build.choose([] if ALL else ["03"])
STORE = Path("~/.cache/genbook").expanduser()  # where data sets are kept, too
PACKAGES = ["torch==2.13.0", "ipykernel"]
PACKAGES_FOLDER = "import sysconfig; print(sysconfig.get_path('purelib'))"
PYTHON = "Scripts/python.exe" if os.name == "nt" else "bin/python"


def settings(**extra: str) -> dict[str, str]:
    """A reader's: nothing of the repository is on Python's path, and progress bars show."""
    return build.environment(PYTHONPATH="", GENBOOK_QUIET="", **extra)


def run(python: Path | str, *command: str, **extra: str) -> subprocess.CompletedProcess:
    STORE.mkdir(parents=True, exist_ok=True)
    options = {"capture_output": True, "text": True, "timeout": 1200, "cwd": STORE}  # not where genbook's source is
    return subprocess.run([python, *command], env=settings(**extra), **options)


def succeed(python: Path | str, *command: str) -> str:
    done = run(python, *command)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def base(registry):
    """The packages that are there before a notebook runs. They take a minute and 0.5 GB, so they stay in STORE."""
    key = hashlib.sha256(repr([PACKAGES, sys.base_prefix, sys.version]).encode()).hexdigest()[:12]
    path = STORE / f"colab-{key}"
    STORE.mkdir(parents=True, exist_ok=True)
    with FileLock(STORE / "colab.lock"):  # two workers may ask for it at once
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=STORE) as folder:
                made = Path(folder) / "env"
                venv.create(made, with_pip=True, symlinks=os.name != "nt")
                succeed(made / PYTHON, "-m", "pip", "install", "--quiet", *PACKAGES)
                made.rename(path)  # whole or not at all
    return path


@pytest.fixture
def colab(base, tmp_path, monkeypatch):
    """A folder with a new environment on top of these packages, "env", its kernel "colab", and the empty "content"."""
    env, kernel = tmp_path / "env", tmp_path / "jupyter" / "kernels" / "colab"
    venv.create(env, symlinks=os.name != "nt")
    here, there = (succeed(path / PYTHON, "-c", PACKAGES_FOLDER) for path in (env, base))
    (Path(here) / "base.pth").write_text(there, encoding="utf-8")
    kernel.mkdir(parents=True)
    command = [str(env / PYTHON), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    (tmp_path / "content").mkdir()
    return tmp_path


@pytest.fixture(scope="session")
def wheel(registry, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    succeed(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    return next(folder.glob("genbook-*.whl"))


TORCH = "import importlib.metadata as m, torch; print(m.version('torch'), torch.__version__, torch.__file__)"
GENBOOK = "import genbook; print(genbook.__file__)"


@pytest.mark.parametrize("source", CHAPTERS, ids=lambda source: source.stem)
def test_a_notebook_alone_installs_the_package_beside_another_torch_and_runs(source, wheel, colab):
    python, content = colab / "env" / PYTHON, colab / "content"
    torch = succeed(python, "-c", TORCH)
    assert "No module named 'genbook'" in run(python, "-c", GENBOOK).stderr
    shutil.copy(build.target(source), content)
    notebook = nbformat.read(content / f"{source.stem}.ipynb", as_version=4)

    assert build.execute(notebook, content, settings(GENBOOK_SOURCE=str(wheel)), kernel="colab") is None
    cells = [cell for cell in lint.code_cells(notebook) if "claim" in lint.tags(cell)]
    printed = "".join(output.text for cell in cells for output in cell.outputs if output.get("name") == "stdout")
    claimed = [line[2:] for line in printed.splitlines() if line.startswith("✓ ")]
    assert claimed == lint.all_claims(notebook) != []
    assert succeed(python, "-c", TORCH) == torch
    assert Path(succeed(python, "-c", GENBOOK)).is_relative_to(colab / "env")


@pytest.mark.skipif(not ALL, reason="part of make test-all")
def test_the_package_installs_from_a_repositorys_address(colab):
    python = colab / "env" / PYTHON
    torch = succeed(python, "-c", TORCH)
    done = run(python, "-c", build.setup_cell(ROOT), GENBOOK_SOURCE=f"git+{ROOT.as_uri()}")
    assert done.returncode == 0, done.stderr
    assert succeed(python, "-c", TORCH) == torch
    assert Path(succeed(python, "-c", GENBOOK)).is_relative_to(colab / "env")


@pytest.mark.parametrize("source", ["git+https://genbook.invalid/book", "missing/genbook.whl"])
def test_an_address_out_of_reach_is_named_with_what_to_do(source, base):
    done = run(base / PYTHON, "-c", build.setup_cell(ROOT), GENBOOK_SOURCE=source)
    assert done.returncode == 1
    message = done.stderr.partition("RuntimeError: ")[2]
    assert message.startswith(f"genbook could not be installed from {source}. Check the network")
    assert "os.environ['GENBOOK_SOURCE'] = " in message
    assert "error: " in message.lower()  # pip's own words


def test_the_package_works_beside_a_torchvision_that_does_not_load():
    """As it is where torch and torchvision come from different places."""
    modules = [path.stem for path in (ROOT / "genbook").glob("*.py") if not path.stem.startswith(("make_", "__"))]
    code = "import sys; sys.modules['torchvision'] = None; sys.path.insert(0, sys.argv[1])\n"
    done = run(sys.executable, "-c", code + "\n".join(f"import genbook.{name}" for name in modules), str(ROOT))
    assert done.returncode == 0, done.stderr
