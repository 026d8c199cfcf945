"""Generative adversarial networks: the losses in logits, networks, and many small GANs trained at once.

D gives logits a, D(x) = σ(a); real is 1, fake is 0. Losses are minimised and are means over the batch, the last axis:
(B,) -> () for one GAN, (S, B) -> (S,) for S of them at once.
"""

from torch import Tensor
from torch.nn.functional import softplus

GENERATOR_LOSSES = ("non-saturating", "minimax", "wasserstein")


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-[mean log D(x) + mean log(1 - D(G(z)))], in nats: logits (..., B) and (..., B') -> (...). At D = 1/2: log 4."""
    return softplus(-real_logits).mean(-1) + softplus(fake_logits).mean(-1)


def generator_loss(fake_logits: Tensor, kind: str = "non-saturating") -> Tensor:
    """The generator's loss, logits (..., B) -> (...): "non-saturating" is -mean log D(G(z)), "minimax" mean log(1 - D(G(z))),
    "wasserstein" minus the mean of the critic's values. Goodfellow et al. 2014; Arjovsky et al. 2017.
    """
    if kind not in GENERATOR_LOSSES:
        raise ValueError(f"expected kind to be one of {', '.join(map(repr, GENERATOR_LOSSES))}, got {kind!r}")
    if kind == "non-saturating":
        return softplus(-fake_logits).mean(-1)
    return -softplus(fake_logits).mean(-1) if kind == "minimax" else -fake_logits.mean(-1)
