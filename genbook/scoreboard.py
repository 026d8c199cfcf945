"""The models of chapter 7's scoreboard: how each is trained, loaded and drawn from, and what is measured of its draws.

A model is known by its name in MODELS. Weights and numbers are made by genbook/make_scoreboard.py.
"""

import json
from pathlib import Path

import safetensors.torch
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn
from torch.distributions import MultivariateNormal
from torch.nn.functional import one_hot

from genbook import gan, make_autoencoders, make_vae, metrics
from genbook.autoencoders import ppca, squared_error
from genbook.data import binarize
from genbook.files import read_checked
from genbook.rbm import RBM, flip, train_pcd
from genbook.train import fit, seeded
from genbook.vae import reparameterize

RESULTS = Path(__file__).parent / "results" / "scoreboard.json"
WEIGHTS = Path(__file__).parent / "weights"
SWEEPS = 50  # of the RBM's chains from one batch of samples to the next

_VAE = {
    "network": "wide",
    "sizes": [784, 400, 400, 20],
    "fit": {"epochs": 10, "lr": 5e-3, "batch_size": 256, "decay": "linear"},
}
_GAN = {"latent": 64, "channels": 16, "train": {"steps": 4000, "batch_size": 64, "decay": "linear"}}
# What was chosen by comparing, such as the code of PCA and the cures of the GAN, was chosen on "validation".
MODELS = {
    "RBM": {"hidden": 256, "chains": 500, "train": {"epochs": 12, "lr": 0.05, "batch_size": 100}},
    "probabilistic PCA": {"k": 16},
    "autoencoder + mixture": {
        "sizes": [784, 512, 256, 12],
        "parts": 100,
        "fit": {"epochs": 10, "lr": 2e-3, "batch_size": 128, "decay": "cosine"},
    },
    "VAE": _VAE,
    "VAE + mixture": _VAE | {"parts": 100},
    "conditional VAE": _VAE,
    "GAN": _GAN,
    "GAN with cures": _GAN | {"train": _GAN["train"] | {"r1": 0.1, "ema": 0.99}},
}


class Mixture(nn.Module):
    """A decoder z (B, k) -> (B, 784), or a VAE, with a mixture of Gaussians for its codes.

    shares (m,), means (m, k), roots (m, k, k): the covariance of part j is roots[j] @ roots[j].T.
    """

    def __init__(self, decoder: nn.Module, parts: int, k: int):
        super().__init__()
        self.decoder = decoder
        self.register_buffer("shares", torch.full((parts,), 1 / parts))
        self.register_buffer("means", torch.zeros(parts, k))
        self.register_buffer("roots", torch.eye(k).repeat(parts, 1, 1))

    def fit(self, codes: Tensor, *, seed: int) -> None:
        """The mixture of the codes (N, k): scikit-learn's expectation maximisation."""
        found = GaussianMixture(len(self.shares), random_state=seed, reg_covar=1e-3).fit(codes.numpy())
        self.shares.copy_(torch.from_numpy(found.weights_))
        self.means.copy_(torch.from_numpy(found.means_))
        self.roots.copy_(torch.linalg.cholesky(torch.from_numpy(found.covariances_)))

    def log_prob(self, z: Tensor) -> Tensor:
        """The logarithm of the mixture's density at codes (N, k) -> (N,), nats."""
        parts = MultivariateNormal(self.means, scale_tril=self.roots)
        return (self.shares.log() + parts.log_prob(z[:, None])).logsumexp(1)

    def draw(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Codes -> (n, k): first a part, then a draw from its Gaussian."""
        part = torch.multinomial(self.shares, n, replacement=True, generator=generator)  # (n,)
        noise = torch.randn(n, self.means.shape[1], generator=generator, device=generator.device)
        return self.means[part] + torch.einsum("nij,nj->ni", self.roots[part], noise)


def untrained(name: str, settings: dict, *, seed: int = 0, mean: Tensor | None = None) -> nn.Module:
    """What `train` begins with and `sample` draws from. mean: of the training images (784,), where some biases begin.

    Raises ValueError for an unknown name.
    """
    check_name(name)
    mean = torch.full((784,), 0.5) if mean is None else mean
    with seeded(seed) as generator:
        if name == "RBM":
            model = RBM(784, settings["hidden"], generator=generator)
            model.register_buffer("chains", torch.zeros(settings["chains"], 784))
            return model
        if name == "probabilistic PCA":
            model = nn.Linear(settings["k"], 784)  # z -> W z + mean
            model.latent = settings["k"]
        elif name == "autoencoder + mixture":
            autoencoder = make_autoencoders.initialized(settings["sizes"], mean, seed=seed)
            model = Mixture(autoencoder.decoder, settings["parts"], settings["sizes"][-1])
        elif "VAE" in name:
            classes = 10 if name.startswith("conditional") else 0
            model = make_vae.initialized(settings["network"], settings["sizes"], mean, seed=seed, condition=classes)
            model.latent = settings["sizes"][-1]
            if name == "VAE + mixture":
                model = Mixture(model, settings["parts"], model.latent)
        else:
            model = gan.Generator(settings["latent"], settings["channels"])
    return model


def train(name: str, settings: dict, x: Tensor, labels: Tensor, *, seed: int) -> tuple[nn.Module, dict[str, list]]:
    """Train one model on images x (N, 784) with their labels (N,): the model, and its losses as far as it has any.

    Losses: means per epoch, or, of a GAN, of each step. Raises ValueError for an unknown name.
    """
    check_name(name)
    mean = x.mean(0)  # (784,)
    model = untrained(name, settings, seed=seed, mean=mean)
    if name == "RBM":
        with seeded(seed) as generator:
            model.chains, _ = train_pcd(
                model,
                binarize(x, generator=generator),
                chains=settings["chains"],
                generator=generator,
                **settings["train"],
            )
        return model, {}
    if name == "probabilistic PCA":
        mean, weights, _ = ppca(x, settings["k"])
        model.load_state_dict({"weight": weights, "bias": mean})
        return model, {}
    if name == "autoencoder + mixture":
        autoencoder = make_autoencoders.initialized(settings["sizes"], mean, seed=seed)
        losses = fit(autoencoder, squared_error, x, seed=seed, **settings["fit"])
        with torch.no_grad():
            codes = autoencoder.encode(x)  # (N, k)
        model.decoder = autoencoder.decoder
        model.fit(codes, seed=seed)
        return model, losses
    if name == "VAE + mixture":  # that VAE, and then a mixture for one draw of q(z | x) from each training digit
        losses = fit(model.decoder, make_vae.neg_elbo_of_new_bits, x, seed=seed, **settings["fit"])
        with torch.no_grad(), seeded(seed) as generator:
            said = model.decoder.encode(binarize(x, generator=generator))
            model.fit(reparameterize(*said, generator=generator), seed=seed)
        return model, losses
    if name.endswith("VAE"):
        data = (x, one_hot(labels, 10).float()) if name.startswith("conditional") else x
        return model, fit(model, make_vae.neg_elbo_of_new_bits, data, seed=seed, **settings["fit"])
    with seeded(seed + 1):
        discriminator = gan.Discriminator(settings["channels"])
    history = gan.train_images(model, discriminator, x.reshape(-1, 28, 28), seed=seed, **settings["train"])
    return model, {loss: history[loss].tolist() for loss in ("d_loss", "g_loss")}


def load(name: str, device: torch.device | str = "cpu") -> nn.Module:
    """A trained model, that of seed 0, in eval mode, without gradients.

    Raises ValueError for an unknown name or a damaged weights file, FileNotFoundError for a missing one.
    """
    check_name(name)
    made = json.loads(RESULTS.read_text(encoding="utf-8"))["models"][name]
    repair = (
        "reinstall genbook, or in a clone run `git checkout -- genbook/weights`, "
        "or train it anew with `python -m genbook.make_scoreboard`"
    )
    content = read_checked(weights_file(name), made["sha256"], what="weights", repair=repair)
    model = untrained(name, made["settings"])
    model.load_state_dict(safetensors.torch.load(content))  # float16 in the file, float32 here
    return model.to(device).eval().requires_grad_(False)


@torch.no_grad()
def sample(name: str, model: nn.Module, n: int, *, generator: torch.Generator) -> Tensor:
    """Images (n, 28, 28) in [0, 1]; where a model has noise in its pixels, these are their means given all the rest.

    The conditional VAE is asked for random digits. An RBM's chains go on from where its training left them, SWEEPS from
    one batch of images to the next. Raises ValueError for an unknown name and n < 1.
    """
    check_name(name)
    if n < 1:
        raise ValueError(f"expected n of at least 1, got {n}")
    images, drawn = [], 0
    v = model.chains if name == "RBM" else None
    while drawn < n:
        if name == "RBM":
            v = model.sample(SWEEPS, start=v, generator=generator)
            images.append(model.visible_probabilities(flip(model.hidden_probabilities(v), generator=generator)))
        elif isinstance(model, Mixture):
            z = model.draw(1000, generator=generator)
            images.append(model.decoder.decoder_mean(z) if name == "VAE + mixture" else model.decoder(z))
        else:
            z = torch.randn(1000, model.latent, generator=generator, device=generator.device)
            label = torch.randint(10, (1000,), generator=generator, device=generator.device)
            if name.endswith("VAE"):
                images.append(model.decoder_mean(z, one_hot(label, 10).float() if name != "VAE" else None))
            else:
                images.append(model(z))
        drawn += len(images[-1])
    return torch.cat([part.reshape(-1, 28, 28) for part in images])[:n].clamp(0, 1)  # PCA's leave [0, 1]


def measure(images: Tensor, real: Tensor, train: Tensor) -> dict[str, float | list[float]]:
    """Every measure of the scoreboard. images (N, 28, 28), real: held-out digits, as many; train: those trained on.

    "frechet", "precision", "recall", "density", "coverage" on the digit classifier's features; "imbalance", "unsure",
    "shares" of `class_report`; "nearest": the median distance of the first 1000 images to the nearest training digit,
    in pixels, in units of the same median for real digits; "copies": the share of them that is closer than 99 % of the
    real digits are.
    """
    a, b = metrics.features(images), metrics.features(real)
    distances, usual = (metrics.nearest_distance(s[:1000].flatten(1), train.flatten(1)) for s in (images, real))
    return {
        "frechet": metrics.frechet_distance(a, b),
        **metrics.precision_recall(b, a),
        **metrics.class_report(images),
        "nearest": float(distances.median() / usual.median()),
        "copies": float((distances < usual.quantile(0.01)).float().mean()),
    }


def weights_file(name: str) -> Path:
    return WEIGHTS / f"scoreboard_{name.replace(' + ', ' ').replace(' ', '_').lower()}.safetensors"


def check_name(name: str) -> None:
    if name not in MODELS:
        raise ValueError(f"expected the name of a model, one of {', '.join(map(repr, MODELS))}, got {name!r}")
