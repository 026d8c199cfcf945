#!/usr/bin/env bash
# Pillow 12.0.0 (seen with 13.0.0, too): grey TIFFs whose numbers are signed bytes or unsigned 32 bits (tag SampleFormat), as
# difference pictures, elevation maps and photon counts are.
# Expected: the numbers that the file holds, or a refusal, as of 64-bit floats.
# Happens: signed bytes come out as unsigned ones, -1 as 255, and unsigned 32 bits as signed ones, 3 000 000 000 as a negative
#   number, without a warning; signed 16 and 32 bits are right. The smallest becomes the largest: no scale mends that.
# Seen: int8 [-128, -1, 0, 127]: read as WRONG [128, 255, 0, 127]
#       int16 [-30000, -1, 0, 30000]: read as they are
#       int32 [-2000000000, -1, 0, 2000000000]: read as they are
#       uint32 [0, 1, 3000000000, 4294967295]: read as WRONG [0, 1, -1294967296, -1]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check pillow==12.0.0 numpy==2.3.5 tifffile==2025.10.16

cat > signs.py <<'END'
import io

import numpy as np
import tifffile
from PIL import Image

of = {
    np.int8: [-128, -1, 0, 127],
    np.int16: [-30_000, -1, 0, 30_000],
    np.int32: [-2_000_000_000, -1, 0, 2_000_000_000],
    np.uint32: [0, 1, 3_000_000_000, 4_294_967_295],
}
for dtype, numbers in of.items():
    tifffile.imwrite(file := io.BytesIO(), np.array([numbers], dtype), photometric="minisblack")
    file.seek(0)
    assert tifffile.imread(file).ravel().tolist() == numbers
    file.seek(0)
    with Image.open(file) as picture:
        read = np.asarray(picture).ravel().tolist()
    print(f"{dtype.__name__} {numbers}: read as {'they are' if read == numbers else f'WRONG {read}'}")
END
venv/bin/python signs.py | tee seen
diff seen - <<'END'
int8 [-128, -1, 0, 127]: read as WRONG [128, 255, 0, 127]
int16 [-30000, -1, 0, 30000]: read as they are
int32 [-2000000000, -1, 0, 2000000000]: read as they are
uint32 [0, 1, 3000000000, 4294967295]: read as WRONG [0, 1, -1294967296, -1]
END
