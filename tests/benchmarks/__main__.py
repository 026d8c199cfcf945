"""make bench: every benchmark, one table. Ratios are taken within one run; times depend on the machine."""

import importlib
import sys

import torch

MODULES = ["gibbs", "autoencoder", "vae", "gan", "dcgan", "command", "live"]


def main() -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, Python {sys.version.split()[0]}\n")
    rows = [row for name in MODULES for row in importlib.import_module(f"tests.benchmarks.{name}").rows()]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for what, measured, ratio in rows:
        print(f"{what:<{widths[0]}}   {measured:>{widths[1]}}   {ratio}")


if __name__ == "__main__":
    main()
