"""Draw the landing page's picture, images/hero.png: a lattice of spins sampled by Gibbs sampling, cold to hot.

Run it with `python book/hero.py`. The temperature rises from left to right: order, clusters of all sizes, noise.
"""

from pathlib import Path

import numpy as np
from PIL import Image


def sample(height: int = 96, width: int = 288, sweeps: int = 800, seed: int = 6) -> np.ndarray:
    """Spins ±1, (height, width), whose temperature rises from 1.9 at the left to 3.2 at the right. Wraps vertically."""
    rng = np.random.default_rng(seed)
    temperature = np.linspace(1.9, 3.2, width)  # (width,)
    spins = np.ones((height, width))
    rows, columns = np.indices(spins.shape)
    for sweep in range(2 * sweeps):
        padded = np.pad(spins, ((0, 0), (1, 1)), mode="edge")
        around = np.roll(spins, 1, 0) + np.roll(spins, -1, 0) + padded[:, :-2] + padded[:, 2:]
        up = rng.random(spins.shape) < 1 / (1 + np.exp(-2 * around / temperature))  # the Gibbs conditional
        colour = (rows + columns) % 2 == sweep % 2  # like a chessboard: neighbours never move together
        spins = np.where(colour, np.where(up, 1.0, -1.0), spins)
    return spins


if __name__ == "__main__":
    picture = Image.fromarray((sample() < 0).astype(np.uint8), mode="P")
    picture.putpalette([0, 0, 0, 38, 120, 139])
    picture.save(Path(__file__).parent / "images" / "hero.png", transparency=0, bits=1, optimize=True)
