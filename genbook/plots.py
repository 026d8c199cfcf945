"""Figures and tables of the book: one style, colour-blind-safe. Figures take `ax=None`, draw there and return it."""

from html import escape

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.path import Path

# Okabe and Ito's palette, which people with any common colour blindness can tell apart.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, GREY = COLOURS = [
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#666666",
]  # fmt: skip


def use_style() -> None:
    """Set matplotlib to the book's style: small figures with large letters, legible in print and on a phone."""
    plt.rcParams.update(
        {
            "figure.figsize": (5.2, 3.2),
            "figure.dpi": 110,
            "savefig.dpi": 160,
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "axes.titlesize": 11,
            "axes.prop_cycle": plt.cycler(color=COLOURS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
            "image.cmap": "gray_r",  # digits as ink on paper
            "image.interpolation": "nearest",
        }
    )


def _axes(ax: Axes | None) -> Axes:
    return plt.subplots()[1] if ax is None else ax


def sheet(images: torch.Tensor, *, columns: int, frame: int = 1) -> np.ndarray:
    """Images in [0, 1], (N, H, W) or (N, 1 or 3, H, W), row by row as one image (height, width, 1 or 3) of float32.

    frame: grey pixels around each. By hand, as torchvision's make_grid is not there beside every torch.
    """
    if images.ndim not in (3, 4) or len(images) == 0 or (images.ndim == 4 and images.shape[1] not in (1, 3)):
        raise ValueError(f"expected images (N, H, W) or (N, 3, H, W), got shape {tuple(images.shape)}")
    images = images.detach().float().cpu()
    images = images[..., None] if images.ndim == 3 else images.movedim(1, -1)  # -> (N, H, W, 1 or 3)
    count, height, width, channels = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    shape = rows * (height + frame) + frame, columns * (width + frame) + frame, channels
    whole = np.full(shape, 0.5, dtype=np.float32)
    for k, image in enumerate(images):
        top, left = (k // columns) * (height + frame) + frame, (k % columns) * (width + frame) + frame
        whole[top : top + height, left : left + width] = image
    return whole


def image_grid(images: torch.Tensor, *, columns: int, ax: Axes | None = None) -> Axes:
    """Draw images in [0, 1], (N, H, W) or (N, 3, H, W), row by row in `columns` columns."""
    whole = sheet(images, columns=columns, frame=int(len(images) > 1))  # one alone needs no frame
    ax = _axes(ax)
    ax.imshow(whole, vmin=0, vmax=1)
    ax.set_axis_off()
    return ax


def probability_table(values, *, x: str = "X", y: str = "Y", fmt: str = "{:.2f}", ax: Axes | None = None) -> Axes:
    """Draw a table, (|Y|, |X|), as shaded cells with their values; columns are X and rows are Y, as in the text."""
    ax = _axes(ax)
    values = np.asarray(values, dtype=float)
    ax.imshow(values, cmap="Blues", vmin=0, vmax=max(1e-12, 1.6 * np.nanmax(values)))
    for (row, column), value in np.ndenumerate(values):
        ax.text(column, row, fmt.format(value), ha="center", va="center")
    ax.set_xticks(range(values.shape[1]), [f"{x}={k}" for k in range(values.shape[1])])
    ax.set_yticks(range(values.shape[0]), [f"{y}={k}" for k in range(values.shape[0])])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def gibbs_path(points, *, start=None, ax: Axes | None = None) -> Axes:
    """Draw a chain (steps, 2) with each sweep's two axis-parallel moves: first x, then y."""
    ax = _axes(ax)
    points = np.asarray(points, dtype=float)
    if start is not None:
        points = np.concatenate([np.asarray(start, dtype=float)[None], points])
    corners = np.repeat(points, 2, axis=0)[:-1]
    corners[1::2, 0] = points[1:, 0]  # x has moved, y has not yet: (x_t, y_{t-1})
    ax.plot(*corners.T, lw=1, color=SKY, zorder=1)
    ax.plot(*points[1:].T, ".", color=BLUE, ms=4, zorder=2)
    ax.plot(*points[0], "s", color=RED, ms=7, zorder=3, label="start")
    return ax


def traces(chains, *, ax: Axes | None = None) -> Axes:
    """Draw one scalar of several chains, (chains, steps), against the sweep."""
    ax = _axes(ax)
    for k, chain in enumerate(np.asarray(chains, dtype=float)):
        ax.plot(chain, lw=0.8, color=COLOURS[k % len(COLOURS)], label=f"chain {k + 1}")
    ax.set_xlabel("sweep")
    return ax


def machine(*, noise: bool = True, ax: Axes | None = None) -> Axes:
    """Draw a variational autoencoder with its loss, the way of the gradient dashed; noise=False: the ordinary one."""
    boxes = {  # name: (text, centre, colour)
        "x": ("$x$", (0, 2), "white"),
        "encoder": ("encoder", (1, 2), SKY),
        "code": (r"$\mu,\ \log\,\sigma^2$", (2, 2), "white"),
        "kl": (r"$L_2 = \mathrm{KL}$", (2, 3), YELLOW),
        "noise": (r"$\varepsilon \sim N(0, I)$", (1, 1), "white"),
        "z": (r"$z = \mu + \sigma\varepsilon$", (2, 1), "white"),
        "decoder": ("decoder", (1, 0), SKY),
        "x_hat": (r"$\hat x$", (0, 0), "white"),
        "error": (r"$L_1 = \|x - \hat x\|^2$", (0, 1), YELLOW),
    }
    forward = "x encoder, encoder code, code kl, code z, noise z, z decoder, decoder x_hat, x_hat error, x error"
    backward = "error x_hat, x_hat decoder, decoder z, z code, kl code, code encoder"  # and none to the noise
    if not noise:
        boxes = {name: box for name, box in boxes.items() if name not in ("code", "kl", "noise")}
        boxes |= {"z": ("code $z$", (2, 1), "white"), "error": (r"$L = \|x - \hat x\|^2$", (0, 1), YELLOW)}
        forward = "x encoder, encoder z, z decoder, decoder x_hat, x_hat error, x error"
        backward = "error x_hat, x_hat decoder, decoder z, z encoder"
    ax = plt.subplots(figsize=(4.4, 3.4))[1] if ax is None else ax
    for text, (x, y), colour in boxes.values():
        ax.add_patch(Rectangle((x - 0.42, y - 0.25), 0.84, 0.5, fc=colour, ec="black", zorder=2))
        ax.text(x, y, text, ha="center", va="center", zorder=3)
    for name, wires, scale, style in [
        ("data", forward, 1.07, {"color": GREY}),
        ("gradient", backward, 0.9, {"color": RED, "ls": (0, (3, 1.5))}),
    ]:
        for start, end in (wire.split() for wire in wires.split(", ")):
            ax.add_patch(_wire(boxes[start][1], boxes[end][1], scale, gid=f"{start} {end}", **style))
        ax.plot([], [], label=name, **style)
    ax.set(xlim=(-0.45, 2.45), ylim=(-0.3, 3.3 if noise else 2.3))
    ax.legend(loc="upper left" if noise else "center")
    ax.set_axis_off()
    return ax


def _wire(start, end, scale: float, **style) -> FancyArrowPatch:
    """An arrow of `machine` from box to box, (x, y) each, with a corner on the right where they are not in line.

    scale: out of (> 1) or into (< 1) the ring around (1, 1), so that data and gradient do not lie on each other.
    """
    start, end = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    corner = [np.array([2.0, start[1] + end[1] - 1])] if (start != end).all() else []
    points = 1 + scale * (np.stack([start, *corner, end]) - 1)
    along = int(abs(points[-1, 1] - points[-2, 1]) > 0.1)  # the last piece: 0 across, 1 up or down
    ahead = np.sign(points[-1, along] - points[-2, along])
    points[-1, along] = end[along] - ahead * (0.44, 0.26)[along]  # at the edge of the box
    return FancyArrowPatch(path=Path(points), arrowstyle="-|>", mutation_scale=11, lw=1.6, zorder=1, **style)


def ellipse(covariance, *, mean=(0, 0), sigmas=(1, 2), ax: Axes | None = None, **line) -> Axes:
    """Draw the contours of a 2-D Gaussian at the given numbers of standard deviations."""
    ax = _axes(ax)
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = np.stack([np.cos(angle), np.sin(angle)])  # (2, 200)
    root = np.linalg.cholesky(np.asarray(covariance, dtype=float))
    for k in sigmas:
        x, y = k * root @ circle
        ax.plot(np.asarray(mean)[0] + x, np.asarray(mean)[1] + y, **{"color": GREY, "lw": 1, **line})
    return ax


class table:
    """Rows, dicts with the same keys, as an HTML table (text elsewhere); numbers with `digits` {column: decimals} or 2.

    better: {column: "higher" or "lower"} puts an arrow in the header and marks the best number as printed. A string is
    shown as it is and does not compete, None is a dash. fold: a line that opens the table, which is folded behind it.
    ValueError: no rows, unequal keys, a column that is not there.
    """

    def __init__(
        self, rows, *, caption: str = "", better: dict | None = None, digits: dict | None = None, fold: str = ""
    ):
        better, digits, names = better or {}, digits or {}, list(rows[0]) if rows else []
        if not names or any(list(row) != names for row in rows):
            raise ValueError("expected at least one row, and the same columns in the same order in each")
        if not {*better, *digits} <= {*names} or not {*better.values()} <= {"higher", "lower"}:
            raise ValueError(f"expected columns of {names}, each better 'higher' or 'lower', got {better}, {digits}")
        self.caption, self.fold = caption, fold
        self.columns = []  # a column: header, cells, is each the best?, does it hold numbers?
        for name in names:
            values = [row[name] for row in rows]
            number = np.array([not (v is None or isinstance(v, str)) for v in values])
            places = digits.get(name, 0 if all(isinstance(v, int) for v in np.array(values, object)[number]) else 2)
            cells = [f"{float(v):.{places}f}" if n else v or "–" for v, n in zip(values, number, strict=True)]
            shown = np.array([float(c) if n else np.nan for c, n in zip(cells, number, strict=True)])
            best = np.zeros(len(rows), dtype=bool)
            if name in better and not np.isnan(shown).all():
                best = shown == (np.nanmax(shown) if better[name] == "higher" else np.nanmin(shown))
            arrow = {"higher": " (↑ better)", "lower": " (↓ better)"}.get(better.get(name), "")
            self.columns.append((name + arrow, cells, best, number.any()))

    def _repr_html_(self) -> str:
        sides = [f' style="text-align: {"right" if numbers else "left"}"' for *_, numbers in self.columns]
        head = "".join(f"<th{side}>{escape(column[0])}</th>" for side, column in zip(sides, self.columns, strict=True))
        columns = [  # the cells of each, marked up
            [f"<td{side}>{f'<b>{escape(c)}</b>' if b else escape(c)}</td>" for c, b in zip(cells, best, strict=True)]
            for side, (_, cells, best, _) in zip(sides, self.columns, strict=True)
        ]
        body = "".join("<tr>" + "".join(row) + "</tr>" for row in zip(*columns, strict=True))
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        html = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<details><summary>{escape(self.fold)}</summary>{html}</details>" if self.fold else html

    def __repr__(self) -> str:
        columns = []
        for name, cells, best, numbers in self.columns:
            column = [name + " ", *(cell + " *"[b] for cell, b in zip(cells, best.astype(int), strict=True))]
            width = max(map(len, column))
            columns.append([cell.rjust(width) if numbers else cell.ljust(width) for cell in column])
        lines = ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]
        return "\n".join([self.caption, *lines] if self.caption else lines)
