"""Train the VAEs whose likelihood chapter 4 reports, on MNIST's bits, and write genbook/results/vae.json.

    python -m genbook.make_vae              minutes on a CPU
    python -m genbook.make_vae --long       the one-layer VAE of Burda et al. 2015, hours even on a GPU
    python -m genbook.make_vae --validate   trains on "fit", prints the bounds on "validation", writes nothing

A command that was interrupted goes on where it was: _build/vae keeps the state of each training; delete it to start
anew. The network, its first weights and the range of the learning rate were chosen on "validation", by trainings of
three epochs, the batch size with its rate by one of twenty; the number of epochs is what about three minutes allow.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from genbook import data
from genbook.autoencoders import he_initialize
from genbook.files import provenance, write_json
from genbook.train import device, fit_timed, seeded
from genbook.vae import VAE, active_units, elbo_terms, iwae_bound, neg_elbo, networks

RESULTS = Path(__file__).parent / "results" / "vae.json"
CHECKPOINTS = Path("_build", "vae")  # where the command is run

# stages: settings of `fit`, one training after the other, each with a fresh Adam.
# bounds: (K, every how many images of the row before): K = 5000 for all would take longer than the short training.
SHORT = {
    "network": "wide",
    "sizes": [784, 400, 400, 40],
    "seeds": [0],
    "stages": [{"epochs": 17, "lr": 5e-3, "batch_size": 256, "decay": "linear"}],
    "bounds": [[200, 1], [5000, 100]],
}
LONG = {
    "network": "plain",
    "sizes": [784, 200, 200, 50],
    "seeds": [0],
    "stages": [
        {"epochs": 3**i, "lr": 1e-3 * 10 ** (-i / 7), "batch_size": 20, "decay": None, "every": 3 ** max(0, i - 3)}
        for i in range(8)
    ],
    "bounds": [[5000, 1]],
    "deviations from the paper": [
        "Adam begins anew at each of the eight learning rates",
        "Adam's epsilon is 1e-8, there 1e-4",
        "the test images are binarised once, with a fixed seed",
    ],
}


class Centred(nn.Module):
    """x - mean: without it the first layer learns more slowly. mean: (D,); (B, D) -> (B, D)."""

    def __init__(self, mean: Tensor):
        super().__init__()
        self.register_buffer("mean", mean)

    def forward(self, x: Tensor) -> Tensor:
        return x - self.mean


class Beside(nn.Module):
    """The input beside the network's output: what follows sees z itself too. (B, k) -> (B, hidden + k)."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        return torch.cat([self.network(z), z], dim=1)


def initialized(network: str, sizes: list[int], mean: Tensor, *, seed: int, condition: int = 0) -> VAE:
    """The VAE before its training; the bias of the logits is that of the mean image (784,).

    condition: how many equally likely classes it is told as one-hot vectors, 0 for none.

    network: "plain" has tanh layers and Glorot & Bengio's weights. "wide" has SiLU layers and He's weights; its encoder
    sees x less the mean image, and the last layer of its decoder sees z too.
    """
    with seeded(seed):
        if network == "plain":
            encoder, decoder = networks(sizes, nonlinearity=nn.Tanh, condition=condition)
            for layer in (*encoder, *decoder):
                if isinstance(layer, nn.Linear):
                    nn.init.xavier_uniform_(layer.weight)
                    nn.init.zeros_(layer.bias)
            logits = decoder[-1]
        else:
            encoder, decoder = networks(sizes, nonlinearity=nn.SiLU, condition=condition)
            logits = nn.Linear(sizes[1] + sizes[-1] + condition, sizes[0])
            seen = torch.cat([mean, torch.full((condition,), 1 / max(1, condition))])
            encoder = nn.Sequential(Centred(seen), *encoder)
            decoder = nn.Sequential(Beside(decoder[:-1]), logits)
            he_initialize(nn.ModuleList([encoder, decoder]))
    with torch.no_grad():
        logits.bias.copy_(mean.clamp(0.001, 0.999).logit())
    return VAE(encoder, decoder)


def neg_elbo_of_new_bits(
    model: VAE, x: Tensor, condition: Tensor | None = None, *, generator: torch.Generator
) -> Tensor:
    """-ELBO of bits drawn anew at each visit, as the pixels' values say. x: (B, 784) in [0, 1] -> (B,), nats."""
    return neg_elbo(model, data.binarize(x, generator=generator), condition, generator=generator)


def evaluated(model: VAE, bits: Tensor, bounds: list[list[int]], *, seed: int) -> dict:
    """ELBO, its two terms, importance-weighted bounds and active units on bits (N, 784): means, standard errors, nats.

    The ELBO and its terms are means over 10 draws of z for each image. Each bound is on every n-th image, and its gain
    over the row before (the first: over the ELBO) is on the same images, which makes its error small.
    """
    began = time.perf_counter()
    with seeded(seed, bits.device) as generator, torch.no_grad():
        draws = [torch.stack(elbo_terms(model, bits, generator=generator)) for _ in range(10)]
        log_px_given_z, kl = torch.stack(draws).mean(0)  # (10, 2, N) -> two (N,)
        elbo = log_px_given_z - kl
        rows, before = [], elbo
        for k, step in bounds:
            bound, before = iwae_bound(model, bits[::step], k, generator=generator), before[::step]
            row = {"K": k, "images": len(bound), "bound": mean_and_error(bound), "gain": mean_and_error(bound - before)}
            rows, before = [*rows, row], bound
        units = int(active_units(model, bits).sum())
    terms = {"ELBO": elbo, "log p(x | z)": log_px_given_z, "KL": kl}
    return {name: mean_and_error(values) for name, values in terms.items()} | {
        "bounds": rows,
        "active units": units,
        "seconds of evaluation": round(time.perf_counter() - began),
    }


def mean_and_error(values: Tensor) -> dict:
    """Mean and standard error of the mean. values: (N,)."""
    values = values.double()
    return {"mean": values.mean().item(), "standard error": (values.std() / len(values) ** 0.5).item()}


def train(
    settings: dict, seed: int, x: Tensor, test: Tensor | None, checkpoint: Path, *, loss=None
) -> tuple[VAE, dict]:
    """One training on x (N, 784), stage after stage: the VAE, and its learning curves and times.

    loss: what is minimised, None for the -ELBO of new bits. What the checkpoints hold is not done again. The times of a
    training that was interrupted are not known: None.
    """
    model = initialized(settings["network"], settings["sizes"], x.mean(0).cpu(), seed=seed).to(x.device)
    curves, times = {"train": []} if test is None else {"train": [], "test": []}, []
    for i, stage in enumerate(settings["stages"]):
        path = checkpoint.with_name(f"{checkpoint.name}-stage{i}.pt")
        of_stage, seconds = fit_timed(
            model, loss or neg_elbo_of_new_bits, x, test=test, seed=seed + 100 * i, checkpoint=path, **stage
        )
        times.append(seconds)
        for name, values in of_stage.items():
            curves[name] += [round(value, 3) for value in values]
    total = {key: None if None in (t[key] for t in times) else sum(t[key] for t in times) for key in times[0]}
    return model, {"curves": curves, **total}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train the VAEs whose likelihood chapter 4 reports.")
    parser.add_argument("--long", action="store_true", help="the one-layer VAE of Burda et al. 2015")
    parser.add_argument("--validate", action="store_true", help='train on "fit", print the bounds on "validation"')
    options = parser.parse_args(arguments)
    name, settings, where = ("long", LONG, device()) if options.long else ("short", SHORT, torch.device("cpu"))
    splits = {"train": "fit", "test": "validation"} if options.validate else {"train": "train", "test": "test"}
    x, test = (data.mnist(split)[0].flatten(1).to(where) for split in splits.values())  # (N, 784) each
    with seeded(0) as generator:
        bits = data.binarize(test, generator=generator)  # once: all K, and all models, are compared on the same bits
    runs = []
    for seed in settings["seeds"]:
        model, training = train(settings, seed, x, test, CHECKPOINTS / f"{name}-{splits['train']}-seed{seed}")
        runs.append({"seed": seed} | evaluated(model, bits, settings["bounds"], seed=seed) | training)
        text = f"ELBO {runs[-1]['ELBO']['mean']:.2f}"
        for of_k in runs[-1]["bounds"]:
            value = of_k["bound"]
            text += f", K = {of_k['K']} on {of_k['images']}: {value['mean']:.2f} ± {value['standard error']:.2f}"
        print(f"seed {seed}, nats on {splits['test']!r}: {text}", flush=True)
    if options.validate:
        return
    result = {
        "command": f"python -m genbook.make_vae{' --long' * options.long}",
        "bits": "training pixels are binarised anew at each visit, test pixels once, with seed 0",
        "settings": settings,
        "runs": runs,
        **provenance(on_gpu=where.type == "cuda"),
    }
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    write_json(results | {name: result}, RESULTS)


if __name__ == "__main__":
    main()
