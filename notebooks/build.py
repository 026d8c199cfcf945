"""Turn the text of the chapters, src/*.md, into executed notebooks: python notebooks/build.py [--force] [names…]

One way only, and only what changed. Building the same source twice on one machine gives the same bytes.
A change in `genbook` rebuilds nothing: `make test` runs every notebook again and compares its text outputs. After
a change of what figures look like, use --force.
"""

import argparse
import hashlib
import os
import re
import sys
import time
import tomllib
from pathlib import Path

import jupytext
import lint
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from genbook.files import write_whole

HERE = Path(__file__).resolve().parent
SETUP = """\
# Where the book's package is missing, as on Colab, install it at the release of this chapter; torch stays as it is.
import importlib.metadata, importlib.util, os, subprocess, sys

if importlib.util.find_spec("genbook") is None:
    source = os.environ.get("GENBOOK_SOURCE", "git+{address}@v{version}")
    kept = [f"torch=={{found.version}}" for found in importlib.metadata.distributions(name="torch")][:1]
    command = [sys.executable, "-m", "pip", "install", "--quiet", source, *kept]
    if (done := subprocess.run(command, capture_output=True, text=True)).returncode:
        advice = "Check the network and the address; or name another, or a folder or wheel of the package, in a cell"
        advice += " above this one: os.environ['GENBOOK_SOURCE'] = '…'"
        raise RuntimeError(f"genbook could not be installed from {{source}}. {{advice}}\\n{{done.stderr}}")
    importlib.invalidate_caches()"""


def environment(*, gpu: bool = False, **extra: str) -> dict[str, str]:
    """The environment of every kernel that runs a chapter: quiet, the default seed, no settings of the user's."""
    dropped = {"GENBOOK_SEED", "GENBOOK_CLAIMS", "GENBOOK_SOURCE", "MPLBACKEND"}
    path = [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    settings = HERE.parent / "_build" / "ipython"
    settings.mkdir(parents=True, exist_ok=True)
    return (
        {key: value for key, value in os.environ.items() if key not in dropped}
        | {"GENBOOK_QUIET": "1", "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(path)}
        | {"IPYTHONDIR": str(settings)}
        # One thread each: small tensor operations gain little from more, and beside other jobs lose a great deal.
        | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        | ({} if gpu else {"CUDA_VISIBLE_DEVICES": ""})  # stored outputs are a CPU's on every machine
        | extra
    )


def setup_cell(root: Path) -> str:
    """The code of the setup cell, with the repository's address and the release from root/pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return SETUP.format(address=project["urls"]["Repository"], version=project["version"])


def read(source: Path) -> nbformat.NotebookNode:
    """The chapter in src/NN.md as a notebook that has not run: fixed ids, named claims, a filled setup cell."""
    text = source.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="md:myst")
    claims = 0
    for i, cell in enumerate(notebook.cells):
        cell.id = f"{source.stem}-{i:03d}"
        if "setup" in lint.tags(cell) and re.fullmatch("#.*", cell.source):
            cell.source = setup_cell(source.parents[2])
        if "claim" in lint.tags(cell):
            claims += 1
            cell.metadata.setdefault("name", f"{source.stem}-{claims}")  # the claims page links here
    page = {key: value for key, value in notebook.metadata.items() if key not in ("jupytext", "kernelspec")}
    notebook.metadata = nbformat.from_dict(
        {
            **page,
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "genbook": {"source": f"src/{source.name}", "sha256": hashlib.sha256(text.encode()).hexdigest()},
        }
    )
    return notebook


def execute(
    notebook, folder: Path, kernel_environment: dict[str, str], *, kernel: str = "python3", cell_timeout: int = 1200
) -> str | None:
    """Run the notebook in `folder`, in place. Gives None, or what failed: cell, its source and the traceback."""
    running = 0

    def count(cell, cell_index):
        nonlocal running
        running += cell.cell_type == "code"

    client = NotebookClient(
        notebook,
        kernel_name=kernel,
        timeout=cell_timeout,
        iopub_timeout=60,  # the defaults lose outputs, and kernels, on a busy machine
        startup_timeout=300,
        record_timing=False,
        coalesce_streams=True,
        on_cell_start=count,
        extra_arguments=["--log-level=CRITICAL"],
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute(env=kernel_environment)
    except CellExecutionError as error:
        reason = error.traceback  # begins with the cell's source
    except (CellTimeoutError, DeadKernelError) as error:
        reason = f"{error}\n\n{lint.code_cells(notebook)[running - 1].source}"
    except AssertionError:  # nbclient ends its kernel on Ctrl-C, and then stumbles over that
        raise KeyboardInterrupt from None
    else:
        return None
    plain = re.sub(r"\x1b\[[0-9;]*m", "", reason)  # without the traceback's colours
    return f"code cell {running} failed. {plain}"


def without_widgets(notebook) -> None:
    """Drop widget views: they need a running kernel, and their ids are random. The HTML beside them stays."""
    for cell in lint.code_cells(notebook):
        for output in cell.outputs:
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        cell.outputs = [output for output in cell.outputs if output.get("data", True)]


def target(source: Path) -> Path:
    return source.parents[1] / f"{source.stem}.ipynb"


def problems(source: Path) -> list[str]:
    """Why the committed notebook is not what its source says; [] when it is."""
    chapter, path = source.stem, target(source)
    if not path.exists():
        return [f"{chapter}: has not been built"]
    text = path.read_text(encoding="utf-8")
    try:
        stored, expected = nbformat.reads(text, as_version=4), read(source)
    except nbformat.reader.NotJSONError:  # a merge conflict, most likely
        return [f"{chapter}: the notebook is damaged, build it again"]
    messages = []
    if stored.metadata != expected.metadata:
        messages.append(f"{chapter}: its source or the notebook's metadata has changed since it was built")
    if len(stored.cells) != len(expected.cells):
        messages.append(f"{chapter}: has {len(stored.cells)} cells, its source {len(expected.cells)}")
    for i, (cell, wanted) in enumerate(zip(stored.cells, expected.cells, strict=False), 1):
        changed = [key for key in ("cell_type", "id", "metadata", "source") if cell[key] != wanted[key]]
        if changed:
            messages.append(f"{chapter}, cell {i}: its {' and '.join(changed)} differ from its source:\n{cell.source}")
            break  # the others are often only shifted
    return messages + lint.output_problems(chapter, stored, len(text.encode()))


def build(source: Path) -> list[str]:
    """Execute one chapter and write its notebook, whole or not at all. Gives what is wrong."""
    chapter, path = source.stem, target(source)
    notebook = read(source)
    metadata = notebook.metadata.copy()
    failure = execute(notebook, path.parent, environment())
    if failure:
        return [f"{chapter}, {failure}"]
    notebook.metadata = metadata  # the kernel adds its versions
    without_widgets(notebook)
    nbformat.validate(notebook)
    text = nbformat.writes(notebook) + "\n"
    messages = lint.output_problems(chapter, notebook, len(text.encode()))
    if not messages:
        write_whole(text.encode(), path)
    return messages


def choose(names: list[str], folder: Path = HERE) -> list[Path]:
    """The sources of the chapters named by number or name, or of all. Raises ValueError for an unknown name."""
    sources = sorted((folder / "src").glob("*.md"))
    for name in names:
        if not any(source.stem.startswith(name) for source in sources):
            raise ValueError(f"no chapter {name!r}, there are {[source.stem for source in sources]}")
    return [source for source in sources if not names or source.stem.startswith(tuple(names))]


def source_problems(folder: Path = HERE) -> list[str]:
    """What is wrong with the texts of all chapters, before any is run."""
    chapters = {source.stem: read(source) for source in choose([], folder)}
    setup = setup_cell(folder.parent)
    messages = [text for name, notebook in chapters.items() for text in lint.source_problems(name, notebook, setup)]
    return messages or lint.duplicate_claims(chapters)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="chapters, such as 01 (default: all)")
    parser.add_argument("--force", action="store_true", help="build what has not changed, too")
    options = parser.parse_args()
    try:
        chosen = choose(options.names)
    except ValueError as error:
        parser.error(str(error))

    messages = source_problems()
    for source in chosen if not messages else []:
        if not options.force and not problems(source):
            print(f"{source.stem}: up to date")
            continue
        start = time.monotonic()
        found = build(source)
        messages += found
        if not found:
            print(f"{source.stem}: built in {time.monotonic() - start:.0f} s", flush=True)
    for message in messages:
        print(f"\n{message}", file=sys.stderr)
    return bool(messages)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; the notebook in work stays as it was")
