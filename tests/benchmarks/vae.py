"""Speed of the VAE: an epoch with `fit` against the loop that most tutorials show, and an importance-weighted bound.

Times are medians of interleaved repeats in one process: the ratios mean something, the times belong to this machine.
"""

import time

import torch
from torch import Tensor, nn

from genbook import data
from genbook.train import fit, seeded
from genbook.vae import VAE, iwae_bound, neg_elbo, networks
from tests.benchmarks.autoencoder import BATCH, LR, against_usual

SIZES = [784, 400, 20]
WIDTHS = [(784, 400), (400, 40), (20, 400), (400, 784)]
K, IMAGES, TIMED_IMAGES = 500, 10_000, 1000


def vae() -> VAE:
    with seeded(0):
        return VAE(*networks(SIZES))


def usual_loss(model: VAE, x: Tensor) -> Tensor:
    """-ELBO as most tutorials write it, the mean over the batch: (B, 784) -> ()."""
    mu, logvar = model.encoder(x).chunk(2, dim=1)
    z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
    cross_entropy = nn.functional.binary_cross_entropy_with_logits(model.decoder(z), x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (cross_entropy + kl) / len(x)


def rows() -> list[tuple[str, str, str]]:
    """(what, measured, ratio and target) for the table that `make bench` prints. Both loops see the same bits."""
    with seeded(0) as generator:
        x, test = (data.binarize(data.mnist(split)[0].flatten(1), generator=generator) for split in ("train", "test"))
    of_epochs, rate = against_usual(
        "VAE 784-400-20",
        vae,
        neg_elbo,
        usual_loss,
        x,
        test,
        epochs=1,
        batch=256,
        lr=4e-3,
        widths=WIDTHS,
        target=6,
    )
    model = vae()
    fit(model, neg_elbo, x[:10_000], epochs=1, lr=LR, batch_size=BATCH, seed=0)
    began = time.perf_counter()
    iwae_bound(model, test[:TIMED_IMAGES], K, generator=torch.Generator().manual_seed(0))
    seconds = (time.perf_counter() - began) * IMAGES / TIMED_IMAGES
    work = 2 * IMAGES * K * sum(a * b for a, b in WIDTHS[2:])
    return [
        *of_epochs,
        (
            f"VAE 784-400-20, importance-weighted bound, K = {K}, {torch.get_num_threads()} torch thread(s)",
            f"{seconds:.0f} s for {IMAGES} images",
            f"target ≤ 60 s (timed on {TIMED_IMAGES} images), {work / seconds / rate:.0%} of that rate",
        ),
    ]
