"""Train the autoencoders that stand beside PCA in chapter 2, and write genbook/results/autoencoders.json.

    python -m genbook.make_autoencoders              codes of 2, 10 and 30 numbers, three seeds each
    python -m genbook.make_autoencoders --long       one long training with a code of 30
    python -m genbook.make_autoencoders --validate   trains on "fit", prints the errors on "validation", writes nothing

A command that was interrupted goes on where it was: _build/autoencoders keeps the state of each training; delete it to
start anew. All settings were chosen on "validation".
"""

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from genbook import data
from genbook.autoencoders import Autoencoder, squared_error
from genbook.files import provenance, write_json
from genbook.train import evaluate, fit_timed, seeded

RESULTS = Path(__file__).parent / "results" / "autoencoders.json"
CHECKPOINTS = Path("_build", "autoencoders")  # where the command is run

# The network of Hinton and Salakhutdinov 2006, with a nonlinearity of today; the code's size comes last.
SIZES = [784, 1000, 500, 250]
NONLINEARITY = nn.SiLU
SHORT = {"codes": [2, 10, 30], "seeds": [0, 1, 2], "epochs": 8, "lr": 2e-3, "batch_size": 128, "decay": "cosine"}
LONG = {"codes": [30], "seeds": [0], "epochs": 24, "lr": 2e-3, "batch_size": 128, "decay": "cosine"}


def initialized(sizes: list[int], mean: Tensor, *, seed: int) -> Autoencoder:
    """The autoencoder before its training; its biases make it begin near the mean image (784,)."""
    with seeded(seed):
        model = Autoencoder(sizes, nonlinearity=NONLINEARITY, output=nn.Sigmoid)
    with torch.no_grad():
        model.decoder[-2].bias.copy_(mean.clamp(0.001, 0.999).logit())
    return model


def train(
    k: int, seed: int, x: Tensor, test: Tensor, checkpoint: Path, *, loss=None, **settings
) -> tuple[Autoencoder, dict]:
    """One training on x (N, 784), by `settings` of `fit`: the autoencoder, and its errors, learning curves and times.

    loss: what is minimised, None for the squared error. What the checkpoint holds is not done again. The times of a
    training that was interrupted are not known: None.
    """
    model = initialized([*SIZES, k], x.mean(0).cpu(), seed=seed).to(x.device)
    curves, times = fit_timed(model, loss or squared_error, x, test=test, seed=seed, checkpoint=checkpoint, **settings)
    errors = {name: evaluate(model, squared_error, t, seed=seed) for name, t in (("train", x), ("test", test))}
    return model, {"code": k, "seed": seed, "error": errors, "curves": curves, **times}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train the autoencoders that chapter 2 compares with PCA.")
    parser.add_argument("--long", action="store_true", help="one long training with a code of 30")
    parser.add_argument("--validate", action="store_true", help='train on "fit", print the errors on "validation"')
    options = parser.parse_args(arguments)
    name, settings = ("long", LONG) if options.long else ("short", SHORT)
    splits = {"train": "fit", "test": "validation"} if options.validate else {"train": "train", "test": "test"}
    x, test = (data.mnist(split)[0].flatten(1) for split in splits.values())  # (N, 784) each
    of_fit = {key: value for key, value in settings.items() if key not in ("codes", "seeds")}
    runs = []
    for k in settings["codes"]:
        for seed in settings["seeds"]:
            checkpoint = CHECKPOINTS / f"{name}-{splits['train']}-code{k}-seed{seed}.pt"
            runs.append(train(k, seed, x, test, checkpoint, **of_fit)[1])
            error = " and ".join(f"{runs[-1]['error'][key]:.3f} on {split!r}" for key, split in splits.items())
            print(f"code {k}, seed {seed}: error {error}", flush=True)
    if options.validate:
        return
    result = {
        "command": f"python -m genbook.make_autoencoders{' --long' * options.long}",
        "error": "squared error per image, summed over its 784 pixels in [0, 1]",
        "settings": settings | {"sizes": SIZES, "nonlinearity": NONLINEARITY.__name__},
        "runs": runs,
        **provenance(),
    }
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    write_json(results | {name: result}, RESULTS)


if __name__ == "__main__":
    main()
