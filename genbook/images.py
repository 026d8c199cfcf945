"""Pictures to train on, at one size: a folder of them or a set of torchvision's, in memory or streamed."""

import hashlib
import inspect
import os
import signal
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from genbook import data
from genbook.train import progress

NAMED = 10  # broken pictures that are named; the others are counted
PATIENCE = 100  # so many broken ones in a row, and the data set is


class Pictures(Dataset):
    """Pictures as uint8 (channels, size, size), cut to the middle square; [i] is (the picture, what was broken).

    items: paths, arrays (H, W), or what torchvision's sets give: pictures, alone or first in a tuple. Where number i
    cannot be read, the next one that can takes its place, so that an epoch keeps its length and its order; "what was
    broken" lists (number, name and reason). Transparent pictures are laid on white, 16-bit greys are scaled.
    channels: 1 or 3; None: 1 if a sample of the pictures is grey, else 3.
    """

    def __init__(self, items, size: int, channels: int | None = None):
        if len(items) == 0:
            raise ValueError("expected at least one picture, got none")
        self.items, self.size, self.channels = items, size, channels
        if channels is None:
            self.channels = 1 if all(_is_grey(picture) for picture in self._sample(16)) else 3

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> tuple[Tensor, list[tuple[int, str]]]:
        broken = []
        for k in range(i, i + min(PATIENCE, len(self))):
            k %= len(self)
            try:
                return _square(self._open(k), self.size, self.channels), broken
            except Exception as error:  # any: a file that is cut short or is no picture can fail in many ways
                broken.append((k, f"{self._name(k)}: {type(error).__name__}: {error}"))
        raise ValueError(f"{len(broken)} pictures in a row cannot be read; the first is {broken[0][1]}")

    def _open(self, i: int) -> Image.Image:
        item = self.items[i]
        if isinstance(item, tuple | list):  # with a label or two
            item = item[0]
        if isinstance(item, np.ndarray):
            return Image.fromarray(item)
        if isinstance(item, str | os.PathLike):
            with warnings.catch_warnings(action="ignore"), Image.open(item) as picture:  # odd but legible files
                if picture.format == "JPEG" and min(picture.size) > 4 * self.size:  # decode it smaller: faster
                    picture.draft(None, (2 * self.size, 2 * self.size))
                picture.load()
            return picture
        if not isinstance(item, Image.Image):
            raise TypeError(f"expected a picture, got {type(item).__name__}")
        return item

    def _name(self, i: int) -> str:
        return str(self.items[i]) if isinstance(self.items, list) else f"picture {i}"

    def _sample(self, n: int) -> Iterator[Image.Image]:
        for i in range(0, len(self), max(1, len(self) // n)):
            try:
                yield self._open(i)
            except Exception:  # it will be named when it is needed
                continue


def find(name: str, size: int, *, channels: int | None = None, split: str | None = None, root=None) -> Pictures:
    """The pictures of a folder, those in its folders included, or of a data set by its name.

    name: a folder; "mnist", which ships with the book; or any set of pictures in torchvision.datasets, in any case, or
    by the book's own name (see data.load): torchvision downloads it once, into root (see data.data_folder).
    split: which part, as torchvision calls it; default: the training part.
    Raises ValueError for an unknown name, with those that are known, and for a folder without pictures; OSError where a
    set's files are neither there nor to be had.
    """
    if os.path.isdir(name):
        return Pictures(_in_folder(Path(name)), size, channels)
    if name.lower() == "mnist":
        return Pictures(data.mnist(split or "train")[0].mul(255).byte().numpy(), size, channels)
    known = _torchvision_sets()
    wanted = data.TORCHVISION.get(name.lower(), name).lower()
    if wanted not in known:
        raise ValueError(
            f"{name!r} is neither a folder nor a known data set; known are mnist, {', '.join(data.TORCHVISION)}, "
            f"{', '.join(sorted(c.__name__ for c in known.values()))}"
        )
    return Pictures(_torchvision_set(known[wanted], split, data.data_folder(root)), size, channels)


def description(pictures: Pictures) -> str:
    """Which data these are, for a checkpoint to compare: how many, and a digest of their names (not their content)."""
    names = ""
    if isinstance(pictures.items, list):
        top = os.path.commonpath([path.parent for path in pictures.items])
        names = "\n".join(path.relative_to(top).as_posix() for path in pictures.items)
        names = f", SHA-256 of their names {hashlib.sha256(names.encode()).hexdigest()[:16]}"
    return f"{len(pictures)} pictures{names}"


def nbytes(pictures: Pictures) -> int:
    """The memory that they all take."""
    return len(pictures) * pictures.channels * pictures.size**2


def in_memory(pictures: Pictures, *, workers: int = 0, named: int = NAMED) -> tuple[Tensor, dict[int, str]]:
    """All of them, (N, channels, size, size) uint8, and the broken ones: number -> name and reason; see `stream`."""
    images = torch.empty(len(pictures), pictures.channels, pictures.size, pictures.size, dtype=torch.uint8)
    parts = [list(range(start, min(start + 500, len(pictures)))) for start in range(0, len(pictures), 500)]
    broken: dict[int, str] = {}
    loaded = stream(pictures, parts, workers=workers, broken=broken, named=named)
    for part, batch in zip(parts, progress(loaded, total=len(parts), desc="reading"), strict=True):
        images[part[0] : part[-1] + 1] = batch
    return images, broken


def stream(
    pictures: Pictures,
    rows: Iterable[list[int]],
    *,
    broken: dict[int, str],
    workers: int = 0,
    pin: bool = False,
    named: int = NAMED,
) -> Iterator[Tensor]:
    """Batches (B, channels, size, size) uint8 of the pictures with these numbers, read ahead by `workers` processes.

    Pictures that turn out to be broken are entered in `broken`, number -> name and reason; the first `named` of them
    are told of on stderr. pin: in page-locked memory, for the way to a GPU.
    """
    loader = DataLoader(
        pictures,
        batch_sampler=rows,
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=pin,
        worker_init_fn=_deaf_to_signals,
        prefetch_factor=4 if workers else None,
    )
    for images, found in loader:
        for number, reason in found:
            if number not in broken:
                broken[number] = reason
                if len(broken) <= named:
                    more = "; further ones are only counted" if len(broken) == named else ""
                    print(f"skipped a picture that cannot be read, {reason}{more}", file=sys.stderr, flush=True)
        yield images


def order(
    n: int, batch_size: int, *, seed: int, start: int = 0, device: torch.device | str = "cpu"
) -> Iterator[Tensor]:
    """The numbers (batch_size,) of the pictures of each step, from step `start` on, without end.

    Each epoch is a permutation of all n that depends on seed and epoch only; where it ends within a batch, the next
    epoch fills that up.
    """
    epoch, permutation = -1, None
    position = start * batch_size
    while True:
        batch, missing = [], batch_size
        while missing:
            if position // n != epoch:
                epoch = position // n
                permutation = torch.randperm(n, generator=generator(seed, 0, epoch)).to(device)  # (n,)
            part = permutation[position % n :][:missing]
            batch.append(part)
            position, missing = position + len(part), missing - len(part)
        yield torch.cat(batch)


def generator(seed: int, purpose: int, number: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of random numbers that depend on these three only: there is no state to keep."""
    words = np.random.SeedSequence([seed, purpose, number]).generate_state(2)
    return torch.Generator(device).manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)


def _in_folder(folder: Path) -> list[Path]:
    from torchvision.datasets.folder import IMG_EXTENSIONS

    paths = []
    for where, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [f for f in folders if not f.startswith(".")]  # such as .ipynb_checkpoints
        paths += [Path(where, f) for f in files if f.lower().endswith(IMG_EXTENSIONS) and not f.startswith(".")]
    if not paths:
        raise ValueError(f"expected pictures ({', '.join(IMG_EXTENSIONS)}) in the folder {folder}, found none")
    return sorted(paths)


def _torchvision_sets() -> dict[str, type]:
    """Lower-case name -> class of torchvision's data sets of pictures that need no more than a folder and a split."""
    from torchvision import datasets

    sets = {}
    for name in datasets.__all__:
        made = getattr(datasets, name)
        if name in ("VisionDataset", "ImageFolder", "LSUNClass", "MovingMNIST") or not inspect.isclass(made):
            continue
        needs = {
            p.name
            for p in list(inspect.signature(made.__init__).parameters.values())[1:]
            if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
        }
        if issubclass(made, datasets.VisionDataset) and needs <= {"root", "split"}:
            sets[name.lower()] = made
    return sets


def _torchvision_set(made: type, split: str | None, root: Path):
    from torchvision import datasets

    parameters = inspect.signature(made.__init__).parameters
    options = {}
    if split is not None:
        which = next((name for name in ("split", "image_set", "classes", "version") if name in parameters), None)
        if which is None and not ("train" in parameters and split in ("train", "test")):
            expected = "'train' or 'test'" if "train" in parameters else "none, it has one part"
            raise ValueError(f"the split of {made.__name__}: expected {expected}, got {split!r}")
        options = {"train": split == "train"} if which is None else {which: split}
    elif "split" in parameters and parameters["split"].default is inspect.Parameter.empty:
        raise ValueError(f"{made.__name__} needs a split: see torchvision's page on it for those that there are")
    if "root" not in parameters:  # FakeData: nothing to read
        return made(**options)
    if not ("download" in parameters or issubclass(made, datasets.MNIST)):
        return data.fetch(made, root, name=made.__name__, **options)
    try:
        return data.fetch(made, root, name=made.__name__, download=True, **options)
    except OSError:
        if made.__name__ in data.TORCHVISION.values():
            raise
        try:  # some cannot be downloaded any more, and some refuse to once they are there
            return made(root, download=False, **options)
        except Exception:  # what the download said is the better explanation
            pass
        raise


def _is_grey(picture: Image.Image) -> bool:
    return picture.mode in ("1", "L", "LA", "F", "I") or picture.mode.startswith("I;16")


def _square(picture: Image.Image, size: int, channels: int) -> Tensor:
    """The middle square of a picture, at this size: (channels, size, size) uint8."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):  # 16 bits of grey; Pillow would clip them at 255
        picture = Image.fromarray((np.asarray(picture).clip(0, 65535) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = picture.convert("L" if channels == 1 else "RGB")
    picture = ImageOps.fit(picture, (size, size), method=Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(picture).reshape(size, size, channels)).permute(2, 0, 1)


def _collate(examples: list) -> tuple[Tensor, list[tuple[int, str]]]:
    return torch.stack([image for image, _ in examples]), [b for _, broken in examples for b in broken]


def _deaf_to_signals(worker: int) -> None:
    """Ctrl-C and kill are the main process's to answer: it ends its workers when it has saved its work."""
    torch.set_num_threads(1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
