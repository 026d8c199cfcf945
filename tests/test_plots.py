"""Plots: each draws on the axes it is given, and what it draws is where it should be."""

import matplotlib

matplotlib.use("agg")  # before pyplot: no window

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torchvision.utils import make_grid

from genbook import plots


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: plots.image_grid(torch.rand(6, 4, 4), columns=3, ax=ax),
        lambda ax: plots.image_grid(torch.rand(6, 3, 4, 4), columns=3, ax=ax),
        lambda ax: plots.probability_table([[0.1, 0.4], [0.3, 0.2]], ax=ax),
        lambda ax: plots.gibbs_path([[0, 0], [1, 1]], ax=ax),
        lambda ax: plots.traces(np.zeros((3, 5)), ax=ax),
        lambda ax: plots.ellipse(np.eye(2), ax=ax),
        lambda ax: plots.machine(ax=ax),
    ],
    ids=["grey", "colour", "table", "path", "traces", "ellipse", "machine"],
)
def test_axes_are_used_and_returned(draw, ax):
    assert draw(ax) is ax
    own = draw(None)
    assert own is not ax
    plt.close(own.figure)


def test_image_grid_puts_images_row_by_row_with_a_frame(ax):
    images = torch.arange(6)[:, None, None].expand(6, 2, 3) / 6  # image k is k/6 everywhere, 2 × 3 pixels
    sheet = plots.image_grid(images, columns=3, ax=ax).images[0].get_array()
    assert sheet.shape == (2 * 3 + 1, 3 * 4 + 1)  # one pixel of frame around each image
    assert np.allclose(sheet[1::3, 1::4], np.arange(6).reshape(2, 3) / 6)


@pytest.mark.parametrize("shape, columns", [((7, 4, 5), 3), ((7, 3, 4, 5), 3), ((3, 1, 4, 5), 8), ((1, 4, 5), 1)])
def test_image_grid_gives_the_pixels_of_make_grid(shape, columns, ax):
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    expected = make_grid(images if len(shape) == 4 else images[:, None], nrow=columns, padding=1, pad_value=0.5)
    expected = expected.movedim(0, -1) if shape[1] == 3 else expected[0]  # make_grid makes three channels of one
    assert np.array_equal(plots.image_grid(images, columns=columns, ax=ax).images[0].get_array(), expected)


def test_a_sheet_has_as_wide_a_frame_as_is_asked_for():
    images = torch.rand(5, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    expected = make_grid(images, nrow=2, padding=2, pad_value=0.5).movedim(0, -1)
    assert np.array_equal(plots.sheet(images, columns=2, frame=2), expected)


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 4), (2, 3, 4, 4, 4), (5, 2, 4, 4)])
def test_image_grid_refuses_what_is_not_images(shape, ax):
    with pytest.raises(ValueError, match="expected images"):
        plots.image_grid(torch.zeros(shape), columns=2, ax=ax)


def test_gibbs_path_moves_along_x_first_then_along_y(ax):
    plots.gibbs_path([[1.0, 2.0], [3.0, 5.0]], start=(0.0, 0.0), ax=ax)
    corners = np.stack(ax.lines[0].get_data(), axis=1)
    assert corners.tolist() == [[0, 0], [1, 0], [1, 2], [3, 2], [3, 5]]


def test_ellipse_is_at_the_given_number_of_standard_deviations(ax):
    covariance = np.array([[2.0, 0.6], [0.6, 1.0]])
    plots.ellipse(covariance, mean=(1, -1), sigmas=(2,), ax=ax)
    points = np.stack(ax.lines[0].get_data(), axis=1) - [1, -1]
    distance = np.einsum("ni,ij,nj->n", points, np.linalg.inv(covariance), points)
    assert np.allclose(distance, 4)  # Mahalanobis, squared


@pytest.mark.parametrize("noise", [True, False])
def test_the_machines_words_fit_their_boxes_and_its_gradient_goes_from_each_loss_to_the_encoder(noise):
    with matplotlib.rc_context():
        plots.use_style()
        ax = plots.machine(noise=noise)
        ax.figure.canvas.draw()
        boxes = [patch.get_window_extent() for patch in ax.patches if patch.get_gid() is None]
        words = [text.get_window_extent() for text in ax.texts]
        legend = ax.get_legend().get_window_extent()
        plt.close(ax.figure)
    assert len(boxes) == len(words) == (9 if noise else 6)
    assert all(
        box.x0 <= word.x0 and word.x1 <= box.x1 and word.height < box.height
        for box, word in zip(boxes, words, strict=True)
    )
    assert not any(legend.overlaps(box) for box in boxes)
    wires = [(patch.get_gid().split(), patch.get_linestyle() != "-") for patch in ax.patches if patch.get_gid()]
    gradient = [wire for wire, dashed in wires if dashed]
    reached = {"error"}
    while ahead := {end for start, end in gradient if start in reached} - reached:
        reached |= ahead
    assert {"x_hat", "decoder", "z", "encoder"} <= reached and not {"x", "noise"} & reached
    assert (["kl", "code"] in gradient) == (["noise", "z"] in [wire for wire, _ in wires]) == noise


def test_style_is_the_books():
    with matplotlib.rc_context():
        plots.use_style()
        assert plt.rcParams["axes.prop_cycle"].by_key()["color"] == plots.COLOURS


ROWS = [
    {"model": "PCA", "loss": 12.345, "FID": torch.tensor(3.0), "epochs": 10},
    {"model": "a < b", "loss": 8.001, "FID": 2.0, "epochs": None},
    {"model": "real", "loss": 7.999, "FID": "0.1 (floor)", "epochs": 1000},
]


def test_a_table_marks_what_is_best_as_printed_and_says_which_way_is_better():
    html = plots.table(ROWS, caption="Two models", better={"loss": "lower", "FID": "lower"})._repr_html_()
    rows = [r.split("</td>") for r in html.split("<tbody>")[1].split("<tr>")[1:]]
    assert [["<b>" in cell for cell in row[:4]] for row in rows] == [  # 8.001 and 7.999 both print as 8.00: a tie
        [False, False, False, False],
        [False, True, True, False],
        [False, True, False, False],  # the string does not compete
    ]
    assert "<caption>Two models</caption>" in html and "loss (↓ better)" in html and "epochs (" not in html
    higher = plots.table(ROWS, better={"epochs": "higher"})._repr_html_()
    assert "<b>1000</b>" in higher and higher.count("<b>") == 1 and "epochs (↑ better)" in higher
    assert "a &lt; b" in html and html.count("–") == 1  # escaped; None is a dash
    assert 'text-align: right">12.35<' in html and 'text-align: left">PCA<' in html


def test_a_table_folds_behind_a_line():
    folded, plain = (plots.table(ROWS, **options)._repr_html_() for options in ({"fold": "All <values>"}, {}))
    assert folded == f"<details><summary>All &lt;values&gt;</summary>{plain}</details>"


def test_a_table_in_plain_text_has_aligned_columns():
    assert repr(plots.table(ROWS[:2], caption="Two", better={"epochs": "higher"}, digits={"loss": 1})) == (
        "Two\n"
        "model   loss    FID   epochs (↑ better)\n"
        "PCA     12.3   3.00                  10*\n"
        "a < b    8.0   2.00                   –"
    )


@pytest.mark.parametrize(
    "rows, options",
    [
        ([], {}),
        ([{}], {}),
        ([{"a": 1}, {"b": 1}], {}),
        ([{"a": 1}], {"better": {"b": "lower"}}),
        ([{"a": 1}], {"better": {"a": "big"}}),
        ([{"a": 1}], {"digits": {"b": 1}}),
    ],
)
def test_a_table_refuses_what_it_cannot_print(rows, options):
    with pytest.raises(ValueError, match="expected"):
        plots.table(rows, **options)
