#!/usr/bin/env bash
# Pillow 12.0.0 (seen with 13.0.0, too): a grey PNG of 16 bits in which one tone is transparent (a tRNS chunk), as masks and
# cut-out scans are, to be laid on white.
# Expected: has_transparency_data is true, so convert("RGBA") has pixels of alpha 0, as with 8 bits.
# Happens: it is true, and info has the tone, but all pixels come out opaque (and all tones above 255 white), without a warning.
# Seen: 8 bits: transparency True, of 4 pixels transparent 1, grey values 0 100 255
#       16 bits: transparency True, of 4 pixels transparent 0, grey values 0 255 255
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check pillow==12.0.0 numpy==2.3.5

cat > clear.py <<'END'
import io
import struct
import zlib

import numpy as np
from PIL import Image


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


for bits, dtype, by in ((8, ">u1", 1), (16, ">u2", 257)):
    tones = (np.array([7, 0, 100, 255]) * by).astype(dtype)  # 7 is the transparent one
    parts = [
        chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 1, bits, 0, 0, 0, 0)),
        chunk(b"tRNS", struct.pack(">H", 7 * by)),
        chunk(b"IDAT", zlib.compress(b"\0" + tones.tobytes())),
        chunk(b"IEND", b""),
    ]
    with Image.open(io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(parts))) as picture:
        picture.load()
        read = np.asarray(picture.convert("RGBA"))[0]
    greys = " ".join(map(str, read[1:, 0].tolist()))
    clear = (read[:, 3] == 0).sum()
    print(f"{bits} bits: transparency {picture.has_transparency_data}, of 4 pixels transparent {clear}, grey values {greys}")
END
venv/bin/python clear.py | tee seen
diff seen - <<'END'
8 bits: transparency True, of 4 pixels transparent 1, grey values 0 100 255
16 bits: transparency True, of 4 pixels transparent 0, grey values 0 255 255
END
