"""Training on a GPU: the host prepares the next steps while the device computes, so no step may look at a number.

Most of it is tested on a CPU: there the looks are counted. The rest waits for a machine with a GPU.
"""

import functools
import math

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from genbook import data, gan, rbm, train, vae
from genbook.autoencoders import Autoencoder, squared_error
from genbook.train import fit, seeded

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
aten = torch.ops.aten
LOOKS = {aten._local_scalar_dense, aten.is_nonzero, aten.nonzero, aten.masked_select, aten.equal, aten.bincount}


class Looks(TorchDispatchMode):
    """Counts what would make the host wait for a GPU: numbers, and shapes that depend on them."""

    count = 0

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        masks = args[1] if operator.overloadpacket is aten.index else []
        mask = any(index is not None and index.dtype == torch.bool for index in masks)
        self.count += mask or operator.overloadpacket in LOOKS
        return operator(*args, **(kwargs or {}))


def looks(monkeypatch, work) -> int:
    with Looks() as counter, monkeypatch.context() as patch:
        for name in ("cpu", "tolist", "numpy"):  # of a tensor on the CPU they are no operators
            patch.setattr(torch.Tensor, name, counting(counter, getattr(torch.Tensor, name)))
        work()
    return counter.count


def counting(counter, method):
    def counted(*arguments):
        counter.count += 1
        return method(*arguments)

    return counted


def grey(n, device="cpu"):
    return torch.rand(n, 28, 28, generator=torch.Generator().manual_seed(0)).to(device)


def fit_autoencoder(steps, device="cpu", **settings):
    with seeded(0):
        model = Autoencoder([784, 4]).to(device)
    options = {"epochs": 2, "lr": 1e-3, "batch_size": 2, "seed": 0, "bf16": True, "decay": "cosine"} | settings
    return fit(model, squared_error, grey(2 * steps, device).flatten(1), **options)


def train_rbm(steps, device="cpu"):
    generator = torch.Generator(device).manual_seed(0)
    bits = (grey(2 * steps, device).flatten(1) > 0.5).float()
    machine = rbm.RBM(784, 3, generator=generator)
    rbm.train_pcd(machine, bits, epochs=2, lr=0.01, batch_size=2, chains=2, validation=bits[:2], generator=generator)


def train_points(steps, device="cpu", **settings):
    options = {"seeds": [0, 1], "steps": steps, "record": 2, "device": device, "batch": 4} | settings
    gan.train_points(lambda n, generator: data.ring(n, generator=generator), **options)


def train_images(steps, device="cpu", **settings):
    with seeded(0):
        networks = [network.to(device) for network in (gan.Generator(2, 1), gan.Discriminator(1, spectral=True))]
    gan.train_images(*networks, grey(8, device), steps=steps, batch_size=2, seed=0, record=2, show=2, **settings)


LOOPS = {
    "fit": fit_autoencoder,
    "an RBM": train_rbm,
    "GANs on points": train_points,
    "with noise": functools.partial(train_points, noise=0.1, flip=0.1, ema=0.9, pack=2, d_steps=2, decay="linear"),
    "WGAN-GP": functools.partial(train_points, **gan.REMEDIES["WGAN-GP"], minibatch_statistics=True),
    "unrolled": functools.partial(train_points, unroll=2, spectral=True, r1=0.1, real_label=0.9),
    "a GAN on images": train_images,
    "with cures": functools.partial(train_images, noise=0.1, r1=0.1, ema=0.9, decay="linear"),
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_no_step_looks_at_a_number(loop, monkeypatch):
    """As often in a long training as in a short one: only before it, at the end, and between epochs."""
    monkeypatch.setattr(gan, "LOOK", {})  # as on a GPU
    assert looks(monkeypatch, lambda: loop(4)) == looks(monkeypatch, lambda: loop(104))


@pytest.mark.parametrize("look", [lambda x: x.sum().item(), lambda x: bool(x.any()), lambda x: x[x > 0], torch.nonzero])
def test_looks_are_counted(look, monkeypatch):
    assert looks(monkeypatch, lambda: look(torch.ones(3))) == 1
    assert looks(monkeypatch, lambda: torch.ones(3).cpu()) == 1
    assert looks(monkeypatch, lambda: torch.ones(3)[torch.tensor([0, 1])] + 1) == 0


# Fake tensors know shape and device and have no numbers: a look at one raises, as does a mix of devices.


class OnGPU(torch.Generator):
    device = torch.device("cuda", 0)


@pytest.mark.skipif(torch.__version__ < (2, 15), reason="this torch makes no fake tensors of a GPU without a GPU")
@pytest.mark.parametrize("likelihood", [{}, {"likelihood": "gaussian", "sigma": 1.0}])
@pytest.mark.parametrize("loss", [vae.neg_elbo, functools.partial(vae.neg_iwae, k=3)])
def test_the_losses_of_a_vae_do_not_look_at_numbers_on_a_gpu(loss, likelihood):
    with FakeTensorMode():
        with torch.device("cuda"):
            model = vae.VAE(*vae.networks([784, 5, 2]), **likelihood)
        x = data.binarize(torch.rand(6, 784, device="cuda"), generator=OnGPU())
        value = loss(model, x, generator=OnGPU())
        assert value.shape == (6,) and value.is_cuda
        with torch.no_grad(), pytest.raises(Exception, match=r"_local_scalar_dense|[Dd]ata.dependent"):
            loss(model, x, generator=OnGPU())  # where it may, it does look


# On a GPU.


@needs_gpu
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_on_a_gpu_no_step_waits(loop, monkeypatch):
    """torch itself watches all steps but the first, which sets up libraries, and the last, after which results come."""

    def watched(steps, **_):
        steps = list(steps)
        for i, step in enumerate(steps):
            torch.cuda.set_sync_debug_mode("error" if 0 < i < len(steps) - 1 else "default")
            yield step

    original = data.batches
    monkeypatch.setattr(gan, "progress", watched)
    for module in (train, data):
        monkeypatch.setattr(module, "batches", lambda *x, **options: watched(original(*x, **options)))
    try:
        loop(120, device="cuda")
    finally:
        torch.cuda.set_sync_debug_mode("default")


@needs_gpu
def test_on_a_gpu_bad_data_do_not_pass_in_silence():
    generator = torch.Generator("cuda").manual_seed(0)
    assert data.binarize(grey(4, "cuda") + 1, generator=generator).isnan().all()
    with seeded(0):
        model = vae.VAE(*vae.networks([784, 5, 2])).to("cuda")
    x = grey(40, "cuda").flatten(1)
    assert vae.neg_elbo(model, x, generator=generator).isnan().all()
    with pytest.raises(ValueError, match="is for bits"):
        fit(model, vae.neg_elbo, x, epochs=1, lr=1e-3, batch_size=10, seed=0)

    def too_bright(model, x, *, generator):  # only in training, so that the look at one batch does not find it
        return vae.neg_elbo(model, data.binarize(x + model.training, generator=generator), generator=generator)

    with pytest.raises(FloatingPointError, match=r"step 1 of 4 in epoch 1 of 1: .*data that it is not for"):
        fit(model, too_bright, x, epochs=1, lr=1e-3, batch_size=10, seed=0)

    def nowhere(n, generator):
        return torch.full((n, 2), math.nan, device="cuda")

    with pytest.raises(FloatingPointError, match=r"at step 1: .*or the points are not finite"):
        gan.train_points(nowhere, seeds=[0], steps=60, device="cuda")
