"""Generative adversarial networks: the losses in logits, networks, and many small GANs trained at once.

D gives logits a, D(x) = σ(a); real is 1, fake is 0. Losses are minimised and are means over the batch, the last axis:
(B,) -> () for one GAN, (S, B) -> (S,) for S of them at once.
"""

import copy
import math
import os
from collections.abc import Callable, Iterable, Iterator
from numbers import Integral
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus
from torch.nn.utils.parametrizations import spectral_norm

from genbook.train import DECAYS, has_bf16, progress, read_checkpoint, seeded, write_checkpoint

GENERATOR_LOSSES = ("non-saturating", "minimax", "wasserstein")

# One small GAN for points in the plane. Steps and weights: `d_steps` of D, then `g_steps` of G, both by Adam.
STANDARD = {
    "loss": "non-saturating",  # the generator's; with "wasserstein" D is a critic, its loss a difference of means
    "hidden": (32, 32),  # widths of G's hidden layers
    "d_hidden": (32, 32),  # and of D's
    "latent": 4,
    "lr_g": 2e-3,
    "lr_d": 2e-3,
    "betas": (0.5, 0.99),
    "decay": None,  # of both learning rates, over all steps: None, "linear" or "cosine"
    "batch": 64,  # what D sees in one step: so many real and so many fake points (packs of points, where pack > 1)
    "d_steps": 1,
    "g_steps": 1,
    "real_label": 1.0,  # 0.9: one-sided label smoothing
    "flip": 0.0,  # the share of D's labels that are swapped, drawn anew in each step
    "noise": 0.0,  # instance noise: the standard deviation at the first step, falls linearly to 0
    "r1": 0.0,  # γ of γ/2 · |∇D|² at real points
    "penalty": 0.0,  # λ of λ · (|∇D| - 1)² at points between real and fake ones
    "spectral": False,  # D's matrices divided by their largest singular value
    "pack": 1,  # D sees so many points at once, all real or all fake
    "unroll": 0,  # G answers to D after so many more (virtual) gradient steps of size unroll_lr
    "unroll_lr": 0.3,
    "ema": 0.0,  # the generator that is kept is a moving average, with this weight on its past
    "minibatch_statistics": False,  # D also sees how much its features vary over the batch
}

# What to change in STANDARD to see GANs fail, and what may help: STANDARD | FAILURES[failure] | REMEDIES[remedy].
FAILURES = {
    "oscillation": {"lr_g": 1e-2, "lr_d": 1e-2, "betas": (0.9, 0.99)},
    "mode collapse": {"loss": "minimax", "lr_g": 5e-3, "lr_d": 2e-4},
    "D too strong": {"loss": "minimax", "lr_g": 3e-4, "lr_d": 5e-3, "d_steps": 3},
    "D too weak": {"lr_d": 2e-5},
    "balanced losses, poor samples": {"flip": 0.5},
}
REMEDIES = {
    "minimax": {"loss": "minimax"},
    "non-saturating loss": {"loss": "non-saturating"},
    "one-sided label smoothing": {"real_label": 0.9},
    "flipped labels": {"flip": 0.1},
    "spectral norm": {"spectral": True},
    "WGAN-GP": {"loss": "wasserstein", "penalty": 1.0, "d_steps": 3},
    "R1": {"r1": 0.1},
    "packing": {"pack": 4},
    "unrolled steps": {"unroll": 5},
    "two time scales": {"lr_g": 1e-3, "lr_d": 2e-3},
    "EMA of G": {"ema": 0.98},
    "minibatch statistics": {"minibatch_statistics": True},
    "instance noise": {"noise": 0.5},
}
# A second dose of those that have one, in the place of the first.
STRONGER = {
    "one-sided label smoothing": {"real_label": 0.7},
    "flipped labels": {"flip": 0.25},
    "WGAN-GP": {"loss": "wasserstein", "penalty": 10.0, "d_steps": 3},
    "R1": {"r1": 3.0},
    "packing": {"pack": 8},
    "EMA of G": {"ema": 0.998},
    "instance noise": {"noise": 1.5},
}

CHUNK = 50  # steps whose random numbers are drawn at once: S generators then cost little
SNAPSHOT = 500  # points in each recorded picture of the samples
# Steps between two looks at the losses. A look makes the host wait for the device: on a GPU there is one, at the end.
LOOK = {"cpu": 50}


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-[mean log D(x) + mean log(1 - D(G(z)))], in nats: logits (..., B) and (..., B') -> (...). At D = 1/2: log 4."""
    return softplus(-real_logits).mean(-1) + softplus(fake_logits).mean(-1)


def generator_loss(fake_logits: Tensor, kind: str = "non-saturating") -> Tensor:
    """The generator's loss, logits (..., B) -> (...): "non-saturating" is -mean log D(G(z)), "minimax" is
    mean log(1 - D(G(z))), "wasserstein" minus the mean of the values. Goodfellow et al. 2014; Arjovsky et al. 2017.
    """
    if kind not in GENERATOR_LOSSES:
        raise ValueError(f"expected kind to be one of {', '.join(map(repr, GENERATOR_LOSSES))}, got {kind!r}")
    if kind == "non-saturating":
        return softplus(-fake_logits).mean(-1)
    return -softplus(fake_logits).mean(-1) if kind == "minimax" else -fake_logits.mean(-1)


def labelled_loss(real_logits: Tensor, fake_logits: Tensor, labels: tuple | None = None, *, critic: bool = False):
    """`discriminator_loss` with other labels, numbers or tensors, than 1 for real and 0 for fake: cross-entropy.

    Logits (..., B) and (..., B') -> (...). critic: of a WGAN, minus the values of what is labelled 1, plus those of
    what is labelled 0.
    """
    if labels is None and not critic:
        return discriminator_loss(real_logits, fake_logits)
    pairs = list(zip(labels or (1.0, 0.0), (real_logits, fake_logits), strict=True))
    if critic:
        return sum(((1 - 2 * label) * values).mean(-1) for label, values in pairs)
    return sum((label * softplus(-logits) + (1 - label) * softplus(logits)).mean(-1) for label, logits in pairs)


def r1_penalty(real_logits: Tensor, real: Tensor, r1: float) -> Tensor:
    """γ/2 · mean |∇D|² at real images, for γ = r1. real_logits: (B,), a function of real (B, ...) -> ().

    Mescheder et al. 2018.
    """
    (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)  # (B, ...)
    return r1 / 2 * slope.square().flatten(1).sum(1).mean()


class MLPs(nn.Module):
    """S multilayer perceptrons at once, with leaky ReLUs: (S, B, sizes[0]) -> (S, B, sizes[-1]).

    Each seed draws its own weights, as nn.Linear does: network i of a larger ensemble is that of seeds=[seeds[i]].
    spectral: each matrix is divided by its largest singular value, found by power iteration (Miyato et al. 2018).
    statistics: the last layer also gets the standard deviation over the batch, the features' mean (Karras et al. 2018).
    """

    def __init__(
        self,
        sizes: Iterable[int],
        *,
        seeds: Iterable[int],
        spectral: bool = False,
        statistics: bool = False,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__()
        self.sizes, self.seeds, self.spectral, self.statistics = list(sizes), list(seeds), spectral, statistics
        if len(self.sizes) < 2 or min(self.sizes) < 1 or not self.seeds:
            raise ValueError(f"expected two sizes or more, each at least 1, and a seed, got {self.sizes}, {self.seeds}")
        generators = [_generator(seed) for seed in self.seeds]  # on the CPU: the same weights on every device
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for i, (inputs, outputs) in enumerate(zip(self.sizes, self.sizes[1:], strict=False)):
            inputs += statistics and i == len(self.sizes) - 2
            both = torch.stack([torch.rand(inputs + 1, outputs, generator=generator) for generator in generators])
            both = ((2 * both - 1) / inputs**0.5).to(device, dtype)  # (S, inputs + 1, outputs), in ±1/√inputs
            self.weights.append(nn.Parameter(both[:, :-1].clone()))
            self.biases.append(nn.Parameter(both[:, -1:].clone()))
            if spectral:
                u = torch.stack([torch.randn(1, inputs, generator=generator) for generator in generators])
                self.register_buffer(f"u{i}", normalize(u.to(device, dtype), dim=2))  # (S, 1, inputs)
                self.register_buffer(f"v{i}", torch.zeros_like(self.biases[-1]))  # (S, 1, outputs)
        # [weight, bias] of the first layer, then of the next; a plain list, for in a small network looking it up counts
        self.layers = [p for pair in zip(self.weights, self.biases, strict=True) for p in pair]
        for _ in range(15 * spectral):
            self.power_iteration()

    @torch.no_grad()
    def power_iteration(self) -> None:
        """Bring the estimates of the singular vectors one step nearer to those of the weights."""
        for i, weight in enumerate(self.weights):
            v = normalize(getattr(self, f"u{i}") @ weight, dim=2)
            setattr(self, f"v{i}", v)
            setattr(self, f"u{i}", normalize(v @ weight.mT, dim=2))

    def forward(self, x: Tensor, parameters: list[Tensor] | None = None) -> Tensor:
        """x: (S, B, inputs) -> (S, B, outputs); with other parameters than its own, in the order of `layers`."""
        parameters = self.layers if parameters is None else parameters
        last = len(parameters) // 2 - 1
        for i in range(last + 1):
            weight, bias = parameters[2 * i : 2 * i + 2]
            if self.spectral:
                u, v = getattr(self, f"u{i}"), getattr(self, f"v{i}")
                weight = weight / (u @ weight @ v.mT)  # (S, inputs, outputs) / (S, 1, 1)
            if self.statistics and i == last:
                spread = (x.var(1, keepdim=True) + 1e-8).sqrt()  # a unit that is silent has no gradient at 0
                x = torch.cat([x, spread.mean(2, keepdim=True).expand(-1, x.shape[1], 1)], dim=2)
            x = torch.baddbmm(bias, x, weight)
            if i < last:
                x = nn.functional.leaky_relu(x, 0.2, inplace=True)
        return x


def train_points(
    sample: Callable[[int, torch.Generator], Tensor],
    *,
    seeds: Iterable[int],
    steps: int,
    record: int = 0,
    dimension: int = 2,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    checkpoint: str | os.PathLike | None = None,
    every: int = 5000,
    **settings,
) -> dict:
    """Train one GAN per seed on points, all at once; settings that are not given are those of STANDARD.

    sample(n, generator) -> (n, dimension), or a tuple of which it is the first, as data.ring gives it. Every seed draws
    from its own generators: the GAN of a seed is the same in every ensemble (but for rounding).
    Returns "generator" and "discriminator" (MLPs; the averaged generator where ema > 0); per step, before the update,
    (steps, S): "d_loss", "g_loss", "d_real", "d_fake" (means of the logits), "d_accuracy", "g_gradient" (norm over all
    weights); and "samples" (record, S, 500, dimension), of the same latents after each of "recorded" (record,) steps.
    checkpoint: a file, written whole every `every` steps (a multiple of 50) and after the last. Where it exists,
    training goes on from it and ends where an unbroken run does (on a CPU bit for bit).
    Raises ValueError for bad settings and for a checkpoint that is damaged or was made with other ones;
    FloatingPointError with step and seed at a loss or weight that is not finite.
    """
    s, seeds = _checked(settings, steps, record), list(seeds)
    if every < 1 or every % CHUNK:
        raise ValueError(f"expected every, a multiple of {CHUNK} steps, got {every}")
    both = {"device": device, "dtype": dtype}
    g = MLPs([s["latent"], *s["hidden"], dimension], seeds=seeds, **both)
    d = MLPs(
        [dimension * s["pack"], *s["d_hidden"], 1],
        seeds=[seed + 10**6 for seed in seeds],  # other numbers than the generator's
        spectral=s["spectral"],
        statistics=s["minibatch_statistics"],
        **both,
    )
    g_weights, d_weights = g.layers, d.layers
    kept = MLPs(g.sizes, seeds=seeds, **both) if s["ema"] else g
    optimizers = [
        torch.optim.Adam(weights, lr=s[lr], betas=s["betas"], fused=True)
        for weights, lr in ((d_weights, "lr_d"), (g_weights, "lr_g"))
    ]
    per_step = ("d_loss", "g_loss", "d_real", "d_fake", "d_accuracy", "g_gradient")
    history = {name: torch.zeros(steps, len(seeds), **both) for name in per_step}
    look = LOOK.get(torch.device(device).type, steps)
    z_shown = _latents(SNAPSHOT, g, seed=0)
    recorded = [steps * (i + 1) // record for i in range(record)]
    samples, done = [], 0

    generators = _generators(seeds, device)
    parts = [g, d, kept, *optimizers]
    if checkpoint is not None:
        checkpoint, of_training = Path(checkpoint), {"steps": steps, "record": record, "dtype": str(dtype)}
        of_training |= {name: list(value) if isinstance(value, tuple) else value for name, value in s.items()}
        of_training["seeds"] = [generator.initial_seed() for generator in generators]
        of_training["points"] = _points(sample, 4, dimension, _generator(0, device)).tolist()
        if saved := read_checkpoint(checkpoint, of_training):
            done, samples = saved["done"], [points.to(device) for points in saved["samples"]]
            for part, state in zip(parts, saved["parts"], strict=True):
                part.load_state_dict(state)
            for generator, state in zip(generators, saved["generators"], strict=True):
                generator.set_state(state)
            for name in per_step:
                history[name][:done] = saved["history"][name].to(device)
    draws = _draws(sample, generators, s, dimension, **both)
    for step in progress(range(done, steps), desc="training", unit="step"):
        now = next(draws)
        for optimizer, lr in zip(optimizers, ("lr_d", "lr_g"), strict=True):
            optimizer.param_groups[0]["lr"] = s[lr] * DECAYS[s["decay"]](step / steps)
        noise = s["noise"] * (1 - step / steps)

        def seen(points: Tensor, i: int) -> Tensor:
            """What D sees of points (S, N, dimension): with noise, in packs. -> (S, N / pack, dimension · pack)"""
            points = points + noise * now["noise"][i] if noise else points  # noqa: B023 (called in this step only)
            return points.reshape(len(seeds), -1, dimension * s["pack"])

        for i in range(s["d_steps"]):
            with torch.no_grad():  # this step must not move the generator
                fake = seen(g(now["z"][i]), 2 * i)
            real = seen(now["real"][i], 2 * i + 1)
            if s["spectral"]:
                d.power_iteration()
            labels = _labels(s, now["flip"][i] if s["flip"] else None)
            loss, real_logits, fake_logits = _d_loss(d, real, fake, s, labels, r1=s["r1"])
            if s["penalty"]:
                loss = loss + s["penalty"] * gradient_penalty(d, real, fake, now["mix"][i], dims=(2,))
            _step(optimizers[0], d_weights, loss)
        with torch.no_grad():
            history["d_loss"][step], history["d_real"][step] = loss, real_logits.mean(1)
            history["d_fake"][step] = fake_logits.mean(1)
            history["d_accuracy"][step] = torch.cat([real_logits > 0, fake_logits < 0], 1).to(dtype).mean(1)

        for j in range(s["g_steps"]):
            fake = seen(g(now["z"][s["d_steps"] + j]), 2 * s["d_steps"] + j)
            weights = _unrolled(d, real, fake, s, labels) if s["unroll"] else None
            loss = generator_loss(d(fake, weights).squeeze(2), s["loss"])
            _step(optimizers[1], g_weights, loss)
        with torch.no_grad():
            history["g_loss"][step] = loss
            history["g_gradient"][step] = sum(w.grad.square().sum((1, 2)) for w in g_weights).sqrt()
            if s["ema"]:
                for average, weight in zip(kept.layers, g_weights, strict=True):
                    average.lerp_(weight, 1 - s["ema"])
        if (step + 1) % look == 0 or step + 1 == steps:
            _check_finite(history, [*d_weights, *g_weights], step, seeds)
        if step + 1 in recorded:
            with torch.no_grad():
                samples.append(kept(z_shown))
        if checkpoint is not None and ((step + 1) % every == 0 or step + 1 == steps):
            _check_finite(history, [*d_weights, *g_weights], step, seeds)  # the checkpoint is the last good one
            write_checkpoint(
                checkpoint,
                of_training,
                done=step + 1,
                parts=[part.state_dict() for part in parts],
                generators=[generator.get_state() for generator in generators],
                history={name: history[name][: step + 1].clone() for name in per_step},  # a view would save all of it
                samples=samples,
            )
    history["samples"] = torch.stack(samples) if record else torch.zeros(0, len(seeds), SNAPSHOT, dimension, **both)
    return {"generator": kept, "discriminator": d, "recorded": torch.tensor(recorded), **history}


@torch.no_grad()
def draw(generator: MLPs, n: int, *, seed: int) -> Tensor:
    """Samples of each of S generators, from the same n latent points for all: (S, n, dimension)."""
    return generator(_latents(n, generator, seed=seed))


def _latents(n: int, generator: MLPs, *, seed: int) -> Tensor:
    """The same n latent points, drawn on the CPU, for each of S generators: (S, n, latent)."""
    weight = generator.weights[0]  # (S, latent, outputs)
    z = torch.randn(n, weight.shape[1], generator=_generator(seed)).to(weight)
    return z.expand(len(weight), -1, -1)


def _generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    with seeded(seed, device) as generator:  # so that GENBOOK_SEED shifts it
        return generator


def _generators(seeds: list[int], device: torch.device | str) -> list[torch.Generator]:
    """Those of the training's draws: other ones than those of the first weights."""
    return [_generator(seed + 2 * 10**6, device) for seed in seeds]


def _points(sample, n: int, dimension: int, generator: torch.Generator) -> Tensor:
    """What sample(n, generator) gives, checked: (n, dimension)."""
    points = sample(n, generator)
    points = points if isinstance(points, Tensor) else points[0]
    finite = points.device.type not in LOOK or points.isfinite().all()  # else the losses will tell
    if points.shape != (n, dimension) or not finite:
        raise ValueError(
            f"expected sample(n, generator) to give n finite points (n, {dimension}), "
            f"got shape {tuple(points.shape)} for n = {n}, or NaN or infinity among them"
        )
    return points


def _draws(
    sample, generators: list[torch.Generator], s: dict, dimension: int = 2, *, device, dtype
) -> Iterator[dict[str, Tensor]]:
    """All random numbers of one step after the other, by name: (draws in a step, S, points or packs, ...)."""
    n, d_steps, both = s["batch"] * s["pack"], s["d_steps"], s["d_steps"] + s["g_steps"]

    def chunk_of(generator: torch.Generator) -> dict[str, Tensor]:
        """What one seed needs in CHUNK steps: (CHUNK, draws in a step, points or packs, ...)."""
        points = _points(sample, CHUNK * d_steps * n, dimension, generator)
        options = {"generator": generator, "device": device}
        chunk = {
            "real": points.reshape(CHUNK, d_steps, n, dimension),
            "z": torch.randn(CHUNK, both, n, s["latent"], **options),
        }
        if s["noise"]:
            chunk["noise"] = torch.randn(CHUNK, d_steps + both, n, dimension, **options)
        if s["flip"]:
            chunk["flip"] = torch.rand(CHUNK, d_steps, 2, s["batch"], **options) < s["flip"]
        if s["penalty"]:
            chunk["mix"] = torch.rand(CHUNK, d_steps, s["batch"], 1, **options)
        return chunk

    def draws() -> Iterator[dict[str, Tensor]]:
        while True:
            chunks = [chunk_of(generator) for generator in generators]
            stacked = {name: torch.stack([chunk[name] for chunk in chunks], dim=2).to(dtype) for name in chunks[0]}
            for step in range(CHUNK):
                yield {name: values[step] for name, values in stacked.items()}

    return draws()


def _labels(s: dict, flips: Tensor | None) -> tuple[float | Tensor, float | Tensor]:
    """D's labels of real and of fake points; flips: None or (S, 2, B), 1 where a label is swapped."""
    if flips is None:
        return s["real_label"], 0.0
    return s["real_label"] * (1 - flips[:, 0]), flips[:, 1]


def _d_loss(d: MLPs, real: Tensor, fake: Tensor, s: dict, labels, *, parameters=None, r1=0.0) -> tuple[Tensor, ...]:
    """D's loss (S,) and the logits (S, B) of what it sees of real and fake points, (S, B, 2 · pack) each."""
    real = real.detach().requires_grad_(r1 > 0)
    if d.statistics:  # of the real points and of the fake ones, not of both
        real_logits, fake_logits = d(real, parameters).squeeze(2), d(fake, parameters).squeeze(2)
    else:  # at once, it is faster
        real_logits, fake_logits = d(torch.cat([real, fake], 1), parameters).squeeze(2).chunk(2, 1)
    plain = s["real_label"] == 1 and not s["flip"]
    loss = labelled_loss(real_logits, fake_logits, None if plain else labels, critic=s["loss"] == "wasserstein")
    if r1:
        (gradient,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)  # (S, B, 2 · pack)
        loss = loss + r1 / 2 * gradient.square().sum(2).mean(1)
    return loss, real_logits, fake_logits


def gradient_penalty(d: nn.Module, real: Tensor, fake: Tensor, mix: Tensor, *, dims: tuple[int, ...]) -> Tensor:
    """Mean of (|∇D| - 1)² at mix · real + (1 - mix) · fake, mix in [0, 1): (..., B, features) -> (...).

    dims: those of the features, such as (1, 2, 3) of images; mix has 1 there. Gulrajani et al. 2017.
    """
    between = (fake + mix * (real - fake)).requires_grad_()
    (gradient,) = torch.autograd.grad(d(between).sum(), between, create_graph=True)
    return ((gradient.square().sum(dims) + 1e-12).sqrt() - 1).square().mean(-1)


def _unrolled(d: MLPs, real: Tensor, fake: Tensor, s: dict, labels) -> list[Tensor]:
    """D's weights after `unroll` gradient steps on this batch, differentiable in fake: D's answer to a change of G is
    part of G's gradient. Metz et al. 2017.
    """
    weights = d.layers
    for _ in range(s["unroll"]):
        loss = _d_loss(d, real, fake, s, labels, parameters=weights)[0]
        gradients = torch.autograd.grad(loss.sum(), weights, create_graph=True)
        weights = [weight - s["unroll_lr"] * gradient for weight, gradient in zip(weights, gradients, strict=True)]
    return weights


def _step(optimizer: torch.optim.Optimizer, weights: list[Tensor], loss: Tensor) -> None:
    """One step down the loss (S,) of each seed; their sum keeps them apart. Only these weights' gradients are taken."""
    for weight, gradient in zip(weights, torch.autograd.grad(loss.sum(), weights), strict=True):
        weight.grad = gradient
    optimizer.step()


def _check_finite(history: dict[str, Tensor], weights: list[Tensor], step: int, seeds: list[int]) -> None:
    losses = history["d_loss"] + history["g_loss"]  # (steps, S)
    bad = [(int(i) + 1, int(k)) for i, k in (~losses[: step + 1].isfinite()).nonzero()[:1]]
    finite = torch.stack([weight.isfinite().flatten(1).all(1) for weight in weights]).all(0)  # (S,)
    bad += [(step + 1, int(k)) for k in (~finite).nonzero()[:1, 0]]
    if bad:
        raise FloatingPointError(
            f"the GAN of seed {seeds[bad[0][1]]} has a loss or a weight that is not finite at step {bad[0][0]}: "
            f"a learning rate or a penalty is most likely too large, or the points are not finite"
        )


def _checked(settings: dict, steps: int, record: int) -> dict:
    """STANDARD with these settings, or ValueError."""
    unknown = [name for name in settings if name not in STANDARD]
    if unknown:
        raise ValueError(f"unknown settings {', '.join(unknown)}; known are {', '.join(STANDARD)}")
    s = STANDARD | settings
    for name, known in {"loss": GENERATOR_LOSSES, "decay": DECAYS}.items():
        if s[name] not in known:
            raise ValueError(f"expected {name} to be one of {', '.join(map(repr, known))}, got {s[name]!r}")
    ranges = {name: (0, float("inf")) for name in ("lr_g", "lr_d", "noise", "r1", "penalty", "unroll", "unroll_lr")}
    ranges |= {name: (1, float("inf")) for name in ("latent", "batch", "d_steps", "g_steps", "pack")}
    ranges |= {name: (0, 1) for name in ("real_label", "flip", "ema")}
    for name, (low, high) in ranges.items():
        if not low <= s[name] <= high:  # written so that NaN fails too
            raise ValueError(f"expected {name} between {low} and {high}, got {s[name]}")
    for name in ("latent", "batch", "d_steps", "g_steps", "pack", "unroll"):
        if not isinstance(s[name], Integral):
            raise ValueError(f"expected {name} to be a whole number, got {s[name]}")
    whole = isinstance(steps, Integral) and isinstance(record, Integral)
    if not whole or steps < 1 or not 0 <= record <= steps:
        raise ValueError(
            f"expected at least one step and from 0 to as many records, whole numbers, got {steps} and {record}"
        )
    return s


# --- Images ---


class Generator(nn.Module):
    """A small DCGAN's generator: z (B, latent) -> images (B, 28, 28), kept in [0, 1] by a sigmoid. Radford et al. 2016.

    Batch norm after its first two layers. Each convolution gives four numbers per pixel, which PixelShuffle lays out as
    2 × 2 pixels: it does the work of a transposed convolution in a third of the time, and begins as a plain enlargement
    (Aitken et al. 2017). Raises ValueError for z of another shape.
    """

    def __init__(self, latent: int = 64, channels: int = 32):
        super().__init__()
        self.latent = latent
        self.layers = nn.Sequential(
            nn.Linear(latent, 2 * channels * 7 * 7, bias=False),  # batch norm has a bias of its own
            nn.Unflatten(1, (2 * channels, 7, 7)),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.Conv2d(2 * channels, 4 * channels, 3, padding=1, bias=False),
            nn.PixelShuffle(2),  # (B, 4 channels, 7, 7) -> (B, channels, 14, 14)
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, 4, 3, padding=1),
            nn.PixelShuffle(2),  # (B, 4, 14, 14) -> (B, 1, 28, 28)
            nn.Sigmoid(),
        )
        with torch.no_grad():  # the four pixels of a square begin as equals: no chequerboard to unlearn
            for layer in (self.layers[4], self.layers[8]):
                layer.weight.copy_(layer.weight[::4].repeat_interleave(4, 0))
            self.layers[8].bias.copy_(self.layers[8].bias[::4].repeat_interleave(4, 0))
        self.to(memory_format=torch.channels_last)  # a CPU's convolutions are faster so

    def forward(self, z: Tensor) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise ValueError(f"expected z of shape (B, {self.latent}), got {tuple(z.shape)}")
        return self.layers(z).squeeze(1)


class Discriminator(nn.Module):
    """Its counterpart: images (B, 28, 28) in [0, 1] -> logits (B,). No batch norm: each image is judged by itself.

    spectral: the matrix of each layer is divided by its largest singular value (torch's spectral_norm, Miyato et al.
    2018). Raises ValueError for images of another size.
    """

    def __init__(self, channels: int = 16, *, spectral: bool = False):
        super().__init__()
        self.layers = nn.Sequential(
            nn.PixelUnshuffle(2),  # (B, 1, 28, 28) -> (B, 4, 14, 14)
            nn.Conv2d(4, channels, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1),  # -> (B, 2 channels, 7, 7)
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * channels * 7 * 7, 1),
        )
        if spectral:
            for i in (1, 3, 6):
                spectral_norm(self.layers[i])
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[1:] != (28, 28):
            raise ValueError(f"expected images of shape (B, 28, 28), got {tuple(images.shape)}")
        return self.layers(images[:, None]).squeeze(1)


def train_images(
    generator: nn.Module,
    discriminator: nn.Module,
    images: Tensor,
    *,
    steps: int,
    batch_size: int = 64,
    lr_g: float = 2e-3,
    lr_d: float = 2e-3,
    decay: str | None = None,
    betas: tuple[float, float] = (0.5, 0.999),
    noise: float = 0.0,
    r1: float = 0.0,
    ema: float = 0.0,
    seed: int,
    record: int = 0,
    show: int = 50,
    bf16: bool = True,
) -> dict[str, Tensor]:
    """Train a GAN on images (N, 28, 28) in [0, 1], by Adam: one D step, then one (non-saturating) G step on the
    same fakes, and so on. Changes both networks and leaves them in eval mode.

    generator: z (B, generator.latent) -> (B, 28, 28). discriminator: (B, 28, 28) -> logits (B,); it is given real and
    fake images in separate batches. decay: "linear" or "cosine", both learning rates fall to 0 in the second half of
    the steps. bf16: autocast where the hardware has it. Cures of chapter 6: noise, the standard deviation of instance
    noise at the start, which falls to 0; r1, the weight γ of R1; ema > 0, such as 0.99: what is shown and left is the
    running average of the generator's weights.
    Returns, on the CPU, "d_loss", "g_loss", "d_real", "d_fake" (steps,): both losses, and D's mean logits of real and
    of fake images before its step; and "samples" (record, show, 28, 28), eval mode, one fixed z, the last at the end.
    Raises ValueError for bad settings or data, FloatingPointError with the first step whose loss is not finite.
    """
    counts = (steps, batch_size, show, record)
    if not all(isinstance(n, Integral) for n in counts) or min(counts[:3]) < 1 or not 0 <= record <= steps:
        raise ValueError(
            f"expected steps, batch_size and show of at least 1 and record from 0 to steps, whole numbers, "
            f"got {steps}, {batch_size}, {show} and {record}"
        )
    if decay not in DECAYS:
        raise ValueError(f"expected decay to be one of {', '.join(map(repr, DECAYS))}, got {decay!r}")
    if not (0 <= noise < math.inf and 0 <= r1 < math.inf and 0 <= ema < 1):
        raise ValueError(f"expected noise and r1 of at least 0 and ema from 0 to below 1, got {noise}, {r1} and {ema}")
    if images.ndim != 3 or len(images) == 0:
        raise ValueError(f"expected images (N, 28, 28), N ≥ 1, got {tuple(images.shape)}")
    if not ((images >= 0) & (images <= 1)).all():  # NaN fails too
        raise ValueError(f"expected images with values in [0, 1], got values from {images.min():g} to {images.max():g}")
    if images.dtype != (dtype := next(discriminator.parameters()).dtype):
        raise ValueError(f"expected images of the discriminator's dtype, {dtype}, got {images.dtype}")
    device = images.device
    bf16 = bf16 and has_bf16(device)
    optimizers = [
        torch.optim.Adam(network.parameters(), lr=lr, betas=betas, fused=device.type in ("cpu", "cuda"))
        for network, lr in ((generator, lr_g), (discriminator, lr_d))
    ]
    look = LOOK.get(device.type, steps)
    snapshots = {round(steps * (k + 1) / record) for k in range(record)}
    rows, samples = [], []
    generator.train(), discriminator.train()
    kept = copy.deepcopy(generator) if ema else generator
    with seeded(seed, device) as random:
        z_shown = torch.randn(show, generator.latent, generator=random, device=device)
        for step in progress(range(1, steps + 1), desc="training", unit="step"):
            for optimizer, lr in zip(optimizers, (lr_g, lr_d), strict=True):
                optimizer.param_groups[0]["lr"] = lr * DECAYS[decay](max(0.0, 2 * (step - 1) / steps - 1))
            real = images[torch.randint(len(images), (batch_size,), generator=random, device=device)]
            z = torch.randn(batch_size, generator.latent, generator=random, device=device)
            sigma = noise * (1 - (step - 1) / steps)
            blur = sigma * torch.randn(2, *real.shape, generator=random, device=device) if noise else torch.zeros(2)
            rows.append(_image_step(generator, discriminator, *optimizers, real, z, *blur, r1=r1, bf16=bf16))
            if ema:
                follow(kept, generator, ema)
            if step % look == 0 or step == steps:
                check_steps(torch.stack(rows[-look:]), step)
            if step in snapshots:
                with torch.no_grad():
                    samples.append(kept.eval()(z_shown).float())
                kept.train()
    if ema:
        generator.load_state_dict(kept.state_dict())
    generator.eval(), discriminator.eval()
    history = dict(zip(("d_loss", "g_loss", "d_real", "d_fake"), torch.stack(rows).cpu().T, strict=True))
    return history | {"samples": torch.stack(samples).cpu() if samples else torch.empty(0, show, 28, 28)}


def _image_step(
    generator, discriminator, g_optimizer, d_optimizer, real, z, real_noise, fake_noise, *, r1: float, bf16: bool
) -> Tensor:
    """One D step and one G step; gives D's loss, G's loss and D's mean logits (4,)."""
    real = real + real_noise
    with torch.autocast(real.device.type, torch.bfloat16, enabled=bf16):
        fake = generator(z) + fake_noise  # (B, 28, 28)
        real_logits = discriminator(real.requires_grad_(r1 > 0)).float()
        fake_logits = discriminator(fake.detach()).float()
    d_loss, penalty = discriminator_loss(real_logits, fake_logits), 0.0
    if r1:
        penalty = r1_penalty(real_logits, real, r1)
    d_optimizer.zero_grad()
    (d_loss + penalty).backward()
    d_optimizer.step()

    discriminator.requires_grad_(False)  # G's step needs no gradients of D's weights: a third less work
    with torch.autocast(real.device.type, torch.bfloat16, enabled=bf16):
        g_loss = generator_loss(discriminator(fake).float())
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    discriminator.requires_grad_(True)
    return torch.stack([d_loss, g_loss, real_logits.mean(), fake_logits.mean()]).detach()


@torch.no_grad()
def follow(kept: nn.Module, network: nn.Module, ema: float) -> None:
    """Move the averages, of which `ema` stays, to the weights; batch norm's statistics are averages already."""
    for average, weight in zip(kept.parameters(), network.parameters(), strict=True):
        average.lerp_(weight, 1 - ema)
    for average, statistic in zip(kept.buffers(), network.buffers(), strict=True):
        average.copy_(statistic)


def check_steps(rows: Tensor, step: int) -> None:
    """Raise FloatingPointError with the first of the last steps, rows (n, 4), that gave a number that is not finite."""
    bad = (~rows.isfinite().all(1)).nonzero()
    if len(bad):
        first = step - len(rows) + 1 + int(bad[0])
        raise FloatingPointError(
            f"a loss is not finite at step {first}: {rows[int(bad[0]), :2].tolist()}; "
            f"a learning rate is most likely too large"
        )
