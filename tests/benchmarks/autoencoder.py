"""Speed of training: an epoch of a small autoencoder with `fit` against the loop that most tutorials show.

Times are medians of interleaved repeats in one process: the ratios mean something, the times belong to this machine.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from genbook import data
from genbook.autoencoders import Autoencoder, squared_error
from genbook.train import evaluate, fit, seeded
from tests.benchmarks.gibbs import interleaved

BATCH, LR = 128, 1e-3  # of the usual loop
SIZES = [784, 400, 20]


def autoencoder() -> Autoencoder:
    with seeded(0):
        return Autoencoder(SIZES, output=nn.Sigmoid)


def images_one_by_one(pixels: Tensor) -> Dataset:
    """torchvision's own MNIST set, without its files: an image is made and transformed each time it is asked for."""
    dataset = MNIST.__new__(MNIST)
    dataset.data, dataset.targets = pixels, torch.zeros(len(pixels), dtype=torch.int64)
    dataset.transform, dataset.target_transform = ToTensor(), None
    return dataset


def usual(model: nn.Module, mean_loss: Callable[[nn.Module, Tensor], Tensor], pixels: Tensor, epochs: int) -> None:
    """The usual loop: a DataLoader, plain Adam, the loss of each batch (B, 784) -> () read after it."""
    loader = DataLoader(images_one_by_one(pixels), batch_size=BATCH, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    for _ in range(epochs):
        total = 0.0
        for images, _ in loader:
            optimizer.zero_grad()
            loss = mean_loss(model, images.flatten(1))
            loss.backward()
            optimizer.step()
            total += loss.item()


def against_usual(
    name: str,
    make: Callable[[], nn.Module],
    loss: Callable[..., Tensor],
    mean_loss: Callable[[nn.Module, Tensor], Tensor],
    x: Tensor,
    test: Tensor,
    *,
    epochs: int,
    batch: int,
    lr: float,
    widths: list[tuple[int, int]],
    target: int,
) -> tuple[list[tuple[str, str, str]], float]:
    """Two rows, `fit` and the usual loop on x (N, 784), and this machine's matrix-product rate in FLOP/s.

    batch, lr: of `fit`; larger than the usual ones, so that as many epochs come to the same test loss in fewer steps.
    widths: inputs and outputs of each linear layer, the first on the images.
    """
    pixels = (x * 255).round().to(torch.uint8).reshape(-1, 28, 28)
    square = torch.rand(1024, 1024)
    losses = {}

    def with_fit() -> None:
        model = make()
        fit(model, loss, x, epochs=epochs, lr=lr, batch_size=batch, seed=0, bf16=True)
        losses["fit"] = evaluate(model, loss, test, seed=0)

    def with_usual() -> None:
        model = make()
        with seeded(0):
            usual(model, mean_loss, pixels, epochs)
        losses["usual"] = evaluate(model, loss, test, seed=0)

    def products() -> None:
        for _ in range(100):
            square @ square

    seconds = interleaved(repeats=3, fit=with_fit, usual=with_usual, products=products)
    rate = 100 * 2 * 1024**3 / seconds["products"]
    # Forwards, and backwards for the weights and for what comes in; nothing flows back into the images.
    products_of_epoch = 3 * sum(a * b for a, b in widths) - widths[0][0] * widths[0][1]
    work = epochs * 2 * len(x) * products_of_epoch
    rows = [
        (
            f"{name}, fit, batch {batch}, {torch.get_num_threads()} torch thread(s)",
            f"{seconds['fit'] / epochs:.2f} s/epoch",
            f"{seconds['usual'] / seconds['fit']:.1f} × the usual loop (target ≥ {target}), "
            f"{work / seconds['fit'] / rate:.0%} of the matrix-product rate {rate / 1e9:.0f} GFLOP/s",
        ),
        (
            f"{name}, DataLoader, ToTensor, loss.item(), batch {BATCH}",
            f"{seconds['usual'] / epochs:.2f} s/epoch",
            f"test loss after {epochs} epoch(s) {losses['usual']:.2f}, with fit {losses['fit']:.2f}",
        ),
    ]
    return rows, rate


def rows() -> list[tuple[str, str, str]]:
    """(what, measured, ratio and target) for the table that `make bench` prints."""
    x, test = (data.mnist(split)[0].flatten(1) for split in ("train", "test"))  # (60 000, 784), (10 000, 784)
    return against_usual(
        "Autoencoder 784-400-20",
        autoencoder,
        squared_error,
        lambda model, images: squared_error(model, images).mean(),
        x,
        test,
        epochs=2,
        batch=256,
        lr=3e-3,
        widths=list(pairwise(SIZES + SIZES[-2::-1])),  # 784-400, 400-20, 20-400, 400-784
        target=4,
    )[0]
