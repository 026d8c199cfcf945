#!/usr/bin/env bash
# PyTorch 2.15.0 (CPU): torch.distributions.ContinuousBernoulli(logits=…).
# Expected: the log-density at x = 1/2 is log(l / tanh(l/2)) - l/2 - log(1 + exp(-l)), whatever the logit l: so many
#   digits as the dtype has. The decoder of a VAE trained on MNIST gives a third of its pixels logits beyond 16.
# Happens: the class keeps p = σ(l), clamped to [eps, 1 - eps], and takes its constant from p. In float32 the constant
#   stays at 2.769 for every |l| > 16, in float64 at 3.585 for every |l| > 36; at l = +15 it is already off by 0.01, at
#   l = -15 it is right. Over the 784 pixels of a digit that comes to a hundred nats.
# Seen:   l     exact  float32  float64
#       -15    2.7081   2.7081   2.7081
#        15    2.7081   2.6976   2.7081
#       -20    2.9957   2.7690   2.9957
#        20    2.9957   2.7690   2.9957
#       -40    3.6889   2.7690   3.5847
#        40    3.6889   2.7690   3.5847
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6

cat > constant.py <<'END'
import math

import torch
from torch.distributions import ContinuousBernoulli
from torch.nn.functional import binary_cross_entropy_with_logits

print("  l     exact  float32  float64")
for logit in (-15, 15, -20, 20, -40, 40):
    row = [math.log(logit / math.tanh(logit / 2))]
    for dtype in (torch.float32, torch.float64):
        l, x = torch.tensor(float(logit), dtype=dtype), torch.tensor(0.5, dtype=dtype)
        row.append(float(ContinuousBernoulli(logits=l).log_prob(x) + binary_cross_entropy_with_logits(l, x)))
    print(f"{logit:3}" + "".join(f"{value:{width}.4f}" for value, width in zip(row, (10, 9, 9))))
END
venv/bin/python constant.py | tee seen
diff seen - <<'END'
  l     exact  float32  float64
-15    2.7081   2.7081   2.7081
 15    2.7081   2.6976   2.7081
-20    2.9957   2.7690   2.9957
 20    2.9957   2.7690   2.9957
-40    3.6889   2.7690   3.5847
 40    3.6889   2.7690   3.5847
END
