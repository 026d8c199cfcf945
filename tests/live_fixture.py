"""What torch, NumPy and genbook say, for the tests of the live figures' JavaScript: tests/live/fixture.json.

python tests/live_fixture.py writes it. All in float64; arrays are flat, row by row, as in book/live/nn.js.
"""

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import nn

from genbook import gan, live, metrics
from genbook.files import write_whole
from genbook.train import seeded

PATH = Path(__file__).parent / "live" / "fixture.json"
FUNCTIONS = {
    "linear": nn.Identity(),
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "relu": nn.ReLU(),
    "leakyRelu": nn.LeakyReLU(0.2),
    "silu": nn.SiLU(),
}


def fixture() -> dict:
    with seeded(0):
        return {
            "nn": [perceptron(hidden, output) for hidden in FUNCTIONS for output in ("linear", "sigmoid")],
            "adam": [adam(1e-3, (0.9, 0.999)), adam(2e-2, (0.5, 0.99))],
            "gan": [rounds(loss, r1) for loss in ("non-saturating", "minimax") for r1 in (0.0, 0.7)],
            "r1": r1_gradient(0.7),
            "coverage": coverage(),
            "dirac": dirac(),
            "pictures": pictures(),
        }


def flat(tensors) -> list[list[float]]:
    return [[round(value, 12) for value in t.detach().double().flatten().tolist()] for t in tensors]


def normal(*shape) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def perceptron(hidden: str, output: str) -> dict:
    sizes = [3, 5, 4, 2]
    layers = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), FUNCTIONS[hidden]]
    network = nn.Sequential(*layers[:-1], FUNCTIONS[output]).double()
    x, slopes = 2 * normal(6, 3), normal(6, 2)
    y = network(x.requires_grad_())
    parameters = list(network.parameters())
    *gradients, by_input = torch.autograd.grad((y * slopes).sum(), [*parameters, x])
    return {
        "network": {"sizes": sizes, "hidden": hidden, "output": output, "parameters": flat(parameters)},
        **dict(zip(("x", "slopes", "y", "input"), flat([x, slopes, y, by_input]), strict=True)),
        "gradients": flat(gradients),
    }


def adam(rate: float, betas: tuple[float, float]) -> dict:
    parameters = [normal(7).requires_grad_(), normal(2).requires_grad_()]
    before = flat(parameters)
    optimizer = torch.optim.Adam(parameters, lr=rate, betas=betas)
    gradients = []
    for step in range(6):
        for p in parameters:  # of very different size, and 0 at times
            p.grad = normal(len(p)) * 10.0 ** (step - 4) * (torch.arange(len(p)) != step)
        gradients.append(flat(p.grad for p in parameters))
        optimizer.step()
    return {"rate": rate, "betas": betas, "before": before, "gradients": gradients, "after": flat(parameters)}


def networks(latent: int) -> tuple[gan.MLPs, gan.MLPs]:
    """G and D, one of each."""
    both = {"seeds": [5], "dtype": torch.float64}
    return gan.MLPs([latent, 6, 5, 2], **both), gan.MLPs([2, 6, 5, 1], **both)


def transposed(network: gan.MLPs, tensors=None) -> list[list[float]]:
    """Its matrices are (1, inputs, outputs), JavaScript's (outputs, inputs)."""
    return flat(t[0].T for t in (network.layers if tensors is None else tensors))


def rounds(loss: str, r1: float) -> dict:
    """Three rounds of one GAN, each a D step and a G step, by autograd and torch's Adam."""
    latent, rates = 3, {"rateG": 3e-3, "rateD": 7e-3}
    g, d = networks(latent)
    result = {"settings": {"loss": loss, "r1": r1, "latent": latent, "hidden": [6, 5], **rates}, "rounds": []}
    result |= {"G": transposed(g), "D": transposed(d)}
    optimizers = [
        torch.optim.Adam(net.layers, lr=rates[rate], betas=(0.5, 0.99)) for net, rate in ((d, "rateD"), (g, "rateG"))
    ]
    for _ in range(3):
        real, z_of_d, z_of_g = 2 * normal(8, 2), normal(8, latent), normal(8, latent)
        x = real[None].clone().requires_grad_()
        real_logits, fake_logits = d(x).squeeze(2), d(g(z_of_d[None]).detach()).squeeze(2)
        d_loss = gan.discriminator_loss(real_logits, fake_logits).sum()
        (slope,) = torch.autograd.grad(real_logits.sum(), x, create_graph=True)
        penalty = r1 / 2 * slope.square().sum(2).mean()
        optimizers[0].zero_grad()
        (d_loss + penalty).backward()
        optimizers[0].step()
        after_d = transposed(d)
        g_loss = gan.generator_loss(d(g(z_of_g[None])).squeeze(2), loss).sum()
        optimizers[1].zero_grad()
        g_loss.backward()
        optimizers[1].step()
        data = dict(zip(("real", "zD", "zG"), flat([real, z_of_d, z_of_g]), strict=True))
        result["rounds"].append(
            data | {"dLoss": d_loss.item(), "gLoss": g_loss.item(), "D": after_d, "G": transposed(g)}
        )
    return result


def r1_gradient(gamma: float) -> dict:
    _, d = networks(3)
    points = 2 * normal(9, 2)
    x = points[None].clone().requires_grad_()
    (slope,) = torch.autograd.grad(d(x).sum(), x, create_graph=True)
    penalty = gamma / 2 * slope.square().sum(2).mean()
    gradients = torch.autograd.grad(penalty, d.layers, allow_unused=True, materialize_grads=True)  # 0: the biases
    return {"gamma": gamma, "points": flat([points])[0], "D": transposed(d), "gradients": transposed(d, gradients)}


def coverage() -> list[dict]:
    angles = 2 * math.pi * torch.arange(8, dtype=torch.float64) / 8
    centres = 2 * torch.stack([angles.cos(), angles.sin()], 1)
    sets = {
        "spread": centres.repeat(30, 1)[:200] + 0.15 * normal(200, 2),
        "few": centres[[2, 2, 2, 5]].repeat(50, 1) + 0.1 * normal(200, 2) + 0.05,
        "nowhere": 0.1 * normal(50, 2),
        "rare": centres[[0] * 197 + [3] * 2 + [6]],  # 1 % and less
    }
    results = []
    for points in sets.values():
        counted = metrics.mode_coverage(points, centres, radius=0.3)
        expected = {name: value.tolist() for name, value in counted.items()}
        expected["reverse_kl"] = min(expected["reverse_kl"], 1e9)  # JSON has no infinity
        results.append({"points": flat([points])[0], **expected})
    return results


def dirac() -> list[dict]:
    """The matrices' eigenvalues by NumPy, and paths by autograd on the two losses, as in chapter 6."""
    results = []
    for h in (0.05, 0.2, 1.5, 4.5):
        for gamma in (0.0, 0.3, 1.0, 2.0):
            for alternating in (False, True):
                q, kept = h / 2, 1 - h * gamma
                top = [1 - q * q, q * kept] if alternating else [1, q]
                values = np.linalg.eigvals(np.array([top, [-q, kept]], dtype=complex))
                path = [(1.0, -0.5)]
                for _ in range(
                    30 if h < 1 else 1
                ):  # large steps lead where float64 tells softplus from its asymptote no more
                    path.append(dirac_step(*path[-1], h, gamma, alternating))
                results.append(
                    {
                        "settings": {"h": h, "gamma": gamma, "alternating": alternating},
                        "eigenvalues": sorted(([float(v.real), float(v.imag)] for v in values), key=lambda v: v[::-1]),
                        "modulus": float(abs(values).max()),
                        "path": path,
                    }
                )
    return results


def dirac_step(theta: float, psi: float, h: float, gamma: float, alternating: bool) -> tuple[float, float]:
    theta, psi = (torch.tensor([value], dtype=torch.float64, requires_grad=True) for value in (theta, psi))
    d_loss = gan.discriminator_loss(psi * 0, psi * theta) + gamma / 2 * psi.square().sum()
    new_psi = psi - h * torch.autograd.grad(d_loss, psi)[0]
    seen = (new_psi if alternating else psi).detach()
    new_theta = theta - h * torch.autograd.grad(gan.generator_loss(seen * theta, "minimax"), theta)[0]
    return new_theta.item(), new_psi.item()


def pictures() -> dict:
    """What the shipped weights give in torch: pictures of some points, and the codes of the shipped digits."""
    z = 1.5 * normal(3, 2)
    encoder = live.trained("vae_encoder")
    mean, logvar = encoder["network"].double()(encoder["digits"].double()).chunk(2, dim=1)
    decoded = {name: live.trained(f"{name}_decoder")["network"].double()(z) for name in ("vae", "autoencoder")}
    codes = {name: live.trained(f"{name}_decoder")["codes"].double().numpy() for name in decoded}
    return {
        "z": flat([z])[0],
        "codes": {
            name: {
                "mean": c.mean(0).tolist(),
                "root": np.linalg.cholesky(np.cov(c.T)).tolist(),
                "usual": float(np.median(cKDTree(c).query(c, 2)[0][:, 1])),  # the nearest is the code itself
            }
            for name, c in codes.items()
        },
        **{name: [round(value, 6) for value in values.flatten().tolist()] for name, values in decoded.items()},
        "means": flat([mean])[0],
        "stds": flat([(logvar / 2).exp()])[0],
    }


if __name__ == "__main__":
    write_whole((json.dumps(fixture(), separators=(",", ":")) + "\n").encode(), PATH)
