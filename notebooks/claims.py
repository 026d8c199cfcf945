"""Run chapters under many seeds and count how often each claim holds: python notebooks/claims.py 01 --seeds 20

It can be stopped at any time and goes on where it stopped: each finished seed is kept in _build/claims. From 20 seeds
on, the counts become the chapter's committed report, claims/NN_name.json.
"""

import argparse
import hashlib
import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path

import build
import lint

from genbook.files import write_json

FEWEST_SEEDS = 20  # of a committed report


def code_hash(notebook) -> str:
    """SHA-256 of a chapter's code cells; the setup cell does not count, so that a release keeps the reports.

    Nor do the readers' exercises, the cells tagged check, and the live figures, tagged live: no other cell can tell
    whether they were run.
    """
    cells = [cell.source for cell in lint.code_cells(notebook) if not {"setup", "check", "live"} & {*lint.tags(cell)}]
    return hashlib.sha256("\0".join(cells).encode()).hexdigest()


def package_hash() -> str:
    """SHA-256 of the package's code: runs under another version of it do not count."""
    files = sorted((build.HERE.parent / "genbook").rglob("*.py"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def run_seed(source: Path, seed: int, log: Path) -> dict:
    """Execute a chapter under GENBOOK_SEED=seed: {"held": the claims that held, "broken": …, "error": … or None}."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("", encoding="utf-8")
    extra = {"GENBOOK_SEED": str(seed), "GENBOOK_CLAIMS": str(log)}
    notebook = build.read(source)
    error = build.execute(notebook, build.target(source).parent, build.environment(gpu=True, **extra))
    outcomes = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    log.unlink()
    broken = {outcome["claim"] for outcome in outcomes if not outcome["ok"]}
    held = {outcome["claim"] for outcome in outcomes} - broken
    return {"held": sorted(held), "broken": sorted(broken), "error": error}


def run_seeds(source: Path, seeds: int, jobs: int, state: Path) -> dict[str, dict]:
    """The outcome of each seed 0 … seeds - 1, as text -> outcome; finished ones come from the file `state`."""
    key = [code_hash(build.read(source)), package_hash(), version("torch"), machine()]
    stored = json.loads(state.read_text(encoding="utf-8")) if state.exists() else {}
    finished = stored["runs"] if stored.get("key") == key else {}
    finished = {seed: run for seed, run in finished.items() if not run["error"]}  # a failed run gets a second chance
    missing = [seed for seed in range(seeds) if str(seed) not in finished]
    print(f"{source.stem}: {seeds} seeds, {seeds - len(missing)} of them done before", flush=True)
    pool = ThreadPoolExecutor(jobs)
    waiting = {pool.submit(run_seed, source, seed, state.with_suffix(f".{seed}.jsonl")): seed for seed in missing}
    try:
        for future in as_completed(waiting):
            seed, run = waiting[future], future.result()
            finished[str(seed)] = run
            write_json({"key": key, "runs": finished}, state)
            outcome = f"stopped, {run['error']}" if run["error"] else ", ".join(f"✗ {text}" for text in run["broken"])
            print(f"  seed {seed}: {outcome or '✓'}", flush=True)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # else Python runs all that waits before it ends
    return {str(seed): finished[str(seed)] for seed in range(seeds)}


def machine() -> str:
    """The kind of machine: what `device()` computes on."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"


def count(source: Path, seeds: int, jobs: int) -> bool:
    """Run, print and report one chapter. Says whether every claim held under every seed."""
    runs = run_seeds(source, seeds, jobs, build.HERE.parent / "_build" / "claims" / f"{source.stem}.json")
    notebook = build.read(source)
    # A claim that a failed run did not reach has not held.
    counts = {text: sum(text in run["held"] for run in runs.values()) for text in lint.all_claims(notebook)}
    print(f"{source.stem}: times that each claim held, of {seeds}")
    for text, held in counts.items():
        print(f"  {held:3d} {'✓' if held == seeds else '✗'} {text}")
    if seeds < FEWEST_SEEDS:
        print(f"  no report written: that takes at least {FEWEST_SEEDS} seeds")
    else:
        report = {
            "chapter": source.stem,
            "code": code_hash(notebook),
            "seeds": list(range(seeds)),
            "versions": {name: version(name) for name in ("torch", "numpy")},
            "machine": machine(),
            "claims": counts,
        }
        write_json(report, report_path(source))
    return all(held == seeds for held in counts.values()) and not any(run["error"] for run in runs.values())


def report_path(source: Path) -> Path:
    return source.parents[1] / "claims" / f"{source.stem}.json"


def report_problems(source: Path) -> list[str]:
    """Why a chapter's committed report does not prove its claims; [] when it does."""
    chapter, path = source.stem, report_path(source)
    command = f"make claims CHAPTER={chapter[:2]} SEEDS={FEWEST_SEEDS}"
    if not path.exists():
        return [f"{chapter}: no report on its claims, run {command}"]
    report, notebook = json.loads(path.read_text(encoding="utf-8")), build.read(source)
    messages = []
    if report["code"] != code_hash(notebook):
        messages.append(f"{chapter}: its code has changed since the report on its claims, run {command}")
    if list(report["claims"]) != lint.all_claims(notebook):
        messages.append(f"{chapter}: the report is on other claims than the chapter's, run {command}")
    seeds = len(set(report["seeds"]))
    if seeds < FEWEST_SEEDS:
        messages.append(f"{chapter}: the report counts {seeds} seeds, at least {FEWEST_SEEDS} are needed")
    messages += [
        f"{chapter}: held {held} times of {seeds}: {text}" for text, held in report["claims"].items() if held != seeds
    ]
    return messages


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="+", help="chapters, such as 01, or all")
    parser.add_argument("--seeds", type=int, default=FEWEST_SEEDS, help="the seeds 0 … SEEDS - 1 (default: 20)")
    parser.add_argument("--jobs", type=int, default=1, help="how many seeds run at once (default: 1)")
    options = parser.parse_args()
    if options.seeds < 1 or options.jobs < 1:
        parser.error("--seeds and --jobs must be at least 1")
    try:
        sources = build.choose([] if "all" in options.chapters else options.chapters)
    except ValueError as error:
        parser.error(str(error))
    if messages := build.source_problems():
        print("\n\n".join(messages), file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill is as good as Ctrl-C
    try:
        return not all([count(source, options.seeds, options.jobs) for source in sources])
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr, flush=True)
        os._exit(130)  # at once, without waiting for the chapters that run: their kernels end with this process


if __name__ == "__main__":
    sys.exit(main())
