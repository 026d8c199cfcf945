"""Break the code on purpose, one place at a time, and see that a test or a claim notices.

python -m tests.mutants [all | command | package | 01 …]: works in a temporary copy, prints a table, and fails if a
mutation escapes, is noticed by another claim than the one named, or does not fit the code any more.

Beside this file: a file per group with MUTATIONS, a list of (file, a text that occurs in it once, its replacement, what
must break). The last is a test, tests/test_x.py::test_y (parameters may follow), or the text of a chapter's claim. A
chapter's file also has RIVALS, of the same form: for each of the chapter's boxes "Could it be something else?" the null
model in the place of the effect, for which the box's claim must fail.
"""

import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "notebooks"))
import build  # noqa: E402
import lint  # noqa: E402


def _read(kind: str) -> dict[str, list[tuple[str, str, str, str]]]:
    """Group -> its MUTATIONS or RIVALS."""
    found = {}
    for path in sorted(HERE.glob("[!_]*.py")):
        if (entries := runpy.run_path(str(path)).get(kind)) is not None:
            found[path.stem[:2] if path.stem[:2].isdigit() else path.stem] = entries
    return found


MUTATIONS, RIVALS = _read("MUTATIONS"), _read("RIVALS")


def chapter_of(claim: str, root: Path = ROOT) -> Path:
    """The source of the chapter that makes the claim. Raises ValueError if there is none."""
    for source in build.choose([], root / "notebooks"):
        if claim in lint.all_claims(build.read(source)):
            return source
    raise ValueError(f"no chapter claims {claim!r}")


def copy(root: Path, folder: Path) -> Path:
    """Copy what tests and chapters need."""
    ignored = shutil.ignore_patterns(".*", "__pycache__", "_build", "node_modules")
    return Path(shutil.copytree(root, folder / "copy", ignore=ignored))


def run_test(root: Path, node: str) -> str:
    """'' when the test passes, 'caught' when it fails, else what went wrong."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", node]
    # Without plugins pytest starts five times as fast.
    env = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    outcomes = {0: "", 1: "caught"}  # of pytest: all passed, some failed
    return outcomes.get(done.returncode, f"pytest could not run it: {(done.stdout + done.stderr)[-300:]}")


def run_claim(root: Path, claim: str) -> str:
    """The same for a claim: its chapter runs up to the first cell that fails."""
    source = chapter_of(claim, root)
    environment = build.environment(PYTHONPATH=str(root), PYTHONDONTWRITEBYTECODE="1")
    failure = build.execute(build.read(source), root / "notebooks", environment)
    if not failure or f"AssertionError: ✗ {claim}" in failure:
        return failure and "caught"
    return f"something else broke: {failure.strip().splitlines()[-1]}"


def try_mutation(root: Path, file: str, old: str, new: str, breaks: str) -> str:
    """'caught', or why not. root: a copy that may be changed; it is put back."""
    path = root / file
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        return f"the old text occurs {text.count(old)} times"
    check = run_test if breaks.startswith("tests/") else run_claim
    if check is run_test and (outcome := check(root, breaks)):
        return f"fails without the mutation: {outcome}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    try:
        return check(root, breaks) or "ESCAPED"
    finally:
        path.write_text(text, encoding="utf-8")


def main(groups: list[str]) -> int:
    if unknown := set(groups) - MUTATIONS.keys() - {"all"}:
        sys.exit(f"no mutations for {sorted(unknown)}, there are all, {', '.join(MUTATIONS)}")
    chosen = MUTATIONS if not groups or "all" in groups else groups
    escaped = 0
    with tempfile.TemporaryDirectory() as folder:
        root = copy(ROOT, Path(folder))
        for group in chosen:
            kinds = {group: MUTATIONS[group], f"{group}, rivals": RIVALS.get(group, [])}
            for title, mutation in ((title, mutation) for title, mutations in kinds.items() for mutation in mutations):
                start = time.monotonic()
                outcome = try_mutation(root, *mutation)
                escaped += outcome != "caught"
                seconds = time.monotonic() - start
                file, old, new, breaks = mutation
                print(
                    f"{outcome:8s} {seconds:5.0f} s  {title}: {file}: {old.strip()!r} -> {new.strip()!r}  [{breaks}]",
                    flush=True,
                )
    print(f"{escaped} not caught" if escaped else "all caught")
    return bool(escaped)
