"""Speed of the Gibbs samplers against the bound set by drawing their uniforms alone, and their memory.

Times are medians of interleaved repeats in one process: the ratios mean something, the times belong to this machine.
"""

import statistics
import subprocess
import sys
import time

import numpy as np
import torch

from genbook import gibbs

LECTURE = [[0.1, 0.4], [0.3, 0.2]]
CHAINS, STEPS, REPEATS = 10_000, 400, 7
SIZE, SWEEPS, ISING_CHAINS = 64, 50, 64


def uniforms(count: int, draws: int) -> None:
    """Draw `draws` times `count` uniforms into the same memory: no sampler that uses them can be faster."""
    block, generator = torch.empty(count), torch.Generator().manual_seed(0)
    for _ in range(draws):
        block.uniform_(generator=generator)


def plain_loop(steps: int) -> None:
    """The chapter's own sweep, line for line: one chain."""
    p_x_given_y, p_y_given_x = gibbs.conditionals(LECTURE)
    generator = torch.Generator().manual_seed(0)
    x, y, path = 0, 0, []
    for _ in range(steps):
        x = int(torch.rand((), generator=generator) < p_x_given_y[y, 1])
        y = int(torch.rand((), generator=generator) < p_y_given_x[1, x])
        path.append((x, y))


def table(joint, steps: int = STEPS) -> None:
    gibbs.sample_table(joint, steps, chains=CHAINS, generator=torch.Generator().manual_seed(0))


def ising() -> None:
    gibbs.sample_ising(SIZE, 2.0, SWEEPS, chains=ISING_CHAINS, generator=torch.Generator().manual_seed(0))


def interleaved(repeats: int = REPEATS, **runs) -> dict[str, float]:
    """Median seconds of each run, the repeats taken in turns so that a busy spell hits all alike."""
    seconds = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peak_memory(run: str) -> float:
    """MB of resident memory at the peak of a fresh process that does `run`."""
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes or kilobytes
    command = f"""if True:
        import resource, torch
        from tests.benchmarks import gibbs
        {run}
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / {unit})"""
    return float(subprocess.run([sys.executable, "-c", command], check=True, capture_output=True, text=True).stdout)


def rows() -> list[tuple[str, str, str]]:
    """(what, measured, ratio and target) for the table that `make bench` prints."""
    large = np.random.default_rng(0).uniform(0.1, 1, (6, 8))
    flips = ISING_CHAINS * SIZE**2 * SWEEPS
    seconds = interleaved(
        bound=lambda: uniforms(2 * CHAINS * 10, STEPS // 10),
        small=lambda: table(LECTURE),
        large=lambda: table(large),
        loop=lambda: plain_loop(20_000),
        ising_bound=lambda: uniforms(flips // SWEEPS // 2, 2 * SWEEPS),
        ising=ising,
    )
    sweeps = CHAINS * STEPS
    loop_rate = 20_000 / seconds["loop"]
    output = 8 * CHAINS * 3000 / 1e6
    # Against a process that only fills a tensor as large as the output: what the sampler needs on top.
    extra = peak_memory("gibbs.table(gibbs.LECTURE, 3000)") - peak_memory(
        f"gibbs.table(gibbs.LECTURE, 1); torch.ones({2 * CHAINS * 3000}, dtype=torch.int32)"
    )
    threads = f"{torch.get_num_threads()} torch thread(s)"

    def row(name, run):
        rate, share = sweeps / seconds[run], seconds["bound"] / seconds[run]
        what = f"Gibbs, {name} table, {CHAINS} chains, {threads}"
        return what, f"{rate / 1e6:.1f} M sweeps/s", f"{share:.0%} of the uniforms alone"

    small, large = row("2×2", "small"), row("6×8", "large")
    times = sweeps / seconds["small"] / loop_rate
    return [
        (*small[:2], f"{small[2]} (target ≥ 30 %), {times:.0f} × the plain loop"),
        large,
        ("Gibbs, 2×2 table, the chapter's plain loop, 1 chain", f"{loop_rate / 1e6:.2f} M sweeps/s", "1 ×"),
        (
            f"Ising {SIZE}×{SIZE}, {ISING_CHAINS} chains, {threads}",
            f"{flips / seconds['ising'] / 1e6:.0f} M flips/s",
            f"{seconds['ising_bound'] / seconds['ising']:.0%} of the uniforms alone",
        ),
        (
            f"Gibbs, 2×2 table, {CHAINS} chains × 3000 sweeps, peak memory",
            f"{output + extra:.0f} MB",
            f"{(output + extra) / output:.2f} × the output alone",
        ),
    ]
