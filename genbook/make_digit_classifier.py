"""Train the digit classifier that ships with the book: genbook/weights/digit_classifier.safetensors, and .json on how.

    python -m genbook.make_digit_classifier              trains on "train", writes both, prints the SHA-256
    python -m genbook.make_digit_classifier --validate   trains on "fit", prints the error on "validation"

One CPU thread, a few minutes. The same processor and the same torch give the same bytes. The settings were chosen on
"validation"; the test set was looked at once, for the accuracy in the .json.
"""

import argparse
import time
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pad
from torchvision.transforms.functional import gaussian_blur

from genbook import data, metrics
from genbook.files import provenance, write_json, write_whole
from genbook.train import evaluate, fit, seeded

SHIFT = 2  # pixels, at most
BLUR = 1.5  # pixels: the largest standard deviation of a blur
SETTINGS = {"epochs": 12, "lr": 0.006, "batch_size": 128, "decay": "linear", "seed": 0}


def shifted(images: Tensor, *, generator: torch.Generator) -> Tensor:
    """Move each image by up to SHIFT pixels each way, all moves equally likely. images: (B, 28, 28) -> the same."""
    b, size, device = len(images), images.shape[-1], images.device
    start = torch.randint(2 * SHIFT + 1, (2, b, 1), generator=generator, device=generator.device).to(device)
    rows, columns = start + torch.arange(size, device=device)  # (B, 28) each
    which = torch.arange(b, device=device)[:, None, None]
    return pad(images, (SHIFT,) * 4)[which, rows[:, :, None], columns[:, None, :]]


def blurred(images: Tensor, *, generator: torch.Generator) -> Tensor:
    """Blur the first half of the images by a Gaussian, its standard deviation up to BLUR. (B, 28, 28) -> the same."""
    sigma = 0.1 + (BLUR - 0.1) * torch.rand((), generator=generator, device=generator.device).item()
    half = len(images) // 2
    return torch.cat([gaussian_blur(images[:half], kernel_size=7, sigma=sigma), images[half:]])


def loss(model: metrics.DigitClassifier, images: Tensor, labels: Tensor, *, generator: torch.Generator) -> Tensor:
    """Cross-entropy per image. (B, 28, 28), (B,) -> (B,).

    In training the images are shifted and blurred, and half of them mixed with another, labels in the same shares:
    decoders blur, and where they show two digits at once, it should be sure of neither. Zhang et al. 2018 (mixup).
    """
    if not model.training:
        return cross_entropy(model(images), labels, reduction="none")
    images = blurred(shifted(images, generator=generator), generator=generator)
    share = 2 * torch.rand(len(images), generator=generator, device=generator.device).to(images.device)  # (B,)
    share = share.clamp(max=1)  # half of them: 1
    mixed = model(share[:, None, None] * images + (1 - share)[:, None, None] * images.flip(0))
    one, other = (cross_entropy(mixed, target, reduction="none") for target in (labels, labels.flip(0)))
    return share * one + (1 - share) * other


def is_wrong(model: metrics.DigitClassifier, images: Tensor, labels: Tensor, *, generator: torch.Generator) -> Tensor:
    """1 where the most probable digit is not the label, else 0. (B, 28, 28), (B,) -> (B,)."""
    return (model(images).argmax(1) != labels).float()


def train(images: Tensor, labels: Tensor, **settings) -> tuple[metrics.DigitClassifier, list[float]]:
    """A classifier trained by `settings` (of `fit`) and its mean loss in each epoch. (N, 28, 28), (N,)."""
    with seeded(settings["seed"]):
        model = metrics.DigitClassifier().to(images.device)
    return model, fit(model, loss, (images, labels), **settings)["train"]


def write(model: metrics.DigitClassifier, path: Path) -> str:
    """Write the weights in float16 and return the file's SHA-256."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
    }
    return write_whole(safetensors.torch.save(tensors), path)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train the digit classifier that ships with the book.")
    parser.add_argument("--validate", action="store_true", help='train on "fit", print the error on "validation"')
    validate = parser.parse_args(arguments).validate
    torch.set_num_threads(1)  # the number of threads changes the last bits
    began, cpu_began = time.perf_counter(), time.process_time()
    model, losses = train(*data.mnist("fit" if validate else "train"), **SETTINGS)
    print("loss per epoch:", *(f"{value:.4f}" for value in losses))
    if validate:
        print(f"validation error {evaluate(model, is_wrong, data.mnist('validation'), seed=0):.2%}")
        return
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    digest = metrics.CLASSIFIER_SHA256 = write(model, metrics.CLASSIFIER_FILE)  # what is read back below
    result = {
        "command": "python -m genbook.make_digit_classifier",
        "settings": SETTINGS | {"shift": SHIFT, "blur": BLUR, "split": "train"},
        "sha256": digest,
        "test error": evaluate(metrics.digit_classifier(), is_wrong, data.mnist("test"), seed=0),
        "loss per epoch": losses,
        "seconds": round(seconds),
        "CPU seconds": round(cpu_seconds),
        **provenance(),
    }
    write_json(result, metrics.CLASSIFIER_FILE.with_suffix(".json"))
    print(
        f"test error {result['test error']:.2%}; SHA-256 {digest}: set CLASSIFIER_SHA256 in genbook/metrics.py to that"
    )


if __name__ == "__main__":
    main()
