"""Speed of the VAE: an epoch with `fit` against the loop that most tutorials show, and an importance-weighted bound.

Times are medians of interleaved repeats in one process: the ratios mean something, the times belong to this machine.
"""

import time

import torch
from torch import Tensor, nn

from genbook import data
from genbook.train import evaluate, fit, seeded
from genbook.vae import VAE, iwae_bound, neg_elbo, networks
from tests.benchmarks.autoencoder import usual
from tests.benchmarks.gibbs import interleaved

BATCH, LR, EPOCHS = 128, 1e-3, 1
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
    pixels = (x * 255).to(torch.uint8).reshape(-1, 28, 28)
    square = torch.rand(1024, 1024)
    losses = {}

    def with_fit() -> None:
        model = vae()
        fit(model, neg_elbo, x, epochs=EPOCHS, lr=LR, batch_size=BATCH, seed=0, bf16=True)
        losses["fit"] = evaluate(model, neg_elbo, test, seed=0)

    def with_usual() -> None:
        model = vae()
        with seeded(0):
            usual(model, usual_loss, pixels, EPOCHS)
        losses["usual"] = evaluate(model, neg_elbo, test, seed=0)

    def products() -> None:
        for _ in range(100):
            square @ square

    seconds = interleaved(repeats=3, fit=with_fit, usual=with_usual, products=products)
    rate = 100 * 2 * 1024**3 / seconds["products"]
    # Forwards, and backwards for the weights and for what comes in; nothing flows back into the images.
    products_of_epoch = 3 * sum(a * b for a, b in WIDTHS) - WIDTHS[0][0] * WIDTHS[0][1]
    work = EPOCHS * 2 * len(x) * products_of_epoch

    model = vae()
    fit(model, neg_elbo, x[:10_000], epochs=1, lr=LR, batch_size=BATCH, seed=0)
    began = time.perf_counter()
    iwae_bound(model, test[:TIMED_IMAGES], K, generator=torch.Generator().manual_seed(0))
    bound_seconds = (time.perf_counter() - began) * IMAGES / TIMED_IMAGES
    bound_work = 2 * IMAGES * K * sum(a * b for a, b in WIDTHS[2:])
    threads = f"{torch.get_num_threads()} torch thread(s)"
    return [
        (
            f"VAE 784-400-20, fit, batch {BATCH}, {threads}",
            f"{seconds['fit'] / EPOCHS:.2f} s/epoch",
            f"{seconds['usual'] / seconds['fit']:.1f} × the usual loop (target ≥ 6), "
            f"{work / seconds['fit'] / rate:.0%} of the matrix-product rate {rate / 1e9:.0f} GFLOP/s",
        ),
        (
            "VAE 784-400-20, DataLoader, ToTensor, loss.item()",
            f"{seconds['usual'] / EPOCHS:.2f} s/epoch",
            f"test -ELBO after {EPOCHS} epoch {losses['usual']:.2f}, with fit {losses['fit']:.2f}",
        ),
        (
            f"VAE 784-400-20, importance-weighted bound, K = {K}, {threads}",
            f"{bound_seconds:.0f} s for {IMAGES} images",
            f"target ≤ 60 s (timed on {TIMED_IMAGES} images), {bound_work / bound_seconds / rate:.0%} of that rate",
        ),
    ]
