"""Make tables of five papers anew, and write genbook/results/reproductions.json, which the page "Reproductions" shows.

    python -m genbook.reproduce hinton               in full: for a GPU
    python -m genbook.reproduce hinton --quick       what minutes on a CPU give, with the same code
    python -m genbook.reproduce pacgan --only ring   a part of it
    python -m genbook.reproduce hinton --validate    trains on "fit", prints the rows on "validation", writes nothing

Papers: hinton, ppca, iwae, pacgan, rbm. A command that was interrupted goes on where it was, and each part stands in
the file when it is done: _build/reproduce keeps them, and the state of each training; delete it to start anew. All
settings were chosen on "validation", those of GANs on seeds from 100 on.
"""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from genbook import data, make_autoencoders, make_gan, make_vae
from genbook.autoencoders import pca, ppca_log_likelihood, squared_error
from genbook.files import provenance, write_json
from genbook.make_gan import Timed
from genbook.make_vae import mean_and_error
from genbook.published import PAPERS, compared, goal_of, machines, shown
from genbook.rbm import RBM, ais_log_partition, reverse_ais_log_partition
from genbook.train import device, fit_timed, seeded
from genbook.vae import VAE, neg_iwae_dreg

RESULTS = Path(__file__).parent / "results" / "reproductions.json"
CHECKPOINTS = Path("_build", "reproduce")  # where the command is run

# Per paper and size: "parts", each done and stored by itself, what they need, and "deviations" from the paper.
SETTINGS = {}


# --- Hinton & Salakhutdinov 2006 ---


def shifted_error(model: nn.Module, x: Tensor, *, generator: torch.Generator) -> Tensor:
    """`squared_error`; in training, of images each moved by up to one pixel in each direction. x: (B, 784) -> (B,)."""
    if model.training:
        x = shifted(x, generator=generator)
    return squared_error(model, x)


def shifted(x: Tensor, *, generator: torch.Generator) -> Tensor:
    """Each image (B, 784) moved by -1, 0 or 1 pixel across and down; what comes in is black."""
    padded = nn.functional.pad(x.unflatten(1, (28, 28)), (1, 1, 1, 1))  # (B, 30, 30)
    by = torch.randint(3, (2, len(x), 1, 1), generator=generator, device=generator.device).to(x.device)
    line = torch.arange(28, device=x.device)
    image = torch.arange(len(x), device=x.device)[:, None, None]
    return padded[image, by[0] + line[:, None], by[1] + line].flatten(1)  # (B, 28, 28) -> (B, 784)


def hinton(settings: dict, seed: int, splits: dict[str, Tensor], where: torch.device, folder: Path) -> dict:
    x, test = splits["train"], splits["test"]
    model, run = make_autoencoders.train(30, seed, x, test, folder / "run.pt", loss=shifted_error, **settings["fit"])
    with torch.no_grad():
        errors = mean_and_error(squared_error(model, test))
    return {
        "values": {"error": [errors["mean"]]},
        "errors": {"error": errors["standard error"]},
        "of": f"{len(test)} digits",
        "training error": run["error"]["train"],
    }


SETTINGS["hinton"] = {
    "full": {
        "parts": [0, 1, 2],
        "seeds": [0, 1, 2],
        "fit": {"epochs": 100, "lr": 2e-3, "batch_size": 128, "decay": "cosine", "bf16": True, "every": 5},
        "deviations": [
            "SiLU in the hidden layers, there logistic units; as there, linear code units and a logistic output",
            "one training from random weights (He et al. 2015), there layer by layer as RBMs first",
            "Adam on the squared error itself, there conjugate gradients on the cross-entropy",
            "in training each digit is moved by up to one pixel, at random",
            "products in bfloat16 where the machine has it",
        ],
    },
}
SETTINGS["hinton"]["quick"] = {
    "parts": [0, 1],
    "seeds": [0, 1],
    "fit": SETTINGS["hinton"]["full"]["fit"] | {"epochs": 20},
    "deviations": [
        *SETTINGS["hinton"]["full"]["deviations"],
        "20 epochs, in full 100",
        "two seeds, in full three",
    ],
}


# --- Probabilistic PCA ---


def ppca(settings: dict, k: int, splits: dict[str, Tensor], where: torch.device, folder: Path) -> dict:
    train, test = splits["train"], splits["test"]
    values = {f"{k}, training": ppca_log_likelihood(train, k), f"{k}, test": ppca_log_likelihood(train, k, test)}
    if k == 30:
        mean, components, _ = pca(train.double(), k)
        centred = test.double() - mean
        values["30, error"] = (centred - centred @ components.T @ components).square().sum(1)
    return {"values": {name: [value.mean().item()] for name, value in values.items()}}


SETTINGS["ppca"] = {
    "full": {
        "parts": [2, 10, 30],
        "seeds": [],
        "deviations": [
            "not a table of a paper: beside our values stand those of the closed form, computed apart from this "
            "package; PCA's error is the paper's",
            "quick and full are the same",
        ],
    }
}
SETTINGS["ppca"]["quick"] = SETTINGS["ppca"]["full"]


# --- Burda, Grosse & Salakhutdinov 2016 ---


def neg_iwae_of_new_bits(model: VAE, x: Tensor, *, generator: torch.Generator, k: int) -> Tensor:
    """-log of the mean of k weights, of bits drawn anew at each visit. x: (B, 784) in [0, 1] -> (B,), nats."""
    return neg_iwae_dreg(model, data.binarize(x, generator=generator), generator=generator, k=k)


def iwae(settings: dict, k: int, splits: dict[str, Tensor], where: torch.device, folder: Path) -> dict:
    of_training, (seed,) = settings | settings["trainings"][str(k)], settings["seeds"]
    x, loss = splits["train"][: of_training["images"]], partial(neg_iwae_of_new_bits, k=k)
    model, _ = make_vae.train(of_training, seed, x, None, folder / "run", loss=loss)
    measured = make_vae.evaluated(model, bits_of(splits["test"]), settings["bounds"], seed=seed)
    row = measured["bounds"][-1]
    return {
        "values": {f"{k}": [-row["bound"]["mean"]], f"{k}, units": [measured["active units"]]},
        "errors": {f"{k}": row["bound"]["standard error"]},
        "of": f"{row['images']} digits",
        "−ELBO": -measured["ELBO"]["mean"],
    }


def bits_of(test: Tensor) -> Tensor:
    """Test digits as bits: once, the same for all."""
    with seeded(0, test.device) as generator:
        return data.binarize(test, generator=generator)


IWAE_DEVIATIONS = [
    "the gradient of the encoder is the doubly reparameterised one (Tucker et al. 2019), for k = 1 that of Roeder et "
    "al. 2017; there the plain one",
    "test digits are turned into bits once, with a fixed seed",
]
SETTINGS["iwae"] = {
    "full": {
        "parts": [1, 50],
        "seeds": [0],
        "network": "plain",
        "sizes": make_vae.LONG["sizes"],
        "trainings": {
            str(k): {
                "images": 60_000,
                "stages": [{"epochs": 2000, "lr": 3e-3, "batch_size": 250, "decay": "linear", "every": 20}],
            }
            for k in (1, 50)
        },
        "bounds": [[5000, 1]],
        "deviations": [
            "2000 passes in batches of 250, the learning rate falls linearly from 0.003 to 0; there 3280 passes in "
            "batches of 20, at eight rates from 0.001 to 0.0001",
            "Adam's epsilon is 1e-8, there 1e-4",
            *IWAE_DEVIATIONS,
        ],
    },
    "quick": {
        "parts": [1, 50],
        "seeds": [0],
        "network": "plain",
        "sizes": make_vae.LONG["sizes"],
        "trainings": {
            "1": {
                "images": 60_000,
                "stages": [{"epochs": 30, "lr": 3e-3, "batch_size": 250, "decay": "linear", "bf16": True}],
            },
            "50": {
                "images": 20_000,
                "stages": [{"epochs": 12, "lr": 3e-3, "batch_size": 100, "decay": "linear", "bf16": True}],
            },
        },
        "bounds": [[500, 20]],
        "deviations": [
            "for k = 1: 30 passes over 60 000 digits in batches of 250; for k = 50: 12 passes over 20 000 digits in "
            "batches of 100; the learning rate falls linearly from 0.003 to 0",
            "Adam's epsilon is 1e-8, there 1e-4",
            "K = 500 on every 20th test digit, there 5000 on all",
            "products in bfloat16 where the CPU has it",
            *IWAE_DEVIATIONS,
        ],
    },
}


# --- Lin et al. 2018 ---


def pacgan(settings: dict, shape: str, splits: dict[str, Tensor], where: torch.device, folder: Path) -> dict:
    plan = {"seeds": settings["seeds"], "points": POINTS[shape], **settings["trainings"][shape]}
    of_modes = make_gan.protocol(plan, where, folder / "run.pt")["by seed"]
    return {
        "values": {
            f"{shape}, modes": of_modes["modes"],
            f"{shape}, quality": [100 * share for share in of_modes["quality"]],
            f"{shape}, reverse KL": of_modes["reverse_kl"],
        },
    }


# The grid is a quarter of the paper's size, which changes nothing but the scale of the numbers that networks see.
POINTS = {"ring": make_gan.RING["points"], "grid": {"shape": "grid", "spacing": 0.5, "std": 0.0125}}
PACGAN_DEVIATIONS = [
    "networks and optimiser are this book's: two or three hidden layers each, Adam, learning rates that fall to 0",
    "D sees two points at once for both mixtures; the row of the grid is that of four",
    "noise on what D sees, which falls to 0, and a moving average of G's weights",
    "the grid is a quarter of the paper's size, its modes' width as well; D takes two steps for one of G there",
]
OF_RING = make_gan.RING["settings"] | {"pack": 2}
OF_GRID = OF_RING | {"latent": 8, "noise": 0.125, "d_steps": 2}
DEEP = {"lr_g": 1e-3, "lr_d": 2e-3}
SETTINGS["pacgan"] = {
    "full": {
        "parts": ["ring", "grid"],
        "seeds": list(range(10)),
        "trainings": {
            "ring": {"steps": 200_000, "settings": OF_RING | DEEP | {"hidden": [64] * 3, "d_hidden": [64] * 3}},
            "grid": {"steps": 200_000, "settings": OF_GRID | DEEP | {"hidden": [128] * 3, "d_hidden": [128] * 3}},
        },
        "deviations": [*PACGAN_DEVIATIONS, "200 000 steps"],
    },
    "quick": {
        "parts": ["ring", "grid"],
        "seeds": list(range(10)),
        "trainings": {
            "ring": {"steps": 20_000, "settings": OF_RING},
            "grid": {"steps": 10_000, "settings": OF_GRID | {"hidden": [128] * 2, "d_hidden": [128] * 2}},
        },
        "deviations": [
            *PACGAN_DEVIATIONS,
            "20 000 steps for the ring, 10 000 for the grid, of smaller networks than in full",
        ],
    },
}


# --- Salakhutdinov & Murray 2008 ---


def contrastive_divergence(rbm: RBM, x: Tensor, *, generator: torch.Generator, sweeps: int) -> Tensor:
    """F(v) - F(v'), whose gradient is that of CD: v are new bits of x, v' the same `sweeps` sweeps later. -> (B,)."""
    v = data.binarize(x, generator=generator)
    return rbm.free_energy(v) - rbm.free_energy(rbm.sample(sweeps, start=v, generator=generator))


def rbm(settings: dict, seed: int, splits: dict[str, Tensor], where: torch.device, folder: Path) -> dict:
    x, test = splits["train"], bits_of(splits["test"])
    log_odds = x.mean(0).clamp(0.001, 0.999).logit()  # (784,): where training begins, and annealing
    with seeded(seed) as generator:
        model = RBM(784, settings["hidden"], generator=generator).to(x.device).requires_grad_()
    with torch.no_grad():
        model.visible_bias.copy_(log_odds)
    loss = partial(contrastive_divergence, sweeps=settings["sweeps"])
    fit_timed(model, loss, x, seed=seed, checkpoint=folder / "run.pt", **settings["fit"])
    model.requires_grad_(False)
    negative = mean_and_error(-model.free_energy(test))
    with seeded(seed, x.device) as generator:
        forward = ais_log_partition(model, log_odds, **settings["ais"], generator=generator)
        start = data.binarize(x[: settings["ais"]["chains"]], generator=generator)
        start = model.sample(settings["sweeps before the way back"], start=start, generator=generator)
        reverse = reverse_ais_log_partition(model, log_odds, start, steps=settings["ais"]["steps"], generator=generator)
    log_z = {"forward": forward, "reverse": reverse}
    return {
        "values": {name: [negative["mean"] - estimate] for name, (estimate, _) in log_z.items()},
        "errors": {name: (negative["standard error"] ** 2 + error**2) ** 0.5 for name, (_, error) in log_z.items()},
        "of": f"{len(test)} digits",
        "log Z": {name: {"estimate": estimate, "standard error": error} for name, (estimate, error) in log_z.items()},
    }


RBM_DEVIATIONS = [
    "Adam, with a rate that falls linearly to 0, in batches of 100",
    "training bits are drawn anew at each visit, test bits once, with a fixed seed",
]
SETTINGS["rbm"] = {
    "full": {
        "parts": [0],
        "seeds": [0],
        "hidden": 500,
        "sweeps": 25,
        "fit": {"epochs": 200, "lr": 1e-3, "batch_size": 100, "decay": "linear", "every": 5},
        "ais": {"steps": 20_000, "chains": 500},
        "sweeps before the way back": 10_000,
        "deviations": [*RBM_DEVIATIONS, "200 passes over the training digits"],
    },
    "quick": {
        "parts": [0],
        "seeds": [0],
        "hidden": 500,
        "sweeps": 5,
        "fit": {"epochs": 10, "lr": 5e-3, "batch_size": 100, "decay": "linear"},
        "ais": {"steps": 1000, "chains": 100},
        "sweeps before the way back": 500,
        "deviations": [
            *RBM_DEVIATIONS,
            "five sweeps (CD-5) and 10 passes, there 25 sweeps",
            "annealing in 1000 steps; the way back starts from digits, 500 sweeps later",
        ],
    },
}


# --- The command ---

MEASURES = {"hinton": hinton, "ppca": ppca, "iwae": iwae, "pacgan": pacgan, "rbm": rbm}


def done(paper: str, part, settings: dict, splits: dict[str, Tensor], where: torch.device, folder: Path) -> dict:
    """What one part of a paper measured; it is not measured again where the folder has it.

    "values" and "errors" as `compared` takes them, the time (None where it was interrupted), device and versions.
    Raises ValueError where the folder is that of other settings.
    """
    asked = {"part": part, "settings": settings, "GENBOOK_SEED": os.environ.get("GENBOOK_SEED", "0")}
    asked, path, measured = json.loads(json.dumps(asked)), folder / "settings.json", folder / "measured.json"
    unbroken = not path.exists()
    if unbroken:
        write_json(asked, path)
    elif read(path) != asked:
        raise ValueError(f"{path} says that this was begun with other settings; to start anew, delete {folder}")
    if not measured.exists():
        timed = Timed()
        numbers = {"part": part, "errors": {}, "of": None} | MEASURES[paper](settings, part, splits, where, folder)
        times = timed.seconds() if unbroken else {"seconds": None, "CPU seconds": None}
        write_json(numbers | times | provenance(on_gpu=where.type == "cuda"), measured)
    return read(measured)


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def collected(paper: str, size: str, settings: dict, parts: list[dict]) -> dict:
    """The result of one paper and size: the rows that these parts are enough for, and where they come from."""
    rows = {key: compared(paper, key, parts) for key in PAPERS[paper]["rows"]}
    return {
        "command": f"python -m genbook.reproduce {paper}{' --quick' * (size == 'quick')}",
        "settings": settings,
        "deviations": SETTINGS[paper][size]["deviations"],
        "rows": {key: row for key, row in rows.items() if row},
        "parts": parts,
    }


def report(paper: str, result: dict) -> str:
    """A result as text, for a terminal."""
    lines = [f"{PAPERS[paper]['by']}: {PAPERS[paper]['quantity']}"]
    for key, ours in result["rows"].items():
        row = PAPERS[paper]["rows"][key]
        digits = row.get("our digits", row["digits"])
        parts = [
            f"published {shown(row['published'], row['error'], row['digits'])}",
            f"ours {shown(ours['ours'], ours['standard error'], digits)}"
            + f" (over {ours['over']})" * bool(ours["over"]),
            f"difference {shown(ours['difference'], ours['standard error of the difference'], digits, '+')}",
        ]
        if row["goal"]:
            parts.append(f"goal {goal_of(row)}: {'reached' if ours['reached'] else 'not reached'}")
        lines.append(f"  {row['name']}: {'; '.join(parts)}")
    lines.append(f"  {machines(result)}")
    return "\n".join([*lines, "  deviations from the paper:", *(f"  - {text}" for text in result["deviations"])])


def store(paper: str, size: str, settings: dict, made: list[dict]) -> dict:
    """Write these parts, and those that the file has of the same settings; returns the result."""
    results = read(RESULTS)
    before = results.get(paper, {}).get(size, {})
    parts = {part["part"]: part for part in before.get("parts", []) if before["settings"] == settings}
    parts |= {part["part"]: part for part in made}
    result = collected(paper, size, settings, [parts[part] for part in settings["parts"] if part in parts])
    try:
        write_json(results | {paper: results.get(paper, {}) | {size: result}}, RESULTS)
    except OSError as error:  # as where the package is the system's
        instead = CHECKPOINTS / f"{paper}-{size}.json"
        write_json({paper: {size: result}}, instead)
        print(f"{RESULTS} could not be written ({error}): the result is in {instead}", file=sys.stderr, flush=True)
    return result


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make a paper's table anew and compare.")
    parser.add_argument("paper", choices=PAPERS)
    parser.add_argument("--quick", action="store_true", help="what minutes on a CPU give")
    parser.add_argument("--only", help="one of the parts")
    parser.add_argument("--validate", action="store_true", help='train on "fit", print the rows on "validation"')
    options = parser.parse_args(arguments)
    paper, size = options.paper, "quick" if options.quick else "full"
    settings = {name: value for name, value in SETTINGS[paper][size].items() if name != "deviations"}
    settings = json.loads(json.dumps(settings))  # as it will be read again
    parts = [part for part in settings["parts"] if options.only in (None, str(part))]
    if not parts:
        parser.error(f"expected --only to be one of {', '.join(map(str, settings['parts']))}, got {options.only}")
    names = {"train": "fit", "test": "validation"} if options.validate else {"train": "train", "test": "test"}
    if options.validate and paper == "pacgan":
        settings["seeds"] = [100 + seed for seed in settings["seeds"]]
    where = torch.device("cpu") if options.quick else device()
    splits = {}
    if paper != "pacgan":
        splits = {split: data.mnist(name)[0].flatten(1).to(where) for split, name in names.items()}  # (N, 784) each
    made, of = [], f"{paper}-{size}{'-validation' * options.validate}"
    for part in parts:
        try:
            made.append(done(paper, part, settings, splits, where, CHECKPOINTS / of / str(part)))
            result = collected(paper, size, settings, made) if options.validate else store(paper, size, settings, made)
        except OSError as error:
            kept = CHECKPOINTS.absolute()
            raise SystemExit(f"error: {error}; start it where it may write, it keeps its work in {kept}") from error
    print(report(paper, result), flush=True)


if __name__ == "__main__":
    main()
