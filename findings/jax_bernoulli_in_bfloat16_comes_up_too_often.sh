#!/usr/bin/env bash
# JAX 0.10.2 (CPU): jax.random.bernoulli with probabilities in half precision.
# Expected: a coin with p = 0.0005 comes up 0.05 % of the time in every dtype; float32 does.
# Happens: in bfloat16 it comes up 0.77 % of the time, whatever p below that: fifteen times too often. The coin is
#   `uniform(dtype of p) < p`, and one in 128 of the uniforms in bfloat16 (one in 1024 in float16) is exactly 0.
# Seen: p = 0.0005 float32   0.05 % up, 0.00 % of the uniforms are 0
#       p = 0.0005 float16   0.10 % up, 0.10 % of the uniforms are 0
#       p = 0.0005 bfloat16  0.77 % up, 0.77 % of the uniforms are 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2

cat > coins.py <<'END'
import jax
import jax.numpy as jnp

key = jax.random.key(0)
for dtype in (jnp.float32, jnp.float16, jnp.bfloat16):
    coins = jax.random.bernoulli(key, jnp.full(1_000_000, 0.0005, dtype))
    zeros = jax.random.uniform(key, (1_000_000,), dtype) == 0
    shares = [float(bits.astype(jnp.float32).mean()) for bits in (coins, zeros)]
    print(f"p = 0.0005 {dtype.__name__:9} {shares[0]:.2%} up, {shares[1]:.2%} of the uniforms are 0".replace("%", " %"))
END
JAX_PLATFORMS=cpu venv/bin/python coins.py | tee seen
diff seen - <<'END'
p = 0.0005 float32   0.05 % up, 0.00 % of the uniforms are 0
p = 0.0005 float16   0.10 % up, 0.10 % of the uniforms are 0
p = 0.0005 bfloat16  0.77 % up, 0.77 % of the uniforms are 0
END
