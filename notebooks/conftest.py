"""nbval runs the notebooks in the environment in which build.py made their outputs."""

import os
from pathlib import Path

import build
import matplotlib.font_manager  # noqa: F401 (makes the font cache now, so that no cell warns about it)

environment = build.environment()
os.environ.clear()
os.environ.update(environment)


def pytest_configure(config):
    config.option.nbval_sanitize_with = str(Path(__file__).with_name("nbval.cfg"))
