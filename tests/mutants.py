"""Break the code on purpose, one place at a time, and see that a test or a claim notices.

python tests/mutants.py [all | package | 01 …]: works in a temporary copy, prints a table, and fails if a mutation
escapes, is noticed by another claim than the one named, or does not fit the code any more.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "notebooks"))
import build  # noqa: E402
import lint  # noqa: E402

# Per group: (file, a text that occurs in it once, its replacement, what must break). The last is a test,
# tests/test_x.py::test_y (parameters may follow), or the text of a chapter's claim.
MUTATIONS: dict[str, list[tuple[str, str, str, str]]] = {
    "package": [
        (
            "genbook/claims.py",
            "elif not ok:",
            "elif False:",
            "tests/test_claims.py::test_a_false_claim_raises_with_its_text",
        ),
        (
            "genbook/train.py",
            "seed += 1000 * int(offset)",
            "seed += int(offset)",
            "tests/test_train.py::test_the_environment_shifts_the_seed_by_thousands",
        ),
        (
            "genbook/train.py",
            "            random.setstate(python_state)\n",
            "",
            "tests/test_train.py::test_the_global_states_come_back_even_after_an_error",
        ),
    ],
    "pipeline": [
        (
            "notebooks/build.py",
            "if stored.metadata != expected.metadata:",
            "if False:",
            "tests/test_notebooks.py::test_the_guard_notices_an_altered_source",
        ),
        (
            "notebooks/build.py",
            "if cell[key] != wanted[key]]",
            'if cell[key] != wanted[key] and key != "metadata"]',
            "tests/test_notebooks.py::test_the_guard_notices_an_altered_notebook",
        ),
        (
            "notebooks/build.py",
            "    if not messages:\n        draft",
            "    if True:\n        draft",
            "tests/test_notebooks.py::test_an_output_against_the_rules_is_not_written",
        ),
        (
            "notebooks/build.py",
            'cell.id = f"{source.stem}-{i:03d}"',
            "pass",
            "tests/test_notebooks.py::test_two_builds_are_byte_identical_and_the_environment_does_not_count",
        ),
        (
            "notebooks/conftest.py",
            "os.environ.clear()\n",
            "environment = {}\n",
            "tests/test_notebooks.py::test_nbval_passes_what_is_right_and_fails_each_altered_output",
        ),
        (
            "notebooks/lint.py",
            "<= NEUTRAL | fixed",
            "<= NEUTRAL",
            "tests/test_notebooks.py::test_a_source_against_the_rules_is_named",
        ),
        (
            "notebooks/claims.py",
            'if not run["error"]}  # a failed run gets a second chance',
            "}",
            "tests/test_notebooks.py::test_claims_are_counted_over_seeds_and_a_stopped_run_goes_on",
        ),
    ],
}


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
            for file, old, new, breaks in MUTATIONS[group]:
                start = time.monotonic()
                outcome = try_mutation(root, file, old, new, breaks)
                escaped += outcome != "caught"
                seconds = time.monotonic() - start
                print(
                    f"{outcome:8s} {seconds:5.0f} s  {file}: {old.strip()!r} -> {new.strip()!r}  [{breaks}]", flush=True
                )
    print(f"{escaped} not caught" if escaped else "all caught")
    return bool(escaped)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
