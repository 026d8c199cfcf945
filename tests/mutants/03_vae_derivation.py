"""Mistakes on purpose: chapter 3. See __init__.py."""

MUTATIONS = [
    (
        "genbook/vae.py",
        "return 0.5 * (mu.square()",
        "return -0.5 * (mu.square()",
        "tests/test_vae.py::test_kl_is_that_of_torch_distributions",
    ),
    (
        "genbook/vae.py",
        "logvar.expm1() - logvar)",
        "logvar.exp() - 1 - logvar)",
        "tests/test_vae.py::test_kl_keeps_its_digits_near_the_prior_and_its_sign",
    ),
    (
        "genbook/vae.py",
        "return mu + (logvar / 2).exp() *",
        "return mu + logvar.exp() *",
        "tests/test_vae.py::test_draws_follow_the_normal_distribution_of_the_parameters",
    ),
    (
        "genbook/vae.py",
        "* _noise(mu.shape, mu, generator)",
        "* _noise(mu.shape[1:], mu, generator)",
        "tests/test_vae.py::test_draws_are_those_of_the_generator_alone",
    ),
    (
        "genbook/vae.py",
        "return mu + (logvar / 2).exp()",
        "return mu + (logvar.detach() / 2).exp()",
        "tests/test_vae.py::test_the_pathwise_gradient_is_unbiased_with_the_known_variance",
    ),
    (
        "genbook/vae.py",
        "torch.randn(shape, generator=generator, ",
        "torch.randn(shape, ",
        "tests/test_vae.py::test_draws_are_those_of_the_generator_alone",
    ),
    (
        "genbook/vae.py",
        "logsigmoid((2 * x - 1) * output).sum(2)",
        "logsigmoid((2 * x - 1) * output).mean(2)",
        "tests/test_vae.py::test_likelihoods_are_those_of_torch_distributions",
    ),
    (
        "genbook/vae.py",
        "logsigmoid((2 * x - 1) * output).sum(2)",
        "((1 - x) + (2 * x - 1) * output.sigmoid()).clamp_min(1e-6).log().sum(2)",
        "tests/test_vae.py::test_logits_may_be_extreme",
    ),
    (
        "genbook/vae.py",
        "x.shape[2] * (LOG_2PI + 2 * self.log_sigma)",
        "x.shape[2] ** 2 * (LOG_2PI + 2 * self.log_sigma)",
        "tests/test_vae.py::test_likelihoods_are_those_of_torch_distributions",
    ),
    (
        "genbook/vae.py",
        "(-2 * self.log_sigma).exp()",
        "(-self.log_sigma).exp()",
        "tests/test_vae.py::test_elbo_is_log_px_less_the_divergence_from_the_true_posterior",
    ),
    (
        "genbook/vae.py",
        "            if learn_sigma:\n",
        "            if True:\n",
        "tests/test_vae.py::test_sigma_is_trained_only_if_it_is_to_be",
    ),
    (
        "genbook/vae.py",
        "return beta * kl - alpha * log_px_given_z",
        "return beta * kl + alpha * log_px_given_z",
        "tests/test_vae.py::test_the_loss_is_minus_the_elbo_in_expectation",
    ),
    (
        "genbook/vae.py",
        "return beta * kl - alpha * log_px_given_z",
        "return alpha * kl - beta * log_px_given_z",
        "tests/test_vae.py::test_the_terms_are_the_two_of_the_loss",
    ),
    (
        "genbook/vae.py",
        "0.5 * (noise.square() - z.square() + logvar[:, None])",
        "0.5 * (noise.square() - z.square())",
        "tests/test_vae.py::test_with_the_true_posterior_each_draw_gives_log_px",
    ),
    (
        "genbook/vae.py",
        "bounds.append(total - math.log(k))",
        "bounds.append(total - math.log(draws))",
        "tests/test_vae.py::test_with_the_true_posterior_each_draw_gives_log_px",
    ),
    (
        "genbook/vae.py",
        "total = torch.logaddexp(total, log_w.logsumexp(1))",
        "total = torch.maximum(total, log_w.logsumexp(1))",
        "tests/test_vae.py::test_neither_chunks_of_draws_nor_of_images_change_the_result",
    ),
    (
        "genbook/vae.py",
        "images = max(1, chunk // k)",
        "images = max(1, chunk)",
        "tests/test_vae.py::test_no_more_than_a_chunk_is_decoded_at_once_and_nothing_twice",
    ),
    (
        "genbook/vae.py",
        "2 ** (22 if x.is_cuda else 20)",
        "2 ** (22 if x.is_cuda else 27)",
        "tests/test_vae.py::test_memory_stays_small_for_thousands_of_draws",
    ),
    (
        "genbook/vae.py",
        "*model.encode(x, condition), condition, k, generator)  # (B, k)",
        "*(t.detach() for t in model.encode(x, condition)), condition, k, generator)",
        "tests/test_vae.py::test_the_training_loss_has_the_bound_and_the_gradient_of_its_definition",
    ),
    (
        "genbook/vae.py",
        "    model.eval()\n    try:",
        "    try:",
        "tests/test_vae.py::test_evaluation_is_in_eval_mode_without_gradients_and_leaves_the_mode_as_it_was",
    ),
    (
        "genbook/vae.py",
        "[0].var(0) > threshold",
        "[0].square().mean(0) > threshold",
        "tests/test_vae.py::test_active_units_are_those_whose_mean_varies_with_x",
    ),
    (
        "genbook/vae.py",
        "condition.repeat_interleave(draws, dim=0)",
        "condition.repeat(draws, 1)",
        "tests/test_vae.py::test_with_a_condition_the_bound_is_that_on_log_px_given_it",
    ),
    (
        "genbook/vae.py",
        "return output.to(torch.promote_types(output.dtype, torch.float32))",
        "return output",
        "tests/test_vae.py::test_in_bfloat16_the_sums_stay_in_float32",
    ),
    (
        "genbook/vae.py",
        "if not low == high == 0.5:",
        "if not high == 0.5:",
        "tests/test_vae.py::test_what_is_not_for_the_likelihood_is_refused",
    ),
    (
        "genbook/vae.py",
        "if output.shape != (len(x) * draws, *x.shape[1:]):",
        "if len(output) != len(x) * draws:",
        "tests/test_vae.py::test_shapes_that_do_not_fit_the_networks_are_refused",
    ),
    (
        "genbook/vae.py",
        "if not (bound < math.inf).all():",
        "if (bound == math.inf).any():",
        "tests/test_vae.py::test_a_model_that_gives_nan_is_named",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "    spread = (W @ q.covariance_matrix @ W.T).trace() / (2 * var)\n",
        "    spread = (W @ q.covariance_matrix @ W.T).trace() / var\n",
        "log p(x) = ELBO + KL(q ‖ posterior) to 1e-6, in three random linear models, for guesses q that are more than 5 nats from the posterior",  # noqa: E501
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "squares = (x - m - W * mu) ** 2 + (W * sigma) ** 2",
        "squares = (x - m - W * mu) ** 2 + 0 * sigma",
        "no guess on a grid of 95 000 has an ELBO above log p(x), and the best one is the one next to the posterior",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "squared = (r * torch.linalg.solve(Sigma, r.mT).mT).sum(-1)",
        "squared = (r * (r @ Sigma)).sum(-1)",
        "each of the four Gaussian densities has at least 0.99 of its mass, and no more than 1.001, in a square of side 8",  # noqa: E501
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "formula = -(1 + sympy.log(sigma_**2) -",
        "formula = -(1 + sympy.log(sigma_) -",
        "SymPy's integral of q log(q / p_0) is −½ (1 + log σ² − μ² − σ²), exactly",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "return -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1)",
        "return 0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1)",
        "the closed KL agrees with torch.distributions to 1e-10 for 20 random Gaussians",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "by_sample = Normal(mu, sigma).sample()",
        "by_sample = Normal(mu, sigma).rsample()",
        "a plain draw blocks the gradient: sample() has none",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "pathwise, score = 2 * (mu_ + eps_), (mu_ + eps_) ** 2 * eps_",
        "pathwise, score = 2 * (mu_ + eps_), (mu_ + eps_) ** 2 * (mu_ + eps_)",
        "SymPy: both estimators have mean 2μ, and their variances are 4 and μ⁴ + 14μ² + 15",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        '            if noise == "fresh":\n',
        "            if False:\n",
        "with fresh noise a network learns the weighted average of the theorem: its mean squared distance from it is below 0.008",  # noqa: E501
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "    return mu + (logvar / 2).exp() * eps\n",
        "    return mu + logvar.exp() * eps\n",
        "draws made with exp(logvar / 2) have the variance exp(logvar), to 3 %, and the mean μ, to 0.01",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "    return alpha * L1 + beta * L2\n",
        "    return alpha * L1 / 2 + beta * L2\n",
        "α·L1 + L2 with α = 1 / (2σ²) is genbook.vae.neg_elbo less the constant (D/2) log 2πσ², for each digit to 1e-4 of its value",  # noqa: E501
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        '"mean, KL mean": (1 / D, 1 / CODE),',
        '"mean, KL mean": (1 / D, 1),',
        "the four reductions, as PyTorch writes them, are α·L1 + β·L2 with the α and β of the table",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "alpha=alpha, beta=beta)",
        "alpha=alpha, beta=0 * beta)",
        "averaged over the pixels, with or without the KL averaged, the code collapses: no unit is active and the KL is below 0.1 nats",  # noqa: E501
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "    error = error + (d * W.square().sum(0)).sum()\n",
        "",
        "the trained ELBO of a linear VAE is less than 0.5 nats below these, and not above",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "kept, rest = (s[:r].log() + 1).sum(),",
        "kept, rest = s[:r].log().sum(),",
        "the theorem's formula gives 12.428 nats (k = 2) and 182.155 (k = 10), to 0.001",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "fixed = {var: train_linear(16, var) for",
        "fixed = {var: train_linear(16, math.sqrt(var)) for",
        "as many units of a linear VAE are active as directions have a variance above the declared noise: 12, 6, 1 and 0 at σ² = 1, 2, 4 and 24.5",  # noqa: E501
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "var = L1.mean().detach() / D",
        "var = L1.mean().detach()",
        "it is more than 40 nats above all four even when each of them gets its own best noise after training",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "posterior.mean, torch.diag(1 / precision.diagonal())",
        "posterior.mean, torch.diag(posterior.variance)",
        "exercise: the best diagonal guess is ½ (Σ log Λᵢᵢ − log |Λ|) nats below log p(x), and 200 other diagonal ones are no higher",  # noqa: E501
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "    L2 = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)  # KL",
        "    L2 = -0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)  # KL",
        "the twelve lines learn: on test digits the squared error is below 60 % of that of the best answer without a code, the mean picture",  # noqa: E501
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "log_prob(z).sum(1) - L.diagonal().log().sum()",
        "log_prob(z).sum(1) + L.diagonal().log().sum()",
        "so does the change of variables: log φ(ε) − log |det L| is the log-density of μ + Lε",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "((mu + sigma * eps) ** 2).mean().backward()",
        "((mu + sigma**2 * eps) ** 2).mean().backward()",
        "through z = μ + σε the gradient of the mean of z² is 1 and 4, to 0.06",
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "squares / levels).sum()",
        "squares / s.clamp_min(1e-3)).sum()",
        "the ELBO of the network with learned noise is more than 20 nats above the exact log-likelihood of probabilistic PCA with as many code numbers",  # noqa: E501
    ),
    (
        "notebooks/src/03_vae_derivation.md",
        "entropies = -(x * g.log() + (1 - x) * (1 - g).log())",
        "entropies = -(x * g.log() + (1 - x) * (1 - g**2).log())",
        "for the cross-entropy, too, the best of 999 answers is the weighted average, at 25 places",
    ),
]

# For each box "Could it be something else?": the rival in the place of the effect, and the claim that must fail.
RIVALS = [
    (  # a decoder that does not square: the gap can be closed
        "notebooks/src/03_vae_derivation.md",
        "two_log_joint = Normal(0, 1).log_prob(fine) + Normal(fine**2, 0.1).log_prob(\n"
        "    torch.ones_like(fine)\n"
        ")\n"
        "width = fine[1] - fine[0]\n"
        "two_log_px = two_log_joint.logsumexp(0) + width.log()  # the integral, as a sum\n"
        "m, v = grid_mu, grid_sigma**2\n"
        "z2, z4 = m**2 + v, m**4 + 6 * m**2 * v + 3 * v**2  # E z², E z⁴\n"
        "two_rec = Normal(0, 0.1).log_prob(torch.zeros(())) - (1 - 2 * z2 + z4) / 0.02\n",
        "two_log_joint = Normal(0, 1).log_prob(fine) + Normal(fine, 0.1).log_prob(\n"
        "    torch.ones_like(fine)\n"
        ")\n"
        "width = fine[1] - fine[0]\n"
        "two_log_px = two_log_joint.logsumexp(0) + width.log()  # the integral, as a sum\n"
        "m, v = grid_mu, grid_sigma**2\n"
        "two_rec = Normal(0, 0.1).log_prob(torch.zeros(())) - (1 - 2 * m + m**2 + v) / 0.02\n",
        "where the decoder squares its cause, the best of 95 000 Gaussian guesses is log 2 = 0.693 nats below log p(x), to 0.01; two bumps are less than 0.01 below",  # noqa: E501
    ),
    (  # the KL left out, not turned round
        "notebooks/src/03_vae_derivation.md",
        "    return L1 - L2\n",
        "    return L1\n",
        "with the sign of the KL lost, the loss falls below −10 000 in one epoch, and the reconstructions are hardly better than the mean picture: their error is above 90 % of its error, and more than a tenth larger than with the right sign",  # noqa: E501
    ),
    (  # a function that trembles in the place of the decoder
        "notebooks/src/03_vae_derivation.md",
        "f = (test[:1] - first_vae.decode(z)).square().sum(1)",
        "f = torch.sin(100 * z).sum(1)",
        "for the trained VAE the variance of the pathwise gradient is less than a third of the score function's with a baseline, and less than a hundredth of it without",  # noqa: E501
    ),
    (  # what is called frozen is drawn anew
        "notebooks/src/03_vae_derivation.md",
        '            if noise == "fresh":\n',
        '            if noise != "no noise":\n',
        "with one frozen draw, and with no noise, it does not: the distance is more than four times as large",
    ),
    (  # three frozen points that do not span their cloud
        "notebooks/src/03_vae_derivation.md",
        "eps = torch.tensor([[-1.0], [0.0], [1.0]]).expand(3, 6)",
        "eps = torch.tensor([[0.5], [0.5], [0.5]]).expand(3, 6)",
        "with three points of each cloud, at −1, 0 and 1 standard deviations and the same in each step, it does: the distance is below 0.008 again, and it averages as well",  # noqa: E501
    ),
    (  # a decoder that jumps from one picture to the next
        "notebooks/src/03_vae_derivation.md",
        "    return lambda z: g(z[:, None]).squeeze(1).detach()\n",
        "    return lambda z: pixels[(z[:, None] - codes).abs().argmin(1)]\n",
        "and it averages: close to the middle between two codes its answers are less than half as far from the average as from the picture of the nearest code",  # noqa: E501
    ),
    (  # noise alone
        "notebooks/src/03_vae_derivation.md",
        '"noise and KL": free_codes(1, 1)',
        '"noise and KL": free_codes(0, 0)',
        "with the KL the best decoder's steepest slope between the codes is less than a third of that with noise alone",
    ),
    (  # both parts of the KL where only one is said to be
        "notebooks/src/03_vae_derivation.md",
        '"σ part": free_codes(0, 1)',
        '"σ part": free_codes(1, 1)',
        "with one part of the KL alone, that of μ or that of σ, it is more than 1.5 times as steep as with both",
    ),
    (  # a target that is not small
        "notebooks/src/03_vae_derivation.md",
        "def adam(log, best=1e-3,",
        "def adam(log, best=0.5,",
        "Adam on σ² itself steps below zero on its way to 0.001 and ends in NaN; on log σ² every variance is positive, and the last one is nearer than the first",  # noqa: E501
    ),
    (  # the good start, and the loss that wants a code
        "notebooks/src/03_vae_derivation.md",
        "trained(with_weights(1 / D, 1), good, epochs=1)",
        "trained(with_weights(1, 1), good, epochs=1)",
        "from a good start as well, the trained VAE of the plain sum, the mean over the pixels switches all units off: the KL falls below 0.07 nats",  # noqa: E501
    ),
    (  # the likelihood without the diagonal guess
        "notebooks/src/03_vae_derivation.md",
        "diagonal_W = fixed[2.0][0]",
        "diagonal_W = full_W",
        "at σ² = 2 the six surviving code numbers are the first six principal components, each another one: each cosine is above 0.9",  # noqa: E501
    ),
    (  # only the number for the noise is learned
        "notebooks/src/03_vae_derivation.md",
        "learned = trained(calibrated, new_vae(1.0))",
        'learned = copy.deepcopy(models["sum"])',
        "it is more than 40 nats above all four even when each of them gets its own best noise after training",
    ),
    (  # the right balance alone, without the scale of the loss
        "notebooks/src/03_vae_derivation.md",
        "return (alpha * L1 + L2) / L1.mean().detach()",
        "return alpha * L1 + L2",
        "with the same fixed α, and each batch divided by its own error, it is within 20 nats of that with learned noise, and less than half as far from it as undivided",  # noqa: E501
    ),
]
