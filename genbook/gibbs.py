"""Gibbs sampling: two-way tables of any size, the bivariate normal, and the Ising model.

A sweep draws x from P(x | y) and then y from P(y | x), always with the new x. Every sampler runs many independent
chains at once: the steps of one chain wait for each other, the chains do not.
"""

import math
import operator

import numpy as np
import torch

_BLOCK = 2**18  # random numbers drawn at a time: about 1 MB, so that they stay in the processor's cache


def conditionals(joint) -> tuple[torch.Tensor, torch.Tensor]:
    """Both conditionals of a table: (P(x | y), P(y | x)), each (|Y|, |X|), float64.

    joint: (|Y|, |X|) array-like, non-negative, any size, need not be normalised. The rows of the first and the columns
    of the second sum to 1, and are NaN where the condition has probability 0. Raises ValueError for a bad table.
    """
    joint = _table(joint)
    return joint / joint.sum(1, keepdim=True), joint / joint.sum(0, keepdim=True)


def transition_matrix(joint) -> torch.Tensor:
    """Kernel K of one sweep, (|Y|·|X|, |Y|·|X|), float64: row = from, column = to, state (x, y) has index y·|X| + x.

    K[(y, x), (y', x')] = P(x' | y) P(y' | x'): the old x is forgotten. A state with P(y) = 0 has no sweep (P(x | y)
    does not exist); its row is the identity's, so that every row sums to 1. joint: as for `conditionals`.
    """
    p_x, p_y = conditionals(joint)
    rows, columns = p_x.shape
    # An x' with P(x') = 0 has no P(y' | x'), and is never drawn: 0 in place of NaN.
    sweep = p_x[:, None, :] * p_y.nan_to_num(0.0)  # (Y, 1, X') * (Y', X') -> (Y, Y', X')
    kernel = sweep.flatten(1).repeat_interleave(columns, 0)  # (Y, Y'X') -> (YX, Y'X')
    return torch.where(kernel.isnan(), torch.eye(rows * columns, dtype=kernel.dtype), kernel)


def sample_table(
    joint,
    steps: int,
    *,
    chains: int = 1,
    start=None,
    generator: torch.Generator,
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Gibbs chains on a table: (chains, steps, 2) int32, last axis (x, y), one pair per full sweep.

    joint: as for `conditionals`. start: one pair (x, y) or a (chains, 2) tensor; None draws each chain's start
    uniformly from the cells of positive probability (over-dispersed, as R-hat wants it). The start is not part of the
    output. Conditional probabilities are met to within 2^-24 (float32 uniforms). Memory: the output, 8 bytes per sweep
    and chain, and one block of uniforms; the output is a view with the chains stored side by side.
    device: where to compute; None is the generator's, which may differ. Raises ValueError for a bad table, a start of
    probability zero, out of range or of the wrong shape, and counts that are not whole numbers >= 1.
    """
    joint = _table(joint)
    steps, chains = _count("steps", steps), _count("chains", chains)
    device = generator.device if device is None else torch.device(device)
    y = _table_start(joint, start, chains, generator).to(device, torch.int32)  # (chains,); x is drawn first
    x_tree, y_tree = ([cuts.to(device) for cuts in _search_tree(table)] for table in (joint, joint.T))
    # Stored step by step: each sweep then writes to neighbouring memory.
    path = torch.empty(steps, 2, chains, dtype=torch.int32, device=device)
    block = max(1, _BLOCK // (2 * chains))  # sweeps per block
    for first in range(0, steps, block):
        pairs = path[first : first + block]
        uniforms = torch.rand(pairs.shape, generator=generator, dtype=torch.float32, device=generator.device)
        for (x_new, y_new), (u, v) in zip(pairs, uniforms.to(device), strict=True):
            x = _invert(x_tree, y, u, out=x_new)  # x ~ P(x | y)
            y = _invert(y_tree, x, v, out=y_new)  # y ~ P(y | x), with the new x
    return path.permute(2, 0, 1)  # (steps, 2, chains) -> (chains, steps, 2)


def sample_gaussian(
    rho: float,
    steps: int,
    *,
    chains: int = 1,
    start=None,
    generator: torch.Generator,
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Gibbs chains on the standard bivariate normal with correlation rho: (chains, steps, 2) float32, last axis (x, y).

    x ~ N(rho·y, 1 - rho²), then y ~ N(rho·x, 1 - rho²). start: one pair (x, y) or a (chains, 2) tensor; None draws both
    from N(0, 3²) (over-dispersed). The start is not part of the output. device, memory: as for `sample_table`.
    Raises ValueError unless |rho| < 1, the start is finite and the counts are whole numbers >= 1.
    """
    rho = float(rho)
    if not abs(rho) < 1:  # also catches NaN
        raise ValueError(f"rho must be a correlation with |rho| < 1, got {rho}")
    steps, chains = _count("steps", steps), _count("chains", chains)
    device = generator.device if device is None else torch.device(device)
    if start is None:
        pair = 3 * torch.randn(chains, 2, generator=generator, device=generator.device)
    else:
        pair = _pairs(start, chains)
        if not pair.isfinite().all():
            raise ValueError(f"start must be finite, got {start!r}")
    y = pair[:, 1].to(device, torch.float32)  # (chains,); the old x is never used
    noise_std = math.sqrt((1 - rho) * (1 + rho))
    path = torch.empty(steps, 2, chains, device=device)
    block = max(1, _BLOCK // (2 * chains))  # sweeps per block
    for first in range(0, steps, block):
        pairs = path[first : first + block]
        noise = torch.randn(pairs.shape, generator=generator, device=generator.device).to(device).mul_(noise_std)
        for (x_new, y_new), (e, f) in zip(pairs, noise, strict=True):
            x = torch.add(e, y, alpha=rho, out=x_new)
            y = torch.add(f, x, alpha=rho, out=y_new)
    return path.permute(2, 0, 1)  # (steps, 2, chains) -> (chains, steps, 2)


def sample_ising(
    size: int,
    temperature: float,
    sweeps: int,
    *,
    chains: int = 1,
    start: str = "random",
    generator: torch.Generator,
    device: torch.device | str | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ising model on a size × size torus, J = 1: (spins, energy per spin, mean spin).

    spins: (chains, size, size) int8, ±1, after the last sweep; energy and magnetisation: (chains, sweeps) float32,
    after each sweep. start: "random" (fair coins) or "up" (all +1). device: as for `sample_table`.
    A chessboard's white squares have black neighbours only, so that given the black ones they are independent: a
    sweep draws all white spins at once, then all black ones. Two colours on a torus need an even size; on 2 × 2 both
    neighbours along a line are the same spin. Raises ValueError unless size is even and >= 4, temperature > 0 and
    finite, start known, and the counts whole numbers >= 1.
    """
    size, sweeps, chains = _count("size", size), _count("sweeps", sweeps), _count("chains", chains)
    if size % 2 or size < 4:
        raise ValueError(f"size must be even and >= 4 (a chessboard that closes on a torus), got {size}")
    temperature = float(temperature)
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be positive and finite, got {temperature}")
    if start not in ("random", "up"):
        raise ValueError(f'start must be "random" or "up", got {start!r}')
    device = generator.device if device is None else torch.device(device)
    half = (chains, size, size // 2)

    def uniforms():
        return torch.rand(half, generator=generator, dtype=torch.float32, device=generator.device).to(device)

    # One array per colour, 1 for spin +1 and 0 for spin -1. Row r, column c of a colour is the lattice's row r and its
    # c-th square of that colour: white squares are at 2c in even rows and 2c + 1 in odd rows, black the reverse.
    if start == "up":
        white, black = torch.ones(2, *half, dtype=torch.int8, device=device)
    else:
        white, black = ((uniforms() < 0.5).to(torch.int8) for _ in range(2))
    # P(+1 | k of the 4 neighbours are +1) = sigmoid(2h / T), with h = 2k - 4 the sum of the neighbours
    field = torch.arange(-4.0, 5.0, 2.0)
    p_up = torch.sigmoid(2 * field / temperature).to(device)  # (5,)
    energy, magnetisation = torch.empty(2, sweeps, chains, device=device)
    for sweep in range(sweeps):
        white = _heat_bath(p_up, _neighbours_up(black, shift=1), uniforms())
        around = _neighbours_up(white, shift=-1)
        black = _heat_bath(p_up, around, uniforms())
        # Each bond joins one black spin to one white: energy = -sum of (black spin) · (sum of its neighbours).
        bonds = (2 * black - 1) * (2 * around - 4)  # (chains, size, size / 2), int8
        energy[sweep] = -bonds.sum((1, 2), dtype=torch.int32) / size**2
        magnetisation[sweep] = 2 * (white + black).sum((1, 2), dtype=torch.int32) / size**2 - 1
    spins = torch.empty(chains, size, size, dtype=torch.int8, device=device)
    spins[:, 0::2, 0::2], spins[:, 1::2, 1::2] = white[:, 0::2], white[:, 1::2]
    spins[:, 0::2, 1::2], spins[:, 1::2, 0::2] = black[:, 0::2], black[:, 1::2]
    return 2 * spins - 1, energy.T, magnetisation.T


def _neighbours_up(other: torch.Tensor, shift: int) -> torch.Tensor:
    """How many of the 4 neighbours are up, for each square of the other colour. (chains, size, size / 2), int8."""
    count = other + other.roll(1, 1) + other.roll(-1, 1)  # one in the same row, one above, one below
    # The fourth is on the other side in the same row: which side depends on the row and on the colour.
    count[:, 0::2] += other[:, 0::2].roll(shift, 2)
    count[:, 1::2] += other[:, 1::2].roll(-shift, 2)
    return count


def _heat_bath(p_up: torch.Tensor, count: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Draw spins (1 up, 0 down; int8) given how many neighbours are up: the Gibbs conditional."""
    p = p_up.index_select(0, count.flatten().int()).view_as(u)
    return (u < p).to(torch.int8)


def _search_tree(joint: torch.Tensor) -> list[torch.Tensor]:
    """Where to cut [0, 1] for each row's conditional, as a binary search tree, one (rows · 2^depth,) tensor per depth.

    The right edges of a row's pieces are padded with 1 to a power of two; the middle one is the root.
    """
    cumulated = joint.cumsum(1)
    # Divided by its own last value: exactly 1 from the last possible cell on, so no uniform falls beyond.
    edges = cumulated / cumulated[:, -1:]
    width = 1 << (joint.shape[1] - 1).bit_length()
    edges = torch.nn.functional.pad(edges, (0, width - joint.shape[1]), value=1.0).float()  # (rows, width)
    halves = [width >> depth for depth in range(1, width.bit_length())]  # width / 2, ..., 2, 1
    return [edges[:, half - 1 :: 2 * half].flatten() for half in halves]


def _invert(tree: list[torch.Tensor], row: torch.Tensor, u: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """The piece of [0, 1] that each u falls in, cut as its row says: all chains walk down their row's tree at once.

    row, u, out: (chains,). The answer is the number of edges <= u.
    """
    if len(tree) == 1:  # two pieces: the comparison is the answer, and a third of the time is saved
        return torch.ge(u, tree[0].index_select(0, row), out=out)
    node = row
    for cuts in tree:
        node = torch.add(u >= cuts.index_select(0, node), node, alpha=2)  # left child 2·node, right child 2·node + 1
    return torch.bitwise_and(node, 2 ** len(tree) - 1, out=out)  # node = row · 2^depth + piece


def _table(joint) -> torch.Tensor:
    """Check a joint table and copy it to a float64 tensor on the CPU, its largest cell scaled to 1."""
    if isinstance(joint, torch.Tensor):
        joint = joint.detach().cpu()
    table = torch.tensor(np.asarray(joint, dtype=np.float64))
    if table.ndim != 2 or table.numel() == 0:
        raise ValueError(f"expected a 2-D table with |Y| rows and |X| columns, got shape {tuple(table.shape)}")
    if not table.isfinite().all():
        raise ValueError("the table holds NaN or infinity; its cells must be finite and non-negative")
    if (table < 0).any():
        raise ValueError(f"a probability cannot be negative: the table's smallest cell is {table.min().item()}")
    if not table.any():
        raise ValueError("every cell of the table is zero: there is nothing to sample")
    return table / table.max()  # so that no sum overflows


def _table_start(joint: torch.Tensor, start, chains: int, generator: torch.Generator) -> torch.Tensor:
    """The y that each chain starts from, (chains,) int64 on some device; start: see `sample_table`."""
    if start is None:
        possible = joint.nonzero()[:, 0].to(generator.device)  # y of each cell of positive probability
        return possible[torch.randint(len(possible), (chains,), generator=generator, device=generator.device)]
    pairs = _pairs(start, chains)
    if (pairs != pairs.round()).any():
        raise ValueError(f"start must hold whole numbers, a column x and a row y, got {start!r}")
    rows, columns = joint.shape
    x, y = pairs.long().unbind(1)
    outside = (x < 0) | (x >= columns) | (y < 0) | (y >= rows)
    if outside.any():
        bad = (x[outside][0].item(), y[outside][0].item())
        raise ValueError(f"start (x, y) = {bad} lies outside the table of {rows} rows (y) and {columns} columns (x)")
    if (joint[y, x] == 0).any():
        zero = joint[y, x] == 0
        bad = (x[zero][0].item(), y[zero][0].item())
        raise ValueError(f"start (x, y) = {bad} has probability zero: a chain cannot be there")
    return y


def _pairs(start, chains: int) -> torch.Tensor:
    """One pair (x, y), or one per chain -> (chains, 2) float64 on the CPU."""
    if isinstance(start, torch.Tensor):
        start = start.detach().cpu()
    pairs = torch.tensor(np.asarray(start, dtype=np.float64))
    if pairs.shape not in ((2,), (chains, 2)):
        raise ValueError(f"start must be one pair (x, y) or have shape ({chains}, 2), got shape {tuple(pairs.shape)}")
    return pairs.expand(chains, 2)


def _count(name: str, value) -> int:
    """A whole number >= 1, or a ValueError that names it."""
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {value!r}")
    return number
