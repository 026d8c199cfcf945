"""Which files of a folder are pictures, each once, under which names, and what is said of the others."""

import hashlib
import os
import socket
import unicodedata

import numpy as np
import pytest
from PIL import Image, features

from genbook import folders, images, sample, training

GREY = Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64).astype(np.uint8))


def fill(folder, names, picture=GREY):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        picture.save(folder / name)
    return folder


def names_in(folder, **options):
    return [path.relative_to(folder).as_posix() for path in images.find(str(folder), 32, **options).items]


@pytest.mark.parametrize(
    "links",
    [{"all": "."}, {"all": ".", "again": "."}, {"a/up": ".."}, {"out": "../.."}, {"b": "a"}, {"x": "x"}],
    ids=str,
)
def test_each_real_folder_counts_once(links, tmp_path):
    top = fill(tmp_path / "some" / "pictures", ["0.png", "1.png"])
    fill(top / "a", ["2.png"])
    fill(tmp_path, ["of another.png"])
    for link, target in links.items():
        (top / link).symlink_to(target)
    assert names_in(top) == ["0.png", "1.png", "a/2.png"]


def test_a_link_to_a_folder_elsewhere_is_followed(tmp_path):
    top = fill(tmp_path / "pictures", ["0.png"])
    fill(tmp_path / "disk" / "more", ["1.png"])
    (top / "disk").symlink_to(tmp_path / "disk")
    assert names_in(top) == ["0.png", "disk/more/1.png"]


KINDS = {"gif": "GIF", "jfif": "JPEG", "jp2": "JPEG2000", "webp": "WEBP", "pbm": "PPM", "tiff": "TIFF", "JPG": "JPEG"}
KINDS |= {"avif": "AVIF"} if features.check("avif") else {}


def test_all_that_pillow_reads_is_read(tmp_path):
    for ending, kind in KINDS.items():
        GREY.convert("1" if ending == "pbm" else "RGB").save(tmp_path / f"a.{ending}", kind)
    GREY.save(tmp_path / "without", "PNG")
    GREY.save(tmp_path / "photo.0001", "JPEG")
    GREY.save(tmp_path / "IMG.jpg_large", "JPEG")
    pictures = images.find(str(tmp_path), 32)
    assert len(pictures) == len(KINDS) + 3 and pictures.left_out == ""
    assert images.in_memory(pictures)[1] == {}


def test_the_first_of_several_frames_is_taken_and_told(tmp_path):
    first, second = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
    for ending in ("gif", "tiff", "png", "webp"):
        first.save(tmp_path / f"a.{ending}", save_all=True, append_images=[second])
    fill(tmp_path, ["b.png"])
    pictures = images.find(str(tmp_path), 32)
    found, _ = images.in_memory(pictures)
    assert (found[:4, 0, 5, 5] > 200).all() and (found[:4, 2, 5, 5] < 30).all()
    assert images.warnings_of(pictures) == ["4 pictures of several pages or frames: the first is taken"]


def test_what_is_left_out_is_counted_by_kind(tmp_path, monkeypatch):
    fill(tmp_path, ["0.png"])
    for name in ("a.heic", "b.HEIC", "c.mp4", "d.txt", "e", "Thumbs.db", ".DS_Store", "._0.png"):
        (tmp_path / name).write_bytes(b"something else")
    with socket.socket(socket.AF_UNIX) as s:
        monkeypatch.chdir(tmp_path)  # the name of a socket has to be short
        s.bind("f.png")
    os.mkfifo(tmp_path / "g.png")
    pictures = images.find(str(tmp_path), 32)
    assert [path.name for path in pictures.items] == ["0.png"]
    assert pictures.left_out == "2 .heic, 2 pipes and devices, 1 .mp4, 1 .txt, 1 without extension"
    (tmp_path / "0.png").unlink()
    with pytest.raises(ValueError, match=r"found none among 2 .heic"):
        images.find(str(tmp_path), 32)


def test_a_dangling_link_is_named(tmp_path):
    fill(tmp_path, ["0.png"])
    (tmp_path / "1.png").symlink_to("nowhere.png")
    pictures, broken = images.find(str(tmp_path), 32), {}
    list(images.stream(pictures, [[0, 1]], broken=broken))
    assert "1.png" in broken[1] and "FileNotFoundError" in broken[1]


# --- Our own results ---


def train(*more):
    small = ["--width", "4", "--latent", "4", "--batch-size", "2", "--show", "4", "--workers", "0", "--steps", "2"]
    training.main(["vae", *small, *map(str, more)])


def test_a_training_takes_none_of_our_results_for_pictures(tmp_path, monkeypatch, capsys):
    """Not its own, nor those of another, nor what was drawn from them; and so it can go on."""
    fill(tmp_path / "holiday", ["0.png", "1.png", "2.png"])
    monkeypatch.chdir(tmp_path / "holiday")
    train("--data", ".")
    assert os.listdir("runs") == ["vae-holiday"]
    GREY.save("runs/vae-holiday/twelve.png")  # as an earlier version wrote it, without a mark
    sample.main(["runs/vae-holiday", "--n", "4"])
    sample.main(["runs/vae-holiday/checkpoint.safetensors", "--n", "4", "--out", "grid.png"])
    assert len(images.find(".", 32)) == 3
    train("--data", ".", "--resume", "--steps", "4")
    os.remove("runs/vae-holiday/checkpoint.safetensors")  # what is beside it is ours still
    train("--data", ".", "--out", "of another")
    told = capsys.readouterr().err
    assert told.count("3 pictures, 64 × 64 pixels") == 3 and "results in runs/vae-holiday" in told
    assert len(images.find(".", 32)) == 3


def test_the_folder_of_the_pictures_can_be_that_of_the_results(tmp_path):
    fill(tmp_path, ["0.png", "1.png"])
    train("--data", tmp_path, "--out", tmp_path)
    train("--data", tmp_path, "--out", tmp_path, "--resume", "--steps", "4")
    assert names_in(tmp_path) == ["0.png", "1.png"]


def test_a_grid_of_ours_by_another_name_is_told_and_not_trained_on(tmp_path):
    fill(tmp_path, ["0.png", "1.png"])
    images_of = np.zeros((4, 1, 32, 32), np.float32)
    (tmp_path / "2.png").write_bytes(training.grid_png(images.torch.from_numpy(images_of)))
    _, broken = images.in_memory(images.find(str(tmp_path), 32))
    assert list(broken) == [2] and "a result of genbook itself" in broken[2]


def test_a_checkpoint_of_another_program_hides_no_pictures(tmp_path):
    import safetensors.torch

    fill(tmp_path / "a", ["0.png"])
    safetensors.torch.save_file({"weight": images.torch.zeros(2)}, tmp_path / "a" / "checkpoint.safetensors")
    assert names_in(tmp_path) == ["a/0.png"]


# --- Names ---


def test_names_in_any_bytes_are_trained_on(tmp_path):
    fill(tmp_path / "pictures", ["0.png"])
    try:
        GREY.save(os.fsdecode(os.fsencode(tmp_path / "pictures") + b"/caf\xe9.png"))
    except OSError:
        pytest.skip("a file system that knows only Unicode")
    train("--data", tmp_path / "pictures", "--out", tmp_path / "out")
    train("--data", tmp_path / "pictures", "--out", tmp_path / "out", "--resume", "--steps", "3")
    os.rename(tmp_path / "out", os.fsencode(tmp_path / "out") + b"\xe9")
    sample.main([os.fsdecode(os.fsencode(tmp_path / "out") + b"\xe9"), "--n", "4"])
    pictures = images.find(str(tmp_path / "pictures"), 32)
    before = images.description(pictures)
    os.rename(pictures.items[1], os.fsencode(tmp_path / "pictures") + b"/caf\xe8.png")
    assert images.description(images.find(str(tmp_path / "pictures"), 32)) != before


def test_names_count_the_same_in_both_spellings_of_accents(tmp_path):
    """macOS writes é as two characters, Linux mostly as one; between them lies z."""
    found = []
    for form in ("NFC", "NFD"):
        of_form = [unicodedata.normalize(form, name) for name in ("é.png", "ez.png", "Ü/ö.png", "z.png")]
        fill(tmp_path / form / unicodedata.normalize(form, "Ü"), [])
        pictures = images.find(str(fill(tmp_path / form, of_form)), 32)
        found.append([unicodedata.normalize("NFC", str(p.relative_to(tmp_path / form))) for p in pictures.items])
        found.append(images.description(pictures))
    assert found[:2] == found[2:]


def test_plain_names_have_the_digest_they_always_had(tmp_path):
    """Of checkpoints that are there already."""
    fill(tmp_path / "b", ["1.png"])
    fill(tmp_path, ["0.png"])
    digest = hashlib.sha256(b"0.png\nb/1.png").hexdigest()[:16]
    assert images.description(images.find(str(tmp_path), 32)) == f"2 pictures, SHA-256 of their names {digest}"


# --- Messages ---


def why(name):
    with pytest.raises((ValueError, OSError)) as error:
        images.find(str(name), 32)
    return str(error.value)


def test_messages_say_what_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "pictures", ["0.png"])
    (tmp_path / "pictures.zip").write_bytes(b"PK")
    (tmp_path / "notes.txt").write_text("a")
    assert why("pictures.zip") == "'pictures.zip' is no folder, but an archive: unpack it, and name the folder"
    expected = "'pictures/0.png' is no folder, but a single picture: put it into a folder, and name that"
    assert why("pictures/0.png") == expected
    assert why("notes.txt") == "'notes.txt' is no folder, but a file"
    assert why("./pictrues") == "there is no folder './pictrues' (did you mean 'pictures'?)"
    assert why("away/from/here") == "there is no folder 'away/from/here'; what is there is '.'"
    assert why("Picture").startswith("'Picture' is neither a folder nor a known data set (did you mean 'pictures'?)")
    (tmp_path / "gone").symlink_to("nowhere")
    assert why("gone") == "'gone' is a link to 'nowhere', which is not there"
    (tmp_path / "empty").mkdir()
    assert why("empty").endswith("in the folder empty, found none")


def test_a_folder_named_like_a_data_set_hides_it_only_with_pictures(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist" / "raw").mkdir(parents=True)
    (tmp_path / "mnist" / "raw" / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03")
    assert len(images.find("mnist", 32, split="test")) == 10_000
    assert "found none among 1 without extension: taking the data set of that name" in capsys.readouterr().err
    fill(tmp_path / "mnist", ["0.png"])
    assert len(images.find("mnist", 32)) == 1


def test_known_extensions_are_those_of_pillow():
    assert {".png", ".jpg", ".gif", ".jfif", ".jp2", ".tif", ".webp"} <= folders.known_extensions()
    assert not {".pdf", ".eps", ".mpg", ".h5"} & folders.known_extensions()
