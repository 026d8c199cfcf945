"""Devices, seeds and settings, and the book's one training loop: what every chapter needs to train or sample."""

import copy
import hashlib
import io
import json
import math
import os
import random
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from genbook.data import batches
from genbook.files import write_json, write_whole

# The learning rate as a share of lr, t of the way through the training: 0 at the first step, 1 just after the last.
DECAYS = {None: lambda t: 1.0, "linear": lambda t: 1 - t, "cosine": lambda t: (1 + math.cos(math.pi * t)) / 2}


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


def fit(
    model: nn.Module,
    loss: Callable[..., Tensor],
    x: Tensor | tuple[Tensor, ...],
    *,
    epochs: int,
    lr: float,
    batch_size: int,
    seed: int,
    test: Tensor | tuple[Tensor, ...] | None = None,
    decay: str | None = None,
    bf16: bool = False,
    checkpoint: str | os.PathLike | None = None,
    every: int = 1,
) -> dict[str, list[float]]:
    """Minimise the mean of `loss` over x by Adam, in shuffled batches; changes the model and leaves it in eval mode.

    loss(model, *batch, generator=generator) -> (B,): one value per example; all its draws come from the generator. On a
    GPU it should not look at numbers, as .item() and `if` do: each look makes the step wait for all before it.
    x: (N, ...), or a tuple of such (images, labels), finite, on the model's device; test: the same for the test set, in
    the same dtypes.
    decay: "linear" or "cosine", lr falls to 0. bf16: autocast where the hardware has it, else float32 all the same.
    checkpoint: a file, written whole every `every` epochs and after the last. Where it exists, training goes on from it
    and ends where an unbroken run does (on a CPU bit for bit). It cannot tell one loss from another: a file for each.
    Returns means per epoch: "train", over the epoch as it ran, and with `test` also "test", see `evaluate`.
    Raises ValueError for bad settings or data, a model with nothing to train, a last batch of one where there is batch
    norm, and a checkpoint that is damaged or was made with other settings; FloatingPointError after an epoch that met a
    loss or a weight that is not finite: the checkpoint is the last good.
    """
    counts = (epochs, batch_size, every, seed)
    if not all(isinstance(n, Integral) for n in counts) or min(counts[:3]) < 1 or not 0 < lr < math.inf:
        raise ValueError(
            f"expected epochs, batch_size and every as whole numbers of at least 1, a whole seed and a finite lr > 0, "
            f"got {epochs}, {batch_size}, {every}, {seed} and {lr}"
        )
    if decay not in DECAYS:
        raise ValueError(f"expected decay to be one of {', '.join(map(repr, DECAYS))}, got {decay!r}")
    if not any(p.requires_grad for p in model.parameters()):
        n = sum(1 for _ in model.parameters())
        raise ValueError(f"there is nothing to train: none of the model's {n} parameters has requires_grad=True")
    x, test = _tensors(model, x), test if test is None else _tensors(model, test)
    if test is not None and [t.dtype for t in x] != [t.dtype for t in test]:
        raise ValueError(f"expected x and test of the same dtypes, got {_dtypes(x)} and {_dtypes(test)}")
    _check_last_batch(model, loss, x, batch_size, seed)
    device, steps = x[0].device, math.ceil(len(x[0]) / batch_size)
    with seeded(seed) as generator:  # a seed for each epoch: to go on, a run needs no state of a generator
        seeds = torch.randint(2**31, (epochs,), generator=generator).tolist()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=device.type in ("cpu", "cuda"))
    history = {"train": []} if test is None else {"train": [], "test": []}
    if checkpoint is not None:
        checkpoint = Path(checkpoint)
        settings = {"epochs": epochs, "lr": lr, "batch_size": batch_size, "seed": generator.initial_seed()}
        settings |= {"decay": decay, "bf16": bf16, "x": _digest(x), "test": test and _digest(test)}
        settings["model"] = {name: list(value.shape) for name, value in model.state_dict().items()}
        history = _resume(checkpoint, settings, model, optimizer) or history

    bf16 = bf16 and has_bf16(device)
    if device.type == "cuda":  # where the steps do not wait for a loss to judge its data: one batch is judged now
        evaluate(model, loss, tuple(t[:batch_size] for t in x), seed=seed)
    bar = progress(range(len(history["train"]), epochs), desc="training", unit="epoch")
    for epoch in bar:
        model.train()
        sums = []  # of the losses of each batch; they stay on the device: no step waits for the one before
        with seeded(seeds[epoch], device) as generator:
            for step, batch in enumerate(batches(*x, size=batch_size, generator=generator)):
                optimizer.param_groups[0]["lr"] = lr * DECAYS[decay]((epoch + step / steps) / epochs)
                with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                    total = _losses(model, loss, batch, generator).sum()  # (B,) -> ()
                optimizer.zero_grad()
                (total / len(batch[0])).backward()
                optimizer.step()
                sums.append(total.detach())
        model.eval()
        sums = torch.stack(sums).cpu()  # (steps,)
        _check_finite(sums, model, f"epoch {epoch + 1} of {epochs}", first=epoch == 0, lr=lr)
        history["train"].append(float(sums.double().sum()) / len(x[0]))
        if test is not None:
            history["test"].append(evaluate(model, loss, test, seed=seed))
        bar.set_postfix({name: f"{values[-1]:.4g}" for name, values in history.items()})
        if checkpoint is not None and ((epoch + 1) % every == 0 or epoch + 1 == epochs):
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            write_checkpoint(checkpoint, settings, history=history, **state)
    return history


def fit_timed(
    model: nn.Module, loss: Callable[..., Tensor], x: Tensor | tuple[Tensor, ...], *, checkpoint: Path, **settings
) -> tuple[dict[str, list[float]], dict[str, int | None]]:
    """`fit` with a checkpoint, and what it took: {"seconds", "CPU seconds"}, on this machine and whole.

    The times stand in a JSON file beside the checkpoint. Those of a training that was interrupted are not known: None.
    """
    times = checkpoint.with_suffix(".json")
    unbroken = not checkpoint.exists()
    if unbroken:
        times.unlink(missing_ok=True)
    began, cpu_began = time.perf_counter(), time.process_time()
    curves = fit(model, loss, x, checkpoint=checkpoint, **settings)
    if unbroken:
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
        write_json({"seconds": round(seconds), "CPU seconds": round(cpu_seconds)}, times)
    known = times.exists() and json.loads(times.read_text(encoding="utf-8"))
    return curves, known or {"seconds": None, "CPU seconds": None}


@torch.no_grad()
def evaluate(
    model: nn.Module, loss: Callable[..., Tensor], x: Tensor | tuple[Tensor, ...], *, seed: int, chunk: int = 1000
) -> float:
    """The mean of a loss (as for `fit`) over x in eval mode and float32; one seed gives the same draws each time.

    x: (N, ...) or a tuple of such, taken `chunk` examples at a time. Raises ValueError for x as `fit` does.
    """
    x, training = _tensors(model, x), model.training
    model.eval()
    with seeded(seed, x[0].device) as generator:
        parts = zip(*(t.split(chunk) for t in x), strict=True)
        sums = torch.stack([_losses(model, loss, part, generator).sum() for part in parts])  # (chunks,)
    model.train(training)
    return float(sums.cpu().double().sum()) / len(x[0])


def _losses(model: nn.Module, loss: Callable[..., Tensor], batch: tuple[Tensor, ...], generator) -> Tensor:
    try:
        values = loss(model, *batch, generator=generator)
    except RuntimeError as error:
        weights = {p.dtype for p in model.parameters()}
        about_types = re.search("dtype|scalar type|should be the same", str(error))
        if not about_types or {t.dtype for t in batch} <= weights:
            raise
        raise ValueError(
            f"the data are {_dtypes(batch)} and the model's weights {_dtypes(model.parameters())}: give x.float(), of "
            f"bytes x.float() / 255, or a model in the data's dtype ({error})"
        ) from error
    if values.shape != (len(batch[0]),):
        raise ValueError(f"expected one loss per example, shape ({len(batch[0])},), got shape {tuple(values.shape)}")
    return values.to(torch.promote_types(values.dtype, torch.float32))  # a sum in bfloat16 has three digits


def _tensors(model: nn.Module, x: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """x as a tuple of tensors that are equally long, finite and where the model is; else ValueError, TypeError."""
    x = (x,) if isinstance(x, Tensor) else tuple(x)
    if not all(isinstance(t, Tensor) for t in x):
        raise TypeError(
            f"expected a tensor or a tuple of tensors, got {', '.join(sorted({type(t).__name__ for t in x}))}"
        )
    lengths, devices = {len(t) for t in x}, {str(t.device) for t in (*x, *model.parameters())}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"expected tensors of one length, at least 1, got lengths {[len(t) for t in x]}")
    if len(devices) != 1:
        raise ValueError(f"expected the model and its data on one device, got {', '.join(sorted(devices))}")
    if not all(_is_finite(t) for t in x):
        raise ValueError("expected finite data, got NaN or infinity among them")
    return x


def _dtypes(tensors: Iterable[Tensor]) -> str:
    return " and ".join(dict.fromkeys(str(t.dtype).removeprefix("torch.") for t in tensors))


def _check_last_batch(model: nn.Module, loss: Callable, x: tuple[Tensor, ...], size: int, seed: int) -> None:
    """Raise ValueError where the last batch is one example and batch norm cannot take it: tried on a copy."""
    if (len(x[0]) - 1) % size or not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()):
        return
    with torch.no_grad(), seeded(seed, x[0].device) as generator:
        try:
            loss(copy.deepcopy(model).train(), *(t[:1] for t in x), generator=generator)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise ValueError(
                f"with {len(x[0])} examples and batch_size={size} the last batch is a single one, and batch norm needs "
                "two or more: choose another batch_size, or leave an example out"
            ) from error


def _is_finite(t: Tensor) -> bool:
    """Whether t holds neither NaN nor infinity: its extremes tell, 15 times faster than t.isfinite().all()."""
    return t.numel() == 0 or not t.is_floating_point() or all(edge.isfinite() for edge in t.detach().aminmax())


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16 itself: where it only emulates that, float32 is faster."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def _check_finite(sums: Tensor, model: nn.Module, epoch: str, *, first: bool, lr: float) -> None:
    """Raise FloatingPointError with the first step whose loss is not finite, or if a weight is not."""
    bad = [step for step, value in enumerate(sums.tolist()) if not math.isfinite(value)]
    if bad == [] and all(_is_finite(p) for p in model.parameters()):
        return
    what = (
        f"the loss is {sums[bad[0]]} at step {bad[0] + 1}" if bad else f"a weight is not finite after step {len(sums)}"
    )
    cause = f"lr={lr:g} is most likely too large"
    if bad and bad[0] == 0 and first:
        cause = "no step was taken yet, so the loss itself is at fault: most likely a log or a division of 0"
    if any(p.is_cuda for p in model.parameters()):
        cause += "; or the loss got data that it is not for, which on a CPU it would name"
    raise FloatingPointError(f"{what} of {len(sums)} in {epoch}: {cause}")


def _digest(x: tuple[Tensor, ...]) -> str:
    """Which data these are: shapes and the beginning of the SHA-256 of the bytes."""
    sha256 = hashlib.sha256()
    for t in x:
        sha256.update(t.detach().cpu().contiguous().view(torch.uint8).numpy())
    return f"{', '.join(f'{tuple(t.shape)} {t.dtype}' for t in x)}, SHA-256 {sha256.hexdigest()[:16]}"


def read_checkpoint(path: Path, settings: dict) -> dict | None:
    """What was saved there with these "settings", None where there is no file; makes its folder.

    Raises ValueError where it is damaged or was made with other settings: to start anew, the reader deletes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        return None
    content = path.read_bytes()
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        there = dict(state["settings"])
    except Exception as error:  # any: a damaged file can fail in many ways, and each means the same here
        raise ValueError(f"{path} is damaged or not a checkpoint of this training; to start anew, delete it") from error
    differ = [
        f"{name} is {there.get(name)} there and {settings[name]} here"
        for name in settings
        if there.get(name) != settings[name]
    ]
    if differ:
        raise ValueError(
            f"the checkpoint {path} was made with other settings: {'; '.join(differ)}; "
            f"to start anew, delete it or name another"
        )
    return state


def write_checkpoint(path: Path, settings: dict, **state) -> None:
    """Save `state` for `read_checkpoint`, whole or not at all: tensors, numbers, strings, lists and dictionaries."""
    torch.save({"settings": settings, **state}, content := io.BytesIO())
    write_whole(content.getvalue(), path)


def _resume(path: Path, settings: dict, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict | None:
    """Put model and optimiser back to where the checkpoint left them; returns its history, None where there is none."""
    state = read_checkpoint(path, settings)
    if state is None:
        return None
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["history"]


if __name__ == "__main__":
    from genbook.training import main  # here: this module is imported by that one

    main()
