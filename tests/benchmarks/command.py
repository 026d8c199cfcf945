"""Images per second of `python -m genbook.train vae`: one process, two, and the plain loop over a DataLoader.

python -m tests.benchmarks.command writes genbook/results/scaling.json, which the page "Your own images" shows.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader

from genbook import data, training
from genbook.convolutional import conv_vae
from genbook.files import provenance, write_json
from genbook.train import device, seeded
from genbook.vae import neg_elbo
from tests.benchmarks.autoencoder import images_one_by_one
from tests.benchmarks.gibbs import interleaved

RESULTS = Path(training.__file__).parent / "results" / "scaling.json"
BATCHES, WIDTH, LATENT = (64, 256), 16, 32
SHORT, IMAGES = 5, 51_200  # steps and images: the time of the short run is taken off, which is mostly that of the start
OPTIONS = ["vae", "--data", "mnist", "--size", "32", "--width", str(WIDTH), "--latent", str(LATENT)]
OPTIONS += ["--precision", "no", "--minutes", "60"]


def command(processes: int, batch: int, steps: int) -> None:
    """The command, one thread for each process."""
    with tempfile.TemporaryDirectory() as folder:
        start = [sys.executable, "-m"]
        if processes > 1:
            start += ["torch.distributed.run", "--nproc-per-node", str(processes), "-m"]
        arguments = [*start, "genbook.train", *OPTIONS, "--batch-size", str(batch), "--steps", str(steps)]
        arguments += ["--out", folder]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "GENBOOK_QUIET": "1"}
        subprocess.run(arguments, check=True, capture_output=True, env=environment)


def usual(pixels: torch.Tensor, batch: int, steps: int) -> None:
    """The loop of most tutorials, of the same VAE: a DataLoader, plain Adam, the loss of each batch read after it."""
    padded = torch.nn.functional.pad(pixels, (2, 2, 2, 2))  # 32 × 32
    with seeded(0, device()) as generator:
        vae = conv_vae(32, 1, latent=LATENT, width=WIDTH).to(device())
        optimizer = torch.optim.Adam(vae.parameters(), lr=1e-3)
        loader = DataLoader(images_one_by_one(padded), batch_size=batch, shuffle=True)
        for _, (images, _) in zip(range(steps), loader, strict=False):
            optimizer.zero_grad()
            loss = neg_elbo(vae, images.to(device()), generator=generator).mean()
            loss.backward()
            optimizer.step()
            loss.item()


def measured(batch: int) -> dict[str, float]:
    """Images per second of each."""
    pixels, steps = (255 * data.mnist("train")[0]).byte(), IMAGES // batch
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    runs = {"plain loop": lambda: usual(pixels, batch, steps)}
    for n in (1, 2):
        for length in (SHORT, SHORT + steps):
            runs[f"{n} {length}"] = lambda n=n, length=length: command(n, batch, length)
    try:
        seconds = interleaved(repeats=2, **runs)
    finally:
        torch.set_num_threads(threads)
    taken = {f"{n} processes": seconds[f"{n} {SHORT + steps}"] - seconds[f"{n} {SHORT}"] for n in (1, 2)}
    return {name: batch * steps / s for name, s in ({"plain loop": seconds["plain loop"]} | taken).items()}


def busy() -> str:
    """On a GPU, the share of the time of a training in which it computes."""
    if device().type != "cuda":
        return "no GPU here"
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, profile(activities=[ProfilerActivity.CUDA]) as seen:
        training.main([*OPTIONS, "--batch-size", "256", "--steps", "500", "--out", folder])
    computing = sum(event.self_device_time_total for event in seen.key_averages()) / 1e6
    return f"{computing / (time.perf_counter() - began):.0%}, its start included"


def rows() -> list[tuple[str, str, str]]:
    """(what, measured, ratio and target) for the table that `make bench` prints."""
    table = []
    for batch in BATCHES:
        rates = measured(batch)
        for name, what in (("1 processes", "one process"), ("2 processes", "two processes")):
            what = f"genbook.train vae, 32 × 32, width {WIDTH}, batch {batch}, {what} of one thread"
            table.append(
                (what, f"{rates[name]:.0f} images/s", f"{rates[name] / rates['plain loop']:.1f} × the plain loop")
            )
        table.append((f"the same, plain DataLoader loop, batch {batch}", f"{rates['plain loop']:.0f} images/s", "1 ×"))
    return [*table, ("genbook.train on a GPU, share of the time that it is busy", busy(), "")]


if __name__ == "__main__":
    rates = {str(batch): measured(batch) for batch in BATCHES}
    settings = {"options": " ".join(OPTIONS), "images": IMAGES, "threads of each process": 1}
    made = {"command": "python -m tests.benchmarks.command", "settings": settings, "images per second": rates}
    write_json(made | provenance(), RESULTS)
    print(rates)
