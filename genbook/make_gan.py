"""Train the small GANs whose modes chapter 6 counts, many seeds at once, and write genbook/results/gan.json.

    python -m genbook.make_gan              a quarter of an hour: PacGAN's ring, and every remedy on every failure
    python -m genbook.make_gan --long       PacGAN's ring for longer, and its grid: an hour or more

A cell of the table that was made is kept in _build/gan, and not made again after an interruption.

Settings were chosen on seeds from 100 on, which are not among those reported.
"""

import argparse
import hashlib
import json
import math
import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from genbook import data
from genbook.files import provenance, write_json
from genbook.gan import FAILURES, REMEDIES, STANDARD, STRONGER, draw, train_points
from genbook.metrics import mode_coverage
from genbook.train import device

RESULTS = Path(__file__).parent / "results" / "gan.json"
CELLS = Path("_build", "gan")  # where the command is run
SAMPLES = 2500  # as Lin et al. 2018 and those before them
# A GAN on the table's ring is well if each mode has 1 % of its samples, and this share of them is of high quality.
# Of points spread evenly over a circle no more than 0.383 can be, whatever its radius.
WELL = 0.5

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
# Wide modes: with STANDARD these steps are enough to find them, where 600 end at a circle.
TABLE = {
    "points": {"shape": "ring", "radius": 2.0, "std": 0.1},
    "seeds": list(range(8)),
    "steps": 2400,
    "record": 24,
    "standard": STANDARD,
    # No remedy for D can help where its labels are drawn by a coin.
    "failures": {name: changes for name, changes in FAILURES.items() if "flip" not in changes},
    "remedies": REMEDIES,
    "stronger": STRONGER,
}
# What the failures look like in numbers, for other seeds to be told apart by.
SYMPTOMS = {name: TABLE[name] for name in ("points", "steps", "standard")} | {
    "failures": FAILURES,
    "seeds": list(range(16)),
    "record": 48,
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


def settings_of(failure: str | None, remedy: str | None, dose: int, plan: dict) -> dict:
    """One failure (None: STANDARD as it is) with one remedy (None: as it fails), in its first or second dose."""
    doses = {1: plan["remedies"], 2: plan["stronger"]}[dose]
    return plan["standard"] | plan["failures"].get(failure, {}) | doses.get(remedy, {})


def cell(settings: dict, plan: dict) -> dict:
    """One setting of the table, trained and measured: numbers by seed, and quartiles over the seeds."""
    sample, _ = mixture(**plan["points"])
    timed = Timed()
    trained = train_points(sample, seeds=plan["seeds"], steps=plan["steps"], record=plan["record"], **settings)
    of_modes = covered(trained["generator"], plan["points"])
    by_seed = {name: of_modes[name] for name in ("modes", "modes_1_percent", "quality")}
    numbers = {name: torch.tensor(values).double() for name, values in by_seed.items()}
    well = (numbers["modes_1_percent"] == 8) & (numbers["quality"] >= WELL)
    numbers |= of_the_last_third(trained)
    quartiles = torch.tensor([0.25, 0.5, 0.75]).double()
    return {
        "by seed": by_seed,
        "well": int(well.sum()),
        "quality by quarter": qualities(trained, plan["points"]),
        "quartiles": {
            name: [float(f"{value:.4g}") for value in values.double().quantile(quartiles)]
            for name, values in numbers.items()
        },
        **timed.seconds(),
    }


def qualities(trained: dict, points: dict) -> list[float]:
    """The share of high quality after each quarter of the training, median seed, by the recorded pictures."""
    pictures, (_, centres) = trained["samples"].cpu(), mixture(**points)
    quarters = [pictures[len(pictures) * i // 4 - 1] for i in (1, 2, 3, 4)]
    radius = 3 * points["std"]
    return [round(mode_coverage(p, centres, radius=radius)["quality"].median().item(), 3) for p in quarters]


def kept_cell(settings: dict, plan: dict, folder: Path) -> dict:
    """`cell`, or what the folder keeps of it."""
    asked = {name: plan[name] for name in ("points", "seeds", "steps", "record")}
    asked |= {"settings": settings, "GENBOOK_SEED": os.environ.get("GENBOOK_SEED", "0")}
    asked = json.loads(json.dumps(asked))
    path = folder / f"{hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]}.json"
    if not path.exists():
        write_json({"asked": asked, "cell": cell(settings, plan)}, path)
    return json.loads(path.read_text(encoding="utf-8"))["cell"]


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


def symptoms(trained: dict, points: dict) -> dict[str, Tensor]:
    """`of_the_last_third` without G's loss, which differs by convention, and "gap", D's mean logit of real points less
    that of fakes, and "modes" with 1 % of the samples at the end: (S,) each.
    """
    numbers, steps = of_the_last_third(trained), len(trained["d_loss"])
    gap = (trained["d_real"] - trained["d_fake"])[steps * 2 // 3 :].mean(0)
    modes = torch.tensor(covered(trained["generator"], points)["modes_1_percent"])
    return {name: numbers[name] for name in numbers if name != "g_loss"} | {"gap": gap, "modes": modes.to(gap)}


def symptom_table(plan: dict) -> dict:
    """Of STANDARD and each failure, the median seed's `symptoms`; and the time."""
    (sample, _), timed, rows = mixture(**plan["points"]), Timed(), {}
    for failure, changes in {"healthy": {}, **plan["failures"]}.items():
        options = {name: plan[name] for name in ("seeds", "steps", "record")}
        trained = train_points(sample, **options, **plan["standard"] | changes)
        seen = symptoms(trained, plan["points"])
        rows[failure] = {name: float(f"{values.double().quantile(0.5):.4g}") for name, values in seen.items()}
    return {"rows": rows, **timed.seconds()}


def table(plan: dict, folder: Path, jobs: int = 1) -> dict:
    """STANDARD, and each failure alone and with each dose of each remedy: "cells" and the times of all together.

    Settings that are the same are trained once. jobs: processes at a time.
    """
    doses = [(None, 1), *((r, 1) for r in plan["remedies"]), *((r, 2) for r in plan["stronger"])]
    places = [(None, None, 1), *((failure, *dose) for failure in plan["failures"] for dose in doses)]
    settings = [settings_of(*place, plan) for place in places]
    unlike = {json.dumps(s): s for s in settings}
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs) as pool:
        made = dict(zip(unlike, pool.map(partial(kept_cell, plan=plan, folder=folder), unlike.values()), strict=True))
    names = ("failure", "remedy", "dose")
    cells = [dict(zip(names, p, strict=True)) | made[json.dumps(s)] for p, s in zip(places, settings, strict=True)]
    times = {name: round(sum(one[name] for one in made.values()), 1) for name in ("seconds", "CPU seconds")}
    return {"cells": cells, **times}


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
    parser.add_argument(
        "--only", choices=["ring", "symptoms", "remedies", "long ring", "long grid"], help="one result of these"
    )
    parser.add_argument("--jobs", type=int, default=1, help="cells of the table that are made at a time")
    options = parser.parse_args(arguments)
    where = device() if options.long else torch.device("cpu")
    command = f"python -m genbook.make_gan{' --long' * options.long}"
    short = {"ring": RING, "symptoms": SYMPTOMS, "remedies": TABLE}
    plans = {"long ring": LONG_RING, "long grid": LONG_GRID} if options.long else short
    for name, plan in plans.items():
        if options.only not in (None, name):
            continue
        timed = Timed()
        if name == "remedies":
            made = table(plan, CELLS, options.jobs)
        else:
            made = symptom_table(plan) if name == "symptoms" else protocol(plan, where)
        result = {"command": command, "plan": plan, **timed.seconds(), **made}
        results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        write_json(results | {name: result | provenance(on_gpu=where.type == "cuda")}, RESULTS)  # each when it is made
        if "means" in result:
            print(f"{name}: {result['means']}", flush=True)


if __name__ == "__main__":
    main()
