#!/usr/bin/env bash
# arviz-stats 0.8.0: the effective sample size of a chain that is not reversible.
#
# A Gibbs sweep in a fixed order, x given y and then y given x, is not reversible. For the bivariate normal with
# correlation 0.99 the average of x - y has the integrated autocorrelation time 1 / (1 + 0.99) = 0.503: sweeps tell
# MORE about it than independent draws. One would expect ess(x - y) near draws / 0.503, and it agrees with the formula
# for x. What happens: draws / 0.99. The correlations of x - y are small and negative at all lags from 1 on, and the
# sum ends at the first pair of lags whose sum is negative (Geyer's rule, for reversible chains, where no such pair
# exists). The error is on the safe side, a factor of two.
#
# Output seen:
# tau of x:      exact 99.5, from the averages of 1000 chains 1 times that, ArviZ 1 times that
# tau of x - y:  exact 0.503, from the averages of 1000 chains 1 times that, ArviZ 2 times that
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check arviz-stats==0.8.0 numpy==2.4.6 scipy==1.17.1

"$folder/venv/bin/python" - > "$folder/seen" <<'PYTHON'
import numpy as np
from arviz_stats.base import array_stats

rho, chains, sweeps = 0.99, 1000, 10_000
rng = np.random.default_rng(1)
width = np.sqrt(1 - rho**2)
y = rng.standard_normal(chains)  # starts in the target
x_path, y_path = np.empty((2, chains, sweeps))
for t in range(sweeps):
    x = rho * y + width * rng.standard_normal(chains)
    y = rho * x + width * rng.standard_normal(chains)
    x_path[:, t], y_path[:, t] = x, y

for name, f, exact in [("x:    ", x_path, (1 + rho**2) / (1 - rho**2)), ("x - y:", x_path - y_path, 1 / (1 + rho))]:
    averages = sweeps * f.mean(1).var() / f.var()
    arviz = f[:50].size / array_stats.ess(f[:50], chain_axis=0, draw_axis=1, method="mean")
    print(
        f"tau of {name}  exact {exact:.3g}, from the averages of {chains} chains {averages / exact:.0f} times that, "
        f"ArviZ {arviz / exact:.0f} times that"
    )
PYTHON
cat "$folder/seen"
diff <(sed -n 's/^# \(tau of .*\)/\1/p' "$0") "$folder/seen"
