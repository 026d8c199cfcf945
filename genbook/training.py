"""The command `python -m genbook.train`: a convolutional VAE or a DCGAN, on one device or on many.

Every random number depends on the seed and the step only: the order of an epoch on seed and epoch; the noise of a step
is that of the whole batch, from a generator seeded by seed and step, of which each process takes the rows of its part.
So there are no states of generators to keep: a checkpoint holds the step, the weights, their running average, the
optimisers' state and the curves, and a training that goes on from it ends where an unbroken one does (on a CPU bit for
bit), also on another number of processes, then up to rounding and to batch norm, whose batches are each process's.
"""

import argparse
import copy
import io
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace

import safetensors
import safetensors.torch
import torch
from PIL import Image, PngImagePlugin
from torch import Tensor, nn

from genbook import images as pictures_of
from genbook.convolutional import (
    CHANNELS,
    SIZES,
    Discriminator,
    Generator,
    NegativeELBO,
    bits_per_dimension,
    conv_vae,
    dequantised,
)
from genbook.files import CHECKPOINT, locked, write_whole
from genbook.folders import MARK, name_of
from genbook.gan import (
    GENERATOR_LOSSES,
    check_steps,
    follow,
    generator_loss,
    gradient_penalty,
    labelled_loss,
    r1_penalty,
)
from genbook.plots import sheet
from genbook.stopping import Feed, Stop, quiet_signals
from genbook.train import DECAYS, device, has_bf16, seeded

FORMAT = 1  # of the checkpoints
ORDER, STEP, SHOWN = 0, 1, 2  # purposes of random numbers, see images.generator; ORDER is images.order's
ROWS = {
    "vae": ("-ELBO", "KL"),  # per step, nats
    "gan": ("D's loss", "G's loss", "D of real images", "D of fake images"),  # nats; the last two are mean logits
}
R1 = 2.5  # for pixels in [0, 1], where slopes are twice those in [-1, 1]: there it is 10, as in Mescheder et al. 2018
READING = (2.0, 50)  # losses are read after so many seconds or steps: to read makes the device wait
LINE = 10.0  # seconds between two lines of progress in a file; in a terminal one line is kept up to date


def main(arguments: list[str] | None = None) -> None:
    """The command. SystemExit with a message, or 128 + the signal's number where one ended it, as shells expect."""
    options = parser().parse_args(arguments)
    with quiet_signals(for_good=arguments is None) as stop:
        try:
            code = _with_accelerate(options, stop)
        except (ValueError, OSError, FloatingPointError, MemoryError) as error:
            raise SystemExit(f"error: {error or type(error).__name__}") from error
        except KeyboardInterrupt:
            begun = "in the middle of a step: what was learnt since the last checkpoint is lost"
            where = "before the training began: there is nothing to save" if stop.ended else begun
            _Line(os.environ.get("RANK", "0") == "0").line(f"stopped {where}")
            code = stop.code
    if code:
        raise SystemExit(code)


def _with_accelerate(options: argparse.Namespace, stop: Stop) -> int:
    """Train in the processes that there are; returns the exit status."""
    try:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
    except ModuleNotFoundError as error:
        raise SystemExit(
            "error: training needs Hugging Face Accelerate, an extra of this package: pip install 'genbook[train]'"
        ) from error
    accelerator = None
    try:
        on_cpu = device().type == "cpu"  # said, or Accelerate takes the processes of a CPU for strangers
        accelerator = Accelerator(cpu=on_cpu, mixed_precision=_precision(options.precision))
        out = options.out or Path("runs", f"{options.kind}-{name_of(options.data).lower()}")
        with locked(out) if accelerator.is_main_process else nullcontext():
            return _train(options, out, accelerator, stop)
    except RuntimeError as error:  # a broken line to another process
        if accelerator is None or accelerator.num_processes == 1:
            raise
        lost = f"process {accelerator.process_index} of {accelerator.num_processes} lost the others {error}"
        raise SystemExit(f"error: {lost}; go on from the last checkpoint with --resume") from error
    finally:
        _leave(AcceleratorState)


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    common = argparse.ArgumentParser(add_help=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    part = common.add_argument_group("the pictures")
    part.add_argument(
        "--data",
        required=True,
        metavar="NAME|FOLDER",
        help='a folder of pictures, "mnist" (ships with the book), or a set of torchvision\'s, such as cifar10 or '
        "CelebA, which is downloaded once",
    )
    part.add_argument("--size", type=int, choices=SIZES, default=32, help="pixels a side: the middle square of each")
    part.add_argument(
        "--channels", type=int, choices=CHANNELS, help="1: grey, 3: colour (default: as the pictures are)"
    )
    part.add_argument("--split", help="which part of a set, as torchvision calls it (default: the training part)")
    part.add_argument("--root", help="folder for downloads (default: GENBOOK_DATA, else ~/.cache/genbook)")
    part.add_argument(
        "--memory", type=_weight, default=4.0, metavar="GB", help="larger sets are streamed from the disk (default: 4)"
    )
    part.add_argument(
        "--workers", type=_count, help="processes that read pictures (default: the processor's cores, at most 8)"
    )
    part = common.add_argument_group("the training")
    part.add_argument("--epochs", type=_positive, default=30, help="rounds over the pictures (default: 30)")
    part.add_argument("--steps", type=_positive, help="steps, in the place of epochs")
    part.add_argument("--batch-size", type=_positive, default=128, help="over all processes (default: 128)")
    part.add_argument("--decay", choices=[d for d in DECAYS if d], help="of the learning rates, to 0 (default: none)")
    part.add_argument("--seed", type=_count, default=0, help="(default: 0)")
    part.add_argument(
        "--precision",
        choices=["no", "bf16", "fp16"],
        help="of the arithmetic (default: as `accelerate launch` says, else bf16 on a GPU that has it, else no)",
    )
    part = common.add_argument_group("what it leaves")
    part.add_argument("--out", type=Path, help="folder for all that it writes (default: runs/<kind>-<data>)")
    part.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint, if there is one")
    part.add_argument(
        "--minutes", type=_weight, default=5.0, help="between checkpoints and new pictures of them (default: 5)"
    )
    part.add_argument("--show", type=_positive, default=64, help="how many samples to show (default: 64)")

    whole = argparse.ArgumentParser(
        prog="python -m genbook.train",
        description="Train a convolutional VAE or a DCGAN on pictures. Leaves checkpoint.safetensors, samples.png and "
        "curves.png, written anew every few minutes; Ctrl-C ends it with a checkpoint. On several GPUs or machines: "
        "accelerate launch -m genbook.train ..., on several CPUs torchrun -m genbook.train ...",
    )
    kinds = whole.add_subparsers(dest="kind", required=True, metavar="vae|gan")
    vae = kinds.add_parser("vae", parents=[common], help="a convolutional VAE, whose bound is in bits per dimension")
    gan = kinds.add_parser("gan", parents=[common], help="a DCGAN, with the cures of chapter 6")
    part = vae.add_argument_group("the VAE")
    part.add_argument("--latent", type=_positive, default=128, help="dimensions of z (default: 128)")
    part.add_argument("--width", type=_positive, default=64, help="channels of the first layer (default: 64)")
    part.add_argument("--lr", type=_rate, default=1e-3, help="Adam's learning rate (default: 0.001)")
    part = gan.add_argument_group("the GAN")
    part.add_argument("--latent", type=_positive, default=100, help="dimensions of z (default: 100)")
    part.add_argument("--width", type=_positive, default=64, help="channels next to the pixels (default: 64)")
    part.add_argument("--lr-g", type=_rate, default=2e-4, help="the generator's learning rate (default: 0.0002)")
    part.add_argument("--lr-d", type=_rate, default=2e-4, help="the discriminator's (default: 0.0002)")
    part.add_argument("--d-steps", type=_positive, default=1, help="of the discriminator for one of G (default: 1)")
    part = gan.add_argument_group("cures of chapter 6")
    part.add_argument("--loss", choices=GENERATOR_LOSSES, default="non-saturating", help="(default: %(default)s)")
    part.add_argument(
        "--r1",
        type=_weight,
        help=f"γ of R1, for pixels in [0, 1] (default: {R1:g}, for without it D soon wins; with --penalty 0)",
    )
    part.add_argument("--penalty", type=_weight, default=0.0, help="λ of WGAN-GP's gradient penalty (default: 0)")
    part.add_argument("--spectral", action="store_true", help="spectral norm in the discriminator")
    part.add_argument("--noise", type=_weight, default=0.0, help="instance noise: σ, falls to 0 (default: 0)")
    part.add_argument("--real-label", type=_share, default=1.0, help="0.9: one-sided label smoothing (default: 1)")
    part.add_argument("--flip", type=_share, default=0.0, help="share of swapped labels (default: 0)")
    part.add_argument("--ema", type=_share, default=0.999, help="weight on the past of G's average (default: 0.999)")
    part.add_argument("--pack", type=_positive, default=1, help="images that D sees at once (default: 1)")
    part.add_argument("--statistics", action="store_true", help="D sees how much its features vary over the batch")
    return whole


def networks(s: dict) -> dict[str, nn.Module]:
    """The networks of these settings, by name; the weights are drawn from the global state."""
    size, channels = s["size"], s["channels"]
    if s["kind"] == "vae":
        return {"vae": conv_vae(size, channels, latent=s["latent"], width=s["width"])}
    cures = {name: s[name] for name in ("spectral", "statistics", "pack")}
    return {
        "generator": Generator(size, channels, latent=s["latent"], width=s["width"]),
        "discriminator": Discriminator(size, channels, width=s["width"], **cures),
    }


@torch.no_grad()
def samples(network: nn.Module, z: Tensor) -> Tensor:
    """Images in [0, 1] for z (N, latent), in eval mode: a generator's, or the means of a VAE's decoder."""
    training = network.training
    network.eval()
    made = torch.cat([(network.decode if hasattr(network, "decode") else network)(part) for part in z.split(64)])
    network.train(training)
    return made.float().nan_to_num(0.5).clamp(0, 1)  # a picture, also of a network that diverges


def grid_png(images: Tensor) -> bytes:
    """Images (N, C, S, S) in [0, 1] as a PNG of about as many columns as rows."""
    whole = sheet(images, columns=math.ceil(math.sqrt(len(images))), frame=2)
    (about := PngImagePlugin.PngInfo()).add_text("Software", MARK.decode())  # no picture to train on
    pixels = (255 * whole).round().astype("uint8").squeeze()
    Image.fromarray(pixels).save(content := io.BytesIO(), "PNG", pnginfo=about)
    return content.getvalue()


def read_checkpoint(path: Path) -> tuple[dict, dict[str, Tensor]]:
    """What a checkpoint says of itself ("kind", "settings", "step", ...) and its tensors.

    Raises FileNotFoundError, or ValueError for a file that is damaged, of another program or of a later version.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    try:
        content = path.read_bytes()  # safe_open takes no path in other bytes than UTF-8
        tensors = safetensors.torch.load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        about = json.loads(header.get("__metadata__", {}).get("genbook", "null"))
    except (safetensors.SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is damaged or not a checkpoint ({error})") from error
    if not isinstance(about, dict):
        raise ValueError(f"{path} was not written by genbook.train: it says nothing of its settings")
    if about.get("format") != FORMAT:
        raise ValueError(
            f"{path} is a checkpoint of format {about.get('format')}, by genbook {about.get('version')}; "
            f"this genbook reads format {FORMAT}"
        )
    return about, tensors


def load_network(network: nn.Module, tensors: dict[str, Tensor], prefix: str, path: Path) -> None:
    """Give a network its weights from a checkpoint; ValueError where they are not of this network."""
    state = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{path} holds the weights of another network: {error}") from error


# --- One step ---


def vae_step(nets: dict, s: dict, accelerator) -> tuple[dict, Callable]:
    """The VAE's optimisers by name, and step(images uint8, generator, number, of) -> ROWS["vae"] of this process."""
    optimizer = torch.optim.Adam(nets["vae"].parameters(), lr=s["lr"], fused=_fused(accelerator))
    loss, optimizer = accelerator.prepare(NegativeELBO(nets["vae"]), optimizer)
    mine = _mine(accelerator, s["batch_size"])

    def step(images: Tensor, generator: torch.Generator, number: int, of: int) -> Tensor:
        uniform = torch.rand(s["batch_size"], *images.shape[1:], generator=generator, device=generator.device)
        noise = torch.randn(s["batch_size"], s["latent"], generator=generator, device=generator.device)
        x = dequantised(images, mine(uniform)).contiguous(memory_format=torch.channels_last)
        losses, kl = loss(x, mine(noise))  # (B,) each
        _set_rate(optimizer, s["lr"] * DECAYS[s["decay"]](number / of))
        optimizer.zero_grad()
        accelerator.backward(losses.mean())
        optimizer.step()
        return torch.stack([losses.detach().mean(), kl.detach().mean()])

    return {"vae": optimizer}, step


class DiscriminatorLoss(nn.Module):
    """D's loss with its penalties and its mean logits, of real and fake images (B, C, S, S): a module, to be wrapped.

    labels, mix: see gan.labelled_loss and gan.gradient_penalty.
    """

    def __init__(self, discriminator: Discriminator, s: dict):
        super().__init__()
        self.discriminator, self.s = discriminator, s
        self.exact = s["precision"] == "fp16" and bool(s["r1"] or s["penalty"])  # slopes too small for fp16

    def forward(self, real: Tensor, fake: Tensor, labels, mix: Tensor | None) -> tuple[Tensor, ...]:
        s = self.s
        with torch.autocast(real.device.type, enabled=False) if self.exact else nullcontext():
            real = real.detach().requires_grad_(s["r1"] > 0)
            real_logits, fake_logits = self.discriminator(real).float(), self.discriminator(fake).float()  # (B,) each
            loss = labelled_loss(real_logits, fake_logits, labels, critic=s["loss"] == "wasserstein")
            penalty = torch.zeros((), device=real.device)
            if s["r1"]:
                penalty = penalty + r1_penalty(real_logits, real, s["r1"])
            if s["penalty"]:
                slopes = gradient_penalty(self.discriminator, real.detach(), fake, mix, dims=(1, 2, 3))
                penalty = penalty + s["penalty"] * slopes
        return loss, penalty, real_logits.mean(), fake_logits.mean()


def gan_step(nets: dict, s: dict, accelerator) -> tuple[dict, Callable]:
    """The GAN's optimisers by name, and step(images uint8, generator, number, of) -> ROWS["gan"] of this process.

    images: s["d_steps"] batches, one after the other. The fakes of the last D step are also those of G's step.
    """
    g, d = nets["generator"], nets["discriminator"]
    if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
        g = nn.SyncBatchNorm.convert_sync_batchnorm(g)
        nets["generator"] = g
    optimizers = {
        name: torch.optim.Adam(net.parameters(), lr=s[lr], betas=(0.5, 0.999), fused=_fused(accelerator))
        for name, net, lr in (("generator", g, "lr_g"), ("discriminator", d, "lr_d"))
    }
    batch, parts = s["batch_size"], accelerator.num_processes
    generate, d_loss = accelerator.prepare(g, DiscriminatorLoss(d, s))
    optimizers = {name: accelerator.prepare(optimizer) for name, optimizer in optimizers.items()}
    mine, mine_packed = _mine(accelerator, batch), _mine(accelerator, batch // s["pack"])
    plain_labels = s["real_label"] == 1 and not s["flip"]

    def packed(images: Tensor) -> Tensor:
        images = images.reshape(-1, s["pack"] * s["channels"], s["size"], s["size"])
        return images.contiguous(memory_format=torch.channels_last)

    def step(images: Tensor, generator: torch.Generator, number: int, of: int) -> Tensor:
        here = {"generator": generator, "device": generator.device}
        for name, rate in (("generator", "lr_g"), ("discriminator", "lr_d")):
            _set_rate(optimizers[name], s[rate] * DECAYS[s["decay"]](number / of))
        sigma = s["noise"] * (1 - number / of)
        for i, real in enumerate((images / 255).chunk(s["d_steps"])):
            z = mine(torch.randn(batch, s["latent"], **here))
            with torch.set_grad_enabled(i == s["d_steps"] - 1):
                fake = generate(z).float()
            if s["noise"]:
                blur = sigma * torch.randn(batch, 2, *real.shape[1:], **here)
                real, fake = real + mine(blur)[:, 0], fake + mine(blur)[:, 1]
            labels, mix = None if plain_labels else (s["real_label"], 0.0), None
            if s["flip"]:
                flips = mine_packed((torch.rand(batch // s["pack"], 2, **here) < s["flip"]).float())
                labels = (s["real_label"] * (1 - flips[:, 0]), flips[:, 1])
            if s["penalty"]:
                mix = mine_packed(torch.rand(batch // s["pack"], 1, 1, 1, **here))
            loss, penalty, real_logit, fake_logit = d_loss(packed(real), packed(fake).detach(), labels, mix)
            optimizers["discriminator"].zero_grad()
            accelerator.backward(loss + penalty)
            optimizers["discriminator"].step()
        d.requires_grad_(False)  # G's step moves G alone
        with accelerator.autocast():
            g_loss = generator_loss(d(packed(fake)).float(), s["loss"])
        optimizers["generator"].zero_grad()
        accelerator.backward(g_loss)
        optimizers["generator"].step()
        d.requires_grad_(True)
        if s["ema"]:
            follow(nets["ema"], g, min(s["ema"], (1 + number) / (10 + number)))  # it soon forgets the first weights
        return torch.stack([loss, g_loss, real_logit, fake_logit]).detach()

    if batch % (parts * s["pack"]):
        raise ValueError(f"expected a batch size that {parts} processes and packs of {s['pack']} divide, got {batch}")
    return optimizers, step


def _mine(accelerator, batch: int) -> Callable[[Tensor], Tensor]:
    """The rows of this process's part of a whole batch."""
    size = batch // accelerator.num_processes
    rows = slice(accelerator.process_index * size, (accelerator.process_index + 1) * size)
    return lambda whole: whole[rows]


def _set_rate(optimizer, rate: float) -> None:
    optimizer.param_groups[0]["lr"] = rate


def _fused(accelerator) -> bool:
    return accelerator.device.type in ("cpu", "cuda")


# --- The training ---


def _train(options: argparse.Namespace, out: Path, accelerator, stop: Stop) -> int:
    """Train; returns the exit status."""
    kind, device, lead = options.kind, accelerator.device, accelerator.is_main_process
    say = _Line(lead)
    path = out / CHECKPOINT
    processes = accelerator.num_processes
    if options.batch_size % processes:
        raise ValueError(f"expected a batch size that {processes} processes divide, got {options.batch_size}")
    if path.exists() and not options.resume:
        raise ValueError(f"{path} exists: add --resume to go on from it, or name another folder with --out")
    before = read_checkpoint(path) if path.exists() else None
    accelerator.wait_for_everyone()  # all have looked before one writes

    with accelerator.local_main_process_first():  # it downloads, the others find it there
        choice = {"channels": options.channels, "split": options.split, "root": options.root, "out": out}
        scale = before and before[0]["settings"].get("values")  # that of the training which goes on
        pictures = pictures_of.find(options.data, options.size, scale=scale, **choice)
    with seeded(options.seed) as generator:
        s = _settings(options, accelerator, pictures, seed=generator.initial_seed())
        nets = networks(s)
    steps = options.steps or math.ceil(options.epochs * len(pictures) / s["images_per_step"])
    if s["decay"] or s.get("noise"):  # what a step does then depends on how many there are
        s["steps"] = steps
    if before is not None:
        _compare(before[0], s, path)
    for net in nets.values():
        net.to(device, memory_format=torch.channels_last)  # convolutions are faster so
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # all batches are of one shape
    if s.get("ema"):
        nets["ema"] = copy.deepcopy(nets["generator"]).requires_grad_(False)
    optimizers, train_step = (vae_step if kind == "vae" else gan_step)(nets, s, accelerator)
    run = SimpleNamespace(s=s, nets=nets, optimizers=optimizers, scaler=accelerator.scaler, step=0, curves=[])
    if before is not None:
        _restore(run, *before, path)
        say.line(f"going on from step {run.step} of {path}")
    elif options.resume:
        say.line(f"there is no checkpoint {path} yet: starting at the beginning")
    starts = accelerator.gather(torch.tensor([run.step], device=device)).tolist()
    if len(set(starts)) > 1:
        raise ValueError(f"the processes begin at steps {starts}: the folder {out} must be one that all machines see")
    for net in nets.values():
        net.train()

    broken: dict[int, str] = {}
    shown = torch.randn(options.show, s["latent"], generator=pictures_of.generator(s["seed"], SHOWN, 0)).to(device)

    def keep() -> bool:
        """Write all there is to write; whether the checkpoint is safe."""
        return not lead or _keep(run, out, shown, options.minutes, say)

    def batches(workers: int | None, say: _Line) -> Iterator[Tensor]:
        return _batches(options, run, pictures, accelerator, broken, workers, say)

    alone = processes == 1
    with closing(Feed(batches(options.workers, say), lambda: batches(0, _Line(False)), stop, alone=alone)) as feed:
        say.line(
            f"{kind} of {_weights(nets):,} weights, {_where(accelerator)}, precision {s['precision']}; results in {out}"
        )
        try:
            safe = _loop(run, train_step, feed, steps, keep, options.minutes, accelerator, stop, say)
        except RuntimeError as error:
            if alone:
                raise
            raise RuntimeError(f"at step {run.step} ({error})") from error
    _tell_of_broken(broken, pictures, accelerator, say)
    if not safe:
        say.line(f"error: the last checkpoint could not be written: {path} is an earlier one, or missing")
        return 1
    if run.step < steps:
        why = f"error: {feed.trouble}; " if feed.trouble else ""
        saved = f"after step {run.step} of {steps}; --resume goes on from {path}"
        saved = saved if run.step else "before the first step: there is nothing to save"
        _Line(lead or bool(why)).line(f"{why}stopped {saved}")
        return 1 if feed.trouble else stop.code
    say.line(f"done: {path}")
    return 0


def _loop(run, train_step, feed, steps, keep, minutes, accelerator, stop, say) -> bool:
    """Train up to that step or until all processes know of a signal or of trouble; whether the checkpoint is safe."""
    s, alone = run.s, accelerator.num_processes == 1
    rows: list[Tensor] = []
    every, saved, began, safe = 1, time.monotonic(), time.monotonic(), True
    while run.step < steps:
        images = feed()
        if images is not None:
            noise = pictures_of.generator(s["seed"], STEP, run.step, accelerator.device)
            rows.append(train_step(images, noise, run.step, steps))
            run.step += 1
            if len(rows) < every and run.step < steps and not (alone and stop.caught):
                continue
        now = time.monotonic()
        seconds = max(now - began, 1e-9)
        wanted = max(1, min(READING[1], round(len(rows) * READING[0] / seconds)))
        if rows:
            read = accelerator.reduce(torch.stack(rows), "mean").float().cpu()  # (steps, ROWS)
            check_steps(read, run.step)
            run.curves.append(read)
        here = images is None or bool(stop.caught or feed.trouble)
        ending, due, every = _agree(accelerator, here, now - saved > 60 * minutes, wanted)
        last = ending or run.step == steps
        if rows:
            say.progress(_report(run, read, steps, len(read) * s["images_per_step"] / seconds), always=last)
        began, rows = now, []
        if (last or due) and run.curves:  # there is something to save
            safe, saved = keep(), time.monotonic()
            began = time.monotonic()
        if ending:
            break
    return safe


def _agree(accelerator, stop: bool, due: bool, every: int) -> tuple[bool, bool, int]:
    """Whether any process is to stop; whether a checkpoint is due and how many steps to the next look: the first says.

    All processes must take the same turn at the same step, or they would wait for each other for ever.
    """
    if accelerator.num_processes > 1:
        lead = accelerator.is_main_process
        words = torch.tensor([stop, due and lead, every if lead else 0], device=accelerator.device)
        stop, due, every = accelerator.reduce(words, "sum").tolist()
    return bool(stop), bool(due), int(every)


def _settings(options: argparse.Namespace, accelerator, pictures, *, seed: int) -> dict:
    """What decides the course of a training: what a checkpoint keeps and compares."""
    common = ("kind", "size", "batch_size", "decay", "latent", "width")
    cures = ("loss", "r1", "penalty", "spectral", "noise", "real_label", "flip", "ema", "pack", "statistics")
    own = {"vae": ("lr",), "gan": ("lr_g", "lr_d", "d_steps", *cures)}
    s = {name: getattr(options, name) for name in (*common, *own[options.kind])}
    if options.kind == "gan" and s["r1"] is None:
        s["r1"] = 0.0 if s["penalty"] else R1
    s |= {"channels": pictures.channels, "seed": seed, "precision": accelerator.mixed_precision}
    s["data"] = f"{name_of(options.data)}, {pictures_of.description(pictures)}"
    if pictures.scale is not None:
        s["values"] = list(pictures.scale)
    return s | {"images_per_step": s["batch_size"] * s.get("d_steps", 1)}


def _compare(about: dict, s: dict, path: Path) -> None:
    there = about["settings"]
    if there.get("kind") != s["kind"]:
        raise ValueError(f"{path} is the checkpoint of a {there.get('kind')}, not of a {s['kind']}: name another --out")
    if "values" in s and "values" not in there:
        low, high = s["values"]
        before = f"{path} is of an earlier genbook, for which 0 was black and 65535, of floats 255, white"
        raise ValueError(f"{before}; now that is {low:g} and {high:g}: name another --out")
    names = [*s, *(name for name in there if name not in s)]
    differ = [
        f"{name} is {there.get(name)} there and {s.get(name)} here" for name in names if there.get(name) != s.get(name)
    ]
    if differ:
        raise ValueError(f"the checkpoint {path} was made with other settings: {'; '.join(differ)}")


def _batches(options, run, pictures, accelerator, broken: dict, workers: int | None, say) -> Iterator[Tensor]:
    """uint8 (d_steps · B / processes, C, S, S) on the device: this process's part of each step's images."""
    s, device = run.s, accelerator.device
    mine, n = _mine(accelerator, s["batch_size"]), len(pictures)
    if workers is None:
        workers = min(8, (os.cpu_count() or 1) // accelerator.num_processes)
    gigabytes = pictures_of.nbytes(pictures) / 2**30
    resident = gigabytes <= options.memory

    def rows(where: torch.device | str) -> Iterator[Tensor]:
        ordered = pictures_of.order(n, s["images_per_step"], seed=s["seed"], start=run.step, device=where)
        for whole in ordered:  # of each batch of a step, this process's part
            yield torch.cat([mine(part) for part in whole.split(s["batch_size"])])

    by = f"{workers} processes" if workers > 1 else "one process beside it" if workers else "the training itself"
    how = "in memory" if resident else f"larger than --memory, so read in each step, by {by}"
    say.line(
        f"{options.data}: {pictures_of.in_words(pictures)}; {gigabytes:.2g} GB at {s['size']} × {s['size']}, {how}"
    )
    for sentence in pictures_of.warnings_of(pictures):
        say.line(sentence)
    named = pictures_of.NAMED if accelerator.is_main_process else 0
    if not resident:
        numbers = (part.tolist() for part in rows("cpu"))
        more = {"workers": workers, "pin": device.type == "cuda", "broken": broken, "named": named}
        return _onto(device, pictures_of.stream(pictures, numbers, **more))
    images, found = pictures_of.in_memory(pictures, workers=workers if n > 5000 else 0, named=named)
    broken.update(found)
    images = images.to(device)
    return (images.index_select(0, part) for part in rows(device))


def _onto(device: torch.device, batches: Iterator[Tensor]) -> Iterator[Tensor]:
    with closing(batches):
        for batch in batches:
            yield batch.to(device, non_blocking=True)


def _state(run) -> dict[str, Tensor]:
    """All tensors of a training by name."""
    tensors = {
        f"{'ema' if name == 'ema' else f'model.{name}'}.{key}": t
        for name, net in run.nets.items()
        for key, t in net.state_dict().items()
    }
    for name, optimizer in run.optimizers.items():
        for i, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{name}.{i}.{key}": t for key, t in state.items()}
    return tensors | {"curves": torch.cat(run.curves)}


def _restore(run, about: dict, tensors: dict[str, Tensor], path: Path) -> None:
    for name, net in run.nets.items():
        load_network(net, tensors, "ema." if name == "ema" else f"model.{name}.", path)
    for name, optimizer in run.optimizers.items():
        parameters, state = optimizer.param_groups[0]["params"], {}
        for key, t in tensors.items():
            if key.startswith(f"optimizer.{name}."):
                i, what = int(key.split(".")[-2]), key.split(".")[-1]
                if t.shape == parameters[i].shape:  # laid out in memory as the weights are: fused Adam counts on it
                    t = torch.empty_like(parameters[i].detach()).copy_(t)
                state.setdefault(i, {})[what] = t
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    if run.scaler is not None:
        run.scaler.load_state_dict(about["scaler"])
    run.step, run.curves = about["step"], [tensors["curves"]]


def _keep(run, out: Path, shown: Tensor, minutes: float, say) -> bool:
    """Write checkpoint, samples and curves; whether the checkpoint is safe. Never a bad one over a good one."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in _state(run).items()}
    bad = [name for name, t in tensors.items() if t.is_floating_point() and not t.isfinite().all()]
    if bad:
        raise FloatingPointError(f"{bad[0]} is not finite after step {run.step}: a learning rate is likely too large")
    about = {"format": FORMAT, "version": _version(), "kind": run.s["kind"], "settings": run.s, "step": run.step}
    about["scaler"] = run.scaler and run.scaler.state_dict()
    content = safetensors.torch.save(tensors, {"genbook": json.dumps(about)})
    path, safe = out / CHECKPOINT, True
    try:
        write_whole(content, path)
    except OSError as error:  # the training is worth more than this checkpoint
        safe = False
        say.line(
            f"warning: {path} could not be written ({error}); what was there stays, and the training goes on and "
            f"tries again in {minutes:g} minutes"
        )
    network = run.nets.get("ema", run.nets.get("generator", run.nets.get("vae")))
    try:
        write_whole(grid_png(samples(network, shown)), out / "samples.png")
        write_whole(_curves_png(run), out / "curves.png")
    except OSError as error:
        say.line(f"warning: the pictures in {out} could not be written ({error})")
    return safe


def _curves_png(run) -> bytes:
    """The curves so far, each point the mean of many steps."""
    from matplotlib.figure import Figure  # no pyplot: it would keep the figure

    rows = torch.cat(run.curves).double()  # (steps, ROWS)
    width = max(1, len(rows) // 500)
    means = torch.stack([part.mean(0) for part in rows.split(width)])
    at = [min((i + 1) * width, len(rows)) for i in range(len(means))]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    if run.s["kind"] == "vae":
        dimensions = run.s["channels"] * run.s["size"] ** 2
        left.plot(at, bits_per_dimension(means[:, 0], dimensions))
        left.set(xlabel="step", ylabel="-ELBO, bits per dimension")
        right.plot(at, means[:, 1])
        right.set(xlabel="step", ylabel="KL, nats")
    else:
        for ax, columns, label in ((left, (0, 1), "nats"), (right, (2, 3), "mean logit")):
            for column, line in zip(columns, "-:", strict=True):
                ax.plot(at, means[:, column], line, label=ROWS["gan"][column])
            ax.set(xlabel="step", ylabel=label)
            ax.legend()
    figure.savefig(content := io.BytesIO(), format="png", dpi=120, metadata={"Software": MARK.decode()})
    return content.getvalue()


def _report(run, read: Tensor, steps: int, rate: float) -> str:
    """A line of progress from the last steps' rows."""
    s, means = run.s, read.mean(0).tolist()
    seen = run.step * s["images_per_step"]
    if s["kind"] == "vae":
        bits = bits_per_dimension(means[0], s["channels"] * s["size"] ** 2)
        losses = f"-ELBO {means[0]:.1f} nats, {bits:.3f} bits/dim, KL {means[1]:.1f}"
    else:
        losses = f"loss of D {means[0]:.3f}, of G {means[1]:.3f}"
    minutes = (steps - run.step) * s["images_per_step"] / rate / 60
    return f"step {run.step}/{steps} ({seen:,} images): {losses}; {rate:,.0f} images/s, {minutes:.0f} min to go"


class _Line:
    """Progress on stderr, by one process: one line kept up to date in a terminal, a line now and then in a file."""

    def __init__(self, active: bool):
        self.active, self.terminal, self.last = active, sys.stderr.isatty(), -math.inf

    def line(self, text: str) -> None:
        if self.active:
            self._print(("\r\033[K" if self.terminal else "") + text)

    def progress(self, text: str, *, always: bool) -> None:
        if not self.active:
            return
        if self.terminal:
            self._print("\r\033[K" + text, end="\n" if always else "")
        elif always or time.monotonic() - self.last > LINE:
            self.last = time.monotonic()
            self.line(text)

    @staticmethod
    def _print(text: str, end: str = "\n") -> None:
        with suppress(OSError):  # a terminal that was closed, a pipe that nobody reads: the training goes on
            print(text, end=end, file=sys.stderr, flush=True)


def _tell_of_broken(broken: dict[int, str], pictures, accelerator, say) -> None:
    """How many pictures could not be read, and how many were in colour and became grey, by any process."""
    from accelerate.utils import gather_object

    for numbers, what in (
        (broken, "could not be read and {} skipped"),
        (pictures.strange["colour"], "in colour {} made grey"),
    ):
        count = len(set(gather_object(list(numbers))))
        if count:
            say.line(f"{count} picture{'s' * (count > 1)} {what.format('was' if count == 1 else 'were')}")


def _precision(asked: str | None) -> str:
    launched = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if asked or launched != "no":
        return asked or launched
    gpu = torch.cuda.is_available() and has_bf16(torch.device("cuda"))
    return "bf16" if gpu else "no"


def _leave(state) -> None:
    """Accelerate's state is global: leave none, so that the next training of this process may be another."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    state._reset_state(reset_partial_state=True)


def _where(accelerator) -> str:
    name = torch.cuda.get_device_name() if accelerator.device.type == "cuda" else accelerator.device.type.upper()
    return f"{accelerator.num_processes} × {name}" if accelerator.num_processes > 1 else name


def _weights(nets: dict) -> int:
    return sum(p.numel() for name, net in nets.items() if name != "ema" for p in net.parameters())


def _version() -> str:
    try:
        return version("genbook")
    except PackageNotFoundError:  # run from a clone that is not installed
        return "unknown"


def _positive(text: str) -> int:
    return _number(text, int, lambda value: value >= 1, "a whole number of at least 1")


def _count(text: str) -> int:
    return _number(text, int, lambda value: value >= 0, "a whole number of at least 0")


def _rate(text: str) -> float:
    return _number(text, float, lambda value: 0 < value < math.inf, "a finite number above 0")


def _weight(text: str) -> float:
    return _number(text, float, lambda value: 0 <= value < math.inf, "a finite number of at least 0")


def _share(text: str) -> float:
    return _number(text, float, lambda value: 0 <= value <= 1, "a number from 0 to 1")


def _number(text: str, kind: type, fits: Callable, expected: str):
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not fits(value):
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
    return value
