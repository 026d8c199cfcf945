"""Pictures to train on, at one size: a folder of them or a set of torchvision's, in memory or streamed."""

import inspect
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from genbook import data, pixels
from genbook.folders import MARK, digest, pictures_in, why_no_folder
from genbook.readers import read_ahead
from genbook.train import progress

NAMED = 10  # broken pictures that are named; the others are counted
LOOKED_AT, OF_A_SET, DEEP = 1000, 50, 100  # pictures looked at: of a folder, of a set; those whose values are read


class Pictures:
    """Pictures as uint8 (channels, size, size), cut to the middle square; [i] is (the picture, what was broken).

    items: paths, arrays (H, W), or what torchvision's sets give: pictures, alone or first in a tuple. Where number i
    cannot be read, another takes its place, always the same and for each a different one, so that an epoch keeps its
    length and its order; "what was broken" lists (number, name and reason). Transparent pictures are laid on white.
    channels: 1 or 3; None: 1 if all pictures of a sample are grey, else 3.
    scale: the values that become 0 and 255 in pictures of more than 8 bits; None: by the values of a sample of these.
    Pictures of 8 bits stay as they are.
    """

    def __init__(self, items, size: int, channels: int | None = None, scale: tuple[float, float] | None = None):
        if len(items) == 0:
            raise ValueError("expected at least one picture, got none")
        self.items, self.size = items, size
        self.asked = channels
        self._instead: dict[int, int] = {}  # for a broken one the next that could be read
        self.seen = self._look()
        self.channels = channels or (1 if self.seen.colour == 0 else 3)
        self.values = None
        if self.seen.deep:
            self.values = None if scale else pixels.scale_of(self._some(self.seen.deep, DEEP))
            scale = scale or (self.values["from"], self.values["to"])
        self.scale = scale
        self.left_out = ""  # in words
        self.strange: dict[str, set[int]] = {"colour": set(), "deep": set()}  # unlike those that were looked at

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> tuple[Tensor, list[tuple[int, str]]]:
        image, broken, _ = self.read(i)
        return torch.from_numpy(image), broken

    def read(self, i: int) -> tuple[np.ndarray, list[tuple[int, str]], str | None]:
        """The picture, what was broken, and how it is unlike the others: "colour" made grey, "deep" without a scale."""
        k, broken = i, {}
        while k not in broken:
            try:
                picture = self._open(k)
                image = pixels.square(picture, self.size, self.channels, self.scale)
            except Exception as error:  # any: a file that is cut short or is no picture can fail in many ways
                broken[k] = f"{self._name(k)}: {type(error).__name__}: {error}"
                k = self._instead.get(k, (k + _stride(len(self))) % len(self))
                continue
            if broken:
                self._instead |= dict.fromkeys(broken, k)
            strange = "deep" if self.scale is None and pixels.is_deep(picture) else None
            if self.channels == 1 and self.asked is None and not pixels.is_grey(picture):
                strange = "colour"
            return image, list(broken.items()), strange
        raise ValueError(f"none of the {len(self):,} pictures can be read; the first is {broken[i]}")

    def read_batch(self, rows: list[int]) -> tuple[np.ndarray, list]:
        """(B, channels, size, size) uint8, and of each number what `read` tells beside the picture."""
        found = [self.read(i) for i in rows]
        return np.stack([image for image, _, _ in found]), [(i, *of[1:]) for i, of in zip(rows, found, strict=True)]

    def _open(self, i: int, *, header: bool = False) -> Image.Image:
        item = self.items[i]
        if isinstance(item, tuple | list):  # with a label or two
            item = item[0]
        if isinstance(item, np.ndarray):
            return Image.fromarray(item)
        if isinstance(item, str | os.PathLike):
            picture = pixels.header(item) if header else pixels.opened(item, self.size)
            if picture.info.get("Software") == MARK.decode():
                raise ValueError("a result of genbook itself")
            return picture
        if not isinstance(item, Image.Image):
            raise TypeError(f"expected a picture, got {type(item).__name__}")
        return item

    def _name(self, i: int) -> str:
        return str(self.items[i]) if isinstance(self.items, list) else f"picture {i}"

    def _look(self) -> SimpleNamespace:
        """Of a sample: how many, in colour, of more than 8 bits (see pixels), of several pages, and their sizes."""
        seen = SimpleNamespace(n=0, colour=0, deep=[], halved=[], pages=0, sizes=set())
        most = LOOKED_AT if isinstance(self.items, list | np.ndarray) else OF_A_SET
        for i in np.unique(np.linspace(0, len(self) - 1, most).round().astype(int)).tolist():
            try:
                picture = self._open(i, header=True)
            except Exception:  # it will be named when it is needed
                continue
            seen.n += 1
            seen.colour += not pixels.is_grey(picture)
            seen.pages += getattr(picture, "pages", 1) > 1
            seen.sizes.add(picture.size)
            if pixels.is_deep(picture):
                seen.deep.append(i)
            if pixels.is_halved(picture):
                seen.halved.append(i)
        return seen

    def are_dark(self, numbers: list[int]) -> bool:
        """Whether no pixel of a few of these is brighter than a quarter."""
        brightest = [np.asarray(picture.convert("RGB")).max() for picture in self._some(numbers, 10)]
        return bool(brightest) and max(brightest) < 64

    def _some(self, numbers: list[int], most: int) -> Iterator[Image.Image]:
        """At most so many of them, evenly spread, as far as they can be read."""
        for i in np.unique(np.linspace(0, len(numbers) - 1, most).round().astype(int)):
            try:
                yield self._open(numbers[i])
            except Exception:
                continue


def find(
    name: str,
    size: int,
    *,
    channels: int | None = None,
    scale: tuple[float, float] | None = None,
    split: str | None = None,
    root=None,
    out: Path | None = None,
) -> Pictures:
    """The pictures of a folder, those in its folders included, or of a data set by its name.

    name: a folder; "mnist", which ships with the book; or any set of pictures in torchvision.datasets, in any case, or
    by the book's own name (see data.load): torchvision downloads it once, into root (see data.data_folder).
    channels, scale: see Pictures. split: which part, as torchvision calls it; default: the training part.
    out: a folder of results, none of which is taken for a picture.
    Raises ValueError for an unknown name, with those that are known, and for a folder without pictures; OSError where a
    set's files are neither there nor to be had.
    """
    if os.path.isdir(name):
        try:
            paths, left_out = pictures_in(Path(name), out=out)
        except ValueError as error:
            if _set_named(name) is None:
                raise
            print(f"{error}: taking the data set of that name", file=sys.stderr, flush=True)
        else:
            pictures = Pictures(paths, size, channels, scale)
            pictures.left_out = left_out
            return pictures
    made = _set_named(name)
    if made is None:
        raise ValueError(why_no_folder(name, ["mnist", *data.TORCHVISION, *sorted(_torchvision_sets().values())]))
    if made == "mnist":
        return Pictures(data.mnist(split or "train")[0].mul(255).byte().numpy(), size, channels, scale)
    return Pictures(_torchvision_set(made, split, data.data_folder(root)), size, channels, scale)


def description(pictures: Pictures) -> str:
    """Which data these are, for a checkpoint to compare: how many, and a digest of their names (not their content)."""
    names = f", SHA-256 of their names {digest(pictures.items)[:16]}" if isinstance(pictures.items, list) else ""
    return f"{len(pictures)} pictures{names}"


def in_words(pictures: Pictures) -> str:
    """How many there are, of which sizes, grey or in colour, and how that was decided."""
    seen = pictures.seen
    sizes = [f"{w} × {h}" for w, h in sorted(seen.sizes, key=lambda wh: wh[0] * wh[1])]
    sizes = " to ".join(dict.fromkeys([sizes[0], sizes[-1]])) + " pixels" if sizes else "of unknown size"
    grey = seen.n - seen.colour
    mixed = f"{grey:,} grey and {seen.colour:,} in colour" if grey and seen.colour else "grey" if grey else "in colour"
    of = f" ({seen.n:,} looked at)" if seen.n < len(pictures) else ""
    taken = "as grey" if pictures.channels == 1 else "in colour"
    taken = "" if mixed == taken.removeprefix("as ") else f", taken {taken}"
    return f"{_count(len(pictures))}, {sizes}, {mixed}{of}{taken}"


def warnings_of(pictures: Pictures) -> list[str]:
    """What is to be said of these pictures before a training, a sentence each."""
    seen, told = pictures.seen, []
    if pictures.left_out:
        told.append(f"left out: {pictures.left_out}")
    of = f"of the {seen.n:,} looked at " if seen.n < len(pictures) else ""
    if seen.deep:
        low, high = (f"{value:g}" for value in pictures.scale)
        values = pictures.values or {"cut": False}
        found = f", with values from {values['least']:g} to {values['largest']:g}" if pictures.values else ""
        cut = "; 99.8 % of them lie between, and those beyond are cut" if values["cut"] else ""
        others = "" if len(seen.deep) == seen.n else "; those of 8 bits stay as they are"
        becomes = f"{low} becomes black and {high} white{cut}{others}"
        told.append(f"{of}{_count(len(seen.deep))} of more than 8 bits{found}: {becomes}")
    if pictures.are_dark(seen.halved):
        told.append(
            f"{of}{_count(len(seen.halved))} of 16 bits a channel: only the upper 8 are read, and these are nearly "
            "black here; save them with 8 bits, or over the whole range"
        )
    if seen.pages:
        told.append(f"{of}{_count(seen.pages)} of several pages or frames: the first is taken")
    return told


def nbytes(pictures: Pictures) -> int:
    """The memory that they all take."""
    return len(pictures) * pictures.channels * pictures.size**2


def in_memory(pictures: Pictures, *, workers: int = 0, named: int = NAMED) -> tuple[Tensor, dict[int, str]]:
    """All of them, (N, channels, size, size) uint8, and the broken ones: number -> name and reason; see `stream`."""
    images = torch.empty(len(pictures), pictures.channels, pictures.size, pictures.size, dtype=torch.uint8)
    parts = [list(range(start, min(start + 500, len(pictures)))) for start in range(0, len(pictures), 500)]
    broken: dict[int, str] = {}
    with closing(stream(pictures, parts, workers=workers, broken=broken, named=named)) as loaded:
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
    are told of on stderr. pin: in page-locked memory, for the way to a GPU. Close it, and the processes are gone.
    Raises ValueError where no picture at all can be read, ChildProcessError where a process died.
    """

    def finish(images: np.ndarray, found: list) -> tuple[Tensor, list]:
        batch = torch.from_numpy(images)
        return batch.pin_memory() if pin else batch, found

    with closing(read_ahead(pictures.read_batch, rows, workers=workers, finish=finish)) as batches:
        for images, found in batches:
            for number, reasons, strange in found:
                if strange:
                    _tell_of_strange(pictures, number, strange, named)
                for k, reason in reasons:
                    if k not in broken:
                        broken[k] = reason
                        if len(broken) <= named:
                            more = "; further ones are only counted" if len(broken) == named else ""
                            say = f"skipped a picture that cannot be read, {reason}{more}"
                            print(say, file=sys.stderr, flush=True)
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


def _set_named(name: str) -> str | None:
    """The class of a data set, or "mnist", by a name in any case; None for other names."""
    if name.lower() == "mnist":
        return "mnist"
    return _torchvision_sets().get(data.TORCHVISION.get(name.lower(), name).lower())


@cache
def _torchvision_sets() -> dict[str, str]:
    """Lower-case name -> name of torchvision's data sets of pictures that need no more than a folder and a split."""
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
            sets[name.lower()] = name
    return sets


def _torchvision_set(name: str, split: str | None, root: Path):
    """The data set with pictures that stand upright."""
    from torchvision import datasets

    dataset = _fetched(getattr(datasets, name), split, root)
    if name == "EMNIST":  # torchvision gives them as the files do: rows and columns swapped
        dataset.data = dataset.data.transpose(1, 2).contiguous()
    return dataset


def _fetched(made: type, split: str | None, root: Path):
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


def _tell_of_strange(pictures: Pictures, number: int, strange: str, named: int) -> None:
    """Count a picture that is unlike those looked at; name the first."""
    if named and not pictures.strange[strange]:
        name = pictures._name(number)
        told = {
            "colour": f"{name} is in colour and becomes grey, as those that were looked at are: --channels 3 keeps "
            "colours",
            "deep": f"{name} has more than 8 bits, as none of those that were looked at: 0 becomes black and 65535 (of "
            "floats 255) white",
        }
        print(told[strange], file=sys.stderr, flush=True)
    pictures.strange[strange].add(number)


def _stride(n: int) -> int:
    """A step that visits all n numbers, and takes neighbours far from each other and from where they were."""
    step = max(1, round(n * 0.618))
    while np.gcd(step, n) != 1:
        step += 1
    return step % n or 1


def _count(n: int) -> str:
    return f"{n:,} picture{'s' * (n != 1)}"
