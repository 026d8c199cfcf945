"""Devices, seeds and settings: what every chapter needs before it trains or samples."""

import os
import random
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from tqdm import tqdm


def device() -> torch.device:
    """The device that the book computes on: the first GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def scale(*, cpu, gpu):
    """The setting for this machine: `gpu` where `device()` is a GPU, else `cpu`."""
    return gpu if device().type == "cuda" else cpu


@contextmanager
def seeded(seed: int, device: torch.device | str = "cpu") -> Iterator[torch.Generator]:
    """Yield a generator on `device` and seed the global ones; restore those on leaving.

    The seed in use is seed + 1000·GENBOOK_SEED (environment, default 0): the same notebook can be tried under
    other seeds without an edit. Global states: torch (CPU and GPU), NumPy, random.
    """
    offset = os.environ.get("GENBOOK_SEED", "0")
    if not offset.isdecimal():
        raise ValueError(f"GENBOOK_SEED must be a whole number ≥ 0, got {offset!r}")
    seed += 1000 * int(offset)
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 (the global state itself)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        try:
            yield torch.Generator(device).manual_seed(seed)
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


def progress(iterable: Iterable, **options) -> tqdm:
    """`iterable` with a tqdm bar (`options` are tqdm's) in a live session: a notebook or a terminal.

    Elsewhere, and wherever GENBOOK_QUIET is set (while the book is built and tested), the bar is silent.
    """
    notebook = "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None
    if os.environ.get("GENBOOK_QUIET") or not (notebook or sys.stderr.isatty()):
        return tqdm(iterable, **options | {"disable": True})
    with warnings.catch_warnings(action="ignore"):  # without ipywidgets a text bar is fine
        from tqdm.auto import tqdm as live_bar
    return live_bar(iterable, **options)
