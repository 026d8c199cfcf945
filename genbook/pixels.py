"""One picture: a file of any kind that Pillow reads, its values, and its middle square in 8 bits. Needs no torch."""

import io
import math
import os
import struct
import warnings
import zlib
from collections.abc import Iterable

import numpy as np
from PIL import ExifTags, Image, ImageOps

SIGNED, INTEGER, WHITE_IS_ZERO = 2, 1, 0  # of TIFF's tags SampleFormat and PhotometricInterpretation
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def opened(file: str | os.PathLike, size: int | None = None) -> Image.Image:
    """The first picture of a file, decoded; `size` pixels a side are enough, so a large JPEG is decoded smaller.

    Raises what Pillow raises where pixels are missing. What is wrong beside them is left out: text that is too long,
    a broken profile or check sum of either, a JPEG's missing end.
    """
    with warnings.catch_warnings(action="ignore"):  # odd but legible files
        try:
            return _decoded(file, size)
        except Exception as error:
            bare = _bare(file)
            if bare is None:
                raise
            try:
                return _decoded(io.BytesIO(bare), size)
            except Exception:
                if not bare.startswith(b"\xff\xd8"):
                    raise error from None
            return _ended(bare, size, error)


def header(file: str | os.PathLike) -> Image.Image:
    """The picture without its pixels, where its header can be read so, else all of it."""
    with warnings.catch_warnings(action="ignore"):
        try:
            with Image.open(file) as picture:
                picture.pages = getattr(picture, "n_frames", 1) if picture.format != "MPO" else 1  # MPO: previews
                return picture
        except Exception:
            return opened(file)


def is_grey(picture: Image.Image) -> bool:
    grey = picture.mode in ("1", "L", "LA", "F", "I") or picture.mode.startswith("I;16")
    return grey or layout(picture).startswith("LA")  # of 16 bits, which Pillow opens as RGBA


def is_deep(picture: Image.Image) -> bool:
    """Whether its values are not bytes: then they need a scale."""
    return picture.mode == "F" or picture.mode.startswith("I") or (picture.mode == "L" and _tag(picture, 339) == SIGNED)


def is_halved(picture: Image.Image) -> bool:
    """Whether it has 16 bits a channel, of which Pillow reads the upper 8: colours, and greys with transparency."""
    return not is_deep(picture) and ";16" in layout(picture)


def layout(picture: Image.Image) -> str:
    """How the file holds the pixels, in Pillow's words, such as "RGB;16B"; "" where it is not known."""
    if getattr(picture, "tile", None):  # empty once it is decoded
        args = picture.tile[0].args
        picture.layout = args if isinstance(args, str) else str(args[0]) if isinstance(args, tuple) and args else ""
    return getattr(picture, "layout", "")


def values(picture: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """The values (H, W) of a deep picture, as the file means them, and where it is transparent (H, W), if anywhere."""
    numbers = np.asarray(picture)
    if picture.mode == "L":  # Pillow takes signed bytes for unsigned ones
        numbers = numbers.view(np.int8)
    elif picture.mode == "I" and picture.format == "TIFF" and _tag(picture, 339) in (None, INTEGER):
        numbers = numbers.view(np.uint32)  # and the other way round
    clear = picture.info.get("transparency")
    return numbers, numbers == clear if isinstance(clear, int) else None


def scale_of(pictures: Iterable[Image.Image]) -> dict:
    """One scale for all of these deep pictures: "from", "to" (what becomes 0 and 255), "least", "largest", "cut".

    The least and the largest value. Where 99.8 % of the pixels lie within an eighth of these ("cut"), the range of
    those: a few hot pixels make no set black. A set of one flat tone keeps it, on the usual range of its values.
    """
    least, largest, usual, sample = math.inf, -math.inf, (), []
    for picture in pictures:
        numbers, clear = values(picture)
        seen = numbers[np.isfinite(numbers) & (True if clear is None else ~clear)]
        if len(seen):
            least, largest = min(least, float(seen.min())), max(largest, float(seen.max()))
            sample.append(seen[:: max(1, len(seen) // 20_000)].astype(np.float64))
            usual = (1, 255, 65535) if picture.mode == "F" else (65535,)
    if not sample:  # no pixel that is a number
        return {"from": 0.0, "to": 255.0, "least": 0.0, "largest": 0.0, "cut": False}
    low, high = (float(q) for q in np.quantile(np.concatenate(sample), [0.001, 0.999]))
    cut = high > low and largest - least > 8 * (high - low)
    if not cut:
        low, high = least, largest
    if low == high:
        low, high = min(low, 0.0), float(next((top for top in usual if high <= top), max(high, 1.0)))
    return {"from": low, "to": high, "least": least, "largest": largest, "cut": cut}


def square(picture: Image.Image, size: int, channels: int, scale: tuple[float, float] | None = None) -> np.ndarray:
    """The middle square of a picture, upright, on white where it is transparent: (channels, size, size) uint8.

    scale: the values of a deep picture that become 0 and 255; None: 0 and 65535, of floats 0 and 255.
    """
    turn = _turn(picture)
    if is_deep(picture):
        picture = _bytes(picture, scale or (0, 255 if picture.mode == "F" else 65535))
    if turn is not None:
        picture = picture.transpose(turn)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = picture.convert("L" if channels == 1 else "RGB")
    picture = ImageOps.fit(picture, (size, size), method=Image.Resampling.BICUBIC)
    return np.array(picture).reshape(size, size, channels).transpose(2, 0, 1)


def _bytes(picture: Image.Image, scale: tuple[float, float]) -> Image.Image:
    numbers, clear = values(picture)
    low, high = scale
    grey = (numbers.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    if _tag(picture, 262) == WHITE_IS_ZERO:  # Pillow turns 8 bits over itself, more bits not
        grey = 255 - grey
    grey = np.rint(np.nan_to_num(grey, nan=0.0, posinf=255.0, neginf=0.0).clip(0, 255)).astype(np.uint8)
    if clear is not None:
        grey[clear] = 255
    return Image.fromarray(grey)


def _turn(picture: Image.Image) -> Image.Transpose | None:
    try:
        return TURNS.get(int(picture.getexif().get(ExifTags.Base.Orientation, 1)))
    except Exception:  # broken in any way: it says nothing
        return None


def _tag(picture: Image.Image, number: int) -> int | None:
    """The first value of a TIFF's tag; None in other files, and where there is no such tag."""
    value = getattr(picture, "tag_v2", {}).get(number)
    return value[0] if isinstance(value, tuple) and value else value


def _decoded(file, size: int | None) -> Image.Image:
    with Image.open(file) as picture:
        if picture.format == "JPEG" and size and min(picture.size) > 4 * size:  # decode it smaller: faster
            picture.draft(None, (2 * size, 2 * size))
        layout(picture)
        picture.load()
    return picture


def _bare(file) -> bytes | None:
    """A PNG or JPEG with no more than its pixels take, and the orientation; None for other files."""
    try:
        with open(file, "rb") as stream:
            content = stream.read()
    except OSError:
        return None
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _bare_png(content)
    return _bare_jpeg(content) if content.startswith(b"\xff\xd8") else None


def _bare_png(content: bytes) -> bytes:
    kept, at = [content[:8]], 8
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        chunk = content[at : at + length + 12]
        check_sum = struct.pack(">I", zlib.crc32(chunk[4:-4]))
        if kind == b"IDAT" and len(chunk) == length + 12:  # compressed data have a check sum of their own
            kept.append(chunk[:-4] + check_sum)
        elif kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND") or (kind in (b"tRNS", b"eXIf") and check_sum == chunk[-4:]):
            kept.append(chunk)
        at += length + 12
    return b"".join(kept)


def _bare_jpeg(content: bytes) -> bytes:
    kept, at = [content[:2]], 2
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != 0xDA:  # up to the start of the pixels
        if content[at + 1] == 0xFF:  # filling
            at += 1
            continue
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        of_program = 0xE0 <= content[at + 1] <= 0xEF or content[at + 1] == 0xFE  # APPn, comment
        if not of_program or content[at + 1] in (0xE0, 0xEE) or content[at + 4 : at + 10] == b"Exif\0\0":
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, content[at:]])


def _ended(jpeg: bytes, size: int | None, error: Exception) -> Image.Image:
    """A JPEG whose end is missing, if no pixel is: then whatever is put before the new end changes none."""
    jpeg = jpeg.rstrip(b"\xff")
    try:
        picture = _decoded(io.BytesIO(jpeg + b"\xff\xd9"), size)
        for noise in np.random.default_rng(0).integers(0, 255, (8, 500), np.uint8):  # no 255, which begins a marker
            other = _decoded(io.BytesIO(jpeg + noise.tobytes() + b"\xff\xd9"), size)
            if other.tobytes() != picture.tobytes():
                raise error
    except Exception:
        raise error from None
    return picture
