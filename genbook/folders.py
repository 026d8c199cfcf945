"""The pictures in a folder: which files are some, in which order, under which names, and what is left out."""

import difflib
import hashlib
import mimetypes
import os
import struct
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from PIL import Image

from genbook.files import CHECKPOINT

# Pillow knows these by name only, or needs another program to read them.
NOT_READ = {"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF"}
# Files of other names are looked into for these, which tell themselves by their first bytes.
BY_CONTENT = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "JPEG2000", "BMP", "PPM", "PSD", "QOI")
OURS = ("samples.png", "curves.png", "grid.png")  # by default
UNSEEN = {"thumbs.db", "desktop.ini", "__macosx"}
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")
MARK = b"genbook"  # stands in the PNGs that this package writes, see made_here


def pictures_in(folder: Path, *, out: Path | None = None) -> tuple[list[Path], str]:
    """The pictures of a folder and of those in it, sorted by name; and what was left out, in words, or "".

    Each real folder counts once, by whichever links it is reached, and none that this one lies in. Hidden files and the
    results of this package, those in `out` included, are no pictures. Raises ValueError where there are none.
    """
    known, left_out, paths = known_extensions(), Counter(), []
    for where, entries, ours in _folders(folder, out, left_out):
        for entry in entries:
            name, kind = entry.name.lower(), Path(entry.name).suffix.lower()
            if ours and (name in OURS or (kind == ".png" and made_here(entry.path)) or name == CHECKPOINT):
                continue
            if name in OURS and made_here(entry.path):
                continue
            dangling = entry.is_symlink() and not os.path.exists(entry.path)
            if not dangling and not entry.is_file():
                left_out["pipes and devices"] += 1
            elif kind in known or (not dangling and _may_be_one(entry.name) and _is_one(entry.path)):
                paths.append(Path(where, entry.name))
            else:
                left_out[kind or "without extension"] += 1
    told = _counts(left_out)
    if not paths:
        found = f"found none among {told}" if told else "found none"
        raise ValueError(f"expected pictures (.jpg, .png and all that Pillow reads) in the folder {folder}, {found}")
    return sorted(paths, key=lambda path: _names(path.relative_to(folder))), told


def digest(paths: list[Path]) -> str:
    """SHA-256 of the pictures' names below the folder that all lie in, in any bytes, as macOS writes them or Linux."""
    top = os.path.commonpath([path.parent for path in paths])
    names = "\n".join("/".join(_names(path.relative_to(top))) for path in paths)
    return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()


def name_of(data: str) -> str:
    """What is last in a folder's path, also of ".", or a data set's name."""
    return os.path.basename(os.path.abspath(data)) or "pictures"


def why_no_folder(name: str, known: Iterable[str]) -> str:
    """Why a name is that of no folder: what is there, and what is near."""
    path = Path(name)
    if path.exists():
        what = "an archive: unpack it, and name the folder" if name.lower().endswith(ARCHIVES) else "a file"
        if what == "a file" and (path.suffix.lower() in known_extensions() or _is_one(name)):
            what = "a single picture: put it into a folder, and name that"
        return f"{name!r} is no folder, but {what}"
    if os.path.islink(name):
        return f"{name!r} is a link to {os.readlink(name)!r}, which is not there"
    near = _near(path)
    if path.name != name:  # a path, no name of a set
        there = path.parent
        while not there.is_dir():
            there = there.parent
        return f"there is no folder {name!r}{near or f'; what is there is {str(there)!r}'}"
    close = difflib.get_close_matches(name.lower(), [k.lower() for k in known], 1)
    spelt = next((f" (did you mean {k}?)" for k in known if close and k.lower() == close[0]), "")
    return f"{name!r} is neither a folder nor a known data set{near or spelt}; known are {', '.join(known)}"


def made_here(path: str | os.PathLike) -> bool:
    """Whether a PNG says that this package wrote it."""
    try:
        with open(path, "rb") as file:
            return MARK in file.read(200)
    except OSError:
        return False


@cache
def known_extensions() -> frozenset[str]:
    """Lower-case extensions of the files that Pillow reads by itself."""
    Image.init()
    formats = Image.OPEN.keys() - NOT_READ
    return frozenset(e for e, f in Image.registered_extensions().items() if f in formats)


def _folders(top: Path, out: Path | None, left_out: Counter) -> Iterator[tuple[str, list[os.DirEntry], bool]]:
    """(folder, its files, whether it holds results of ours), real folders before those behind links."""
    seen = {_identity(parent) for parent in Path(os.path.realpath(top)).parents}
    out = out and _identity(out)
    here, links = [top], []
    while here or links:
        where = os.fspath(here.pop() if here else links.pop())
        identity = _identity(where)
        if identity in seen:
            continue
        seen.add(identity)
        try:
            with os.scandir(where) as listing:
                entries = sorted(listing, key=lambda entry: entry.name, reverse=True)
        except OSError:
            left_out["folders that cannot be read"] += 1
            continue
        entries = [e for e in entries if not e.name.startswith(".") and e.name.lower() not in UNSEEN]
        names = {entry.name for entry in entries}
        ours = identity == out or {"samples.png", "curves.png"} <= names
        ours = ours or (CHECKPOINT in names and _is_ours(os.path.join(where, CHECKPOINT)))
        if ours and where != str(top):
            continue
        files = []
        for entry in entries:
            (files if not _is_folder(entry) else links if entry.is_symlink() else here).append(entry)
        yield where, files, ours


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # such as a link to itself
        return False


def _identity(folder: str | os.PathLike):
    """What is the same for one real folder by whichever path."""
    try:
        found = os.stat(folder)
    except OSError:
        return os.path.realpath(folder)
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(folder)


def _is_ours(path: str) -> bool:
    """Whether a checkpoint is of this package: its header says so."""
    try:
        with open(path, "rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            return b'"genbook"' in file.read(min(length, 2**20))
    except (OSError, struct.error):
        return False


def _may_be_one(name: str) -> bool:
    kind = _TYPES.guess_type(name)[0]
    return kind is None or kind.startswith("image/")


def _is_one(path: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=BY_CONTENT):
            return True
    except Image.DecompressionBombError:  # it will be named
        return True
    except Exception:
        return False


def _names(path: Path) -> tuple[str, ...]:
    """The parts of a path in one spelling of letters with accents."""
    return tuple(unicodedata.normalize("NFC", part) for part in path.parts)


def _counts(left_out: Counter) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(left_out.items(), key=lambda of: (-of[1], of[0])))


def _near(path: Path) -> str:
    """Folders beside it of nearly this name."""
    try:
        names = [entry.name for entry in os.scandir(path.parent) if _is_folder(entry)]
    except OSError:
        return ""
    by_lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(path.name.lower(), by_lower, 1, 0.75)
    return f" (did you mean {str(path.parent / by_lower[close[0]])!r}?)" if close else ""


_TYPES = mimetypes.MimeTypes()  # those of Python itself, the same on every machine
