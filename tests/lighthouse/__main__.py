"""make lighthouse: every page of the built site as Lighthouse sees it on a phone, the median of three visits.

python tests/lighthouse [page …]: pages as in notebooks/01_gibbs.html, all of them if none is named. Prints a table, and
fails where a page misses a bar. Performance depends on the machine: Lighthouse takes a phone to be four times slower
than it, whatever it is. "machine" is its own measure of that: well below 1000 it warns, and points mean little.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "book" / "_ext")]
import chromium  # noqa: E402
import katex_math  # noqa: E402
import serve  # noqa: E402

SITE = ROOT / "_build" / "html"
VISITS = 3
# The fewest points out of 100, and the most of what follows; layout shift has no unit.
POINTS = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}
LIMITS = {"layout shift": 0.02, "kB": 450}


def visit(address: str) -> dict[str, float]:
    """One visit by a phone: the points, the layout shift, and the kB (1000 bytes) that came over the network."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [katex_math.node_binary(), ROOT / "tests/lighthouse/node_modules/lighthouse/cli/index.js", address]
        command += ["--quiet", "--output=json", f"--output-path={report}", f"--only-categories={','.join(POINTS)}"]
        flags = (
            f"--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-features={chromium.UNUSED}"
        )
        command += [f"--chrome-flags={flags}", "--no-enable-error-reporting"]
        environment = os.environ | {"CHROME_PATH": chromium.find() or ""}
        run = subprocess.run(command, capture_output=True, text=True, env=environment)
        if run.returncode:
            raise RuntimeError(f"Lighthouse could not visit {address}:\n{run.stderr}")
        found = json.loads(report.read_text(encoding="utf-8"))
    points = {name: 100 * category["score"] for name, category in found["categories"].items()}
    audits = found["audits"]
    faults = {
        audit["id"]: audit["title"]
        for name in POINTS
        if name != "performance" and points[name] < 100
        for reference in found["categories"][name]["auditRefs"]
        if (audit := audits[reference["id"]])["score"] is not None and audit["score"] < 1
    }
    return points | {
        "machine": found["environment"]["benchmarkIndex"],
        "layout shift": audits["cumulative-layout-shift"]["numericValue"],
        "kB": audits["total-byte-weight"]["numericValue"] / 1000,
        "faults": faults,
    }


def main(pages: list[str]) -> int:
    pages = pages or sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html") if p.parent != SITE)
    columns = [*POINTS, *LIMITS, "machine"]
    print(f"{'':36}{''.join(f'{column:>15}' for column in columns)}", flush=True)
    missed = 0
    with serve.serve(SITE, "/genbook") as base:
        for page in pages:
            visits = [visit(base + page) for _ in range(VISITS)]
            median = {column: statistics.median(one[column] for one in visits) for column in columns}
            bad = [name for name, fewest in POINTS.items() if median[name] < fewest]
            bad += [name for name, most in LIMITS.items() if median[name] > most]
            missed += bool(bad)
            values = "".join(f"{median[column]:15.{3 if column == 'layout shift' else 0}f}" for column in columns)
            print(f"{page:36}{values}  {'missed: ' + ', '.join(bad) if bad else ''}".rstrip(), flush=True)
            for fault in visits[0]["faults"].values():
                print(f"    {fault}", flush=True)
    print(f"{missed} of {len(pages)} pages miss a bar" if missed else f"all {len(pages)} pages meet every bar")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
