"""Files: read only if they are what they should be, written whole or not at all, and where results come from."""

import hashlib
import json
import os
import platform
from pathlib import Path


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


def provenance(*, on_gpu: bool = False) -> dict:
    """What a result says about where it was computed: device, threads, versions."""
    import torch  # here: importing it takes seconds, and most who import this module only read or write files

    cpu = f"CPU ({platform.machine()}, {torch.backends.cpu.get_cpu_capability()})"
    return {
        "device": torch.cuda.get_device_name() if on_gpu else cpu,
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
