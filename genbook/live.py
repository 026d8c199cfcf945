"""Figures that run in the reader's browser: on the site without Python, and in a live notebook through anywidget.

Their code is in book/live; live.js and live.css beside this file are made from it whenever the site is built.
"""

import base64
import html
import io
import json
import os
import struct
from functools import cache
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils import skip_init, vector_to_parameters

from genbook.files import read_checked

HERE = Path(__file__).parent
FOLDER = HERE / "weights" / "live"  # of the trained networks, scripts that `python -m genbook.make_live` writes
NAMES = ("autoencoder_vae", "dirac_gan", "gan_ring", "gibbs_gaussian", "gibbs_table", "vae_plane")
WEIGHTS = {  # which of them a figure needs
    "autoencoder_vae": ("vae_decoder", "autoencoder_decoder"),
    "vae_plane": ("vae_decoder", "vae_encoder"),
}


def figure(name: str, caption: str, *, static: Figure, alt: str, **state):
    """A live figure, as the value of a cell's last line; `.state` is what the reader has made of it, a dictionary.

    name: one of NAMES. caption: what the reader is asked to do. static: what shows where the figure can't run, on paper
    for one (it is closed, so that it doesn't show twice), and alt its description. state: the settings to start with:
    numbers, kept to 6 digits, arrays of them, texts. Raises ValueError for an unknown name, an empty text or a state
    that isn't JSON, TypeError where static is no matplotlib figure.
    """
    if name not in NAMES:
        raise ValueError(f"there is no live figure {name!r}, there are {', '.join(NAMES)}")
    for what, text in {"caption": caption, "alt": alt}.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"a live figure needs a text as its {what}, got {text!r}")
    if not isinstance(static, Figure):
        raise TypeError(f"static must be a matplotlib figure, got {type(static).__name__}")
    state = {key: _plain(value, key) for key, value in state.items()}
    shown = _html(name, caption, _png(static), alt, state)
    widget = None if os.environ.get("GENBOOK_QUIET") else _widget()  # none while the book is built and tested
    return widget(name, caption, shown, state) if widget else Static(name, shown, state)


def trained(name: str) -> dict:
    """A network of the live figures, with float16 weights as they have it, and test digits: {"network": …, …}.

    name: "vae_decoder" or "autoencoder_decoder", points of the plane (B, 2) -> pictures (B, 784) in [0, 1], with the
    "codes" (1000, 2) and "labels" (1000,) of test digits; or "vae_encoder", pictures -> (B, 4), two means and two
    log-variances, with "digits" (10, 784), a test digit of each kind. All float32, labels int64, no gradients.
    Raises ValueError for an unknown name or a damaged file, FileNotFoundError for a missing one.
    """
    made = json.loads((FOLDER / "live.json").read_text(encoding="utf-8"))["sha256"]
    if name not in made:
        raise ValueError(f"expected a trained network, one of {', '.join(map(repr, made))}, got {name!r}")
    repair = (
        "reinstall genbook, or in a clone run `git checkout -- genbook/weights`, "
        "or train it anew with `python -m genbook.make_live`"
    )
    script = read_checked(FOLDER / f"{name}.js", made[name], what="weights", repair=repair).decode()
    content = json.loads(script.partition("] = ")[2].removesuffix(";\n"))
    functions = {"silu": nn.SiLU, "sigmoid": nn.Sigmoid, "linear": nn.Identity}
    network = nn.Sequential()
    for inputs, outputs in pairwise(content["sizes"]):
        network.extend([skip_init(nn.Linear, inputs, outputs), functions[content["hidden"]]()])
    network[-1] = functions[content["output"]]()
    network.requires_grad_(False)
    vector_to_parameters(_numbers(content["weights"], torch.float16), network.parameters())
    result = {"network": network}
    if "codes" in content:
        labels = torch.tensor([int(label) for label in content["labels"]])
        result |= {"codes": _numbers(content["codes"], torch.float16).reshape(-1, 2), "labels": labels}
    if "digits" in content:
        result["digits"] = _numbers(content["digits"], torch.uint8).reshape(10, -1) / 255
    return result


def _numbers(base64_text: str, dtype: torch.dtype) -> Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(base64_text)), dtype=dtype).float()


class Static:
    """A live figure where no widget can be shown: its HTML, which shows the static picture, and its state."""

    def __init__(self, name: str, shown: str, state: dict):
        self.name, self.html, self.state = name, shown, state

    def __repr__(self) -> str:
        return f"live figure {self.name}"

    def _repr_html_(self) -> str:
        return self.html


@cache
def _widget():
    """The class of the live view, or None where anywidget is missing."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None

    class Live(anywidget.AnyWidget):
        _esm = traitlets.Unicode().tag(sync=True)
        _css = (HERE / "live.css").read_text(encoding="utf-8")
        caption = traitlets.Unicode().tag(sync=True)
        state = traitlets.Dict().tag(sync=True)

        def __init__(self, name: str, caption: str, shown: str, state: dict):
            script = (HERE / "live.js").read_text(encoding="utf-8")
            weights = [(FOLDER / f"{part}.js").read_text(encoding="utf-8") for part in WEIGHTS.get(name, ())]
            module = "\n".join([script, *weights, f"export default genbookLive.figures.{name};\n"])
            super().__init__(_esm=module, caption=caption, state=state)
            self.name, self.html = name, shown

        def __repr__(self) -> str:
            return f"live figure {self.name}"

        def _repr_mimebundle_(self, **options):
            # The HTML is for whoever opens the notebook later, without a kernel.
            data, metadata = super()._repr_mimebundle_(**options)
            return {**data, "text/html": self.html}, metadata

    return Live


def _html(name: str, caption: str, png: bytes, alt: str, state: dict) -> str:
    width, height = struct.unpack(">II", png[16:24])  # of the PNG's header
    # "<" would let a text in the state end the script element; in JSON it may be written as a number.
    data = json.dumps(state, ensure_ascii=False, allow_nan=False, sort_keys=True).replace("<", "\\u003c")
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return (
        f'<figure class="live" data-live="{name}">\n'
        f"<figcaption>{html.escape(caption)}</figcaption>\n"
        f'<img class="live-static" alt="{html.escape(alt)}" width="{width}" height="{height}" src="{source}">\n'
        f'<script type="application/json">{data}</script>\n'
        "</figure>"
    )


def _png(figure: Figure) -> bytes:
    """The picture in 64 colours, enough for lines and digits: a third of the bytes that each reader loads."""
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png")
    plt.close(figure)
    with Image.open(full) as image:
        image.convert("RGB").quantize(64).save(small, format="png", optimize=True)
    return small.getvalue()


def _plain(value, key: str):
    """The value as JSON has it, floats rounded to 6 digits: the last ones differ between machines."""
    value = value.tolist() if hasattr(value, "tolist") else value  # of an array or a tensor
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {name: _plain(item, key) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, key) for item in value]
    if isinstance(value, float) and abs(value) < float("inf"):  # and not NaN
        return float(f"{value:.6g}")
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise ValueError(f"the state of a live figure must be JSON, {key} holds {value!r}")
