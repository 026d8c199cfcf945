"""Data: the digits and the results that ship with the book, other image sets, toy mixtures, mini-batches."""

import io
import json
import math
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genbook.files import read_checked

# Made by genbook/make_mnist.py, which states the source and the licence (CC BY-SA 3.0).
MNIST_FILE = Path(__file__).with_name("mnist.npz")
MNIST_SHA256 = "39b9b1ffaa0ba4d8995a616551f0966941fe02a3fe79ba4a9db7373db16d53ad"

# split -> (the part as published, the slice of it). Validation is cut from the training part: nothing is chosen by
# looking at the test set.
SPLITS = {
    "train": ("train", slice(None)),
    "test": ("test", slice(None)),
    "fit": ("train", slice(None, -10_000)),
    "validation": ("train", slice(-10_000, None)),
}

# The book's name of a data set -> the class in torchvision.datasets
TORCHVISION = {
    "fashion": "FashionMNIST",
    "kmnist": "KMNIST",
    "cifar10": "CIFAR10",
    "cifar100": "CIFAR100",
    "svhn": "SVHN",
}


def mnist(split: str) -> tuple[Tensor, Tensor]:
    """MNIST digits, shipped with the book: no network, the same on every machine.

    split: "train" (60 000), "test" (10 000), or "fit" and "validation" (the first 50 000 and last 10 000 of "train").
    Returns fresh tensors: images (N, 28, 28) float32 = uint8/255, labels (N,) int64.
    Raises ValueError for an unknown split or a damaged file, FileNotFoundError for a missing one.
    Source: Yann LeCun and Corinna Cortes, licence CC BY-SA 3.0.
    """
    part, rows = _split(split)
    images, labels = _read_mnist(MNIST_FILE, part)
    return _floats(images[rows]), labels[rows].long()


def load(name: str, split: str, root: str | os.PathLike | None = None) -> tuple[Tensor, Tensor]:
    """A set of labelled images by name: "mnist" ships with the book, torchvision fetches the others once.

    name: "mnist", "fashion", "kmnist", "cifar10", "cifar100" or "svhn".
    split: as for `mnist`; "fit" and "validation" are all but the last 10 000 of "train", and those.
    root: folder for the files; default: the environment's GENBOOK_DATA, else ~/.cache/genbook. Not used by "mnist".
    Returns images (N, H, W), or (N, 3, H, W) in colour, float32 in [0, 1], and labels (N,) int64.
    Raises ValueError for an unknown name or split, OSError where the files are neither whole nor to be had (offline).
    Downloads are checked against torchvision's MD5 sums.
    """
    if name == "mnist":
        return mnist(split)
    if name not in TORCHVISION:
        raise ValueError(f"unknown data set {name!r}; expected one of {', '.join(['mnist', *TORCHVISION])}")
    part, rows = _split(split)
    root = data_folder(root)

    from torchvision import datasets  # here: it takes a second, and most chapters need only MNIST

    dataset_class = getattr(datasets, TORCHVISION[name])
    which = {"split": part} if name == "svhn" else {"train": part == "train"}
    dataset = fetch(dataset_class, root, name=name, download=True, **which)
    images = torch.as_tensor(dataset.data[rows])
    labels = torch.as_tensor(dataset.labels if name == "svhn" else dataset.targets)[rows]
    if name.startswith("cifar"):
        images = images.permute(0, 3, 1, 2)  # (N, H, W, 3) -> (N, 3, H, W)
    return _floats(images), labels.long()


def data_folder(root: str | os.PathLike | None = None) -> Path:
    """Where data sets are kept: root, else the environment's GENBOOK_DATA, else ~/.cache/genbook."""
    return Path(root or os.environ.get("GENBOOK_DATA") or "~/.cache/genbook").expanduser()


def fetch(dataset_class: type, root: Path, *, name: str, **options):
    """dataset_class(root, **options), of torchvision.datasets; OSError, with what to do, where it has not its files."""
    try:
        return dataset_class(root, **options)
    except Exception as error:  # any: a file that was cut short can fail in many ways, and each means the same here
        folder, addresses = _sources(dataset_class, options.get("split"), root)
        files = f"these there, as they are: {', '.join(addresses)}" if addresses else "there what torchvision asks for"
        raise OSError(
            f"data set {name!r} can be neither read under {root} nor downloaded ({type(error).__name__}: {error}). "
            f"Without a network: delete this data set's files from {folder}, if there are any, and put {files}"
        ) from error


def result(name: str) -> dict:
    """A result that ships with the book, genbook/results/<name>.json: numbers that took longer than a chapter may.

    Each says which command made it, with which settings, where and how long. Raises ValueError for an unknown name.
    """
    folder = Path(__file__).with_name("results")
    names = sorted(path.stem for path in folder.glob("*.json"))
    if name not in names:
        raise ValueError(f"expected a result, one of {', '.join(map(repr, names))}, got {name!r}")
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def may_look(x: Tensor) -> bool:
    """Whether the values of x may be looked at now. In a training on a GPU that would make the GPU wait in each step:
    there a bad value becomes NaN, and the loss with it, which `train.fit` reports after the epoch.
    """
    return not (x.is_cuda and torch.is_grad_enabled())


def binarize(images: Tensor, *, generator: torch.Generator) -> Tensor:
    """Draw each pixel as a bit that is 1 with the pixel's value as probability.

    images: any shape, values in [0, 1] (else ValueError; in a training on a GPU NaN, see `may_look`). Returns float32
    zeros and ones, same shape and device.
    """
    fits = (images >= 0) & (images <= 1)  # written so that NaN fails too
    look = may_look(images)
    if look and not fits.all():
        raise ValueError(f"expected values in [0, 1], got values from {images.min():g} to {images.max():g}")
    if not look:  # masked_fill, as torch.where would wait until its number is on the GPU
        images = images.masked_fill(~fits, 0.0)  # what is no probability would end the process
    bits = torch.bernoulli(images.float().to(generator.device), generator=generator).to(images.device)
    return bits if look else bits.masked_fill_(~fits, math.nan)


def ring(
    n: int, *, modes: int = 8, radius: float = 2.0, std: float = 0.02, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw n points from Gaussians on a ring, centred at the angles 2πk/modes, all equally likely.

    Returns points (n, 2) float32 and mode (n,) int64, on the generator's device.
    """
    _check(n=n, modes=modes, radius=radius, std=std)
    mode = torch.randint(modes, (n,), generator=generator, device=generator.device)
    angle = 2 * math.pi * mode / modes  # (n,); divided by `modes`, not `modes - 1`: angle 2π would be mode 0 again
    centres = radius * torch.stack([angle.cos(), angle.sin()], dim=1)  # (n,) -> (n, 2)
    return centres + std * _normal(n, generator), mode


def grid(
    n: int, *, side: int = 5, spacing: float = 2.0, std: float = 0.05, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw n points from side² equally likely Gaussians on a square grid around 0; mode = side · row + column.

    Returns points (n, 2) float32, first coordinate along the columns, and mode (n,) int64, on the generator's device.
    """
    _check(n=n, side=side, spacing=spacing, std=std)
    mode = torch.randint(side**2, (n,), generator=generator, device=generator.device)
    column_row = torch.stack([mode % side, mode // side], dim=1)  # (n,) -> (n, 2)
    centres = spacing * (column_row - (side - 1) / 2)
    return centres + std * _normal(n, generator), mode


def batches(*tensors: Tensor, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
    """One epoch in shuffled mini-batches: every example once, the last batch may be shorter.

    tensors: equally long and on one device, any one. Yields tuples, one entry per tensor, (size, ...) each.
    Raises ValueError at once for tensors of different lengths or devices, or size < 1.
    """
    lengths, devices = [len(t) for t in tensors], [str(t.device) for t in tensors]
    if len(set(lengths)) != 1 or len(set(devices)) != 1:
        raise ValueError(f"expected tensors of one length on one device, got lengths {lengths} on devices {devices}")
    if size < 1:
        raise ValueError(f"expected a batch size of at least 1, got {size}")
    n = lengths[0]
    order = torch.randperm(n, generator=generator, device=generator.device).to(tensors[0].device)  # (n,)
    parts = (order[start : start + size] for start in range(0, n, size))
    return (tuple(t.index_select(0, part) for t in tensors) for part in parts)  # faster than t[part]


def _split(split: str) -> tuple[str, slice]:
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; expected one of {', '.join(SPLITS)}")
    return SPLITS[split]


def _floats(images: Tensor) -> Tensor:
    return images.to(torch.float32, memory_format=torch.contiguous_format).div_(255)


@lru_cache
def _read_mnist(path: Path, part: str) -> tuple[Tensor, Tensor]:
    """The uint8 tensors of one part, kept in memory: callers get float copies, never these."""
    repair = (
        "reinstall genbook, or in a clone run `git checkout -- genbook/mnist.npz`, "
        "or rebuild it with `python -m genbook.make_mnist`"
    )
    content = read_checked(path, MNIST_SHA256, what="data", repair=repair)
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return torch.from_numpy(arrays[f"{part}_images"]), torch.from_numpy(arrays[f"{part}_labels"])


def _sources(dataset_class: type, split: str | None, root: Path) -> tuple[Path, list[str]]:
    """Where torchvision looks for a data set's files, and their addresses, as far as they are known."""
    if "resources" in vars(dataset_class):  # MNIST and two of its family
        return root / dataset_class.__name__ / "raw", [
            dataset_class.mirrors[0] + file for file, _ in dataset_class.resources
        ]
    if hasattr(dataset_class, "split_list") and split in dataset_class.split_list:  # SVHN
        return root, [dataset_class.split_list[split][0]]
    address = getattr(dataset_class, "url", None)
    return root, [address] if isinstance(address, str) else []


def _check(**settings: float) -> None:
    """Counts are at least 1 (n: 0), lengths finite and not negative."""
    for name, value in settings.items():
        least = 1 if name in ("modes", "side") else 0
        if not least <= value < math.inf:  # written so that NaN fails too
            raise ValueError(f"expected {name} of at least {least} and finite, got {value}")


def _normal(n: int, generator: torch.Generator) -> Tensor:
    return torch.randn(n, 2, generator=generator, device=generator.device)
