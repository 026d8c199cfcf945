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
        "return torch.cdist(points, points).kthvalue(k + 1, dim=1)",
        "return torch.cdist(points, points).kthvalue(k, dim=1)",
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
        "return 1 - math.prod((N - i) / (M + N - i)",
        "return 1 - math.prod((N - i) / (M + N)",
        "sets of 40 and 30 points of one heavy-tailed distribution have the density 1 and the coverage of the "
        "formula on average, within five standard errors",
    ),
    (
        "notebooks/src/07_scoreboard.md",
        "copied = digits[picks]",
        "copied = 1 - digits[picks]",
        "by the Fréchet distance the copier beats every trained model, by more than a factor of 5",
    ),
    (
        "notebooks/src/07_scoreboard.md",
        "return (k.sum() - k.trace()) / (len(x) * (len(x) - 1))",
        "return k.mean()",
        "from 250 to 2500 images the autoencoder's Fréchet distance falls by more than a third; its kernel distance does not, within five standard errors and a fifth",  # noqa: E501
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
        "shifted = copied.roll(1, dims=2)",
        "shifted = copied",
        "a copier that moves its digits by one pixel passes the copy test, Z above 0",
    ),
    (
        "genbook/make_scoreboard.py",
        "log_w = log_px + (model.log_prob(z) - log_q).reshape(len(part), k)",
        "log_w = log_px + model.log_prob(z).reshape(len(part), k)",
        "tests/test_scoreboard.py::test_with_the_prior_for_a_mixture_the_bound_is_the_usual_one",
    ),
    (
        "genbook/make_scoreboard.py",
        "if any(stored.get(key) != value for key, value in provenance().items()):",
        "if False:",
        "tests/test_scoreboard.py::test_a_model_is_added_to_a_result_that_was_made_in_the_same_way_only",
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
        "mixed = torch.logaddexp(bounds[:, 1] + math.log(0.01)",
        "mixed = torch.logaddexp(bounds[:, 1] + math.log(0.00001)",
        "99 % rubbish costs the bound less than what separates the VAE from the RBM, and the bits that are drawn are further from the digits than those of the RBM, by more than a factor of 3",  # noqa: E501
    ),
]

# For each box "Could it be something else?": the rival in the place of the effect, and the claim that must fail.
RIVALS = [
    (  # training digits that are draws of the test digits' distribution: other test digits
        "notebooks/src/07_scoreboard.md",
        "train_against_test = both_numbers(test_half, train_half)",
        "train_against_test = both_numbers(*splits[0])",
        "random halves of the test digits have the density and the coverage of a perfect model, each of eight within four standard deviations; the coverage of training against test digits is more than four below, in features as in pixels",  # noqa: E501
    ),
    (  # the floor is the price of few images and nothing else
        "notebooks/src/07_scoreboard.md",
        "train_floor = sum(apart_in_train) / 3",
        'train_floor = sum(metrics.frechet_distance(a, features["test digits"]) for a in six) / 6',
        "with 10 000 images two sets of training digits are nearer to each other than training digits are to test digits, by a quarter of the distance or more",  # noqa: E501
    ),
    (  # all that black and white takes away is haze
        "notebooks/src/07_scoreboard.md",
        "return images.where(images >= 0.1, 0)",
        "return black_and_white(images)",
        "of what black and white takes from the RBM's Fréchet distance more than three quarters is haze, of what it takes from the VAE's less than 60 %",  # noqa: E501
    ),
    (  # drawings that are copies are nearer than smooth new digits, too
        "notebooks/src/07_scoreboard.md",
        'versus_smooth = copy_z(nearest["autoencoder + mixture"], of_smooth)',
        'versus_smooth = copy_z(nearest["copier"], of_smooth)',
        "test digits that went through a VAE's code look like copies, Z below −4; against them the autoencoder's mixture, Z below −3 before, has a Z above −3",  # noqa: E501
    ),
    (  # the decoder is to blame: another prior does not help
        "notebooks/src/07_scoreboard.md",
        '"mixture": vae.decoder_mean(fitted),',
        '"mixture": vae.decoder_mean(prior.flip(0)),',
        "exchanging the prior for a mixture takes away more than 80 % of what separates the VAE from the autoencoder with its mixture, as drawn and in black and white",  # noqa: E501
    ),
    (  # the label gives balance and nothing else: the balanced VAE in the place of the conditional one
        "notebooks/src/07_scoreboard.md",
        '+ [metrics.frechet_distance(of["conditional VAE"][: len(even)], of["test digits"])]',
        '+ [metrics.frechet_distance(of["VAE"][even], of["test digits"])]',
        "the conditional VAE's Fréchet distance is less than 0.7 times the VAE's, whichever seeds we compare; balancing the VAE's drawings makes up for less than half of the difference, as drawn and in black and white",  # noqa: E501
    ),
    (  # the distance is that of means: the bits that are drawn are those of one prior
        "notebooks/src/07_scoreboard.md",
        "data.binarize(decoded[name].reshape(-1, 28, 28), generator=generator)",
        'data.binarize(decoded["prior"].reshape(-1, 28, 28), generator=generator)',
        "with the mixture for a prior the bound gains between 2 and 5 nats, more than ten standard errors, and the Fréchet distance falls to less than a third: of the means, in black and white, and of drawn bits",  # noqa: E501
    ),
]
