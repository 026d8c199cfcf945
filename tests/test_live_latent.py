"""The live figures of chapter 4, on the trained planes of digits: what they show is what torch computes."""

import gzip
import re
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import torch
from live_pages import SITE, press, reading, seen
from playwright.sync_api import expect
from scipy.spatial import cKDTree

from genbook import live
from genbook.train import seeded

CHAPTER = "04_vae_training"
ROUNDING = 0.5 / 255 + 1e-3  # a screen has 256 greys; and the pages' decoder may be 0.001 away from torch's
BOTH = ("vae", "autoencoder")


# For canvas.evaluate: width, height, and each pixel's grey.
GREYS = """canvas => {
  const {width, height} = canvas;
  const copy = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  return [width, height, ...copy.getImageData(0, 0, width, height).data.filter((_, i) => i % 4 === 1)];
}"""


@pytest.fixture(scope="module")
def trained():
    return {name: live.trained(name) for name in ("vae_decoder", "vae_encoder", "autoencoder_decoder")}


@pytest.fixture
def plane(live_page):
    return seen(live_page(CHAPTER), "vae_plane")


@pytest.fixture
def both(live_page):
    return seen(live_page(CHAPTER), "autoencoder_vae")


def pictures(figure, label: str) -> torch.Tensor:
    """What a sheet shows, (rows * columns, 784), ink as 1; once nothing changes any more."""
    sheet = figure.get_by_label(label, exact=True)
    deadline = time.monotonic() + 60
    before, shown = None, sheet.evaluate(GREYS)
    while before != shown:
        assert time.monotonic() < deadline
        before = shown
        for _ in range(3):
            reading(figure)
        shown = sheet.evaluate(GREYS)
    width, height, *data = shown
    grey = torch.tensor(data).reshape(height // 28, 28, width // 28, 28)
    return 1 - grey.transpose(1, 2).reshape(-1, 784) / 255


def numbers(text: str) -> list[float]:
    return [float(value) for value in re.findall(r"-?\d+\.\d+", text.replace("−", "-"))]


def entry(figure, name: str, which=0) -> str:
    """A text in a list of numbers; which: of several such lists."""
    reading(figure)
    return figure.locator(f'dt:text-is("{name}") + dd').nth(which).inner_text()


def status(figure) -> str:
    reading(figure)
    return figure.get_by_role("status").inner_text().replace("\u00a0", " ")


def decoded(figure) -> torch.Tensor:
    return pictures(figure, "The picture that the decoder makes of the point")


def draws_of(seed: int, n: int) -> torch.Tensor:
    with seeded(seed) as generator:
        return torch.stack([torch.randn(2, generator=generator, dtype=torch.float64) for _ in range(n)])


def agree(shown: torch.Tensor, expected: torch.Tensor) -> None:
    assert shown.shape == expected.shape
    assert (shown - expected).abs().max() <= ROUNDING


def drag(page, start, end, steps=8):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=steps)
    page.mouse.up()


def middle(locator) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


# --- The networks come when they are needed -----------------------------------------------------------------------


def size(url: str) -> int:
    """What a server sends for a file of the site: text is compressed on its way."""
    path = Path(unquote(urlsplit(url).path))
    content = path.read_bytes()
    return len(content) if path.suffix == ".woff2" else len(gzip.compress(content))


def test_networks_come_once_and_only_when_their_figure_comes_near(live_page):
    page = live_page(CHAPTER, whole=True)
    came = []
    page.on("request", lambda request: came.append(request.url))
    page.reload()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    files = {url for url in came if url.startswith("file:")}
    assert not [url for url in files if "/weights/" in url]
    # What a first visit costs before the reader scrolls, but for the pictures: how early those come is the browser's.
    files = [url for url in files if not url.endswith(".png")]
    assert len(files) > 5 and sum(map(size, files)) <= 450_000
    for name in ("vae_plane", "autoencoder_vae"):
        seen(page, name)
    folder = (SITE / "_static/genbook/weights").as_uri()
    names = ("autoencoder_decoder", "vae_decoder", "vae_encoder")
    assert sorted(url for url in came if "/weights/" in url) == [f"{folder}/{name}.js" for name in names]


def test_the_site_has_the_networks_of_the_package():
    files = sorted(live.FOLDER.glob("*.js"))
    assert len(files) == 3
    for file in files:
        assert (SITE / "_static/genbook/weights" / file.name).read_bytes() == file.read_bytes()


def test_without_its_networks_a_figure_says_so_and_shows_its_picture(live_page):
    page = live_page(CHAPTER, without="weights/vae_encoder")
    figure = seen(page, "vae_plane")
    expect(figure.get_by_role("status")).to_contain_text("its trained networks, and they did not come. Reload the page")
    expect(figure.locator("img")).to_be_visible()
    assert figure.get_by_role("button").count() == 0
    expect(seen(page, "autoencoder_vae").get_by_role("button", name="One draw")).to_be_visible()


# --- The VAE's plane ----------------------------------------------------------------------------------------------


def test_the_picture_shown_is_what_torch_decodes_at_the_point(plane, trained):
    page, decode = plane.page, trained["vae_decoder"]["network"]
    handle = plane.locator(".live-handle")
    map_ = plane.get_by_label("The plane of z with the codes")
    box = map_.bounding_box()
    for x, y in [(0.8, 0.5), (0.1, 0.9), (0.72, 0.31)]:  # taps, as parts of the plane
        map_.click(position={"x": x * box["width"], "y": y * box["height"]})
        z = numbers(entry(plane, "z"))
        assert z == pytest.approx([8 * x - 4, 4 - 8 * y], abs=0.06)
        agree(decoded(plane), decode(torch.tensor([z])))
    drag(page, middle(handle), (box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"]))
    z = numbers(entry(plane, "z"))
    assert z == pytest.approx([-2, 0], abs=0.06)
    agree(decoded(plane), decode(torch.tensor([z])))
    for key, step in {"ArrowUp": (0, 0.05), "Shift+ArrowRight": (0.25, 0)}.items():
        handle.press(key)
        z = [a + b for a, b in zip(z, step, strict=True)]
        assert numbers(entry(plane, "z")) == pytest.approx(z, abs=1e-6)
        agree(decoded(plane), decode(torch.tensor([z])))
    codes, labels = trained["vae_decoder"]["codes"], trained["vae_decoder"]["labels"]
    distance, index = cKDTree(codes).query(z)
    assert entry(plane, "nearest test digit") == f"a {labels[index]}, {distance:.2f} away"


def test_the_encoder_puts_test_digits_where_torch_puts_them(plane, trained):
    digits = trained["vae_encoder"]["digits"]
    mean, logvar = trained["vae_encoder"]["network"](digits).chunk(2, dim=1)
    choice = plane.get_by_role("combobox")
    expect(choice).to_have_value("4")  # at rest
    for digit in (4, 0, 9):
        choice.select_option(f"test digit {digit}")
        agree(pictures(plane, "The digit as the encoder sees it"), digits[digit : digit + 1])
        agree(decoded(plane), trained["vae_decoder"]["network"](mean[digit : digit + 1]))
        expected = {"encoder’s mean μ": mean[digit], "and its σ": (logvar[digit] / 2).exp()}
        for name, values in expected.items():
            assert numbers(entry(plane, name)) == pytest.approx(values.tolist(), abs=0.0051)
        assert entry(plane, "nearest test digit") == f"a {digit}, 0.00 away"
        assert f"The encoder puts the test digit {digit} at μ = (" in status(plane)


def stroke(page, pad, points):
    """Draw a line on the pad; the points are parts of its width and height."""
    box = pad.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def test_a_digit_that_is_drawn_is_centred_encoded_and_decoded(plane, trained):
    page, pad = plane.page, plane.get_by_label("Draw a digit here")
    found = []
    for left, top, length in [(0.5, 0.15, 0.7), (0.2, 0.3, 0.35)]:  # a one; and a small one in a corner
        press(plane, "Clear")
        assert pictures(plane, "The digit as the encoder sees it").max() == 0
        assert entry(plane, "encoder’s mean μ") == "–"
        stroke(page, pad, [(left, top), (left - 0.05, top + length)])
        expect(plane.get_by_role("combobox")).to_have_value("own")
        picture = pictures(plane, "The digit as the encoder sees it")
        rows = picture.reshape(28, 28).amax(1).nonzero()
        assert rows.max() - rows.min() == 19  # it is 20 pixels tall, as MNIST's digits
        mean, logvar = trained["vae_encoder"]["network"](picture).chunk(2, dim=1)
        assert numbers(entry(plane, "encoder’s mean μ")) == pytest.approx(mean[0].tolist(), abs=0.03)
        assert numbers(entry(plane, "and its σ")) == pytest.approx((logvar / 2).exp()[0].tolist(), abs=0.01)
        assert (decoded(plane) - trained["vae_decoder"]["network"](mean)).abs().max() < 0.05  # the sheet has 256 greys
        assert "The encoder puts your digit at" in status(plane) and status(plane).endswith(", is a 1.")
        found.append(mean[0])
    assert (found[0] - found[1]).norm() < 1.5  # a larger pen for its size, but the same digit


def test_strokes_add_up_and_a_dot_is_seen(plane):
    page, pad = plane.page, plane.get_by_label("Draw a digit here")
    ink = lambda: pictures(plane, "The digit as the encoder sees it").sum()  # noqa: E731
    press(plane, "Clear")
    pad.click()
    dot = ink()
    assert dot > 100  # as large as it may be
    press(plane, "Clear")
    stroke(page, pad, [(0.2, 0.2), (0.8, 0.2)])
    line = ink()
    stroke(page, pad, [(0.8, 0.2), (0.5, 0.9)])
    assert ink() > 1.3 * line  # a seven
    page.mouse.move(*middle(pad))  # without the button
    seven = ink()
    page.mouse.move(middle(pad)[0] + 30, middle(pad)[1], steps=3)
    assert ink() == seven
    plane.get_by_role("combobox").select_option("test digit 2")
    press(plane, "Play")
    stroke(page, pad, [(0.5, 0.2), (0.5, 0.8)])
    expect(plane.get_by_role("button", name="Play")).to_be_visible()  # it has stopped
    assert status(plane).endswith(", is a 1."), "the drawing began anew"


def test_draw_with_a_finger_on_a_phone(live_page):
    page = live_page(CHAPTER, width=360, has_touch=True, is_mobile=True)
    figure = seen(page, "vae_plane")
    pad = figure.get_by_label("Draw a digit here")
    pad.scroll_into_view_if_needed()
    box, scrolled = pad.bounding_box(), page.evaluate("scrollY")
    device = page.context.new_cdp_session(page)
    for k in range(12):
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] * (0.1 + 0.07 * k)}
        kind = "touchMove" if k else "touchStart"
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(figure.get_by_role("status")).to_contain_text("The encoder puts your digit")
    assert status(figure).endswith(", is a 1.")
    assert page.evaluate("scrollY") == scrolled, "the page stays where it is"
    plane = figure.get_by_label("The plane of z with the codes")
    side = plane.bounding_box()["width"]
    page.wait_for_timeout(500)  # a tap right after a swipe only stops the page's rolling on
    plane.tap(position={"x": side / 4, "y": side / 2})
    expect(figure.get_by_role("status")).to_contain_text("The point is at")  # the click comes after the touch
    assert numbers(entry(figure, "z")) == pytest.approx([-2, 0], abs=0.06)


def test_samples_of_the_prior_are_those_of_torch(plane, trained):
    draws = draws_of(0, 3)
    for k, z in enumerate(draws, 1):
        press(plane, "Sample the prior")
        assert numbers(entry(plane, "z")) == pytest.approx(z.tolist(), abs=0.0051)
        agree(decoded(plane), trained["vae_decoder"]["network"](z.float()[None]))
        assert f"Draw {k} from the prior: z = (" in status(plane) and entry(plane, "draws so far") == str(k)


def test_show_me_draws_a_barred_seven_whose_bar_is_lost(plane):
    press(plane, "Show me")
    expect(plane.get_by_role("combobox")).to_have_value("own")
    assert status(plane).endswith(", is a 7.")
    shown = pictures(plane, "The digit as the encoder sees it").reshape(28, 28)
    back = decoded(plane).reshape(28, 28)
    bar = (slice(16, 18), slice(10, 13))  # the left end of the bar
    assert shown[bar].mean() > 0.8 and back[bar].mean() < 0.3 and back.max() > 0.8


# --- Two planes at once -------------------------------------------------------------------------------------------


def gaussian(trained) -> tuple[np.ndarray, np.ndarray]:
    codes = trained["autoencoder_decoder"]["codes"].double().numpy()
    return codes.mean(0), np.linalg.cholesky(np.cov(codes.T))


def places(trained, u: torch.Tensor, moved: bool) -> dict[str, torch.Tensor]:
    """The draws u (n, 2) in both planes."""
    m, root = gaussian(trained)
    return {"vae": u, "autoencoder": torch.from_numpy(m + u.double().numpy() @ root.T) if moved else u}


def check(figure, trained, u: torch.Tensor, draws: torch.Tensor, moved: bool):
    """All that the figure says of the point u (2,) and the draws (100, 2)."""
    points, others = places(trained, u[None], moved), places(trained, draws, moved)
    for which, (name, title) in enumerate(zip(BOTH, ("VAE", "Autoencoder"), strict=True)):
        decoder = trained[f"{name}_decoder"]
        tree = cKDTree(decoder["codes"].numpy())
        usual = np.median(tree.query(decoder["codes"], 2)[0][:, 1])
        (distance,), (index,) = tree.query(points[name])
        assert numbers(entry(figure, "z", which)) == pytest.approx(points[name][0].tolist(), abs=0.0051)
        assert entry(figure, "nearest test digit", which) == f"a {decoder['labels'][index]}"
        assert numbers(entry(figure, "distance ÷ usual", which)) == pytest.approx([distance / usual], abs=0.051)
        distances, indices = tree.query(others[name])
        assert numbers(entry(figure, "median of all draws", which)) == pytest.approx(
            [np.median(distances) / usual], abs=0.051
        )
        times = np.bincount(decoder["labels"][indices], minlength=10)
        rare = ", ".join(map(str, np.flatnonzero(times < 2))) or "none"
        assert entry(figure, "digits hardly drawn", which).replace("\u00a0", " ") == rare
        with torch.no_grad():
            agree(pictures(figure, f"{title}: the point, decoded"), decoder["network"](points[name].float()))
            agree(pictures(figure, f"{title}: the hundred draws, decoded"), decoder["network"](others[name].float()))


def test_both_planes_show_the_same_draws_as_torch_decodes_them(both, trained):
    u, draws = torch.tensor([0, -1.5]), draws_of(0, 200)
    check(both, trained, u, draws[:100], moved=False)
    both.get_by_role("combobox").select_option("moved to codes")
    press(both, "100 draws")
    assert status(both).startswith("Draw 200: u = (")
    check(both, trained, draws[199], draws[100:], moved=True)
    press(both, "Restart")
    press(both, "One draw")
    check(both, trained, draws[100], torch.cat([draws[100:101], draws[1:100]]), moved=True)


def test_as_they_are_the_draws_miss_digits_and_moved_they_miss_the_codes(both):
    """What the chapter says of this figure, for three seeds."""
    for seed in range(3):
        expect(both.locator(".live-seed")).to_have_text(f"seed {seed}")
        both.get_by_role("combobox").select_option("as they are")
        assert "1" in entry(both, "digits hardly drawn", 1) and entry(both, "digits hardly drawn") == "none"
        vae, as_they_are = (numbers(entry(both, "median of all draws", k))[0] for k in (0, 1))
        both.get_by_role("combobox").select_option("moved to codes")
        assert "1" not in entry(both, "digits hardly drawn", 1)
        assert numbers(entry(both, "median of all draws", 1))[0] > 1.5 * max(vae, as_they_are)
        press(both, "New seed")


def test_one_point_is_moved_in_either_plane(both, trained):
    m, root = gaussian(trained)
    page = both.page
    first, second = both.locator(".live-handle").all()
    first.press("ArrowRight")
    assert numbers(entry(both, "z", 0)) == numbers(entry(both, "z", 1)) == [0.1, -1.5]
    second.press("Shift+ArrowUp")
    assert numbers(entry(both, "z", 0)) == numbers(entry(both, "z", 1)) == [0.1, -1.0]
    both.get_by_role("combobox").select_option("moved to codes")
    board = both.get_by_label("Autoencoder: the codes").bounding_box()
    end = board["x"] + 0.3 * board["width"], board["y"] + 0.4 * board["height"]
    drag(page, middle(second), end)
    z = numbers(entry(both, "z", 1))
    assert z == pytest.approx([0.3 * 22 - 11, 16 - 0.4 * 22], abs=0.15)
    u = np.linalg.solve(root, np.array(z) - m)
    assert numbers(entry(both, "z", 0)) == pytest.approx(u.tolist(), abs=0.011)
    drag(page, middle(second), (board["x"] + board["width"] - 3, board["y"] + 3))  # where no draw goes
    assert max(map(abs, numbers(entry(both, "z", 0)))) == 4


def test_show_me_finds_a_draw_among_no_codes(both):
    press(both, "Show me")
    expect(both.get_by_role("combobox")).to_have_value("yes")
    near, far = (numbers(entry(both, "distance ÷ usual", k))[0] for k in (0, 1))
    assert near < 3 and far > 10
