#!/usr/bin/env bash
# Pillow 12.0.0 (seen with 13.0.0, too): grey TIFFs in which white is zero (PhotometricInterpretation 0), as scanners and
# X-ray plates write them.
# Expected: the darkest tone of the picture is the smallest number, whatever the file stores, as with 8 bits.
# Happens: 8 bits are turned over while they are read, 16 bits and floats are not, without a warning: the same picture, saved
#   with more bits, is a negative.
# Seen: uint8, white is zero: read as 0 100 255
#       uint16, white is zero: read as NEGATIVE
#       float32, white is zero: read as NEGATIVE
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check pillow==12.0.0 numpy==2.3.5

cat > white.py <<'END'
import io
import struct

import numpy as np
from PIL import Image


def tiff(values, photometric):
    """A plain TIFF: one strip, not compressed, the numbers as they are."""
    (height, width), content = values.shape, values.tobytes()
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    tags = [(256, width), (257, height), (258, 8 * values.itemsize), (259, 1), (262, photometric), (273, 8), (277, 1)]
    tags += [(278, height), (279, len(content)), (339, kind)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(content)) + content + directory


for dtype, top in ((np.uint8, 255), (np.uint16, 65535), (np.float32, 1)):
    picture = np.array([[0, 100, 255]]) / 255  # black, a grey, white
    stored = ((1 - picture) * top).round(6).astype(dtype)  # white is zero
    with Image.open(io.BytesIO(tiff(stored, photometric=0))) as read:
        tones = np.rint(np.asarray(read).astype(float) / top * 255).astype(int)[0].tolist()
    said = "NEGATIVE" if tones[0] > tones[-1] else " ".join(map(str, tones))
    print(f"{dtype.__name__}, white is zero: read as {said}")
END
venv/bin/python white.py | tee seen
diff seen - <<'END'
uint8, white is zero: read as 0 100 255
uint16, white is zero: read as NEGATIVE
float32, white is zero: read as NEGATIVE
END
