"""Measures of samples: of generated digits by a fixed classifier that ships with the book, of points by their modes."""

import math
from collections.abc import Callable
from numbers import Integral
from pathlib import Path

import safetensors.torch
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn

from genbook.files import read_checked

# Made by genbook/make_digit_classifier.py; digit_classifier.json beside it says how.
CLASSIFIER_FILE = Path(__file__).parent / "weights" / "digit_classifier.safetensors"
CLASSIFIER_SHA256 = "99750a2d2038dc00d5e443483651ea1b5fee522dca818cc48a6961b186cd9e02"

RANGE_SLACK = 1e-3  # how far a pixel may be outside [0, 1]: rounding, in bfloat16 too


class DigitClassifier(nn.Module):
    """A small convolutional network for MNIST: images (B, 28, 28) -> features (B, 64) -> logits (B, 10)."""

    def __init__(self):
        super().__init__()

        def block(channels_in: int, channels: int, size: int) -> list[nn.Module]:
            """Half the height, half the width."""
            convolution = nn.Conv2d(channels_in, channels, size, stride=2, padding=size // 2, bias=False)
            return [convolution, nn.BatchNorm2d(channels), nn.ReLU()]

        self.features = nn.Sequential(
            nn.Unflatten(1, (1, 28)),  # (B, 28, 28) -> (B, 1, 28, 28)
            *block(1, 16, size=5),  # -> (B, 16, 14, 14)
            *block(16, 32, size=5),  # -> (B, 32, 7, 7)
            *block(32, 64, size=3),  # -> (B, 64, 4, 4)
            nn.Flatten(),  # -> (B, 1024)
            nn.Linear(1024, 64, bias=False),
            nn.BatchNorm1d(64),  # or a third of the features would never speak
            nn.ReLU(),
        )
        self.logits = nn.Linear(64, 10)
        self.to(memory_format=torch.channels_last)  # a CPU's convolutions are faster so

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(self.features(images))


def digit_classifier(device: torch.device | str = "cpu") -> DigitClassifier:
    """The book's fixed digit classifier, trained on MNIST's "train" split, in eval mode and without gradients.

    Raises ValueError for a damaged weights file, FileNotFoundError for a missing one.
    """
    repair = (
        "reinstall genbook, or in a clone run `git checkout -- genbook/weights`, "
        "or train it anew with `python -m genbook.make_digit_classifier`"
    )
    content = read_checked(CLASSIFIER_FILE, CLASSIFIER_SHA256, what="weights", repair=repair)
    classifier = DigitClassifier()
    classifier.load_state_dict(safetensors.torch.load(content))  # float16 in the file, float32 here
    return classifier.to(device).eval().requires_grad_(False)


def features(images: Tensor) -> Tensor:
    """What the digit classifier's last layer sees. images: (N, 28, 28) or (N, 784), in [0, 1] as MNIST's -> (N, 64).

    Computed on the images' device, without gradients. Raises ValueError for other shapes, whole numbers such as bytes,
    pixels outside [0, 1], NaN and infinity.
    """
    return _in_chunks(digit_classifier(images.device).features, images)


def classify(images: Tensor) -> Tensor:
    """The digit classifier's probabilities of the ten digits. images: as for `features` -> (N, 10)."""
    return _in_chunks(digit_classifier(images.device), images).softmax(1)


def nearest_distance(points: Tensor, others: Tensor) -> Tensor:
    """The Euclidean distance of each point to the nearest of the others. (N, k), (M, k) -> (N,), float32 or float64.

    Computed in float64 around the others' mean; the neighbours are scikit-learn's. Numbers of any kind and size of
    dtype. Raises ValueError for other shapes, empty sets, NaN and infinity.
    """
    _check_sets("points", points, others)
    dtype = torch.promote_types(torch.promote_types(points.dtype, others.dtype), torch.float32)
    ours, theirs = (s.detach().cpu().to(torch.float64, copy=True) for s in (points, others))
    centre = theirs.mean(0)  # far from the origin the products that find neighbours would leave rounding only
    ours, theirs = ours.sub_(centre), theirs.sub_(centre)
    search = NearestNeighbors(n_neighbors=1).fit(theirs.numpy())
    nearest = torch.from_numpy(search.kneighbors(ours.numpy(), return_distance=False)[:, 0])  # (N,)
    return torch.linalg.vector_norm(ours - theirs[nearest], dim=1).to(points.device, dtype)


def frechet_distance(features_a: Tensor, features_b: Tensor) -> float:
    """The squared Fréchet distance of two Gaussians with the means and covariances of two sets, (N, k) and (M, k).

    |m_a - m_b|² + tr(A + B - 2 (A B)^½), in the features' squared units; computed in float64. It has a positive bias
    that falls with the size of the sets: compare sets of one size. Numbers of any dtype. Raises ValueError for other
    shapes, for NaN or infinity, and for sets of at most k rows, whose covariance has no full rank. Heusel et al. 2017.
    """
    _check_sets("features", features_a, features_b)
    k = features_a.shape[1]
    if min(len(features_a), len(features_b)) <= k:
        raise ValueError(
            f"expected more rows than the {k} dimensions, got {len(features_a)} and {len(features_b)}: "
            f"a covariance from so few has no full rank"
        )
    a, b = (_exact(features).cpu() for features in (features_a, features_b))
    cov_a, cov_b = a.T.cov().reshape(k, k), b.T.cov().reshape(k, k)
    values, vectors = torch.linalg.eigh(cov_a)
    root_a = vectors * values.clamp_min(0).sqrt() @ vectors.T
    # A B and A^½ B A^½ have the same eigenvalues, and the second is symmetric: no complex roots from rounding.
    trace_of_root = torch.linalg.eigvalsh(root_a @ cov_b @ root_a).clamp_min(0).sqrt().sum()
    distance = (a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * trace_of_root
    return max(0.0, float(distance))


def precision_recall(features_real: Tensor, features_fake: Tensor, k: int = 5) -> dict[str, float]:
    """Do samples lie among the data, and the data among the samples? Features (N, d), (M, d) -> four numbers.

    The ball of a point reaches to its k-th nearest neighbour in its own set. "precision": share of fake points in the
    ball of a real one. "recall": share of real points in the ball of a fake one. "density": how many real balls a fake
    point lies in, divided by k, on average; it can exceed 1. "coverage": share of real balls that hold a fake point.
    A ball holds what is nearer than its radius: in a set of copies of one point it holds nothing. All depend on N, M
    and k: compare sets of one size. Computed in float64, from differences; numbers of any dtype. Raises ValueError for
    other shapes, for NaN or infinity and unless k is a whole number, 1 <= k < min(N, M). Kynkäänniemi et al. 2019
    (first two); Naeem et al. 2020 (last two).
    """
    _check_sets("features", features_real, features_fake)
    fewest = min(len(features_real), len(features_fake))
    if not isinstance(k, Integral) or not 1 <= k < fewest:
        raise ValueError(f"expected 1 <= k < {fewest} rows, got k = {k}")
    real = _exact(features_real)
    fake = _exact(features_fake).to(real.device)
    # The nearest point of its own set is the point itself, at distance 0.
    real_radius, fake_radius = (
        torch.cat([_distances(part, s).topk(k + 1, largest=False).values[:, k] for part in s.split(1000)])
        for s in (real, fake)
    )
    balls, reached, covered = [], [], []
    for points, radius in zip(real.split(1000), real_radius.split(1000), strict=True):
        distance = _distances(points, fake)  # (1000, M): a part at a time, or 10 000 squared would fill the memory
        inside = distance < radius[:, None]
        balls.append(inside.sum(0))
        covered.append(inside.any(1))
        reached.append((distance < fake_radius).any(1))
    balls = torch.stack(balls).sum(0)  # (M,): in how many real balls each fake point is
    return {
        "precision": float((balls > 0).double().mean()),
        "recall": float(torch.cat(reached).double().mean()),
        "density": float(balls.double().mean() / k),
        "coverage": float(torch.cat(covered).double().mean()),
    }


def class_report(images: Tensor) -> dict[str, float | list[float]]:
    """Which digits a set of images shows, as `classify` reads them. images: as for `features`.

    "shares": of the ten digits, sums to 1. "imbalance": their total variation distance from a tenth each, 0 to 0.9.
    "unsure": the share of the images in which no digit has 90 %.
    """
    probabilities = classify(images)  # (N, 10)
    shares = torch.bincount(probabilities.argmax(1), minlength=10).double() / len(images)
    return {
        "shares": shares.tolist(),
        "imbalance": float((shares - 0.1).abs().sum() / 2),
        "unsure": float((probabilities.amax(1) < 0.9).double().mean()),
    }


@torch.no_grad()
def sampling_report(decode: Callable[[Tensor], Tensor], draws: Tensor, codes: Tensor, usual: float) -> dict[str, float]:
    """How well images decoded from `draws` (n, k) would do as digits: three numbers, each better when smaller.

    "imbalance": total variation distance of their digits' shares from a tenth each, 0 to 0.9. "unsure": the share of
    them in which `classify` gives no digit 90 %. "distance": the median distance from a draw to the nearest of `codes`
    (N, k), those of the training set, in units of `usual`, the same median for the codes of held-out images.
    decode: (n, k) -> (n, 784). Raises ValueError as `classify` and `nearest_distance` do, and unless usual > 0.
    """
    if not 0 < usual < math.inf:
        raise ValueError(f"expected usual, a finite distance > 0, got {usual}")
    report = class_report(decode(draws))
    return {
        "imbalance": report["imbalance"],
        "unsure": report["unsure"],
        "distance": float(nearest_distance(draws, codes).median() / usual),
    }


def mode_coverage(points: Tensor, centres: Tensor, *, radius: float) -> dict[str, Tensor]:
    """How well samples (n, 2) or (S, n, 2) cover a mixture of equally likely parts with centres (m, 2).

    A sample belongs to its nearest centre and is of high quality if it is less than the radius away: three standard
    deviations as a rule, which 98.89 % of true samples are. Returns, with the points' leading axes: "counts" (m,) of
    the high-quality samples, "quality", their share, "modes" with at least one of them, "modes_1_percent" with at least
    1 % of all n, "reverse_kl" of their shares (m,) from uniform, in nats, infinite where there are none. As Lin et al.
    2018 (PacGAN) count. Computed in float64; numbers of any dtype. Raises ValueError for other shapes, NaN, infinity or
    a radius that is not > 0.
    """
    if points.ndim not in (2, 3) or centres.ndim != 2 or points.shape[-1] != centres.shape[1] or 0 in points.shape:
        raise ValueError(
            f"expected points (n, 2) or (S, n, 2) and centres (m, 2), got {tuple(points.shape)}, {tuple(centres.shape)}"
        )
    if not (points.isfinite().all() and centres.isfinite().all() and radius > 0):
        raise ValueError(f"expected finite points and centres and a radius > 0, got radius {radius} or NaN or infinity")
    points, centres = _exact(points), _exact(centres)
    distance, mode = torch.linalg.vector_norm(points.unsqueeze(-2) - centres, dim=-1).min(-1)  # (..., n)
    good = distance < radius
    counts = (nn.functional.one_hot(mode, len(centres)) * good.unsqueeze(-1)).sum(-2)  # (..., n, m) -> (..., m)
    shares = counts.double() / counts.sum(-1, keepdim=True)
    kl = math.log(len(centres)) + torch.xlogy(shares, shares).sum(-1)  # NaN where 0/0
    return {
        "counts": counts,
        "quality": good.double().mean(-1),
        "modes": (counts > 0).sum(-1),
        "modes_1_percent": (counts >= 0.01 * points.shape[-2]).sum(-1),
        "reverse_kl": kl.nan_to_num(nan=math.inf),
    }


def _check_sets(what: str, a: Tensor, b: Tensor) -> None:
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        raise TypeError(f"expected {what} as two tensors, got {type(a).__name__} and {type(b).__name__}")
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or 0 in (*a.shape, *b.shape):
        raise ValueError(
            f"expected {what} (N, k) and (M, k), got {tuple(a.shape)} and {tuple(b.shape)}; all at least 1"
        )
    if a.is_complex() or b.is_complex():
        raise ValueError(f"expected {what} as real numbers, got {a.dtype} and {b.dtype}")
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError(f"expected finite {what}, got NaN or infinity among them")


def _exact(points: Tensor) -> Tensor:
    where = "cpu" if points.device.type == "mps" else points.device  # Apple's GPU has no float64
    return points.detach().to(where).double()


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """(N, k), (M, k) -> (N, M). From differences: products would leave rounding only of points close together."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def _in_chunks(network: nn.Module, images: Tensor) -> Tensor:
    if not isinstance(images, Tensor):
        raise TypeError(f"expected images as a tensor, got {type(images).__name__}")
    if images.shape[1:] not in [(28, 28), (784,)] or len(images) == 0:
        raise ValueError(f"expected images of shape (N, 28, 28) or (N, 784), N ≥ 1, got {tuple(images.shape)}")
    if not images.is_floating_point():
        raise ValueError(f"expected images as floats in [0, 1], got {images.dtype}; of bytes take images / 255")
    low, high = (edge.item() for edge in images.detach().aminmax())  # NaN where there is one
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"expected finite images, got NaN or infinity among them, values from {low} to {high}")
    if low < -RANGE_SLACK or high > 1 + RANGE_SLACK:
        raise ValueError(
            f"expected pixels in [0, 1], 0 for paper and 1 for ink, got values from {low:g} to {high:g}; "
            "first scale them (what comes from bytes by 1 / 255), or clamp them where only a few are outside"
        )
    images = images.detach().float().reshape(-1, 28, 28)
    return torch.cat([network(chunk) for chunk in images.split(1000)])
