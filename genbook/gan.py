"""Generative adversarial networks: the losses in logits, networks, and many small GANs trained at once.

D gives logits a, D(x) = σ(a); real is 1, fake is 0. Losses are minimised and are means over the batch, the last axis:
(B,) -> () for one GAN, (S, B) -> (S,) for S of them at once.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genbook.train import DECAYS, _has_bf16, progress, seeded

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

    Raises ValueError for images of another size.
    """

    def __init__(self, channels: int = 16):
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
    seed: int,
    record: int = 0,
    show: int = 50,
    bf16: bool = True,
) -> dict[str, Tensor]:
    """Train a GAN on images (N, 28, 28) in [0, 1], by Adam: one D step, then one (non-saturating) G step on the
    same fakes, and so on. Changes both networks and leaves them in eval mode.

    generator: z (B, generator.latent) -> (B, 28, 28). discriminator: (B, 28, 28) -> logits (B,); it is given real and
    fake images in separate batches. decay: "linear" or "cosine", both learning rates fall to 0 in the second half of
    the steps. bf16: autocast where the hardware has it.
    Returns, on the CPU, "d_loss", "g_loss", "d_real", "d_fake" (steps,): both losses, and D's mean logits of real and
    of fake images before its step; and "samples" (record, show, 28, 28), eval mode, one fixed z, the last at the end.
    Raises ValueError for bad settings or data, FloatingPointError with the first step whose loss is not finite.
    """
    if min(steps, batch_size, show) < 1 or not 0 <= record <= steps:
        raise ValueError(
            f"expected steps, batch_size and show of at least 1 and record from 0 to steps, "
            f"got {steps}, {batch_size}, {show} and {record}"
        )
    if decay not in DECAYS:
        raise ValueError(f"expected decay to be one of {', '.join(map(repr, DECAYS))}, got {decay!r}")
    if images.ndim != 3 or len(images) == 0 or not ((images >= 0) & (images <= 1)).all():  # NaN fails too
        raise ValueError(f"expected images (N, 28, 28) with values in [0, 1], N ≥ 1, got {tuple(images.shape)}")
    device = images.device
    bf16 = bf16 and _has_bf16(device)
    optimizers = [
        torch.optim.Adam(network.parameters(), lr=lr, betas=betas, fused=device.type in ("cpu", "cuda"))
        for network, lr in ((generator, lr_g), (discriminator, lr_d))
    ]
    snapshots = {round(steps * (k + 1) / record) for k in range(record)}
    rows, samples = [], []
    generator.train(), discriminator.train()
    with seeded(seed, device) as random:
        z_shown = torch.randn(show, generator.latent, generator=random, device=device)
        for step in progress(range(1, steps + 1), desc="training", unit="step"):
            for optimizer, lr in zip(optimizers, (lr_g, lr_d), strict=True):
                optimizer.param_groups[0]["lr"] = lr * DECAYS[decay](max(0.0, 2 * (step - 1) / steps - 1))
            real = images[torch.randint(len(images), (batch_size,), generator=random, device=device)]
            z = torch.randn(batch_size, generator.latent, generator=random, device=device)
            rows.append(_image_step(generator, discriminator, *optimizers, real, z, bf16=bf16))
            if step % 100 == 0 or step == steps:  # seldom: to look at a number makes a GPU wait
                _check_steps(torch.stack(rows[-100:]), step)
            if step in snapshots:
                with torch.no_grad():
                    samples.append(generator.eval()(z_shown).float().cpu())
                generator.train()
    generator.eval(), discriminator.eval()
    history = dict(zip(("d_loss", "g_loss", "d_real", "d_fake"), torch.stack(rows).cpu().T, strict=True))
    return history | {"samples": torch.stack(samples) if samples else torch.empty(0, show, 28, 28)}


def _image_step(generator, discriminator, g_optimizer, d_optimizer, real: Tensor, z: Tensor, *, bf16: bool) -> Tensor:
    """One D step and one G step; gives D's loss, G's loss and D's mean logits (4,)."""
    with torch.autocast(real.device.type, torch.bfloat16, enabled=bf16):
        fake = generator(z)  # (B, 28, 28)
        real_logits, fake_logits = discriminator(real).float(), discriminator(fake.detach()).float()
    d_loss = discriminator_loss(real_logits, fake_logits)
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()

    discriminator.requires_grad_(False)  # G's step needs no gradients of D's weights: a third less work
    with torch.autocast(real.device.type, torch.bfloat16, enabled=bf16):
        g_loss = generator_loss(discriminator(fake).float())
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    discriminator.requires_grad_(True)
    return torch.stack([d_loss, g_loss, real_logits.mean(), fake_logits.mean()]).detach()


def _check_steps(rows: Tensor, step: int) -> None:
    """Raise FloatingPointError with the first of the last steps, rows (n, 4), that gave a number that is not finite."""
    bad = (~rows.isfinite().all(1)).nonzero()
    if len(bad):
        first = step - len(rows) + 1 + int(bad[0])
        raise FloatingPointError(
            f"a loss is not finite at step {first}: {rows[int(bad[0]), :2].tolist()}; "
            f"a learning rate is most likely too large"
        )
