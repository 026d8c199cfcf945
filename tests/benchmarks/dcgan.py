"""Speed of the DCGAN's training: images per second with `train_images` against the plain float32 loop.

Times are medians of interleaved repeats in one process: the ratios mean something, the times belong to this machine.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from genbook import data, gan
from genbook.train import device, has_bf16, seeded
from tests.benchmarks.gibbs import interleaved

BATCH, STEPS, LATENT, CHANNELS = 64, 60, 64, 16


class UsualGenerator(nn.Module):
    """The same sizes with transposed convolutions, as most tutorials write them."""

    def __init__(self):
        super().__init__()
        self.latent, c = LATENT, CHANNELS
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(LATENT, 2 * c, 7, bias=False),
            nn.BatchNorm2d(2 * c),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(),
            nn.ConvTranspose2d(c, 1, 4, stride=2, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z[:, :, None, None]).squeeze(1)


class UsualDiscriminator(nn.Module):
    def __init__(self):
        super().__init__()
        c = CHANNELS
        self.layers = nn.Sequential(
            nn.Conv2d(1, c, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * c * 49, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images[:, None]).squeeze(1)


def usual(generator: nn.Module, discriminator: nn.Module, images: Tensor, steps: int) -> None:
    """The usual loop, float32: labels, plain Adam, G run twice in a step, losses read after it."""
    adam_g = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    ones, zeros = torch.ones(BATCH, device=images.device), torch.zeros(BATCH, device=images.device)
    for _ in range(steps):
        real = images[torch.randint(len(images), (BATCH,), device=images.device)]
        fake = generator(torch.randn(BATCH, LATENT, device=images.device))
        adam_d.zero_grad()
        d_loss = binary_cross_entropy_with_logits(discriminator(real), ones)
        d_loss = d_loss + binary_cross_entropy_with_logits(discriminator(fake.detach()), zeros)
        d_loss.backward()
        adam_d.step()
        adam_g.zero_grad()
        fake = generator(torch.randn(BATCH, LATENT, device=images.device))
        g_loss = binary_cross_entropy_with_logits(discriminator(fake), ones)
        g_loss.backward()
        adam_g.step()
        d_loss.item(), g_loss.item()


def rows() -> list[tuple[str, str, str]]:
    """(what, measured, ratio and target) for the table that `make bench` prints."""
    images = data.mnist("train")[0].to(device())

    def with_ours(bf16: bool) -> None:
        with seeded(0):
            networks = gan.Generator(LATENT, CHANNELS).to(device()), gan.Discriminator(CHANNELS).to(device())
        gan.train_images(*networks, images, steps=STEPS, batch_size=BATCH, seed=0, bf16=bf16)

    def with_usual() -> None:
        with seeded(0):
            usual(UsualGenerator().to(device()), UsualDiscriminator().to(device()), images, STEPS)

    seconds = interleaved(repeats=3, ours=lambda: with_ours(True), float32=lambda: with_ours(False), usual=with_usual)
    rate = {name: STEPS * BATCH / value for name, value in seconds.items()}
    bf16 = "bf16" if has_bf16(device()) else "no bf16 here, so float32"
    what = f"DCGAN {CHANNELS}/{2 * CHANNELS} channels, batch {BATCH}, {torch.get_num_threads()} torch thread(s)"
    return [
        (
            f"{what}, train_images, {bf16}",
            f"{rate['ours']:.0f} images/s",
            f"{rate['ours'] / rate['usual']:.1f} × the plain loop",
        ),
        ("DCGAN, train_images, float32", f"{rate['float32']:.0f} images/s", f"{rate['float32'] / rate['usual']:.1f} ×"),
        ("DCGAN, transposed convolutions, the plain float32 loop", f"{rate['usual']:.0f} images/s", "1 ×"),
    ]
