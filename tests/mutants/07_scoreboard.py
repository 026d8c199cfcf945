"""Mistakes on purpose: chapter 7. See __init__.py."""

MUTATIONS = [
    (
        "genbook/metrics.py",
        ".values[:, k] for part",
        ".values[:, k - 1] for part",
        "tests/test_metrics.py::test_precision_recall_density_and_coverage_are_those_of_prdc",
    ),
    (
        "genbook/metrics.py",
        "float((balls > 0).double().mean())",
        "float((balls > 1).double().mean())",
        "tests/test_metrics.py::test_precision_recall_density_and_coverage_are_those_of_prdc",
    ),
    (
        "genbook/metrics.py",
        "reached.append((distance < fake_radius).any(1))",
        "reached.append(inside.any(1))",
        "tests/test_metrics.py::test_precision_recall_density_and_coverage_are_those_of_prdc",
    ),
    (
        "genbook/rbm.py",
        "torch.addmm(base_bias + beta * change, h, rbm.weights.T, alpha=beta)",
        "torch.addmm(base_bias + beta * change, h, rbm.weights.T)",
        "tests/test_rbm.py::test_annealed_importance_sampling_finds_the_exact_partition_function",
    ),
    (
        "genbook/rbm.py",
        "softplus(base_bias.double()).sum()) + len(rbm.hidden_bias) * math.log(2)",
        "softplus(base_bias.double()).sum())",
        "tests/test_rbm.py::test_annealed_importance_sampling_of_independent_bits_is_exact",
    ),
    (
        "genbook/rbm.py",
        "range(steps, 0, -1) if backwards else range(1, steps + 1)",
        "range(1, steps + 1)",
        "tests/test_rbm.py::test_annealed_importance_sampling_finds_the_exact_partition_function",
    ),
    (
        "genbook/rbm.py",
        "mean, error = _log_mean(-_anneal(",
        "mean, error = _log_mean(_anneal(",
        "tests/test_rbm.py::test_a_hasty_annealing_is_too_small_forwards_and_too_large_backwards",
    ),
    (
        "genbook/vae.py",
        "z.register_hook(lambda gradient: weights[:, :, None] * gradient)",
        "pass",
        "tests/test_vae.py::test_the_doubly_reparameterised_gradient_of_the_encoder_is_that_of_the_bound_with_less_noise",
    ),
    (
        "genbook/vae.py",
        "mu, logvar = mu.detach()[:, None], logvar.detach()[:, None]",
        "mu, logvar = mu[:, None], logvar[:, None]",
        "tests/test_vae.py::test_with_the_true_posterior_no_draw_moves_the_encoder",
    ),
    (
        "genbook/gan.py",
        "generator.set_state(state)",
        "pass",
        "tests/test_gan.py::test_a_training_that_was_stopped_goes_on_and_ends_as_an_unbroken_one",
    ),
    (
        "genbook/gan.py",
        "sigma = noise * (1 - (step - 1) / steps)",
        "sigma = noise * (1 - step / steps)",
        "tests/test_gan_images.py::test_the_training_is_the_plain_loop_step_by_step",
    ),
    (
        "genbook/gan.py",
        "return r1 / 2 * slope",
        "return r1 * slope",
        "tests/test_gan_images.py::test_the_training_is_the_plain_loop_step_by_step",
    ),
    (
        "genbook/gan.py",
        "average.lerp_(weight, 1 - ema)",
        "average.lerp_(weight, ema)",
        "tests/test_gan_images.py::test_the_training_is_the_plain_loop_step_by_step",
    ),
    (
        "genbook/scoreboard.py",
        "self.means[part] + ",
        "self.means + ",
        "tests/test_scoreboard.py::test_codes_of_the_mixture_have_its_moments",
    ),
    (
        "genbook/scoreboard.py",
        "usual.quantile(0.01)",
        "usual.quantile(0.1)",
        "tests/test_scoreboard.py::test_real_digits_and_copies_get_the_measures_that_they_must",
    ),
    (
        "genbook/make_scoreboard.py",
        ".mean() - torch.tensor(10.0).log()",
        ".mean()",
        "tests/test_scoreboard.py::test_the_likelihoods_are_what_they_are_said_to_be",
    ),
    (
        "genbook/make_scoreboard.py",
        "rest[chosen[:1000]] = False  # or",
        "rest[chosen[:1000]] = True  # or",
        "tests/test_scoreboard.py::test_the_command_makes_result_and_weights_goes_on_after_a_stop_and_what_it_made_can_be_drawn_from",
    ),
    (
        "notebooks/src/07_scoreboard.md",
        ".sort(1).values[:, k]  # the 0-th",
        ".sort(1).values[:, k - 1]  # the 0-th",
        "our four lines are genbook.metrics.precision_recall, which works through the table of distances in parts",
    ),
    (
        "notebooks/src/07_scoreboard.md",
        "in_fake = distance < radius(fake, k)",
        "in_fake = distance < radius(fake, k + 3)",
        "our four lines are genbook.metrics.precision_recall, which works through the table of distances in parts",
    ),
    (
        "notebooks/src/07_scoreboard.md",
        "expected = 1 - math.prod((N - i) / (M + N - i)",
        "expected = 1 - math.prod((N - i) / (M + N)",
        "sets of 40 and 30 points of one heavy-tailed distribution have the density 1 and the coverage of the "
        "formula on average, within five standard errors",
    ),
    (
        "notebooks/src/07_scoreboard.md",
        "copied = digits[picks]",
        "copied = 1 - digits[picks]",
        "by the Fréchet distance the copier beats every trained model",
    ),
    (
        "notebooks/src/07_scoreboard.md",
        "metrics.features((images[:FEW] > 0.5).float())",
        "metrics.features(images[:FEW])",
        "without grey the RBM's distance is less than a third, and the VAE's less than two thirds, of what it is "
        "as drawn",
    ),
    (
        "notebooks/src/07_scoreboard.md",
        "faint = 0.02 * torch.randn(",
        "faint = 0.2 * torch.randn(",
        "noise of 0.02 per pixel changes what the classifier says of fewer than 1 in 100 digits, and moves their "
        "features further away than the GAN's drawings are",
    ),
    (
        "notebooks/src/07_scoreboard.md",
        "limit = usual.quantile(0.01)",
        "limit = usual.quantile(0.9)",
        "the check finds the copier: more than nine of ten of its drawings are closer to a training digit than 99 "
        "% of test digits are; of the VAE's fewer than one of ten",
    ),
    (
        "notebooks/src/07_scoreboard.md",
        'models["GAN"](0.5 * z)',
        'models["GAN"](-z)',
        "exercise: with half of the noise the GAN's recall falls by more than 6 points, and its precision does not "
        "rise: it falls by more than 3 points",
    ),
    (
        "notebooks/src/07_scoreboard.md",
        "mixed = torch.logaddexp(good + math.log(0.01)",
        "mixed = torch.logaddexp(good + math.log(0.001)",
        "exercise: 99 % rubbish costs at most 4.61 nats per image, a fraction of what separates codes of 16 and 50",
    ),
]

# For each box "Could it be something else?": the rival in the place of the effect, and the claim that must fail.
RIVALS = []
