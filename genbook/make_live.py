"""Train the two planes of digits that live in the pages, and write their weights: genbook/weights/live/*.js, live.json.

    python -m genbook.make_live              trains on "train", writes the scripts, and how they were made
    python -m genbook.make_live --validate   trains on "fit", prints the losses on "validation", writes nothing

One CPU thread, a few minutes. The same processor and the same torch give the same bytes.
The VAE and the autoencoder are those of chapter 4 with two code numbers, trained as there on a GPU: all digits, ten
epochs. Their layers are chapter 2's, which are narrower, so that no file is above 250 kB on its way to the reader.

Each script sets genbookWeights[its name] to an object with a network and some test digits; in Python `live.trained`
reads them. The network is `sizes`, the names of the functions after its `hidden` layers and its `output`, and
`weights`: the matrix (outputs, inputs) and the bias of each layer, one after the other, float16, little-endian, in
base64.
"""

import argparse
import base64
import gzip
import json
import time

import torch
from torch import Tensor, nn

from genbook import data
from genbook.autoencoders import Autoencoder, he_initialize, squared_error
from genbook.files import provenance, write_json, write_whole
from genbook.live import FOLDER
from genbook.make_vae import neg_elbo_of_new_bits
from genbook.train import evaluate, fit, seeded
from genbook.vae import VAE, networks

SIZES = [784, 128, 64, 2]
FIT = {"epochs": 10, "lr": 6e-3, "batch_size": 128, "decay": "linear"}
SEED = 0
CODES = 1000  # how many test digits are shown as points of the plane
LARGEST = 250_000  # bytes of a script after gzip


def untrained_vae(mean: Tensor, *, seed: int) -> VAE:
    """Chapter 4's VAE before its training: small last layers, and logits that begin at the mean image (784,)."""
    with seeded(seed):
        encoder, decoder = networks(SIZES, nonlinearity=nn.SiLU)
        he_initialize(nn.ModuleList([encoder, decoder]))
    with torch.no_grad():
        for network in (encoder, decoder):
            network[-1].weight *= 0.3
        decoder[-1].bias.copy_(mean.clamp(0.001, 0.999).logit())
    return VAE(encoder, decoder)


def untrained_autoencoder(*, seed: int) -> Autoencoder:
    """Chapter 4's autoencoder before its training, with the layers of the VAE."""
    with seeded(seed):
        return Autoencoder(SIZES, nonlinearity=nn.SiLU, output=nn.Sigmoid)


def train(x: Tensor, test: Tensor) -> tuple[VAE, Autoencoder, dict]:
    """Both networks trained on x (N, 784), and for each its losses and times; the test digits change nothing."""
    models = {"vae": untrained_vae(x.mean(0), seed=SEED), "autoencoder": untrained_autoencoder(seed=SEED)}
    runs = {}
    for (name, model), loss in zip(models.items(), (neg_elbo_of_new_bits, squared_error), strict=True):
        began, cpu_began = time.perf_counter(), time.process_time()
        losses = fit(model, loss, x, seed=SEED, **FIT)["train"]
        runs[name] = {
            "loss": loss.__name__,
            "losses": [round(value, 4) for value in losses],
            "test loss": round(evaluate(model, loss, test, seed=SEED), 4),
            "seconds": round(time.perf_counter() - began),
            "CPU seconds": round(time.process_time() - cpu_began),
        }
    return *models.values(), runs


@torch.no_grad()
def contents(vae: VAE, autoencoder: Autoencoder, test: Tensor, labels: Tensor) -> dict[str, dict]:
    """What each script holds, by name; test: (N, 784) in [0, 1], labels (N,), of which the first CODES are encoded.

    The VAE sees bits in its training and here grey values, their expectation: so nothing is drawn by chance where a
    reader's digit is encoded. Raises ValueError for weights that float16 cannot hold.
    """
    first, digits = test[:CODES], "".join(str(label) for label in labels[:CODES].tolist())
    # One test digit of each kind, for readers who would rather not draw.
    examples = torch.stack([test[(labels == digit).nonzero()[0, 0]] for digit in range(10)])
    return {
        "vae_decoder": _network(vae.decoder, "sigmoid") | {"codes": _base64(vae.encode(first)[0]), "labels": digits},
        "vae_encoder": _network(vae.encoder, "linear") | {"digits": _base64((examples * 255).round().byte())},
        "autoencoder_decoder": _network(autoencoder.decoder, "sigmoid")
        | {"codes": _base64(autoencoder.encode(first)), "labels": digits},
    }


def script(name: str, content: dict) -> bytes:
    """A script that a page can load from a folder too, where modules and fetch fail. ValueError if it is too large."""
    text = json.dumps(content, separators=(",", ":"))
    result = f'(globalThis.genbookWeights ??= {{}})["{name}"] = {text};\n'.encode()
    if len(gzip.compress(result)) > LARGEST:
        raise ValueError(f"{name} has {len(gzip.compress(result))} bytes after gzip, expected at most {LARGEST}")
    return result


def rounded(network: nn.Sequential) -> nn.Sequential:
    """The network as a page has it, in place: its weights rounded to float16."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.half())
    return network


def _network(network: nn.Sequential, output: str) -> dict:
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    parameters = torch.cat([p.detach().flatten() for layer in layers for p in (layer.weight, layer.bias)])
    sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
    return {"sizes": sizes, "hidden": "silu", "output": output, "weights": _base64(parameters)}


def _base64(values: Tensor) -> str:
    """Floats as float16, bytes as they are."""
    values = values.half() if values.is_floating_point() else values
    if values.is_floating_point() and not values.isfinite().all():
        raise ValueError("expected values that float16 can hold, at most 65504, and no NaN")
    return base64.b64encode(values.contiguous().numpy().tobytes()).decode()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train the planes of digits that live in the book's pages.")
    parser.add_argument("--validate", action="store_true", help='train on "fit", print the losses on "validation"')
    validate = parser.parse_args(arguments).validate
    torch.set_num_threads(1)  # the number of threads changes the last bits
    x = data.mnist("fit" if validate else "train")[0].flatten(1)  # (N, 784)
    test, labels = data.mnist("validation" if validate else "test")
    test = test.flatten(1)
    vae, autoencoder, runs = train(x, test)
    for name, run in runs.items():
        print(f"{name}: {run['loss']} {run['test loss']:.2f} after {run['seconds']} s", flush=True)
    if validate:
        return
    scripts = {name: script(name, content) for name, content in contents(vae, autoencoder, test, labels).items()}
    with torch.no_grad():
        codes = {"vae": vae.encode(test)[0], "autoencoder": autoencoder.encode(test)}  # (N, 2) each
        decoders = {"vae": vae.decoder, "autoencoder": autoencoder.decoder}
        exact = {name: _mean(name, decoders[name](codes[name])) for name in decoders}
        for name, run in runs.items():
            shipped = _mean(name, rounded(decoders[name])(codes[name]))
            error = (shipped - exact[name]).abs().amax(1)  # (N,): of each picture, its worst pixel
            run["error by float16"] = {"median": float(error.median()), "largest": float(error.max())}
    result = {
        "command": "python -m genbook.make_live",
        "settings": {"sizes": SIZES, "nonlinearity": "SiLU", "seed": SEED, "split": "train", "fit": FIT},
        "runs": runs,
        "sha256": {name: write_whole(content, FOLDER / f"{name}.js") for name, content in scripts.items()},
        **provenance(),
    }
    write_json(result, FOLDER / "live.json")  # last: it says that all are written


def _mean(name: str, output: Tensor) -> Tensor:
    """The pixels' means: the VAE's decoder gives their logits."""
    return output.sigmoid() if name == "vae" else output


if __name__ == "__main__":
    main()
