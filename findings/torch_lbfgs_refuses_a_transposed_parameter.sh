#!/usr/bin/env bash
# torch 2.15.0 (CPU): torch.optim.LBFGS and a parameter that is the transpose of a matrix, so not contiguous in memory.
# Expected: it takes a step, as torch.optim.Adam and SGD do from the same start.
# Happens: step() raises RuntimeError. The gradient has the parameter's strides, and LBFGS flattens it with
#   .view(-1), which needs a contiguous one; clone() does not help, as it keeps the strides, contiguous() does.
# Seen: SGD 0.37
#       Adam 4.70
#       LBFGS RuntimeError: view size is not compatible with input tensor's size and stride
#       LBFGS, contiguous 0.00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check torch==2.15.0 numpy

cat > steps.py <<'END'
import torch


def loss_after_ten_steps(kind, start, **settings):
    weights = start.clone().requires_grad_()
    optimizer = kind([weights], **settings)

    def closure():
        optimizer.zero_grad()
        loss = (weights - 1).square().sum()
        loss.backward()
        return loss

    for _ in range(10):
        optimizer.step(closure)
    return f"{closure().item():.2f}"


transposed = torch.zeros(3, 2).T  # a linear autoencoder that begins with W1 = W2.T, for one
print("SGD", loss_after_ten_steps(torch.optim.SGD, transposed, lr=0.065))
print("Adam", loss_after_ten_steps(torch.optim.Adam, transposed, lr=0.0115))
try:
    print("LBFGS", loss_after_ten_steps(torch.optim.LBFGS, transposed))
except RuntimeError as error:
    print("LBFGS RuntimeError:", str(error).split(" (")[0])
print("LBFGS, contiguous", loss_after_ten_steps(torch.optim.LBFGS, transposed.contiguous()))
END
venv/bin/python steps.py | tee seen
diff seen - <<'END'
SGD 0.37
Adam 4.70
LBFGS RuntimeError: view size is not compatible with input tensor's size and stride
LBFGS, contiguous 0.00
END
