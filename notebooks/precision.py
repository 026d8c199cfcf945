"""List the printed numbers that float32 spoils, by a run with float64 beside: python notebooks/precision.py 01

Lists each number, shown by a cell or quoted in the prose, and each claim that differs between the two runs; draws,
trainings and whole numbers are the same in both (see shadow.py). What is nothing but rounding, such as an error of
1e-7, differs by its nature; what differs by one in the last digit may have been a tie. `scoreboard` in the place of a
chapter does the same for the numbers of the scoreboard's result file, measured anew on the models that are shipped.
"""

import argparse
import re
import sys
import tempfile
from decimal import Decimal
from functools import partial
from pathlib import Path

import build
import lint
import nbformat
import shadow

from genbook import data, make_scoreboard
from genbook import scoreboard as models
from genbook.train import seeded

NUMBER = re.compile(r"(?<![\w.])[-−+]?(?:\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?|inf|nan)(?!\w)")


def run(source: Path, log: Path, *, exact: bool) -> tuple[list[str], dict[str, float]]:
    """Execute a chapter: the texts of its code cells, and its glued numbers. Raises RuntimeError where it fails."""
    notebook = build.read(source)
    if exact:
        notebook.cells.insert(0, nbformat.v4.new_code_cell("import shadow; shadows = shadow.begin()"))
        notebook.cells.append(nbformat.v4.new_code_cell("print(dict(shadows.failed))"))
    environment = build.environment(GENBOOK_CLAIMS=str(log))  # or a claim that fails would be the end
    if failure := build.execute(notebook, build.HERE, environment, cell_timeout=7200):
        raise RuntimeError(f"{source.stem}, {'with float64' if exact else 'plain'}: {failure}")
    cells = lint.code_cells(notebook)
    if exact:
        cells, failed = cells[1:-1], text(cells[-1]).strip()
        if failed != "{}":
            print(f"{source.stem}: float64 could not follow, and took as given, the results of {failed}", flush=True)
    glued = {}
    for output in (output for cell in cells for output in cell.outputs):
        if about := output.get("metadata", {}).get("scrapbook"):
            glued[about["name"]] = float(output["data"]["text/plain"])
    return [text(cell) for cell in cells], glued


def text(cell) -> str:
    """What a cell shows in letters, but for what it glues."""
    shown = []
    for output in cell.outputs:
        if "scrapbook" not in output.get("metadata", {}):
            found = output.get("data", {})
            shown.append(output.get("text") or found.get("text/html") or found.get("text/plain", ""))
    return re.sub(r", dtype=torch\.float64|<img[^>]*>|<Figure[^>]*>", "", "\n".join(shown))


def differences(a: str, b: str) -> list[tuple[str, str]]:
    """The numbers that differ between two texts, in pairs; where more than numbers differ, the lines."""
    if NUMBER.sub("", a) == NUMBER.sub("", b):
        return [pair for pair in zip(NUMBER.findall(a), NUMBER.findall(b), strict=True) if pair[0] != pair[1]]
    if a.count("\n") != b.count("\n"):
        return [(a, b)]
    return [
        pair
        for one, other in zip(a.splitlines(), b.splitlines(), strict=True)
        for pair in ([(one, other)] if NUMBER.sub("", one) != NUMBER.sub("", other) else differences(one, other))
    ]


def in_the_last_digit(a: str, b: str) -> bool:
    """Whether two printed numbers differ by one in the last digit."""
    if not (NUMBER.fullmatch(a) and NUMBER.fullmatch(b)):
        return False
    one, other = (Decimal(number.replace("−", "-").replace(",", "")) for number in (a, b))
    if not (one.is_finite() and other.is_finite()):
        return False
    return abs(one - other) == Decimal(1).scaleb(max(one.as_tuple().exponent, other.as_tuple().exponent))


def quoted(source: Path, glued: dict[str, float]) -> dict[str, str]:
    """The glued numbers as the prose prints them."""
    found = re.findall(r"\{glue:text\}`([\w-]+):([^`]*)`", source.read_text(encoding="utf-8"))
    return {f"{key}:{form}": format(glued[key], form) for key, form in found if key in glued}


def compare(source: Path) -> list[str]:
    """What a chapter shows otherwise where float64 computes it."""
    with tempfile.TemporaryDirectory() as folder:
        (texts, glued), (exact_texts, exact_glued) = (
            run(source, Path(folder) / "claims.jsonl", exact=exact) for exact in (False, True)
        )
    lines = []
    cells = [cell.source.strip().splitlines()[0][:50] for cell in lint.code_cells(build.read(source))]
    for number, (cell, a, b) in enumerate(zip(cells, texts, exact_texts, strict=True), 1):
        lines += [(f"code cell {number} ({cell})", *pair) for pair in differences(a, b)]
    a, b = quoted(source, glued), quoted(source, exact_glued)
    lines += [(key, a[key], b[key]) for key in a if a[key] != b[key]]
    return said(lines)


def scoreboard(samples: int, names: list[str]) -> list[str]:
    """What the models of the scoreboard measure otherwise in float64. This process then goes on with float64 beside."""
    (x, labels), (test, test_labels) = data.mnist("train"), data.mnist("test")
    splits = {"x": x, "labels": labels, "test": test[:samples], "test labels": test_labels[:samples]}

    def numbers(name: str) -> str:
        model = models.load(name)
        with seeded(0) as generator:
            images = models.sample(name, model, samples, generator=generator)
        found = models.measure(images, splits["test"], x)
        likelihood = make_scoreboard.log_likelihood(name, model, splits, seed=0) or {}
        found |= {key: value for key, value in likelihood.items() if isinstance(value, float)}
        return "\n".join(f"{name}, {key}: {value:.4g}" for key, value in found.items() if isinstance(value, float))

    plain = [numbers(name) for name in names]
    shadow.begin()
    lines = []
    for a, name in zip(plain, names, strict=True):
        for one, other in zip(a.splitlines(), numbers(name).splitlines(), strict=True):
            lines += [(one.split(": ")[0], *pair) for pair in differences(one, other)]
    return said(lines)


def said(lines: list[tuple[str, str, str]]) -> list[str]:
    note = " (one in the last digit)"
    return [f"{where}: {one} is {other}{note if in_the_last_digit(one, other) else ''}" for where, one, other in lines]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="+", help="chapters, such as 01; scoreboard; or all")
    asked = parser.parse_args().chapters
    chapters = [chapter for chapter in asked if chapter not in ("all", "scoreboard")]
    try:
        sources = build.choose(chapters) if chapters or "all" in asked else []
    except ValueError as error:
        parser.error(str(error))
    found = False
    jobs = {source.stem: partial(compare, source) for source in sources}
    if {"all", "scoreboard"} & set(asked):
        jobs["scoreboard"] = partial(scoreboard, make_scoreboard.SAMPLES, list(models.MODELS))
    for name, job in jobs.items():
        lines = job()
        print(f"{name}: {len(lines)} numbers or claims differ in float64", *lines, sep="\n  ", flush=True)
        found |= any(not line.endswith("(one in the last digit)") for line in lines)
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
