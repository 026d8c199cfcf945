"""Draw from a checkpoint of `python -m genbook.train`: python -m genbook.sample CHECKPOINT --n 64 writes a grid."""

import argparse
import os
from pathlib import Path

import torch

from genbook.files import CHECKPOINT, write_whole
from genbook.images import generator
from genbook.train import device
from genbook.training import grid_png, load_network, networks, read_checkpoint, samples

SAMPLE = 3  # the purpose of these random numbers, see images.generator


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m genbook.sample",
        description="Draw images from a checkpoint of genbook.train and write them as a grid: a GAN's from the running "
        "average of its generator, if it keeps one; a VAE's are the means of its decoder at z ~ N(0, I).",
    )
    parser.add_argument("checkpoint", type=Path, help="the file, or its folder, such as runs/gan-mnist")
    parser.add_argument("--n", type=int, default=64, help="how many (default: 64)")
    parser.add_argument("--seed", type=int, default=0, help="(default: 0)")
    parser.add_argument("--out", type=Path, help="the PNG (default: grid.png beside the checkpoint)")
    options = parser.parse_args(arguments)
    if options.n < 1 or options.seed < 0:
        parser.error(f"expected --n of at least 1 and --seed of at least 0, got {options.n} and {options.seed}")
    if options.checkpoint.is_dir():
        options.checkpoint /= CHECKPOINT
    out = options.out or options.checkpoint.with_name("grid.png")
    if out.is_dir():
        out /= "grid.png"
    if out.suffix.lower() not in ("", ".png"):
        parser.error(f"it writes a PNG: expected --out to end in .png, got {out}")
    try:
        about, tensors = read_checkpoint(options.checkpoint)
        settings, where = about["settings"], device()
        with torch.random.fork_rng(devices=[]):  # weights are drawn, and then replaced
            nets = networks(settings)
        name = "vae" if settings["kind"] == "vae" else "generator"
        prefix = "ema." if settings.get("ema") else f"model.{name}."
        load_network(nets[name], tensors, prefix, options.checkpoint)
        z = torch.randn(options.n, settings["latent"], generator=generator(options.seed, SAMPLE, 0))
        write_whole(grid_png(samples(nets[name].to(where), z.to(where))), out)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error
    name = os.fsencode(out).decode(errors="backslashreplace")  # in any bytes
    print(f"{options.n} images of step {about['step']}: {name}")


if __name__ == "__main__":
    main()
