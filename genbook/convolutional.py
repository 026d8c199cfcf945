"""Convolutional networks for images (B, C, S, S) of S = 32 or 64 pixels a side: a VAE's two, and a DCGAN's two."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from genbook.vae import VAE, kl_to_standard_normal

SIZES = (32, 64)
CHANNELS = (1, 3)


class Centred(nn.Module):
    """2x - 1: pixels from [0, 1] to [-1, 1], where a first layer learns faster."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x - 1


class Statistics(nn.Module):
    """One more channel: how much the features vary over the batch, their mean. Karras et al. 2018.

    (B, C, H, W) -> (B, C + 1, H, W).
    """

    def forward(self, x: Tensor) -> Tensor:
        spread = (x.var(0, unbiased=False) + 1e-8).sqrt().mean()  # a feature that is silent has no gradient at 0
        return torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], dim=1)


class Generator(nn.Module):
    """A DCGAN's generator: z (B, latent) -> images (B, channels, size, size) in [0, 1]. Radford et al. 2016.

    Transposed convolutions that double the size, batch norm and ReLU between them; the weights are N(0, 0.02²), as in
    the paper. width: channels before the last layer, twice as many in each layer before. A sigmoid in the place of the
    paper's tanh, for the pixels are in [0, 1]. Raises ValueError for settings that cannot be and z of another shape.
    """

    def __init__(self, size: int, channels: int, *, latent: int = 100, width: int = 64):
        super().__init__()
        self.latent, widths = latent, _widths(size, channels, latent=latent, width=width)[::-1]
        layers = [nn.Unflatten(1, (latent, 1, 1)), nn.ConvTranspose2d(latent, widths[0], 4, bias=False)]
        for inputs, outputs in pairwise(widths):
            layers += [nn.BatchNorm2d(inputs), nn.ReLU()]  # it has a bias of its own: the convolutions need none
            layers += [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1)]
        self.layers = nn.Sequential(*layers, nn.Sigmoid())
        for layer in self.layers:
            if isinstance(layer, nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, std=0.02)

    def forward(self, z: Tensor) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise ValueError(f"expected z of shape (B, {self.latent}), got {tuple(z.shape)}")
        return self.layers(z)


class Discriminator(nn.Module):
    """Its counterpart: images (B, channels, size, size) in [0, 1] -> logits (B,). No batch norm, so that each image is
    judged by itself, which R1 and spectral norm ask for.

    spectral: the matrix of each layer is divided by its largest singular value (torch's spectral_norm, Miyato et al.
    2018). statistics: the last layer also sees how much the features vary over the batch. pack: it sees so many images
    at once, one behind the other: (B, pack · channels, size, size) -> (B,). Raises ValueError for settings that cannot
    be and images of another shape.
    """

    def __init__(
        self,
        size: int,
        channels: int,
        *,
        width: int = 64,
        spectral: bool = False,
        statistics: bool = False,
        pack: int = 1,
    ):
        super().__init__()
        widths = _widths(size, channels, width=width, pack=pack)
        self.shape = (pack * channels, size, size)
        layers = [Centred()]
        for inputs, outputs in zip([pack * channels, *widths], widths, strict=False):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        layers += [Statistics()] * statistics
        layers += [nn.Conv2d(widths[-1] + statistics, 1, 4), nn.Flatten(0)]
        self.layers = nn.Sequential(*layers)
        if spectral:
            for layer in self.layers:
                if isinstance(layer, nn.Conv2d):
                    spectral_norm(layer)

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[1:] != self.shape:
            raise ValueError(f"expected images of shape (B, {', '.join(map(str, self.shape))}), got {images.shape}")
        return self.layers(images)


def conv_vae(size: int, channels: int, *, latent: int = 128, width: int = 64, sigma: float = 0.2) -> VAE:
    """A convolutional VAE without batch norm; its likelihood is Gaussian around the means, σ learned from `sigma` on.

    Images (B, channels, size, size) in [0, 1]; width: channels after the first layer, twice as many in each one after.
    """
    widths = _widths(size, channels, latent=latent, width=width)
    encoder: list[nn.Module] = [Centred()]
    for inputs, outputs in zip([channels, *widths], widths, strict=False):
        encoder += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.ReLU()]
    encoder += [nn.Flatten(), nn.Linear(widths[-1] * 4 * 4, 2 * latent)]
    decoder = [nn.Linear(latent, widths[-1] * 4 * 4), nn.Unflatten(1, (widths[-1], 4, 4))]
    for inputs, outputs in zip(widths[::-1], [*widths[-2::-1], channels], strict=True):
        decoder += [nn.ReLU(), nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)]
    nn.init.constant_(decoder[-1].bias, 0.5)  # the middle of the pixels' range
    return VAE(nn.Sequential(*encoder), nn.Sequential(*decoder), likelihood="gaussian", sigma=sigma, learn_sigma=True)


class NegativeELBO(nn.Module):
    """-ELBO of each image with the noise given, and its KL, nats: x (B, ...), noise (B, latent) -> two (B,).

    The same as vae.neg_elbo, as a module, so that whatever trains modules on many devices can wrap it; and without its
    look at the data, for which a GPU would have to wait.
    """

    def __init__(self, vae: VAE):
        super().__init__()
        self.vae = vae

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = self.vae.encode(x)
        z = mu + (logvar / 2).exp() * noise  # (B, latent)
        kl = kl_to_standard_normal(mu, logvar)
        return kl - self.vae._log_px_given_z(x, z[:, None], None).squeeze(1), kl


def dequantised(images: Tensor, noise: Tensor) -> Tensor:
    """(pixel + u) / 256 in [0, 1), u uniform in [0, 1): a density of these bounds the bytes' probability.

    images: uint8, noise: u, of the same shape. Theis et al. 2016.
    """
    return (images + noise) / 256


def bits_per_dimension(neg_elbo, dimensions: int):
    """-log2 P(bytes) / dimensions is at most this: from -ELBO (nats) of `dequantised` images.

    The density of pixels in [0, 1) is 256^D times that of bytes in [0, 256): 8 bits for each dimension.
    """
    return neg_elbo / (dimensions * math.log(2)) + 8


def _widths(size: int, channels: int, **counts: int) -> list[int]:
    """Channels after each halving, from size / 2 down to 4 pixels a side."""
    if size not in SIZES or channels not in CHANNELS:
        raise ValueError(f"expected a size of 32 or 64 and 1 or 3 channels, got {size} and {channels}")
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"expected {name} of at least 1, got {count}")
    return [counts["width"] * 2**i for i in range(int(math.log2(size)) - 2)]
