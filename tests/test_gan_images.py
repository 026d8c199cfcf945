"""The GAN on images: networks, and the training against a plain loop in torch's own words."""

import copy
import re

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from genbook.gan import Discriminator, Generator, train_images
from genbook.train import seeded

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def pair(device="cpu", seed=0):
    with seeded(seed):
        return Generator(6, 3).to(device), Discriminator(3).to(device)


def some_images(n=40, device="cpu"):
    with seeded(1) as generator:
        return torch.rand(n, 28, 28, generator=generator).to(device)


def test_images_are_28_by_28_between_0_and_1_and_each_gets_one_logit():
    generator, discriminator = pair()
    z = 100 * torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    images = generator(z)
    assert images.shape == (5, 28, 28) and images.min() >= 0 and images.max() <= 1
    logits = discriminator(images)
    assert logits.shape == (5,) and logits.min() < logits.max()
    assert generator(z[:2]).shape == (2, 28, 28) and discriminator(images[:1]).shape == (1,)


def test_every_pixel_is_drawn_and_every_pixel_is_seen():
    """No pixel of an image is forgotten, and none takes another's place: neighbours in z and in x pass smoothly."""
    generator, discriminator = pair()
    generator.eval()
    images = generator(torch.randn(200, 6, generator=torch.Generator().manual_seed(0)))
    assert (images.std(0) > 0).all()
    x = some_images(3).requires_grad_()
    discriminator(x).sum().backward()
    assert (x.grad.abs() > 0).all()


def test_the_map_from_coarse_to_fine_keeps_the_place():
    """A bump of one feature pixel of the 7 × 7 map moves only image pixels around it."""
    generator, _ = pair()
    generator.eval()
    maps = torch.rand(1, 6, 7, 7, generator=torch.Generator().manual_seed(0))
    bumped = maps.clone()
    bumped[:, :, 1, 5] += 1
    changed = (generator.layers[4:](maps) - generator.layers[4:](bumped)).abs()[0, 0] > 0  # the layers after the map
    rows, columns = changed.nonzero().T
    assert 0 <= rows.min() <= 4 <= 7 <= rows.max() <= 13  # pixel (1, 5) covers rows 4-7 and columns 20-23
    assert 14 <= columns.min() <= 20 <= 23 <= columns.max() <= 27


def test_the_discriminator_judges_each_image_by_itself_also_in_training():
    _, discriminator = pair()
    images = some_images(20)
    together = discriminator.train()(images)
    alone = torch.cat([discriminator(image[None]) for image in images])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def by_hand(generator, discriminator, images, steps, batch_size, show, seed, noise=0.0, r1=0.0, ema=0.0):
    """Two separate forward passes of G, labels, torch's BCE, plain Adam: gives both losses of each step.

    With ema the generator's weights end as their average.
    """
    average = [p.detach().clone() for p in generator.parameters()]
    adam_g = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    losses = []
    with seeded(seed) as random:
        torch.randn(show, 6, generator=random)  # for the pictures
        for step in range(steps):
            real = images[torch.randint(len(images), (batch_size,), generator=random)]
            z = torch.randn(batch_size, 6, generator=random)
            on_real = on_fake = torch.zeros(batch_size, 28, 28)
            if noise:
                on_real, on_fake = noise * (1 - step / steps) * torch.randn(2, batch_size, 28, 28, generator=random)
            ones, zeros = torch.ones(batch_size), torch.zeros(batch_size)
            seen = (real + on_real).requires_grad_()
            real_logits, fake_logits = discriminator(seen), discriminator(generator(z) + on_fake)
            d_loss = binary_cross_entropy_with_logits(real_logits, ones)
            d_loss = d_loss + binary_cross_entropy_with_logits(fake_logits, zeros)
            slopes = [torch.autograd.grad(a, seen, create_graph=True)[0] for a in real_logits] if r1 else []
            penalty = sum(slope.square().sum() for slope in slopes) * r1 / 2 / batch_size
            adam_d.zero_grad()
            (d_loss + penalty).backward()
            adam_d.step()
            g_loss = binary_cross_entropy_with_logits(discriminator(generator(z) + on_fake), ones)
            adam_g.zero_grad()
            g_loss.backward()
            adam_g.step()
            losses.append([d_loss.item(), g_loss.item(), real_logits.mean().item(), fake_logits.mean().item()])
            average = [ema * a + (1 - ema) * p.detach() for a, p in zip(average, generator.parameters(), strict=True)]
    for p, a in zip(generator.parameters(), average, strict=True):
        p.data = a
    return torch.tensor(losses)


@pytest.mark.parametrize(
    "cures", [{}, {"noise": 0.5}, {"r1": 3.0}, {"ema": 0.6}, {"noise": 0.2, "r1": 1.0, "ema": 0.4}]
)
def test_the_training_is_the_plain_loop_step_by_step(cures):
    first = pair()
    ours, theirs = copy.deepcopy(first), copy.deepcopy(first)
    images = some_images()
    history = train_images(*ours, images, steps=4, batch_size=8, seed=3, show=2, bf16=False, **cures)
    expected = by_hand(*theirs, images, steps=4, batch_size=8, show=2, seed=3, **cures)
    found = torch.stack([history[name] for name in ("d_loss", "g_loss", "d_real", "d_fake")], 1)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
    for a, b in zip(ours, theirs, strict=True):
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            torch.testing.assert_close(p, q, atol=2e-4, rtol=1e-3)
    assert all(p.requires_grad for net in ours for p in net.parameters())
    assert not any(net.training for net in ours)


@pytest.mark.parametrize("device", DEVICES)
def test_it_learns_to_draw_what_it_is_shown(device):
    """Images of one kind, a bright square: the drawings come close to it."""
    generator, discriminator = pair(device)
    square = torch.zeros(28, 28)
    square[8:20, 8:20] = 0.9
    images = square.expand(20, 28, 28).to(device)
    settings = {"steps": 120, "batch_size": 16, "lr_g": 5e-3, "lr_d": 2e-3}
    history = train_images(generator, discriminator, images, seed=0, record=2, show=30, **settings)
    assert history["samples"].shape == (2, 30, 28, 28) and not history["samples"].is_cuda
    errors = (history["samples"] - square).square().mean((1, 2, 3))
    assert errors[1] < 0.05  # grey noise: about 0.2
    assert all(history[name].shape == (120,) for name in ("d_loss", "g_loss", "d_real", "d_fake"))


def test_the_steps_get_smaller_in_the_second_half():
    """Both networks' learning rates, as Adam gets them: at the steps 1 to 6 of 6."""
    generator, discriminator = pair()
    sizes = []
    step = torch.optim.Adam.step

    def spy(optimizer, *args):
        sizes.append(optimizer.param_groups[0]["lr"])
        return step(optimizer, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", spy)
        train_images(generator, discriminator, some_images(), steps=6, batch_size=4, seed=0, decay="linear", lr_g=3e-3)
    assert sizes[0::2] == pytest.approx([2e-3 * t for t in (1, 1, 1, 1, 2 / 3, 1 / 3)])  # D goes first
    assert sizes[1::2] == pytest.approx([3e-3 * t for t in (1, 1, 1, 1, 2 / 3, 1 / 3)])


def test_pictures_have_one_z_and_are_taken_evenly_the_last_at_the_end():
    generator, discriminator = pair()
    history = train_images(generator, discriminator, some_images(), steps=10, batch_size=4, seed=5, record=5, show=3)
    with seeded(5) as random:
        z = torch.randn(3, 6, generator=random)
    with torch.no_grad():
        torch.testing.assert_close(history["samples"][-1], generator(z))
    assert (history["samples"][0] - history["samples"][-1]).abs().max() > 1e-4
    half = train_images(*pair(), some_images(), steps=4, batch_size=4, seed=5, record=1, show=3)
    torch.testing.assert_close(half["samples"][0], history["samples"][1])  # after step 4 of 10, as after the last of 4


def test_one_seed_gives_one_training_and_pictures_do_not_change_it():
    runs = []
    for seed, record in [(0, 0), (0, 3), (1, 0)]:
        networks = pair()
        train_images(*networks, some_images(), steps=3, batch_size=4, seed=seed, record=record)
        runs.append(torch.cat([p.flatten() for net in networks for p in net.parameters()]))
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


class BadAfter(nn.Module):
    """A discriminator that gives NaN from one call on; a step calls it three times."""

    def __init__(self, calls):
        super().__init__()
        self.inner, self.left = Discriminator(2), calls

    def forward(self, images):
        self.left -= 1
        return self.inner(images) * (1.0 if self.left >= 0 else float("nan"))


@pytest.mark.parametrize("step", [1, 7, 103])
def test_a_training_that_diverges_stops_with_the_step(step):
    generator = Generator(2, 1)
    with pytest.raises(FloatingPointError, match=rf"not finite at step {step}: .*learning rate"):
        train_images(generator, BadAfter(3 * (step - 1)), some_images(4), steps=110, batch_size=2, seed=0)


def test_bad_input_is_named():
    generator, discriminator = pair()
    with pytest.raises(ValueError, match=r"z of shape \(B, 6\), got \(3, 5\)"):
        generator(torch.zeros(3, 5))
    for shape in [(2, 32, 32), (2, 1, 28, 28), (28, 28), (2, 784)]:
        with pytest.raises(ValueError, match=r"images of shape \(B, 28, 28\), got " + re.escape(str(shape))):
            discriminator(torch.zeros(shape))
    images = some_images(4)
    for settings in ({"steps": 0}, {"batch_size": 0}, {"record": 3}, {"record": -1}, {"show": 0}, {"steps": 2.0}):
        with pytest.raises(ValueError, match="steps, batch_size and show of at least 1 and record from 0 to steps"):
            train_images(generator, discriminator, images, **({"steps": 2, "seed": 0} | settings))
    for bad, message in [
        (images[0], r"images \(N, 28, 28\), N ≥ 1, got \(28, 28\)"),
        (images[:0], r"got \(0, 28, 28\)"),
        (255 * images, r"values in \[0, 1\], got values from .* to 2\d\d"),
        (images - 1, r"values in \[0, 1\], got values from -"),
        (images * torch.nan, "got values from nan to nan"),
        ((255 * images).byte(), r"values in \[0, 1\], got values from \d+ to 2\d\d"),
        (images.double(), "discriminator's dtype, torch.float32, got torch.float64"),
        ((images > 0.5).byte(), "discriminator's dtype, torch.float32, got torch.uint8"),
    ]:
        with pytest.raises(ValueError, match=message):
            train_images(generator, discriminator, bad, steps=1, seed=0)
    with pytest.raises(ValueError, match="decay to be one of None, 'linear', 'cosine', got 'square'"):
        train_images(generator, discriminator, images, steps=1, seed=0, decay="square")
    with pytest.raises(ValueError, match=r"images of shape \(B, 28, 28\), got \(64, 32, 32\)"):
        train_images(generator, discriminator, torch.zeros(4, 32, 32), steps=1, seed=0)
