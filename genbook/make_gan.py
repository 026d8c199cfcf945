"""Train the small GANs whose modes chapter 6 counts, many seeds at once, and write genbook/results/gan.json.

    python -m genbook.make_gan              minutes on a CPU: PacGAN's ring, and every remedy on every failure
    python -m genbook.make_gan --long       PacGAN's ring for longer, and its grid: an hour or more

Settings were chosen on seeds from 100 on, which are not among those reported.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
from torch import Tensor

from genbook import data
from genbook.files import provenance, write_json
from genbook.gan import FAILURES, REMEDIES, STANDARD, draw, train_points
from genbook.metrics import mode_coverage
from genbook.train import device

RESULTS = Path(__file__).parent / "results" / "gan.json"
SAMPLES = 2500  # as Lin et al. 2018 and those before them

# PacGAN's protocol: points, and `settings` over STANDARD.
RING = {
    "points": {"shape": "ring", "radius": 1.0, "std": 0.01},
    "seeds": list(range(10)),
    "steps": 20_000,
    "settings": {
        "hidden": [64, 64],
        "d_hidden": [64, 64],
        "latent": 2,
        "decay": "linear",
        "pack": 4,
        "noise": 0.1,
        "ema": 0.999,
    },
}
LONG_RING = RING | {"steps": 200_000, "settings": RING["settings"] | {"hidden": [128, 128], "d_hidden": [128, 128]}}
LONG_GRID = LONG_RING | {
    "points": {"shape": "grid", "spacing": 2.0, "std": 0.05},
    "settings": LONG_RING["settings"] | {"noise": 0.5},
}
# Wide modes: 600 steps are enough to cover them, where nothing fails.
TABLE = {
    "points": {"shape": "ring", "radius": 2.0, "std": 0.1},
    "seeds": list(range(16)),
    "steps": 600,
    "record": 30,
    "standard": STANDARD,
    "failures": FAILURES,
    "remedies": REMEDIES,
}


def mixture(shape: str, **options) -> tuple:
    """(sample(n, generator) -> (n, 2), centres (m, 2)) of a "ring" of 8 or a "grid" of 25; options as data.ring's."""
    if shape == "ring":
        angle = 2 * math.pi * torch.arange(8) / 8
        centres = options["radius"] * torch.stack([angle.cos(), angle.sin()], dim=1)
        return lambda n, generator: data.ring(n, generator=generator, **options)[0], centres
    line = options["spacing"] * torch.arange(-2.0, 3.0)
    return lambda n, generator: data.grid(n, generator=generator, **options)[0], torch.cartesian_prod(line, line)


def covered(generator, points: dict) -> dict[str, list]:
    """What `mode_coverage` says of 2500 samples of each seed: lists over the seeds."""
    _, centres = mixture(**points)
    samples = draw(generator, SAMPLES, seed=1).cpu()
    return {name: values.tolist() for name, values in mode_coverage(samples, centres, radius=3 * points["std"]).items()}


def protocol(plan: dict, where: torch.device | str = "cpu", checkpoint: Path | None = None) -> dict:
    """Train and measure one plan such as RING: numbers by seed, their means, and the time."""
    sample, _ = mixture(**plan["points"])
    timed, options = Timed(), {"device": where, "checkpoint": checkpoint}
    trained = train_points(sample, seeds=plan["seeds"], steps=plan["steps"], **options, **plan["settings"])
    by_seed = covered(trained["generator"], plan["points"])
    means = {name: sum(values) / len(values) for name, values in by_seed.items() if name != "counts"}
    return {"settings": STANDARD | plan["settings"], "by seed": by_seed, "means": means, **timed.seconds()}


def cell(failure: str | None, remedy: str | None, plan: dict) -> dict:
    """One failure (None: STANDARD as it is) with one remedy (None: as it fails): quartiles over the seeds."""
    settings = plan["standard"] | plan["failures"].get(failure, {}) | plan["remedies"].get(remedy, {})
    sample, _ = mixture(**plan["points"])
    timed = Timed()
    trained = train_points(sample, seeds=plan["seeds"], steps=plan["steps"], record=plan["record"], **settings)
    of_modes = covered(trained["generator"], plan["points"])
    numbers = {name: torch.tensor(of_modes[name]).double() for name in ("modes", "modes_1_percent", "quality")}
    numbers |= of_the_last_third(trained)
    quartiles = torch.tensor([0.25, 0.5, 0.75]).double()
    return {
        "failure": failure,
        "remedy": remedy,
        "modes by seed": of_modes["modes"],
        "share with all modes": sum(modes == 8 for modes in of_modes["modes"]) / len(plan["seeds"]),
        "quartiles": {
            name: [float(f"{value:.4g}") for value in values.double().quantile(quartiles)]
            for name, values in numbers.items()
        },
        **timed.seconds(),
    }


def of_the_last_third(trained: dict) -> dict[str, Tensor]:
    """Means over the last third of the training, (S,) each; "swing" is the standard deviation of D's loss there.

    "movement" is how far the sample of a latent point moves from one recorded picture to the next, on average.
    """
    steps, record = len(trained["d_loss"]), len(trained["samples"])
    last = {name: trained[name][steps * 2 // 3 :] for name in ("d_loss", "g_loss", "d_accuracy", "g_gradient")}
    pictures = trained["samples"][record * 2 // 3 :]  # (pictures, S, n, 2)
    return {name: values.mean(0) for name, values in last.items()} | {
        "swing": last["d_loss"].std(0),
        "movement": (pictures[1:] - pictures[:-1]).norm(dim=3).mean((0, 2)),
    }


def table(plan: dict) -> list[dict]:
    """STANDARD, and each failure alone and with each remedy; settings that are the same are trained once."""
    rows, known = [], {}
    for failure, remedy in [(None, None), *((f, r) for f in plan["failures"] for r in (None, *plan["remedies"]))]:
        settings = plan["standard"] | plan["failures"].get(failure, {}) | plan["remedies"].get(remedy, {})
        key = json.dumps(settings)
        known[key] = known.get(key) or cell(failure, remedy, plan)
        rows.append(known[key] | {"failure": failure, "remedy": remedy})
        modes, all_modes = rows[-1]["quartiles"]["modes"], rows[-1]["share with all modes"]
        print(f"{failure}, {remedy}: modes {modes}, all in {all_modes:.0%} of the seeds", flush=True)
    return rows


class Timed:
    """Seconds and CPU seconds since it was made."""

    def __init__(self):
        self.began, self.cpu_began = time.perf_counter(), time.process_time()

    def seconds(self) -> dict[str, float]:
        cpu = time.process_time() - self.cpu_began
        return {"seconds": round(time.perf_counter() - self.began, 1), "CPU seconds": round(cpu, 1)}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train the small GANs whose modes chapter 6 counts.")
    parser.add_argument("--long", action="store_true", help="PacGAN's ring for longer, and its grid")
    parser.add_argument("--only", choices=["ring", "remedies", "long ring", "long grid"], help="one result of these")
    options = parser.parse_args(arguments)
    where = device() if options.long else torch.device("cpu")
    command = f"python -m genbook.make_gan{' --long' * options.long}"
    plans = {"long ring": LONG_RING, "long grid": LONG_GRID} if options.long else {"ring": RING, "remedies": TABLE}
    for name, plan in plans.items():
        if options.only not in (None, name):
            continue
        timed = Timed()
        made = {"cells": table(plan)} if name == "remedies" else protocol(plan, where)
        result = {"command": command, "plan": plan, **made, **timed.seconds()}
        results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        write_json(results | {name: result | provenance(on_gpu=where.type == "cuda")}, RESULTS)  # each when it is made
        if name != "remedies":
            print(f"{name}: {result['means']}", flush=True)


if __name__ == "__main__":
    main()
