"""Files: read only if they are what they should be, written whole or not at all, and where results come from."""

import hashlib
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    import msvcrt

CHECKPOINT = "checkpoint.safetensors"  # of the training command


def read_checked(path: Path, sha256: str, *, what: str, repair: str) -> bytes:
    """The bytes of a shipped file. FileNotFoundError or ValueError where it is missing or damaged, with the repair."""
    if not path.exists():
        raise FileNotFoundError(f"the {what} file {path} is missing: {repair}")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise ValueError(
            f"the {what} file {path} is damaged ({len(content)} bytes with SHA-256 {digest}, expected {sha256}): "
            f"{repair}"
        )
    return content


def write_whole(content: bytes, path: Path) -> str:
    """Write the file whole or not at all; returns its SHA-256. Makes the folder where it is missing.

    Whenever the process dies, the path holds the old file or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # on the disk before it gets the name
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return hashlib.sha256(content).hexdigest()


def write_json(content: dict, path: Path) -> None:
    """Write a JSON file whole or not at all."""
    write_whole((json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode(), path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone; BlockingIOError, which names the other, where one holds it.

    The lock ends with its process, however that ends. Makes the folder where it is missing. Where the file system knows
    no locks, nothing is held.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".lock"
    with open(path, "a+b", buffering=0) as file:
        try:
            if "fcntl" in globals():
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # of the process: its readers don't inherit it
            else:
                file.seek(2**30)  # beyond the text, which stays legible
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except (BlockingIOError, PermissionError) as error:
            file.seek(0)
            holder = file.read(200).decode(errors="replace").strip() or "another process"
            raise BlockingIOError(f"{holder} is training into {folder}: wait for it, or name another --out") from error
        except OSError:  # not known here
            pass
        with suppress(OSError):  # a full disk
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}".encode())
        yield


def provenance(*, on_gpu: bool = False) -> dict:
    """What a result says about where it was computed: device, threads, versions."""
    import torch  # here: importing it takes seconds, and most who import this module only read or write files

    cpu = f"CPU ({platform.machine()}, {torch.backends.cpu.get_cpu_capability()})"
    return {
        "device": torch.cuda.get_device_name() if on_gpu else cpu,
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
