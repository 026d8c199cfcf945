#!/usr/bin/env bash
# Pillow 12.0.0 (seen with 13.0.0, too): rotate() and transform() of 16-bit grey pictures (mode I;16), as microscopes,
# X-ray detectors and depth cameras write them.
# Expected: a picture of one tone, 1000, keeps it wherever the turned picture lies, as in the modes I (32 bits) and F.
# Happens: with BILINEAR or BICUBIC other numbers come out, without a warning; with NEAREST, and in resize(), it is right.
#   So an augmentation by small turns that interpolates spoils the numbers that it is to keep.
# Seen: I;16: NEAREST 1000, BILINEAR WRONG, BICUBIC WRONG, resized by BICUBIC 1000
#       I: NEAREST 1000, BILINEAR 1000, BICUBIC 1000, resized by BICUBIC 1000
#       F: NEAREST 1000, BILINEAR 1000, BICUBIC 1000, resized by BICUBIC 1000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check pillow==12.0.0 numpy==2.3.5

cat > turned.py <<'END'
import numpy as np
from PIL import Image

for mode, dtype in (("I;16", np.uint16), ("I", np.int32), ("F", np.float32)):
    picture = Image.fromarray(np.full((64, 64), 1000, dtype))
    assert picture.mode == mode
    made = {name: picture.rotate(30, Image.Resampling[name]) for name in ("NEAREST", "BILINEAR", "BICUBIC")}
    made["resized by BICUBIC"] = picture.resize((128, 128), Image.Resampling.BICUBIC)
    middles = {}
    for name, turned in made.items():
        h, w = turned.height // 2, turned.width // 2
        middle = np.asarray(turned)[h - 10 : h + 10, w - 10 : w + 10]  # far from what comes in at the edges
        middles[name] = "1000" if (middle == 1000).all() else "WRONG"
    print(f"{mode}: {', '.join(f'{name} {value}' for name, value in middles.items())}")
END
venv/bin/python turned.py | tee seen
diff seen - <<'END'
I;16: NEAREST 1000, BILINEAR WRONG, BICUBIC WRONG, resized by BICUBIC 1000
I: NEAREST 1000, BILINEAR 1000, BICUBIC 1000, resized by BICUBIC 1000
F: NEAREST 1000, BILINEAR 1000, BICUBIC 1000, resized by BICUBIC 1000
END
