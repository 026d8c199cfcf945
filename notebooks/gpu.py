"""Run every chapter on this machine's GPU, at its larger setting: python notebooks/gpu.py [names…]

Notes how long each took and which claims held, with device and versions: for all chapters in genbook/results/gpu.json.
The stored notebooks, a CPU's, stay as they are.
"""

import argparse
import sys
import time
from pathlib import Path

import build
import claims
import torch

from genbook.files import provenance, write_json

RESULT = build.HERE.parent / "genbook" / "results" / "gpu.json"
LONGEST = 180  # seconds that a chapter may take


def measure(sources: list[Path]) -> dict:
    """The outcome of each chapter: {"seconds", "held": how many claims, "broken": their texts, "error": or None}."""
    chapters = {}
    for source in sources:
        start = time.monotonic()
        run = claims.run_seed(source, 0, build.HERE.parent / "_build" / "gpu" / f"{source.stem}.jsonl")
        run = {"seconds": round(time.monotonic() - start)} | run | {"held": len(run["held"])}
        print(f"{source.stem}: {run['seconds']} s, {run['held']} claims held", flush=True)
        for text in run["broken"]:
            print(f"  ✗ {text}")
        if run["error"]:
            print(f"  stopped, {run['error']}")
        chapters[source.stem] = run
    return {"command": "make gpu", **provenance(on_gpu=True), "chapters": chapters}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="chapters, such as 01 (default: all, with a report)")
    names = parser.parse_args().names
    if not torch.cuda.is_available():
        parser.error(f"this needs a GPU that torch {torch.__version__} can use, and finds none")
    try:
        sources = build.choose([] if names == ["all"] else names)
    except ValueError as error:
        parser.error(str(error))
    result = measure(sources)
    if sources == build.choose([]):
        write_json(result, RESULT)
    chapters = result["chapters"].values()
    return any(run["broken"] or run["error"] or run["seconds"] > LONGEST for run in chapters)


if __name__ == "__main__":
    sys.exit(main())
