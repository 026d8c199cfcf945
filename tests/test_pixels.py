"""What becomes of pictures of all kinds: their values, which way is up, and what is wrong beside the pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from genbook import images

RAMP = np.tile(np.arange(256), (256, 1))  # (256, 256), each row 0 to 255
rng = np.random.default_rng(0)
PHOTO = np.asarray(Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8)).resize((96, 72)))  # (72, 96, 3)


def tiff(values, *, white_is_zero=False):
    """A TIFF, uncompressed, with the values as they are."""
    (height, width), bits = values.shape, 8 * values.itemsize
    content, kind = values.tobytes(), {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, 1 - white_is_zero), (273, 8), (277, 1)]
    tags += [(278, height), (279, len(content)), (339, kind)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = b"II*\0" + struct.pack("<I", 8 + len(content))
    return head + content + struct.pack("<H", len(tags)) + entries + bytes(4)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(values, *chunks):
    """A grey PNG of 16 bits, with these chunks before the pixels."""
    rows = b"".join(b"\0" + row.tobytes() for row in values.astype(">u2"))
    header = struct.pack(">IIBBBBB", *values.shape[::-1], 16, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def saved(picture, kind, **options):
    picture.save(content := io.BytesIO(), kind, **options)
    return content.getvalue()


def read(folder, channels=None, size=64):
    pictures = images.find(str(folder), size, channels=channels)
    found, broken = images.in_memory(pictures)
    assert not broken
    return found, pictures


def middle(values, size=64):
    """The same picture of 8 bits, by Pillow alone."""
    side, (h, w) = min(values.shape[:2]), values.shape[:2]
    top, left = (h - side) // 2, (w - side) // 2
    cut = Image.fromarray(values[top : top + side, left : left + side].astype(np.uint8))
    return np.asarray(cut.resize((size, size), Image.Resampling.BICUBIC)).astype(int)


WHOLE = {
    "12 bits in 16": lambda: tiff((RAMP * 16).astype(np.uint16)),
    "10 bits in 16": lambda: tiff((RAMP * 4).astype(np.uint16)),
    "8 bits in 16": lambda: tiff(RAMP.astype(np.uint16)),
    "16 bits": lambda: tiff((RAMP * 257).astype(np.uint16)),
    "a dim part of 16 bits": lambda: tiff((RAMP * 11 + 700).astype(np.uint16)),
    "signed 16 bits": lambda: tiff((RAMP * 16 - 1000).astype(np.int16)),
    "signed 8 bits": lambda: tiff((RAMP - 128).astype(np.int8)),
    "32 bits": lambda: tiff((RAMP * 1000 - 70_000).astype(np.int32)),
    "unsigned 32 bits": lambda: tiff((RAMP * (2**24 + 2**16)).astype(np.uint32)),
    "floats to 1": lambda: tiff((RAMP / 255).astype(np.float32)),
    "floats from -1 to 1": lambda: tiff((RAMP / 127.5 - 1).astype(np.float32)),
    "floats to 65535": lambda: tiff((RAMP * 257).astype(np.float32)),
    "floats to 255": lambda: tiff(RAMP.astype(np.float32)),
    "12 bits in a PNG": lambda: png(RAMP * 16),
    "PGM to 4095": lambda: b"P5 256 256 4095\n" + (RAMP * 4095 // 255).astype(">u2").tobytes(),
    "PGM to 65535": lambda: b"P5 256 256 65535\n" + (RAMP * 257).astype(">u2").tobytes(),
    "12 bits, white is zero": lambda: tiff((4080 - RAMP * 16).astype(np.uint16), white_is_zero=True),
    "16 bits, white is zero": lambda: tiff((65535 - RAMP * 257).astype(np.uint16), white_is_zero=True),
    "8 bits, white is zero": lambda: tiff((255 - RAMP).astype(np.uint8), white_is_zero=True),
    "floats, white is zero": lambda: tiff((1 - RAMP / 255).astype(np.float32), white_is_zero=True),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_ramp_is_a_ramp_from_black_to_white_whatever_its_values(kind, tmp_path):
    (tmp_path / ("a.pgm" if "PGM" in kind else "a.png" if "PNG" in kind else "a.tif")).write_bytes(WHOLE[kind]())
    found, _ = read(tmp_path)
    assert found.shape == (1, 1, 64, 64)
    assert abs(found[0, 0].numpy().astype(int) - middle(RAMP)).max() <= 1


def test_one_scale_holds_for_all_deep_pictures_and_none_for_those_of_8_bits(tmp_path):
    for k, top in enumerate((1000, 2000, 4000)):
        (tmp_path / f"{k}.tif").write_bytes(tiff((RAMP * top // 255).astype(np.uint16)))
    Image.fromarray((RAMP // 4).astype(np.uint8)).save(tmp_path / "3.png")
    found, pictures = read(tmp_path)
    brightest = found.flatten(1).amax(1).tolist()
    assert brightest == pytest.approx([255 / 4, 255 / 2, 255, 63], abs=2)
    assert pictures.scale == (0, 4000)
    told = images.warnings_of(pictures)
    expected = "3 pictures of more than 8 bits, with values from 0 to 4000: 0 becomes black and 4000 white; those of 8"
    assert len(told) == 1 and told[0].startswith(expected)


def test_a_few_hot_pixels_make_no_set_black(tmp_path):
    values = (RAMP * 16).astype(np.uint16)
    values[0, 5], values[7, 100] = 65535, 60000
    (tmp_path / "a.tif").write_bytes(tiff(values))
    found, pictures = read(tmp_path)
    assert abs(found[0, 0].numpy().astype(int) - middle(RAMP))[4:].max() <= 2
    assert "those beyond are cut" in images.warnings_of(pictures)[0]


def test_what_is_no_number_is_black_and_counts_for_no_scale(tmp_path):
    values = (RAMP / 255).astype(np.float32)
    values[:64], values[64:128, :4] = np.nan, np.inf
    (tmp_path / "a.tif").write_bytes(tiff(values))
    found, _ = read(tmp_path)
    assert (found[0, 0, :12] == 0).all()
    assert abs(found[0, 0].numpy().astype(int) - middle(RAMP))[40:].max() <= 1


@pytest.mark.parametrize("bits", [12, 16])
def test_the_transparent_tone_of_a_deep_picture_is_white(bits, tmp_path):
    values = RAMP * (2**bits // 256)
    values[:128] = 5
    (tmp_path / "a.png").write_bytes(png(values, chunk(b"tRNS", struct.pack(">H", 5))))
    found, _ = read(tmp_path, channels=1)
    assert (found[0, 0, :28] == 255).all()
    assert abs(found[0, 0].numpy().astype(int) - middle(RAMP))[36:].max() <= 2


def test_dark_colours_of_16_bits_are_told(tmp_path):
    rows = (RAMP * 16).astype(">u2")[:, :, None].repeat(3, 2)
    header = struct.pack(">IIBBBBB", 256, 256, 16, 2, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    _, pictures = read(tmp_path)
    assert "only the upper 8 are read" in images.warnings_of(pictures)[0]


def exif(orientation, *more):
    """EXIF with this orientation and (tag, type, count, value or place) as they are."""
    entries = sorted([(0x0112, 3, 1, struct.pack("<HH", orientation, 0)), *more])
    body = b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)


ODD = {
    "a number as text": (0x0103, 2, 4, b"abc\0"),
    "a text as a number": (0x010F, 3, 1, b"\7\0\0\0"),
    "a fraction as a byte": (0x011A, 1, 1, b"\7\0\0\0"),
    "a place beyond the end": (0x010E, 2, 400, b"\xff\xff\0\0"),
}


@pytest.mark.parametrize("odd", [None, *ODD])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright_whatever_else_their_exif_holds(orientation, odd, tmp_path):
    """Turned pictures with an odd tag are kept too: they are the portraits."""
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # Image.Transpose that undoes it
    picture = Image.fromarray(PHOTO)
    turned = picture if back is None else picture.transpose(back)
    more = [] if odd is None else [ODD[odd]]
    (tmp_path / "a.jpg").write_bytes(saved(turned, "JPEG", exif=exif(orientation, *more), quality=95))
    found, _ = read(tmp_path)
    assert abs(found[0].numpy().transpose(1, 2, 0).astype(int) - middle(PHOTO)).mean() < 4


def without_end(content):
    return content[:-2]


def with_long_text(content):
    text = zlib.compress(bytes(3 * 2**20))
    extra = chunk(b"zTXt", b"a\0\0" + text) + chunk(b"iTXt", b"b\0\1\0\0\0" + text)
    return content[:33] + extra + content[33:]


def with_long_text_after(content):
    return content[:-12] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(3 * 2**20))) + content[-12:]


def with_wrong_check_sum(content):
    bad = chunk(b"tEXt", b"a\0b")
    return content[:33] + bad[:-1] + bytes([bad[-1] ^ 1]) + content[33:]


def with_wrong_check_sum_of_pixels(content):
    at = content.index(b"IDAT")
    end = at + 4 + int.from_bytes(content[at - 4 : at], "big")
    return content[:end] + bytes(4) + content[end + 4 :]


def with_broken_profile(content):
    return content[:33] + chunk(b"iCCP", b"x\0\0" + b"no profile") + content[33:]


def with_broken_segment(content):
    segment = b"MPF\0" + b"no picture"
    return content[:2] + b"\xff\xe2" + struct.pack(">H", 2 + len(segment)) + segment + content[2:]


@pytest.mark.parametrize(
    ("kind", "spoilt", "options"),
    [
        ("JPEG", without_end, {}),
        ("JPEG", without_end, {"progressive": True}),
        ("JPEG", lambda content: content[:-1], {}),
        ("JPEG", with_broken_segment, {}),
        ("PNG", with_long_text, {}),
        ("PNG", with_long_text_after, {}),
        ("PNG", with_wrong_check_sum, {}),
        ("PNG", with_wrong_check_sum_of_pixels, {}),
        ("PNG", with_broken_profile, {}),
        ("PNG", lambda content: content[:-12], {}),
    ],
)
def test_a_picture_whose_pixels_are_whole_is_whole(kind, spoilt, options, tmp_path):
    whole = saved(Image.fromarray(PHOTO), kind, **options)
    (tmp_path / "a.png").write_bytes(whole)
    (tmp_path / "b.png").write_bytes(spoilt(whole))
    found, _ = read(tmp_path)
    assert (found[0] == found[1]).all()


def test_a_png_whose_pixels_are_wrong_is_broken(tmp_path):
    whole = saved(Image.fromarray(PHOTO), "PNG")
    Image.fromarray(PHOTO).save(tmp_path / "a.png")
    at = whole.index(b"IDAT") + 200
    (tmp_path / "b.png").write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
    (tmp_path / "c.png").write_bytes(whole[: len(whole) * 2 // 3])
    assert list(images.in_memory(images.find(str(tmp_path), 64))[1]) == [1, 2]


@pytest.mark.parametrize("cut", [4, 12, 60, 400])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_whose_pixels_are_cut_is_broken(cut, progressive, tmp_path):
    noise = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8))
    whole = saved(noise, "JPEG", progressive=progressive)
    (tmp_path / "a.jpg").write_bytes(whole)
    (tmp_path / "b.jpg").write_bytes(whole[:-cut])
    _, broken = images.in_memory(images.find(str(tmp_path), 64))
    assert list(broken) == [1] and "truncated" in broken[1]


def test_a_short_text_of_ours_is_no_reason_to_drop_others(tmp_path):
    """Only what this package wrote says so; a picture of another program may name its own."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Software", "another program")
    Image.fromarray(PHOTO).save(tmp_path / "a.png", pnginfo=info)
    assert read(tmp_path)[0].shape == (1, 3, 64, 64)
