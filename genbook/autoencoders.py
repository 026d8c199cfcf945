"""Autoencoders, and what they are measured against: principal component analysis (PCA) and its probabilistic form."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from numbers import Integral

import scipy.linalg
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.nn.functional import mse_loss


class Autoencoder(nn.Module):
    """Encoder and mirrored decoder of flat inputs; sizes [784, 400, 20] means 784 → 400 → 20 → 400 → 784.

    `nonlinearity` follows every hidden layer, `output` the last one; the code is left as it is, so that [784, 20] is
    the linear autoencoder. Both are classes of layers, such as nn.Tanh and nn.Sigmoid. All layers have biases, 0 at
    first; the weights are normal with variance 2 / inputs (He et al. 2015), with which training takes a fraction of the
    epochs that it does from PyTorch's smaller ones. Drawn from the global state: make it inside `seeded`.
    Raises ValueError for sizes that cannot be.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        nonlinearity: Callable[[], nn.Module] = nn.ReLU,
        output: Callable[[], nn.Module] = nn.Identity,
    ):
        sizes = list(sizes)
        if len(sizes) < 2 or not all(isinstance(size, Integral) and size >= 1 for size in sizes):
            raise ValueError(f"sizes must be two or more whole numbers >= 1, from input to code, got {sizes}")
        super().__init__()
        self.encoder = _layers(sizes, nonlinearity)
        self.decoder = _layers(sizes[::-1], nonlinearity).append(output())
        he_initialize(self)

    def encode(self, x: Tensor) -> Tensor:
        """The code of each example. x: (B, D) -> (B, k)."""
        _check_width("x", x, self.encoder[0].in_features)
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """What each code stands for. z: (B, k) -> (B, D)."""
        _check_width("z", z, self.decoder[0].in_features)
        return self.decoder(z)

    def forward(self, x: Tensor) -> Tensor:
        """The reconstruction, through the bottleneck. x: (B, D) -> (B, D)."""
        return self.decode(self.encode(x))


def he_initialize(network: nn.Module) -> None:
    """Draw the weights of its linear layers anew, normal with variance 2 / inputs; biases 0. He et al. 2015.

    Drawn from the global state: call it inside `seeded`.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.in_features))
            nn.init.zeros_(layer.bias)


def squared_error(model: Callable[[Tensor], Tensor], x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """‖x - model(x)‖² of each example, summed over its pixels: a loss, to minimise. x: (B, ...) -> (B,).

    generator: what `fit` hands to every loss; not used, as nothing is drawn. Raises ValueError where model(x) has
    another shape than x.
    """
    reconstruction = model(x)
    if reconstruction.shape != x.shape:  # or broadcasting would quietly compare each example with every other
        raise ValueError(f"model(x) must have the shape of x, {tuple(x.shape)}, got {tuple(reconstruction.shape)}")
    squares = mse_loss(reconstruction, x, reduction="none")  # one pass, and one back: faster than written out
    return squares.flatten(1).sum(1)  # (B, D) -> (B,)


def pca(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """The k principal directions of the rows of x: (mean (D,), components (k, D), variances (k,)).

    scikit-learn's PCA, exact, in float64; returned in the dtype and on the device of x (N, D). The components are
    orthonormal rows, that of most variance first, each one's largest entry positive. The variances divide by N, as
    maximum likelihood does, where scikit-learn's divide by N - 1. A reconstruction is
    mean + (x - mean) @ components.T @ components.
    Raises ValueError unless x is a matrix of finite floats with N >= 2, and 1 <= k <= min(N, D).
    """
    mean, components, variances, _ = _fit_pca(x, k)
    return mean, components, variances


def ppca(x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilistic PCA by maximum likelihood: (mean (D,), weights W (D, k), noise variance σ² ()).

    The model: z ~ N(0, I), ε ~ N(0, I), x = mean + W z + σ ε, so that x ~ N(mean, W Wᵀ + σ² I). With the principal
    directions U (D, k) and their variances Λ, σ² is the mean of the D - k other variances and W = U (Λ - σ² I)^½; any
    rotation of W's columns does as well. Dtype and device of x (N, D). Raises ValueError as `pca` does, for k >= D,
    and where the x lie in k dimensions: then σ² = 0 and the likelihood has no bound.
    Tipping & Bishop 1999, equations 7 and 8.
    """
    mean, components, variances, noise_variance = _fit_pca(x, k, spare=1)
    if noise_variance <= x.shape[1] * torch.finfo(torch.float64).eps * variances[0]:
        raise ValueError(
            f"x, of shape {tuple(x.shape)}, varies in no more than k = {k} directions, which leaves no noise: "
            "expected a smaller k or more examples"
        )
    weights = components.T * (variances - noise_variance).clamp_min(0).sqrt()  # (D, k); clamp: rounding
    return mean, weights, noise_variance


def ppca_log_likelihood(train: Tensor, k: int, test: Tensor | None = None) -> Tensor:
    """log p(x) of each test example under the probabilistic PCA fitted to `train` -> (N_test,) float64, nats.

    train: (N, D), test: (N_test, D) on one device; None evaluates `train` itself. Exact, and a k × k matrix is all
    that is inverted (Woodbury), so that a singular covariance, such as MNIST's, is no trouble. Raises ValueError as
    `ppca` does, and for a test of another width than train.
    """
    _check_data("train", train)
    if test is None:
        test = train
    _check_data("test", test)
    _check_width("test", test, train.shape[1])
    mean, weights, noise_variance = ppca(train.double(), k)
    p_x = torch.distributions.LowRankMultivariateNormal(mean, weights, noise_variance.expand_as(mean))
    return p_x.log_prob(test.detach().double())


def subspace_gap(a: Tensor, b: Tensor) -> float:
    """Largest principal angle between the column spaces of a and b, in radians: 0 (the same space) to π/2.

    a, b: (D, k), any bases. SciPy's, accurate for tiny angles too. Raises ValueError for other or different shapes,
    NaN, and linearly dependent columns: they span less than k dimensions, and the angle would not show it.
    """
    for name, basis in (("a", a), ("b", b)):
        _check_data(name, basis)
        rank = torch.linalg.matrix_rank(basis.detach()).item()  # in the given dtype: its rounding is what counts
        if rank < basis.shape[1]:
            raise ValueError(
                f"expected {name} of shape (D, k) with linearly independent columns, "
                f"got rank {rank} for shape {tuple(basis.shape)}"
            )
    if a.shape != b.shape:
        raise ValueError(f"expected a and b of one shape (D, k), got {tuple(a.shape)} and {tuple(b.shape)}")
    a, b = (basis.detach().cpu().double().numpy() for basis in (a, b))
    return float(scipy.linalg.subspace_angles(a, b).max())


def _layers(sizes: list[int], nonlinearity: Callable[[], nn.Module]) -> nn.Sequential:
    """Linear layers with the nonlinearity between them, none after the last."""
    layers = nn.Sequential(nn.Linear(sizes[0], sizes[1]))
    for inputs, outputs in pairwise(sizes[1:]):
        layers.extend([nonlinearity(), nn.Linear(inputs, outputs)])
    return layers


def _fit_pca(x: Tensor, k: int, spare: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What `pca` returns, and the mean of the D - k other variances (); k leaves at least `spare` of these."""
    _check_data("x", x)
    if len(x) < 2:
        raise ValueError(f"expected x with at least 2 examples, got shape {tuple(x.shape)}")
    most = min(len(x), x.shape[1] - spare)
    if not isinstance(k, Integral) or not 1 <= k <= most:
        raise ValueError(f"expected k, a whole number from 1 to {most} for x of shape {tuple(x.shape)}, got {k!r}")
    exact = x.detach().cpu().double()
    mean = exact.mean(0)
    # The solver that scikit-learn would choose can be a randomised one; the covariance is exact, and fast for many
    # examples. Centred here: scikit-learn subtracts N·mean·meanᵀ from xᵀx, and a large mean would leave rounding only.
    fitted = PCA(int(k), svd_solver="covariance_eigh").fit((exact - mean).numpy())
    divide_by_n = (len(x) - 1) / len(x)
    variances, noise_variance = fitted.explained_variance_ * divide_by_n, fitted.noise_variance_ * divide_by_n
    return tuple(torch.as_tensor(a).to(x) for a in (mean, fitted.components_, variances, noise_variance))


def _check_width(name: str, x: Tensor, width: int) -> None:
    if x.ndim != 2 or x.shape[1] != width:
        raise ValueError(f"expected {name} of shape (B, {width}), got {tuple(x.shape)}")


def _check_data(name: str, x: Tensor) -> None:
    if x.ndim != 2 or x.numel() == 0 or not x.is_floating_point():
        raise ValueError(f"expected {name} to be a matrix of floats, got {x.dtype} of shape {tuple(x.shape)}")
    low, high = (
        edge.item() for edge in x.detach().aminmax()
    )  # NaN where x holds one, and 15 times faster than isfinite
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"expected {name} without NaN or infinity, got values from {low} to {high}")
