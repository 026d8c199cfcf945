"""Pictures: what becomes of files of all kinds, the order of the epochs, and data sets that are not to be had."""

import numpy as np
import pytest
import torch
from PIL import Image

from genbook import data, images


def colours(folder, n, *, size=(40, 40)):
    """n pictures, each of one colour: number k is (k, 2k, 3k)."""
    folder.mkdir(exist_ok=True)
    for k in range(n):
        Image.new("RGB", size, (k, 2 * k, 3 * k)).save(folder / f"{k:03}.png")
    return str(folder)


def test_the_middle_square_is_kept_at_the_size_asked_for(tmp_path):
    wide = np.zeros((64, 192, 3), np.uint8)
    wide[:, 64:128] = 200  # only the middle square is bright
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(wide.transpose(1, 0, 2)).save(tmp_path / "tall.png")
    found, broken = images.in_memory(images.find(str(tmp_path), 32))
    assert found.shape == (2, 3, 32, 32) and not broken
    inside = found[:, :, 1:-1, 1:-1].int()  # the filter sees a little of what lies beyond the edges
    assert ((inside - 200).abs() <= 3).all()


def test_all_modes_become_grey_or_colour(tmp_path):
    Image.new("L", (32, 32), 100).save(tmp_path / "0.png")
    Image.fromarray(np.full((32, 32), 100 * 257, np.uint16)).save(tmp_path / "1.png")  # 16 bits
    Image.new("LA", (32, 32), (100, 255)).save(tmp_path / "2.png")
    Image.new("RGBA", (32, 32), (100, 100, 100, 255)).save(tmp_path / "3.png")
    Image.new("RGB", (32, 32), (100, 100, 100)).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "4.png")
    Image.new("CMYK", (32, 32), (0, 0, 0, 155)).save(tmp_path / "5.jpg")
    for channels in (1, 3):
        found, broken = images.in_memory(images.find(str(tmp_path), 32, channels=channels))
        assert found.shape == (6, channels, 32, 32) and not broken
        assert ((found.int() - 100).abs() <= 3).all(), found.flatten(1).float().mean(1)
    Image.new("RGBA", (32, 32), (0, 0, 0, 0)).save(tmp_path / "6.png")  # black, and invisible: white paper
    assert (images.in_memory(images.find(str(tmp_path), 32))[0][6] == 255).all()


def test_a_set_is_grey_where_its_pictures_are(tmp_path):
    for k in range(40):
        Image.new("L", (8, 8), k).save(tmp_path / f"{k:02}.png")
    assert images.find(str(tmp_path), 32).channels == 1
    Image.new("RGB", (8, 8), "red").save(tmp_path / "00.png")
    assert images.find(str(tmp_path), 32).channels == 3
    assert images.find("mnist", 32).channels == 1


def test_mnist_at_its_own_size_is_mnist():
    pictures = images.find("MNIST", 28, split="test")
    first = torch.stack([pictures[i][0] for i in range(20)])
    assert torch.equal(first[:, 0].float() / 255, data.mnist("test")[0][:20])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_is_named_counted_and_skipped(workers, tmp_path, capsys):
    folder = colours(tmp_path / "set", 10)
    whole = (tmp_path / "set" / "004.png").read_bytes()
    (tmp_path / "set" / "004.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "set" / "005.png").write_text("no picture")
    pictures, broken = images.find(folder, 32), {}
    rows = [[3, 4], [5, 6], [4, 4]]
    batches = [batch[:, 0, 0, 0].tolist() for batch in images.stream(pictures, rows, workers=workers, broken=broken)]
    assert batches == [[3, 1], [2, 6], [1, 1]]  # in each one's place always the same, of neighbours others
    assert sorted(broken) == [4, 5] and "004.png: OSError" in broken[4]
    told = capsys.readouterr().err
    assert told.count("skipped") == 2 and "004.png: OSError" in told and "005.png: UnidentifiedImageError" in told
    (tmp_path / "set" / "001.png").unlink()  # in its place, and in that of number 4, comes another
    in_memory, broken = images.in_memory(pictures)
    assert in_memory[:, 0, 0, 0].tolist() == [0, 8, 2, 3, 8, 2, 6, 7, 8, 9] and sorted(broken) == [1, 4, 5]


def test_a_set_of_broken_pictures_is_an_error(tmp_path):
    for k in range(3):
        (tmp_path / f"{k}.jpg").write_text("no picture")
    with pytest.raises(ValueError, match=r"none of the 3 pictures can be read; the first is .*0\.jpg"):
        images.in_memory(images.find(str(tmp_path), 32))


def test_a_folder_without_pictures_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / ".hidden.png").write_text("nothing")
    with pytest.raises(ValueError, match=r"expected pictures \(\.jpg, .* in the folder .*, found none"):
        images.find(str(tmp_path), 32)


def test_pictures_in_folders_are_found_and_described(tmp_path):
    for folder in ("a", "b"):
        colours(tmp_path / folder, 2)
    (tmp_path / "b" / "001.png").rename(tmp_path / "b" / "photo.JPEG")
    pictures = images.find(str(tmp_path), 32)
    assert [path.name for path in pictures.items] == ["000.png", "001.png", "000.png", "photo.JPEG"]
    assert images.nbytes(pictures) == 4 * 3 * 32 * 32
    before = images.description(pictures)
    tmp_path.joinpath("b").rename(tmp_path / "c")
    assert before.startswith("4 pictures") and images.description(images.find(str(tmp_path), 32)) != before


def test_an_unknown_name_lists_the_known_ones():
    expected = r"'cifar11' is neither a folder nor a known data set \(did you mean cifar10\?\); known are mnist, .*"
    with pytest.raises(ValueError, match=expected) as e:
        images.find("cifar11", 32)
    for name in ("fashion", "CelebA", "Flowers102", "SVHN"):
        assert name in str(e.value)
    for name in ("Kinetics", "CocoCaptions", "VisionDataset"):  # films, and what needs more than a folder
        assert name not in str(e.value)


def test_torchvisions_sets_are_found_by_any_spelling():
    pictures = images.find("fakedata", 32)
    assert len(pictures) == 1000 and pictures.channels == 3
    assert pictures[7][0].shape == (3, 32, 32) and pictures[7][1] == []


def test_letters_stand_upright(tmp_path):
    """EMNIST's files hold columns where MNIST's hold rows, and torchvision gives them so."""
    letters = np.zeros((3, 28, 28), np.uint8)
    letters[:, 2:26, 4:8] = letters[:, 22:26, 4:20] = 250  # an L
    raw = tmp_path / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "test"):
        head = np.array([0x803, 3, 28, 28], ">i4").tobytes()
        (raw / f"emnist-letters-{part}-images-idx3-ubyte").write_bytes(head + letters.transpose(0, 2, 1).tobytes())
        head = np.array([0x801, 3], ">i4").tobytes()
        (raw / f"emnist-letters-{part}-labels-idx1-ubyte").write_bytes(head + bytes([12, 12, 12]))
    pictures = images.find("emnist", 28, split="letters", root=tmp_path)
    assert torch.equal(images.in_memory(pictures)[0][:, 0], torch.from_numpy(letters))


@pytest.mark.parametrize("name", ["cifar10", "Flowers102", "emnist", "celeba"])
def test_without_a_network_it_is_said_what_to_do(name, tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no route")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    options = {"split": "letters"} if name == "emnist" else {}
    with pytest.raises(OSError, match=f"can be neither read under {tmp_path} nor downloaded .*Without a network"):
        images.find(name, 32, root=tmp_path, **options)


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("cifar10", "validation", "expected 'train' or 'test'"),
        ("emnist", None, "needs a split"),
        ("sun397", "a", "none"),
    ],
)
def test_a_split_that_cannot_be_is_an_error(name, split, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        images.find(name, 32, split=split, root=tmp_path)


def test_every_epoch_holds_every_picture_once_whatever_the_batch():
    for n, size in ((10, 4), (3, 8), (12, 4)):
        steps = images.order(n, size, seed=5)
        rows = torch.cat([next(steps) for _ in range(3 * n)])  # 3 · size epochs
        epochs = rows.reshape(-1, n)
        assert torch.equal(epochs.sort(1).values, torch.arange(n).expand(len(epochs), n))
        assert len({tuple(epoch) for epoch in epochs.tolist()}) > 1  # not the same order each time


def test_the_order_can_be_entered_at_any_step():
    unbroken = images.order(10, 4, seed=5)
    first = [next(unbroken) for _ in range(9)]
    for start in (0, 1, 5, 8):
        assert torch.equal(next(images.order(10, 4, seed=5, start=start)), first[start])
    assert not torch.equal(next(images.order(10, 4, seed=6)), first[0])


def test_generators_differ_by_seed_purpose_and_number():
    draws = [torch.rand(4, generator=images.generator(*key)) for key in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert len({tuple(draw.tolist()) for draw in draws}) == 4
    assert torch.equal(draws[3], torch.rand(4, generator=images.generator(0, 0, 1)))
