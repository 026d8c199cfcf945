"""Speed of many small GANs trained at once against one after the other, in processor seconds of one process."""

import time

import torch

from genbook import data
from genbook.gan import train_points

SEEDS, STEPS = 16, 150


def seconds(seeds: list[int]) -> float:
    """Processor seconds of one training: other jobs on the machine count less than in seconds of the clock."""
    began = time.process_time()
    train_points(lambda n, generator: data.ring(n, generator=generator), seeds=seeds, steps=STEPS)
    return time.process_time() - began


def rows() -> list[tuple[str, str, str]]:
    """(what, measured, ratio and target) for the table that `make bench` prints."""
    seconds([0])  # the first run loads what the others find loaded
    together, alone = [], []
    for _ in range(3):  # interleaved
        together.append(seconds(list(range(SEEDS))))
        alone.append(sum(seconds([seed]) for seed in range(SEEDS)))
    at_once, in_turn = sorted(together)[1], sorted(alone)[1]
    threads = f"{torch.get_num_threads()} torch thread(s)"
    return [
        (
            f"{SEEDS} GANs of 2×32 units at once, {threads}",
            f"{1e3 * at_once / STEPS:.1f} ms/step",
            f"{in_turn / at_once:.1f} × {SEEDS} trainings one after the other (target ≥ 4), "
            f"{1e3 * in_turn / SEEDS / STEPS:.1f} ms/step each",
        )
    ]
