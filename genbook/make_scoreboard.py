"""Train the models of chapter 7's scoreboard and measure them: genbook/results/scoreboard.json and the weights.

    python -m genbook.make_scoreboard                            all models, three seeds each
    python -m genbook.make_scoreboard --only VAE                 one of them
    python -m genbook.make_scoreboard --validate --only VAE      trains on "fit", prints measures on "validation"

A command that was interrupted goes on where it was, and several with different --only may run at once:
_build/scoreboard keeps each model that is done; delete it to start anew. The files are written when all are done; a
model counts as done, too, if the stored result has it, of the same settings, made on such a device with these versions.
"""

import argparse
import hashlib
import json
import math
import statistics
import time
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import one_hot

from genbook import data
from genbook.autoencoders import ppca_log_likelihood
from genbook.files import provenance, write_json, write_whole
from genbook.gan import Discriminator
from genbook.rbm import ais_log_partition
from genbook.scoreboard import MODELS, RESULTS, Mixture, measure, sample, train, weights_file
from genbook.train import seeded
from genbook.vae import iwae_bound, reparameterize

PARTS = Path("_build", "scoreboard")  # where the command is run
SEEDS = [0, 1, 2]
SAMPLES = 10_000
DRAWS = 50  # K of the importance-weighted bound
AIS = {"steps": 5000, "chains": 100}


def made(name: str, seed: int, splits: dict[str, Tensor]) -> tuple[nn.Module, dict]:
    """One model of one seed, trained and measured. splits: "x", "labels", "test", "test labels"."""
    settings, x, test = MODELS[name], splits["x"].flatten(1), splits["test"]
    began, cpu_began = time.perf_counter(), time.process_time()
    model, losses = train(name, settings, x, splits["labels"], seed=seed)
    times = {
        "seconds": round(time.perf_counter() - began, 1),
        "CPU seconds": round(time.process_time() - cpu_began, 1),
    }
    model.load_state_dict({key: value.half().float() for key, value in model.state_dict().items()})  # as it is shipped
    with seeded(seed) as generator:
        images = sample(name, model.eval(), SAMPLES, generator=generator)
        per_thousand = [timed(lambda: sample(name, model, 1000, generator=generator)) for _ in range(3)]
    return model, {
        "measures": measure(images, test[:SAMPLES], splits["x"]),
        "log-likelihood": log_likelihood(name, model, splits, seed=seed),
        "parameters": parameters(name, model),
        "losses": {key: [round(value, 4) for value in values[:20]] for key, values in losses.items()},
        **times,
        "seconds per 1000 images": round(statistics.median(per_thousand), 4),
    }


def parameters(name: str, model: nn.Module) -> int:
    """How many numbers training set: an autoencoder's and a GAN's second network count too, an RBM's chains do not."""
    settings, count = MODELS[name], sum(p.numel() for p in model.parameters())
    if name.endswith("+ mixture"):
        count += sum(numbers.numel() for numbers in (model.shares, model.means, model.roots))
    if name == "autoencoder + mixture":
        encoder = sum((a + 1) * b for a, b in zip(settings["sizes"], settings["sizes"][1:], strict=False))
        count += encoder
    if name.startswith("GAN"):
        count += sum(p.numel() for p in Discriminator(settings["channels"]).parameters())
    return count


@torch.no_grad()
def log_likelihood(name: str, model: nn.Module, splits: dict[str, Tensor], *, seed: int) -> dict | None:
    """Nats per test image: the mean, what kind of number it is, and on what; None where the model has none."""
    test = splits["test"].flatten(1)
    with seeded(0) as generator:
        bits = data.binarize(test, generator=generator)
    with seeded(seed) as generator:
        if name == "RBM":
            log_odds = splits["x"].flatten(1).mean(0).clamp(0.001, 0.999).logit()  # (784,): the bits to begin with
            log_z, error = ais_log_partition(model, log_odds, generator=generator, **AIS)
            mean = float(-model.free_energy(bits).mean()) - log_z
            return {"mean": mean, "kind": "estimate", "of": "bits", "standard error of log Z": error}
        if name == "probabilistic PCA":
            mean = float(ppca_log_likelihood(splits["x"].flatten(1), MODELS[name]["k"], test).mean())
            return {"mean": mean, "kind": "exact", "of": "grey values, a density"}
        if name == "VAE":
            mean = float(iwae_bound(model, bits, DRAWS, generator=generator).mean())
            return {"mean": mean, "kind": f"lower bound, K = {DRAWS}", "of": "bits"}
        if name == "VAE + mixture":
            mean = float(bound_with_mixture(model, bits, DRAWS, generator=generator).mean())
            return {"mean": mean, "kind": f"lower bound, K = {DRAWS}", "of": "bits"}
        if name == "conditional VAE":  # p(x) >= p(x | c) p(c) for the right label c, and p(c) = 1/10
            condition = one_hot(splits["test labels"], 10).float()
            bound = iwae_bound(model, bits, DRAWS, condition, generator=generator).mean() - torch.tensor(10.0).log()
            return {"mean": float(bound), "kind": f"lower bound, K = {DRAWS}", "of": "bits"}
    return None


@torch.no_grad()
def bound_with_mixture(model: Mixture, x: Tensor, k: int, *, generator: torch.Generator) -> Tensor:
    """`iwae_bound` of a VAE whose prior is the mixture: 1/k Σ_i p(x | z_i) m(z_i) / q(z_i | x). (B, 784) -> (B,)."""
    vae, bounds = model.decoder, []
    for part in x.split(20):  # 1000 draws at once for k = 50
        mu, logvar = (t.repeat_interleave(k, dim=0) for t in vae.encode(part))  # two (20 k, latent)
        z = reparameterize(mu, logvar, generator=generator)
        log_q = Normal(mu, (logvar / 2).exp()).log_prob(z).sum(1)
        log_px = vae.log_px_given_z(part, z.reshape(len(part), k, -1))  # (20, k)
        log_w = log_px + (model.log_prob(z) - log_q).reshape(len(part), k)
        bounds.append(log_w.logsumexp(1) - math.log(k))
    return torch.cat(bounds)


def timed(draw) -> float:
    began = time.perf_counter()
    draw()
    return time.perf_counter() - began


def part(name: str, seed: int) -> Path:
    return PARTS / f"{weights_file(name).stem}_{seed}"


def make(name: str, splits: dict[str, Tensor]) -> None:
    """Each seed of one model that is not done yet: its weights and its numbers as a part."""
    for seed in SEEDS:
        path = part(name, seed)
        if path.with_suffix(".json").exists():
            continue
        model, numbers = made(name, seed, splits)
        state = {key: value.half().contiguous() for key, value in model.state_dict().items()}
        write_whole(safetensors.torch.save(state), path.with_suffix(".safetensors"))
        write_json({"seed": seed, **numbers}, path.with_suffix(".json"))  # last: it says that the part is done
        print(f"{name}, seed {seed}: Fréchet distance {numbers['measures']['frechet']:.2f}", flush=True)


def kept(name: str) -> dict:
    """The stored entry of a model (or "training digits"), if it is what the command would make here; else nothing."""
    stored = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if any(stored.get(key) != value for key, value in provenance().items()):
        return {}
    if name == "training digits":
        return stored[name]
    entry = stored["models"].get(name, {})
    return entry if entry.get("settings") == MODELS[name] else {}


def done(name: str) -> bool:
    return all(part(name, seed).with_suffix(".json").exists() for seed in SEEDS)


def collect(splits: dict[str, Tensor]) -> None:
    """Write the result and the weights of seed 0 from the parts; and measure real digits as if they were draws."""
    models = {}
    for name, settings in MODELS.items():
        if not done(name):
            models[name] = kept(name)
            continue
        runs = [json.loads(part(name, seed).with_suffix(".json").read_text(encoding="utf-8")) for seed in SEEDS]
        content = part(name, 0).with_suffix(".safetensors").read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        models[name] = {"settings": settings, "weights": weights_file(name).name, "sha256": digest, "runs": runs}
        write_whole(content, weights_file(name))
    digits = kept("training digits") or []
    for seed in SEEDS[len(digits) :]:
        with seeded(seed) as generator:
            chosen = torch.randperm(len(splits["x"]), generator=generator)[:SAMPLES]
        rest = torch.ones(len(splits["x"]), dtype=torch.bool)
        rest[chosen[:1000]] = False  # or each would be its own nearest digit
        digits.append({"seed": seed, "measures": measure(splits["x"][chosen], splits["test"], splits["x"][rest])})
    result = {
        "command": "python -m genbook.make_scoreboard",
        "samples": SAMPLES,
        "models": models,
        "training digits": digits,
        **provenance(),
    }
    write_json(result, RESULTS)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train and measure the models of chapter 7.")
    parser.add_argument("--only", choices=MODELS, help="one of the models")
    parser.add_argument("--validate", action="store_true", help='train on "fit", print measures on "validation"')
    options = parser.parse_args(arguments)
    names = ("fit", "validation") if options.validate else ("train", "test")
    (x, labels), (test, test_labels) = (data.mnist(split) for split in names)
    splits = {"x": x, "labels": labels, "test": test, "test labels": test_labels}
    for name in [options.only] if options.only else MODELS:
        if options.validate:
            print(name, made(name, 100, splits)[1], flush=True)
        else:
            make(name, splits)
    if not options.validate and all(done(name) or kept(name) for name in MODELS):
        collect(splits)


if __name__ == "__main__":
    main()
