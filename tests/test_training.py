"""python -m genbook.train and genbook.sample: each step against a plain loop, and whatever may happen to a training."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from genbook import files, images, sample, training
from genbook.convolutional import conv_vae
from genbook.train import seeded
from genbook.vae import neg_elbo

ROOT = Path(__file__).parents[1]
CURES = ["--r1", "0.3", "--noise", "0.1", "--spectral", "--flip", "0.1", "--real-label", "0.9", "--pack", "2"]
CURES += ["--statistics", "--ema", "0.9"]


@pytest.fixture
def folder(tmp_path):
    """Twenty pictures, each a bright square on a dark ground."""
    where = tmp_path / "pictures"
    where.mkdir()
    for k in range(20):
        pixels = np.full((32, 32), 40, np.uint8)
        pixels[k % 16 : k % 16 + 12, (5 * k) % 16 : (5 * k) % 16 + 12] = 200 + k
        Image.fromarray(pixels).save(where / f"{k:02}.png")
    return where


def arguments(kind, data, out, *more, steps=6, batch=8):
    small = ["--width", "4", "--latent", "4", "--batch-size", str(batch), "--show", "4", "--workers", "0"]
    return [kind, "--data", str(data), "--out", str(out), "--steps", str(steps), *small, *more]


def run(*args, **options):
    training.main(arguments(*args, **options))


def tensors(out):
    return training.read_checkpoint(out / "checkpoint.safetensors")[1]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def stopping(monkeypatch, step, number=signal.SIGTERM, times=1):
    """The next training gets this signal, so many times, in the middle of that step."""
    at_step(monkeypatch, step, lambda: [os.kill(os.getpid(), number) for _ in range(times)])


def at_step(monkeypatch, step, act):
    """The next training does that in the middle of that step."""
    exact = images.generator

    def generator(seed, purpose, at, *rest):
        if (purpose, at) == (training.STEP, step - 1):
            act()
        return exact(seed, purpose, at, *rest)

    monkeypatch.setattr(images, "generator", generator)


def plain(device="cpu"):
    """What a step takes of Accelerate, for one process: nothing happens."""
    return SimpleNamespace(
        num_processes=1,
        process_index=0,
        device=torch.device(device),
        prepare=lambda *modules: modules if len(modules) > 1 else modules[0],
        backward=torch.Tensor.backward,
        autocast=lambda: torch.autocast("cpu", enabled=False),
    )


# --- Each step is the one that the book writes out ---


def test_the_vae_step_is_the_plain_loop():
    s = {
        "kind": "vae",
        "size": 32,
        "channels": 3,
        "latent": 4,
        "width": 4,
        "batch_size": 5,
        "lr": 1e-2,
        "decay": "linear",
    }
    with seeded(0) as generator:
        nets = training.networks(s)
        pictures = torch.randint(256, (3, 5, 3, 32, 32), generator=generator, dtype=torch.uint8)
    own = conv_vae(32, 3, latent=4, width=4)
    own.load_state_dict(nets["vae"].state_dict())
    adam = torch.optim.Adam(own.parameters())
    _, step = training.vae_step(nets, s, plain())
    for i in range(3):
        row = step(pictures[i], images.generator(7, 1, i), i, 3)
        generator = images.generator(7, 1, i)
        x = (pictures[i] + torch.rand(pictures[i].shape, generator=generator)) / 256
        losses = neg_elbo(own, x, generator=generator)
        assert row[0].item() == pytest.approx(losses.mean().item(), rel=1e-5)
        adam.param_groups[0]["lr"] = 1e-2 * (1 - i / 3)
        adam.zero_grad()
        losses.mean().backward()
        adam.step()
    for a, b in zip(nets["vae"].parameters(), own.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


GAN = {"kind": "gan", "size": 32, "channels": 1, "latent": 4, "width": 4, "batch_size": 8, "decay": None}
GAN |= {"lr_g": 1e-3, "lr_d": 2e-3, "d_steps": 1, "loss": "non-saturating", "r1": 0.0, "penalty": 0.0, "noise": 0.0}
GAN |= {
    "spectral": False,
    "statistics": False,
    "pack": 1,
    "ema": 0.0,
    "real_label": 1.0,
    "flip": 0.0,
    "precision": "no",
}


def slope(d, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(d(x).sum(), x, create_graph=True)[0].flatten(1)


@pytest.mark.parametrize(
    "cures",
    [
        {},
        {"r1": 0.5, "noise": 0.3, "ema": 0.15, "real_label": 0.9, "flip": 0.3},
        {"loss": "wasserstein", "penalty": 2.0, "d_steps": 2},
        {"loss": "minimax", "pack": 2, "spectral": True, "statistics": True},
    ],
    ids=["plain", "R1, noise, EMA, labels", "WGAN-GP", "minimax, packing, spectral norm, statistics"],
)
def test_the_gan_step_is_the_plain_loop(cures):
    s = GAN | cures
    with seeded(0) as generator:
        nets = training.networks(s)
        pictures = torch.randint(256, (3, 8 * s["d_steps"], 1, 32, 32), generator=generator, dtype=torch.uint8)
    with seeded(0):
        own = training.networks(s)
    g, d = own["generator"], own["discriminator"]
    average = {name: p.detach().clone() for name, p in g.named_parameters()}
    if s["ema"]:
        nets["ema"] = training.copy.deepcopy(nets["generator"])
    adams = [torch.optim.Adam(net.parameters(), lr=lr, betas=(0.5, 0.999)) for net, lr in ((g, 1e-3), (d, 2e-3))]
    _, step = training.gan_step(nets, s, plain())

    def packs(x):
        return x.reshape(8 // s["pack"], s["pack"], 32, 32)

    for i in range(3):
        row = step(pictures[i], images.generator(7, 1, i), i, 3)
        draw = images.generator(7, 1, i)
        for j in range(s["d_steps"]):
            real = pictures[i][8 * j : 8 * j + 8] / 255
            fake = g(torch.randn(8, 4, generator=draw))
            if s["noise"]:
                blur = s["noise"] * (1 - i / 3) * torch.randn(8, 2, 1, 32, 32, generator=draw)
                real, fake = real + blur[:, 0], fake + blur[:, 1]
            ones, zeros = torch.full((8 // s["pack"],), s["real_label"]), torch.zeros(8 // s["pack"])
            if s["flip"]:
                flips = torch.rand(8, 2, generator=draw) < s["flip"]
                ones, zeros = torch.where(flips[:, 0], 0, ones), flips[:, 1].float()
            real, fake = packs(real), packs(fake)
            fixed = fake.detach()
            if s["loss"] == "wasserstein":
                mix = torch.rand(8, 1, 1, 1, generator=draw)
                loss = d(fixed).mean() - d(real).mean()
                norms = slope(d, mix * real + (1 - mix) * fixed).norm(dim=1)
                penalty = s["penalty"] * (norms - 1).square().mean()
            else:
                loss = bce(d(real), ones) + bce(d(fixed), zeros)
                penalty = s["r1"] / 2 * slope(d, real).square().sum(1).mean() if s["r1"] else 0
            adams[1].zero_grad()
            (loss + penalty).backward()
            adams[1].step()
        logits = d(fake)
        g_loss = {
            "non-saturating": bce(logits, torch.ones_like(logits)),
            "minimax": -bce(logits, torch.zeros_like(logits)),
            "wasserstein": -logits.mean(),
        }[s["loss"]]
        adams[0].zero_grad()
        g_loss.backward()
        adams[0].step()
        for name, p in g.named_parameters():
            past = min(s["ema"], (1 + i) / (10 + i))
            average[name] = past * average[name] + (1 - past) * p.detach()
        atol = 2e-3 if s["spectral"] else 1e-5  # R1's second look at D is one more step of power iteration
        torch.testing.assert_close(row[:2], torch.stack([loss, g_loss]).detach(), rtol=1e-3, atol=atol)
    for name, p in nets["generator"].named_parameters():
        torch.testing.assert_close(p, g.get_parameter(name), rtol=1e-2, atol=1e-3 if s["spectral"] else 1e-4)
        if s["ema"]:
            torch.testing.assert_close(nets["ema"].get_parameter(name), average[name], rtol=1e-2, atol=1e-4)


def test_the_vae_learns_and_its_bits_are_those_of_its_rows(folder, tmp_path, capsys):
    run("vae", folder, tmp_path / "out", "--lr", "0.01", steps=120)
    rows = tensors(tmp_path / "out")["curves"]
    assert rows.shape == (120, 2)
    nats = rows[:, 0].double()
    bits = ((nats + 32 * 32 * np.log(256)) / np.log(2) / (32 * 32)).tolist()  # -log2 of the bytes' density
    assert bits[-1] < bits[0] - 1.5
    told = [float(b) for b in re.findall(r"([\d.]+) bits/dim", capsys.readouterr().err)]
    assert min(bits) <= told[-1] <= max(bits) and told[0] == pytest.approx(bits[0], abs=1e-3)


# --- Going on, and being stopped ---


@pytest.mark.parametrize(("kind", "more"), [("vae", []), ("gan", CURES), ("gan", ["--penalty", "1", "--d-steps", "2"])])
def test_a_training_that_was_stopped_ends_where_an_unbroken_one_does(kind, more, folder, tmp_path, monkeypatch):
    run(kind, folder, tmp_path / "unbroken", *more)
    number = signal.SIGTERM if kind == "vae" else signal.SIGINT
    with monkeypatch.context() as patched:
        stopping(patched, 4, number)
        with pytest.raises(SystemExit) as stopped:
            run(kind, folder, tmp_path / "stopped", *more)
    assert stopped.value.code == 128 + number
    about, there = training.read_checkpoint(tmp_path / "stopped" / "checkpoint.safetensors")
    assert about["step"] == len(there["curves"]) == 4
    run(kind, folder, tmp_path / "stopped", *more, "--resume", "--memory", "0")  # and streams the pictures now
    assert same(tensors(tmp_path / "stopped"), tensors(tmp_path / "unbroken"))
    for name in ("samples.png", "curves.png"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes()


def test_usual_signals_are_back_after_a_training(folder, tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run("vae", folder, tmp_path / "out", steps=1)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def environment(**more):
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"} | more


def start(args, **more):
    command = [sys.executable, "-m", "genbook.train", *args]
    return subprocess.Popen(command, cwd=ROOT, env=environment(**more), stderr=subprocess.PIPE, text=True)


def wait_for(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def test_a_killed_training_loses_at_most_the_last_interval(folder, tmp_path):
    path = tmp_path / "killed" / "checkpoint.safetensors"
    process = start(arguments("vae", folder, path.parent, "--minutes", "0.01", steps=10**6))
    try:
        wait_for(path.exists, "a checkpoint")
        first = path.stat().st_mtime_ns
        wait_for(lambda: path.stat().st_mtime_ns > first, "another one")
    finally:
        process.kill()
        process.communicate()
    assert time.time() - path.stat().st_mtime < 0.6 + 10  # the interval, and what a busy machine takes
    step = training.read_checkpoint(path)[0]["step"]
    run("vae", folder, path.parent, "--resume", steps=step + 3)
    run("vae", folder, tmp_path / "unbroken", steps=step + 3)
    assert same(tensors(path.parent), tensors(tmp_path / "unbroken"))


# --- Two processes ---


def two(args):
    """The command in two processes, that speak by gloo, as torchrun would start them."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    group = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [start(args, **group, RANK=str(k), LOCAL_RANK=str(k)) for k in range(2)]


def test_two_processes_are_one_and_outlive_each_other(folder, tmp_path):
    """The same curve as one process, with counts over both; then one is killed, the other says so, and one goes on."""
    for k in (3, 12):
        (folder / f"{k:02}.png").write_text("no picture")
    out = tmp_path / "two"
    more = ["--memory", "0"]
    processes = two(arguments("vae", folder, out, *more, "--minutes", "0.001", steps=10**6))
    try:
        path = out / "checkpoint.safetensors"
        wait_for(lambda: path.exists() or any(p.poll() is not None for p in processes), "a checkpoint of two processes")
        processes[1].kill()
        told = processes[0].communicate(timeout=60)[1]
        assert processes[0].returncode not in (0, None), told
        assert "process 0 of 2 lost the others at step" in told and "--resume" in told, told
        assert "2 × CPU" in told
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    step = training.read_checkpoint(path)[0]["step"]
    of_two = tensors(out)
    run("vae", folder, tmp_path / "one", *more, steps=step)
    of_one = tensors(tmp_path / "one")
    torch.testing.assert_close(of_two["curves"], of_one["curves"], rtol=1e-4, atol=1e-3)
    for name in of_one:
        torch.testing.assert_close(of_two[name], of_one[name], rtol=1e-2, atol=1e-3, msg=name)
    run("vae", folder, out, *more, "--resume", steps=step + 2)
    assert len(tensors(out)["curves"]) == step + 2


# --- What may be wrong ---


def refused(*args, **options):
    with pytest.raises(SystemExit) as error:
        run(*args, **options)
    return str(error.value)


def test_checkpoints_that_do_not_fit_are_refused_and_stay(folder, tmp_path):
    out = tmp_path / "out"
    run("vae", folder, out, steps=2)
    path = out / "checkpoint.safetensors"
    before = path.read_bytes()
    assert f"{path} exists: add --resume" in refused("vae", folder, out)
    assert "is the checkpoint of a vae, not of a gan" in refused("gan", folder, out, "--resume")
    told = refused("vae", folder, out, "--resume", "--lr", "0.5", "--latent", "5")
    assert "latent is 4 there and 5 here" in told and "lr is 0.001 there and 0.5 here" in told
    (folder / "more.png").write_bytes((folder / "00.png").read_bytes())
    assert "20 pictures, SHA-256" in refused("vae", folder, out, "--resume")
    assert path.read_bytes() == before
    path.write_bytes(before[: len(before) // 2])
    assert "damaged or not a checkpoint" in refused("vae", folder, out, "--resume")
    safetensors.torch.save_file({"weight": torch.zeros(2)}, path)
    assert "was not written by genbook.train" in refused("vae", folder, out, "--resume")
    about = {"genbook": json.dumps({"format": 2, "version": "9.9"})}
    safetensors.torch.save_file({"weight": torch.zeros(2)}, path, about)
    assert "checkpoint of format 2, by genbook 9.9; this genbook reads format 1" in refused(
        "vae", folder, out, "--resume"
    )


def test_two_trainings_do_not_write_into_one_folder(folder, tmp_path):
    out = tmp_path / "out"
    first = start(arguments("vae", folder, out, steps=10**6))
    try:
        wait_for(lambda: (out / ".lock").exists() and (out / ".lock").read_text(), "the lock")
        for more in ([], ["--resume"]):
            assert re.search(rf"process {first.pid} on .* is training into {out}", refused("vae", folder, out, *more))
    finally:
        first.kill()  # and leaves its lock behind
        first.communicate()
    assert (out / ".lock").exists()
    run("vae", folder, out)


def test_a_scale_of_values_is_kept_and_used_again(folder, tmp_path, capsys):
    out = tmp_path / "out"
    for k, path in enumerate(sorted(folder.iterdir())):
        path.unlink()
        Image.fromarray(np.full((32, 32), 100 * k, np.uint16) + np.eye(32, dtype=np.uint16)).save(path)
    run("vae", folder, out, "--workers", "2", "--memory", "0", steps=2)
    assert "20 pictures of more than 8 bits, with values from 0 to 1901: 0 becomes black and 1901 white" in (
        capsys.readouterr().err
    )
    about, _ = training.read_checkpoint(out / "checkpoint.safetensors")
    assert about["settings"]["values"] == [0.0, 1901.0]
    Image.fromarray(np.full((32, 32), 4000, np.uint16)).save(folder / "00.png")  # the same name
    run("vae", folder, out, "--resume", steps=3)
    about, there = training.read_checkpoint(out / "checkpoint.safetensors")
    assert about["settings"]["values"] == [0.0, 1901.0] and about["step"] == 3
    del about["settings"]["values"]
    safetensors.torch.save_file(there, out / "checkpoint.safetensors", {"genbook": json.dumps(about)})
    told = refused("vae", folder, out, "--resume")
    assert "is of an earlier genbook, for which 0 was black and 65535" in told and "now that is 100 and 4000" in told


def test_it_is_said_what_the_pictures_are(folder, tmp_path, capsys):
    (folder / "notes.txt").write_text("a")
    Image.new("RGB", (64, 48), "red").save(folder / "01.png")
    run("vae", folder, tmp_path / "a", steps=1)
    told = capsys.readouterr().err
    line = "20 pictures, 32 × 32 to 64 × 48 pixels, 19 grey and 1 in colour, taken in colour; 5.7e-05 GB at 32 × 32, in"
    assert line in told and "\nleft out: 1 .txt\n" in told
    run("vae", folder, tmp_path / "b", "--memory", "0", "--channels", "1", steps=1)
    told = capsys.readouterr().err
    assert "taken as grey; 1.9e-05 GB at 32 × 32, larger than --memory, so read in each step, by the train" in told


def test_few_pictures_in_colour_make_a_set_colour_or_are_told(folder, tmp_path, monkeypatch, capsys):
    Image.new("RGB", (64, 48), "red").save(folder / "07.png")
    assert images.find(str(folder), 32).channels == 3
    monkeypatch.setattr(images, "LOOKED_AT", 2)  # as in a set that is a thousand times as large
    run("vae", folder, tmp_path / "out", steps=2)
    told = capsys.readouterr().err
    assert "20 pictures, 32 × 32 pixels, grey (2 looked at); " in told
    assert "07.png is in colour and becomes grey" in told and "--channels 3" in told
    assert "1 picture in colour was made grey" in told


def test_no_checkpoint_yet_is_a_beginning(folder, tmp_path, capsys):
    run("vae", folder, tmp_path / "out", "--resume", steps=1)
    assert "there is no checkpoint" in capsys.readouterr().err


def test_a_full_disk_is_told_and_costs_nothing_else(folder, tmp_path, monkeypatch, capsys):
    out, full = tmp_path / "out", [True]
    run("vae", folder, out, steps=2)
    before = (out / "checkpoint.safetensors").read_bytes()
    exact = os.fsync

    def fsync(number):
        if full[0]:
            raise OSError(28, "No space left on device")
        exact(number)

    monkeypatch.setattr(files.os, "fsync", fsync)
    with pytest.raises(SystemExit) as error:
        run("vae", folder, out, "--resume", "--minutes", "0")  # a checkpoint at each look
    told = capsys.readouterr().err
    assert error.value.code == 1
    assert (
        "warning" in told and "No space left on device" in told and "the last checkpoint could not be written" in told
    )
    assert (out / "checkpoint.safetensors").read_bytes() == before and "step 6/6" in told
    monkeypatch.setattr(training, "check_steps", lambda rows, step: full.__setitem__(0, step < 6))  # room again at last
    run("vae", folder, out, "--resume", "--minutes", "0")
    assert training.read_checkpoint(out / "checkpoint.safetensors")[0]["step"] == 6
    assert not list(out.glob("*.tmp"))


def test_a_training_that_diverges_keeps_its_last_good_checkpoint(folder, tmp_path, monkeypatch):
    told = refused("vae", folder, tmp_path / "other", "--lr", "1e30", steps=50)
    assert "a loss is not finite at step" in told and "learning rate" in told
    out, exact = tmp_path / "out", training._set_rate
    run("vae", folder, out, steps=2)
    before = (out / "checkpoint.safetensors").read_bytes()
    monkeypatch.setattr(training, "_set_rate", lambda optimizer, rate: exact(optimizer, 1e39))
    told = refused("vae", folder, out, "--resume", steps=3)  # the loss is that of before the step, the weights are not
    assert "is not finite after step 3" in told and "learning rate" in told
    assert (out / "checkpoint.safetensors").read_bytes() == before


def test_broken_pictures_are_counted(folder, tmp_path, capsys):
    (folder / "07.png").write_text("no picture")
    for memory in ("4", "0"):
        run("gan", folder, tmp_path / memory, "--memory", memory)
        told = capsys.readouterr().err
        assert "07.png" in told and "1 picture could not be read and was skipped" in told
    assert same(tensors(tmp_path / "4"), tensors(tmp_path / "0"))


@pytest.mark.parametrize(
    ("data", "more", "message"),
    [
        ("empty", [], "expected pictures .* found none"),
        ("nowhere", [], "neither a folder nor a known data set; known are mnist"),
        ("cifar10", [], "can be neither read under .* nor downloaded"),
        ("pictures", ["--batch-size", "9", "--pack", "2"], "packs of 2 divide, got 9"),
    ],
)
def test_bad_input_is_a_message(data, more, message, folder, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()

    def offline(*args, **kwargs):
        raise OSError("no route")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    monkeypatch.setenv("GENBOOK_DATA", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert re.search(message, refused("gan", data, "out", *more))


def test_options_that_cannot_be_are_named(capsys):
    for option, value in (
        ("--lr", "-1"),
        ("--batch-size", "0"),
        ("--lr", "nan"),
        ("--size", "28"),
        ("--seed", "-1"),
        ("--minutes", "x"),
    ):
        with pytest.raises(SystemExit):
            training.main(["vae", "--data", "mnist", option, value])
        assert option in capsys.readouterr().err


def test_without_accelerate_it_is_said_what_to_install(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    assert "pip install 'genbook[train]'" in refused("vae", folder, tmp_path / "out")


# --- Samples ---


def test_samples_are_drawn_from_the_average_of_the_generator(folder, tmp_path, capsys):
    run("gan", folder, tmp_path / "out", "--ema", "0.9", "--channels", "3", "--lr-g", "0.1")
    path = tmp_path / "out" / "checkpoint.safetensors"
    sample.main([str(path), "--n", "5", "--seed", "3", "--out", str(tmp_path / "five.png")])
    assert "5 images of step 6" in capsys.readouterr().out
    about, there = training.read_checkpoint(path)
    generator = training.networks(about["settings"])["generator"].eval()
    generator.load_state_dict({name[4:]: t for name, t in there.items() if name.startswith("ema.")})
    with torch.no_grad():
        expected = generator(torch.randn(5, 4, generator=images.generator(3, sample.SAMPLE, 0)))
    found = np.asarray(Image.open(tmp_path / "five.png"))
    assert found.shape == (2 * 34 + 2, 3 * 34 + 2, 3)
    second = found[2:34, 36:68].transpose(2, 0, 1) / 255
    np.testing.assert_allclose(second, expected[1], atol=2 / 255)


def test_a_checkpoint_of_anything_else_cannot_be_sampled(tmp_path):
    (tmp_path / "other.safetensors").write_bytes(b"else")
    for path, message in ((tmp_path / "none", "there is no checkpoint"), (tmp_path / "other.safetensors", "damaged")):
        with pytest.raises(SystemExit, match=message):
            sample.main([str(path)])


def test_a_folder_of_results_can_be_sampled_and_only_pngs_are_written(folder, tmp_path, capsys):
    run("vae", folder, tmp_path / "out", steps=1)
    sample.main([str(tmp_path / "out"), "--n", "4"])
    assert (tmp_path / "out" / "grid.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "more").mkdir()
    sample.main([str(tmp_path / "out"), "--n", "4", "--out", str(tmp_path / "more")])
    assert (tmp_path / "more" / "grid.png").exists()
    with pytest.raises(SystemExit):
        sample.main([str(tmp_path / "out"), "--out", str(tmp_path / "four.jpg")])
    assert "it writes a PNG: expected --out to end in .png, got" in capsys.readouterr().err
    assert not (tmp_path / "four.jpg").exists()


def test_bfloat16_is_near_float32(folder, tmp_path):
    for precision in ("no", "bf16"):
        run("gan", folder, tmp_path / precision, "--precision", precision, "--r1", "0.1", steps=3)
    exact, rounded = tensors(tmp_path / "no")["curves"], tensors(tmp_path / "bf16")["curves"]
    assert not torch.equal(exact, rounded)
    torch.testing.assert_close(exact, rounded, rtol=0.05, atol=0.05)


def test_the_default_precision_is_that_of_the_launcher_and_the_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert training._precision(None) == "no" and training._precision("fp16") == "fp16"
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert training._precision(None) == "bf16" and training._precision("no") == "no"
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for gpu in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *, including_emulation, gpu=gpu: gpu)
        assert training._precision(None) == ("bf16" if gpu else "no")


def test_a_gan_without_average_shows_its_generator():
    with seeded(0):
        generator = training.networks(GAN)["generator"]
    z = torch.randn(70, 4, generator=images.generator(0, 2, 0))
    assert generator.training
    made = training.samples(generator, z)
    assert generator.training and made.shape == (70, 1, 32, 32)
    assert isinstance(generator, nn.Module) and torch.equal(made[:3], training.samples(generator, z[:3]))
