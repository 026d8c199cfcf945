"""Mistakes on purpose: chapter 1. See __init__.py."""

MUTATIONS = [
    (
        "genbook/gibbs.py",
        "y = _invert(y_tree, x, v, out=y_new)",
        "y = _invert(y_tree, x, u, out=y_new)",
        "tests/test_gibbs.py::test_law_after_t_sweeps_is_a_power_of_the_kernel",
    ),
    (
        "genbook/gibbs.py",
        "for table in (joint, joint.T))",
        "for table in (joint, joint))",
        "tests/test_gibbs.py::test_law_after_t_sweeps_is_a_power_of_the_kernel",
    ),
    (
        "genbook/gibbs.py",
        "(u >= cuts.index",
        "(u < cuts.index",
        "tests/test_gibbs.py::test_law_after_t_sweeps_is_a_power_of_the_kernel",
    ),
    (
        "genbook/gibbs.py",
        "p_x[:, None, :] * p_y.nan_to_num(0.0)",
        "p_x[:, None, :] * p_x.nan_to_num(0.0)",
        "tests/test_gibbs.py::test_kernel_is_the_definition_and_keeps_the_table",
    ),
    (
        "genbook/gibbs.py",
        "possible = joint.nonzero()[:, 0]",
        "possible = joint.sum(1).nonzero()[:, 0]",
        "tests/test_gibbs.py::test_default_start_is_uniform_over_the_possible_cells",
    ),
    ("genbook/gibbs.py", "if (joint[y, x] == 0).any():", "if False:", "tests/test_gibbs.py::test_bad_starts"),
    (
        "genbook/gibbs.py",
        "noise_std = math.sqrt((1 - rho) * (1 + rho))",
        "noise_std = 1 - rho * rho",
        "tests/test_gibbs.py::test_gaussian_law_after_t_sweeps",
    ),
    (
        "genbook/gibbs.py",
        "count[:, 0::2] += other[:, 0::2].roll(shift, 2)",
        "count[:, 0::2] += other[:, 0::2].roll(-shift, 2)",
        "tests/test_gibbs.py::test_ising_energy_and_magnetisation_are_those_of_the_spins",
    ),
    (
        "genbook/gibbs.py",
        "_neighbours_up(black, shift=1)",
        "_neighbours_up(black, shift=-1)",
        "tests/test_gibbs.py::test_ising_updates_follow_the_conditional",
    ),
    (
        "genbook/gibbs.py",
        "torch.sigmoid(2 * field / temperature)",
        "torch.sigmoid(field / temperature)",
        "tests/test_gibbs.py::test_ising_4x4_against_enumeration",
    ),
    (
        "genbook/rbm.py",
        "h = flip(self.hidden_probabilities(v), generator=generator)",
        "h = self.hidden_probabilities(v)",
        "tests/test_rbm.py::test_one_sweep_follows_the_exact_kernel",
    ),
    (
        "genbook/rbm.py",
        "return -(v @ self.visible_bias) - softplus(hidden_input).sum(1)",
        "return -softplus(hidden_input).sum(1)",
        "tests/test_rbm.py::test_likelihood_free_energy_and_partition_match_enumeration",
    ),
    (
        "genbook/rbm.py",
        "alpha=-1 / len(model))",
        "alpha=-1 / len(batch))",
        "tests/test_rbm.py::test_gradient_is_that_of_the_exact_likelihood",
    ),
    (
        "genbook/rbm.py",
        "weights - torch.outer(visible, h_mean) - torch.outer(v_mean, hidden)",
        "weights - torch.outer(visible, h_mean)",
        "tests/test_rbm.py::test_centring_is_the_gradient_step_of_the_centred_energy",
    ),
    (
        "genbook/rbm.py",
        "            fantasies = rbm.gibbs_sweep(fantasies, generator=generator)\n",
        "",
        "tests/test_rbm.py::test_training_learns_a_small_known_distribution",
    ),
    (
        "genbook/rbm.py",
        "alpha=lr * (1 - step / steps)",
        "alpha=lr",
        "tests/test_rbm.py::test_the_step_falls_linearly_to_zero",
    ),
    (
        "genbook/data.py",
        "angle = 2 * math.pi * mode / modes ",
        "angle = 2 * math.pi * mode / (modes - 1) ",
        "tests/test_data.py::test_ring_without_noise_lies_on_distinct_corners",
    ),
    (
        "notebooks/src/01_gibbs.md",
        "joint / joint.sum(1, keepdim=True)  #",
        "joint / joint.sum(0, keepdim=True)  #",
        "the conditionals are 1/5, 4/5, 3/5, 2/5 and 1/4, 3/4, 2/3, 1/3, as worked out by hand",
    ),
    (
        "notebooks/src/01_gibbs.md",
        "cells = [(0, 0), (1, 1), (0, 1), (1, 0)]",
        "cells = [(0, 0), (1, 0), (0, 1), (1, 1)]",
        "u = 0.35 gives the pair (x, y) = (0, 1)",
    ),
    (
        "notebooks/src/01_gibbs.md",
        "    y = int(v < p_y_given_x[1, x])  # given the new x\n",
        "    y = int(v < p_y_given_x[1, 0])\n",
        "by hand: from (0, 0) the numbers 0.35 and 0.62 lead to (1, 0), and 0.90 and 0.20 on to (0, 1)",
    ),
    (
        "notebooks/src/01_gibbs.md",
        "    return sweep_by_hand(x, y, *torch.rand(2, generator=generator))",
        "    return sweep_by_hand(x, y, *torch.rand(1, generator=generator).expand(2))",
        "after 20 000 sweeps the visited cells are within 0.02 of P(X, Y) in total variation",
    ),
    (
        "notebooks/src/01_gibbs.md",
        "    common = M.min(0).values\n",
        "    common = M.min(1).values\n",
        "for the lecture's table δ = 5/6, ν = (2/5, 3/5), and what is left over stays where it is",
    ),
    (
        "notebooks/src/01_gibbs.md",
        "return float(1 + 2 * (target * f) @ powers",
        "return float(1 + (target * f) @ powers",
        "τ is 7/5 for the average of x, and between 0.8 and 1.6 for the four cells",
    ),
    (
        "notebooks/src/01_gibbs.md",
        "weights = torch.tensor([[0.9], [0.9], [0.1], [0.1]]) / 0.5",
        "weights = torch.tensor([[0.9], [0.1], [0.9], [0.1]]) / 0.5",
        "two blocks that weigh 0.5 and 0.5, or 0.9 and 0.1, have the same conditionals",
    ),
    (
        "notebooks/src/01_gibbs.md",
        "bonds = all_spins * (all_spins.roll(1, 1) + all_spins.roll(1, 2))",
        "bonds = all_spins * (all_spins.roll(1, 1) + all_spins.roll(2, 2))",
        "the enumeration of 65 536 states gives the same ln Z as the transfer matrix, which builds the torus row by row",  # noqa: E501
    ),
    (
        "notebooks/src/01_gibbs.md",
        "cells[black, white] = torch.softmax(-energy / temperature, 0)",
        "cells[black, white] = torch.softmax(-energy / temperature / 2, 0)",
        "on the 4×4 torus at T = 1.5 the theorem promises to forget in more than 100 000 sweeps, and the chain needs about 5000",  # noqa: E501
    ),
    (
        "notebooks/src/01_gibbs.md",
        "px(y)[u] * py(u)[v] for u, v",
        "px(y)[u] * py(x)[v] for u, v",
        "πK = π, in exact fractions: a sweep leaves the joint distribution as it is",
    ),
    (
        "genbook/gibbs.py",
        "y = _invert(y_tree, x, v, out=y_new)  # y ~ P(y | x), with the new x",
        "y = _invert(y_tree, 0 * x, v, out=y_new)",
        "the simulated law of each of the first six sweeps is within 0.006 of the exact one",
    ),
    (
        "notebooks/src/01_gibbs.md",
        "    y = rho * x + more_noise",
        "    y = rho * (x - noise) / rho + more_noise",
        "from (2, 2) the sweep written out above and genbook's agree in mean and covariance to within 0.02",
    ),
    (
        "genbook/gibbs.py",
        "x = torch.add(e, y, alpha=rho, out=x_new)",
        "x = torch.add(e, y, alpha=0.8 * rho, out=x_new)",
        "the measured τ of x is within 15 % of (1+ρ²)/(1−ρ²) at ρ = 0.5, 0.9 and 0.99",
    ),
    (
        "notebooks/src/01_gibbs.md",
        "def ising_sweep(spins, temperature, generator):  # spins: (…, size, size), ±1.0\n",
        "def ising_sweep(spins, temperature, generator):\n    temperature = 2 * temperature\n",
        "the Ising sweep written out above gives the enumerated |magnetisation| at T = 2.5 to within 0.05",
    ),
    (
        "notebooks/src/01_gibbs.md",
        "2 * np.tanh(b) ** 2 - 1",
        "np.tanh(b) ** 2 - 1",
        "of five averages on the 64×64 lattice, at least three are within 3 standard errors of Onsager's and Yang's values",  # noqa: E501
    ),
    (
        "notebooks/src/01_gibbs.md",
        "formula = pull[data_picture] - ",
        "formula = pull[data_picture] + ",
        "the gradient formula, data minus dream, equals automatic differentiation of the exact log-likelihood",
    ),
    (
        "notebooks/src/01_gibbs.md",
        "rbm.weights += lr * (data - dream)",
        "rbm.weights += lr * (dream - data)",
        "in two epochs the step written out above brings the exact test log-likelihood more than 3 nats above that of independent pixels",  # noqa: E501
    ),
    (
        "genbook/rbm.py",
        "torch.addmm(self.visible_bias, h, self.weights.T)",
        "torch.addmm(0 * self.visible_bias, h, self.weights.T)",
        "the RBM sweep written out above and genbook's agree in the mean of every pixel to within 0.03",
    ),
]

# For each box "Could it be something else?": the rival in the place of the effect, and the claim that must fail.
RIVALS = [
    # Independent draws: τ = 1 for every cell.
    (
        "notebooks/src/01_gibbs.md",
        'cell_tau = [tau[f"visits of {s}"] for s in states]',
        "cell_tau = [1.0 for s in states]",
        "the mean distance of 5000 walks of 400 sweeps is that of the exact τ, to within 4 %",
    ),
    # One τ for all averages of a chain.
    (
        "notebooks/src/01_gibbs.md",
        '"x − y": x - y}\n',
        '"x − y": x}\n',
        "at ρ = 0.99 the averages of x, x² and x − y have the τ of their own formulas, to within 15 %: about 100, 50 and a half",  # noqa: E501
    ),
    # A chain that reaches both halves.
    (
        "notebooks/src/01_gibbs.md",
        "64: runs[2.0][1]}",
        "64: m[:64, 100:].cpu()}",
        "at T = 2 none of the 64×64 lattices leaves the half in which it started; of the 4×4 ones more than a third do within 200 sweeps",  # noqa: E501
    ),
    # As many wrong spins, but no walls around the torus.
    (
        "notebooks/src/01_gibbs.md",
        "[island] * 10 + [band] * 10",
        "[island] * 10 + [island] * 10",
        "after 1000 sweeps at T = 1.5 at least six bands in ten are left, of the size of the islands",
    ),
    # A machine that mixes at once.
    (
        "notebooks/src/01_gibbs.md",
        "on_cpu.load_state_dict(rbm.state_dict())",
        'on_cpu.load_state_dict({**rbm.state_dict(), "weights": 0 * rbm.weights})',
        "in sweeps 100 to 200 R-hat of the RBM's ink is above 1.1",
    ),
    # A collapsed machine: nothing but zeros, with noise.
    (
        "notebooks/src/01_gibbs.md",
        '    "the machine\'s": samples,\n',
        '    "the machine\'s": zeros,\n',
        "at least eight of the ten digits occur three times or more among the machine's pictures that are clearly digits, and 1000 sweeps on at least seven",  # noqa: E501
    ),
    # A copier with noise.
    (
        "notebooks/src/01_gibbs.md",
        '"the machine\'s": samples}.items()',
        '"the machine\'s": copies}.items()',
        "the RBM's samples are not digits with flipped pixels, or at most three in ten are: of all digits the nearest is a training digit for fewer than 90 % of them",  # noqa: E501
    ),
]
