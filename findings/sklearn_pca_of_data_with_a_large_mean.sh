#!/usr/bin/env bash
# scikit-learn 1.9.1: PCA() with its default solver, on data whose mean is large beside their spread.
# Expected: the variances do not depend on where the data lie: 16.2, 8.6, 4.1 and 1.0 here, as svd_solver="full" says.
# Happens: for at least ten times as many examples as features (up to 1000 of these) "auto" takes "covariance_eigh",
#   which subtracts N·mean·meanᵀ from xᵀx, without a warning: of float32 with a mean of 1000 the smallest variance comes
#   out as 0 and the largest 15 % too large; with a mean of 10 000 the largest is 328. Of float64 at 1e8 likewise.
# Seen: float32, mean 0: auto (covariance_eigh) right, full right
#       float32, mean 1000: auto (covariance_eigh) WRONG, full right
#       float64, mean 1e+08: auto (covariance_eigh) WRONG, full right
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6

cat > far.py <<'END'
import numpy as np
from sklearn.decomposition import PCA

x = np.random.default_rng(0).normal(size=(2000, 4)) * [4, 3, 2, 1]
for dtype, mean in [(np.float32, 0), (np.float32, 1000), (np.float64, 1e8)]:
    moved = (x + mean).astype(dtype)  # what is stored has the variances of x, to 0.1 %
    centred = moved.astype(np.float64) - moved.mean(0, dtype=np.float64)
    variances = np.linalg.svd(centred, compute_uv=False) ** 2 / (len(x) - 1)
    assert np.allclose(variances, np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2 / (len(x) - 1), rtol=1e-3)
    said = []
    for solver in ("auto", "full"):
        pca = PCA(svd_solver=solver).fit(moved)
        right = np.allclose(pca.explained_variance_, variances, rtol=0.05)
        name = solver if solver == pca._fit_svd_solver else f"{solver} ({pca._fit_svd_solver})"
        said.append(f"{name} {'right' if right else 'WRONG'}")
    print(f"{dtype.__name__}, mean {mean:g}: {', '.join(said)}")
END
venv/bin/python far.py | tee seen
diff seen - <<'END'
float32, mean 0: auto (covariance_eigh) right, full right
float32, mean 1000: auto (covariance_eigh) WRONG, full right
float64, mean 1e+08: auto (covariance_eigh) WRONG, full right
END
