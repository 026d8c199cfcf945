"""Mistakes on purpose: chapter 2. See __init__.py."""

MUTATIONS = [
    (
        "genbook/train.py",
        "(1 + math.cos(math.pi * t)) / 2",
        "math.cos(math.pi * t)",
        "tests/test_train.py::test_whole_batches_take_the_steps_of_adam",
    ),
    (
        "genbook/train.py",
        "((epoch + step / steps) / epochs)",
        "(epoch / epochs)",
        "tests/test_train.py::test_the_rate_falls_with_every_step_not_every_epoch",
    ),
    (
        "genbook/train.py",
        "                optimizer.zero_grad()\n",
        "",
        "tests/test_train.py::test_whole_batches_take_the_steps_of_adam",
    ),
    (
        "genbook/train.py",
        "sums.append(total.detach())",
        "sums.append(total.detach() / len(batch[0]))",
        "tests/test_train.py::test_history_holds_means_over_the_examples_whatever_the_batches",
    ),
    (
        "genbook/train.py",
        "with seeded(seeds[epoch], device) as generator:",
        "with seeded(seeds[0], device) as generator:",
        "tests/test_train.py::test_each_epoch_draws_anew",
    ),
    (
        "genbook/train.py",
        "                optimizer.step()\n",
        "                optimizer.step()\n                float(total.detach())\n",
        "tests/test_train.py::test_no_step_waits_for_a_value",
    ),
    (
        "genbook/train.py",
        "enabled=bf16)",
        "enabled=False)",
        "tests/test_train.py::test_bf16_is_autocast_where_the_hardware_has_it",
    ),
    (
        "genbook/train.py",
        "    bf16 = bf16 and has_bf16(device)\n",
        "",
        "tests/test_train.py::test_bf16_is_autocast_where_the_hardware_has_it",
    ),
    (
        "genbook/train.py",
        "        model.eval()\n        sums",
        "        sums",
        "tests/test_train.py::test_the_model_ends_in_eval_mode_and_the_last_test_loss_is_its_own",
    ),
    (
        "genbook/train.py",
        "    model.train(training)\n",
        "",
        "tests/test_train.py::test_evaluation_is_without_dropout_gradients_or_new_draws",
    ),
    (
        "genbook/train.py",
        "    if bad == [] and all(_is_finite(p) for p in model.parameters()):",
        "    if bad == []:",
        "tests/test_train.py::test_a_last_step_that_spoils_the_weights_is_noticed_before_they_are_kept",
    ),
    (
        "genbook/train.py",
        "    if bad and bad[0] == 0 and first:",
        "    if bad and bad[0] == 0:",
        "tests/test_train.py::test_a_loss_that_is_not_finite_stops_with_its_place_and_cause",
    ),
    (
        "genbook/train.py",
        '    optimizer.load_state_dict(state["optimizer"])\n',
        "",
        "tests/test_train.py::test_a_run_that_was_stopped_ends_as_one_that_was_not",
    ),
    (
        "genbook/files.py",
        '    temporary = path.with_name(path.name + ".tmp")\n',
        "    temporary = path\n",
        "tests/test_train.py::test_a_run_that_was_killed_again_and_again_ends_as_one_that_was_not",
    ),
    (
        "genbook/files.py",
        '    temporary = path.with_name(path.name + ".tmp")\n',
        "    temporary = path\n",
        "tests/test_train.py::test_a_full_disk_leaves_the_old_checkpoint",
    ),
    (
        "genbook/train.py",
        "weights_only=True",
        "weights_only=False",
        "tests/test_train.py::test_a_checkpoint_runs_no_code",
    ),
    (
        "genbook/train.py",
        "or epoch + 1 == epochs)",
        "or False)",
        "tests/test_train.py::test_a_finished_run_is_read_back",
    ),
    (
        "genbook/train.py",
        "    if differ:\n",
        "    if False:\n",
        "tests/test_train.py::test_a_checkpoint_of_other_settings_is_refused_with_what_differs",
    ),
    (
        "genbook/train.py",
        ', SHA-256 {sha256.hexdigest()[:16]}"',
        '"',
        "tests/test_train.py::test_a_checkpoint_of_other_settings_is_refused_with_what_differs",
    ),
    (
        "genbook/train.py",
        '"seed": generator.initial_seed()',
        '"seed": seed',
        "tests/test_train.py::test_a_checkpoint_of_another_model_or_environment_seed_is_refused",
    ),
    (
        "genbook/train.py",
        "evaluate(model, loss, test, seed=seed)",
        "evaluate(model.train(), loss, x, seed=seed)",
        "tests/test_train.py::test_the_model_ends_in_eval_mode_and_the_last_test_loss_is_its_own",
    ),
    (
        "genbook/metrics.py",
        ".eval().requires_grad_(False)",
        ".requires_grad_(False)",
        "tests/test_metrics.py::test_flat_images_any_device_and_any_company_give_the_same",
    ),
    (
        "genbook/files.py",
        "    if digest != sha256:",
        "    if False:",
        "tests/test_metrics.py::test_damaged_or_missing_weights_are_named_with_the_way_to_repair_them",
    ),
    (
        "genbook/metrics.py",
        "classifier.load_state_dict(safetensors.torch.load(content))",
        "safetensors.torch.load(content)",
        "tests/test_metrics.py::test_the_classifier_is_right_on_99_percent_of_the_test_digits",
    ),
    (
        "genbook/metrics.py",
        "digit_classifier(images.device).features",
        "digit_classifier(images.device).features[:-1]",
        "tests/test_metrics.py::test_features_are_what_the_last_layer_sees",
    ),
    (
        "genbook/make_digit_classifier.py",
        "2 * SHIFT + 1, (2,",
        "2 * SHIFT, (2,",
        "tests/test_metrics.py::test_images_are_shifted_as_scipy_shifts_them_each_way_equally_often",
    ),
    (
        "genbook/make_digit_classifier.py",
        '    with seeded(settings["seed"]):\n        model',
        "    if True:\n        model",
        "tests/test_metrics.py::test_the_command_learns_and_gives_the_same_bytes_each_time",
    ),
    (
        "genbook/metrics.py",
        "nn.Linear(1024, 64, bias=False),\n            nn.BatchNorm1d(64),  # or a third of the features would never speak\n",  # noqa: E501
        "nn.Linear(1024, 64),\n",
        "tests/test_metrics.py::test_the_classifier_is_right_on_99_percent_of_the_test_digits",
    ),
    (
        "genbook/metrics.py",
        "(shares - 0.1).abs().sum() / 2",
        "(shares - 0.1).abs().sum()",
        "tests/test_metrics.py::test_a_report_on_the_digits_themselves_and_on_what_is_none",
    ),
    (
        "genbook/metrics.py",
        "NearestNeighbors(n_neighbors=1)",
        'NearestNeighbors(n_neighbors=1, metric="manhattan")',
        "tests/test_metrics.py::test_the_nearest_distance_is_scipys",
    ),
    (
        "genbook/make_digit_classifier.py",
        "    return share * one + (1 - share) * other",
        "    return one",
        "tests/test_metrics.py::test_in_training_half_of_the_images_are_mixed_and_their_labels_in_the_same_shares",
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "torch.trapezoid(p_x_given_z * prior, grid)",
        "torch.trapezoid(p_x_given_z, grid) / 16",
        "ancestral sampling and the integral over z agree: no cell of the histogram differs by more than 1 % of the points",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "return log_w.logsumexp(1) - math.log(n), ess",
        "return log_w.logsumexp(1), ess",
        "with one latent dimension the naive estimate of a digit's log p(x) is within 0.3 nats for nine digits in ten",
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "            optimizer.zero_grad()  # or",
        "            pass  # or",
        "after one epoch the small autoencoder's test error is below 80 % of what the mean picture costs",
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "optimizer = torch.optim.Adam(model.parameters(), lr=lr)",
        "optimizer = torch.optim.AdamW(model.parameters(), lr=lr)",
        "genbook.train.fit takes the same steps as the loop written out, to 1e-8 in every weight",
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "error = C.trace() - 2 * (W1C * W2.T).sum()",
        "error = C.trace() - 2.1 * (W1C * W2.T).sum()",
        "no linear autoencoder undercuts PCA, and the trained ones come within 1e-5 of it, relative, at 2, 10 and 16 code numbers",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "penalty * (W1.square().sum() + W2.square().sum())",
        "penalty * (W1 @ W1.T + W2.T @ W2).square().sum()",
        "and its singular values are √(1 − λ/s), as the theorem predicts, to 1e-4",
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "    ten, one = mixture(z, 10), mixture(z, 1)",
        "    ten, one = mixture(z, 10), mixture(z, 10)",
        "the codes are not Gaussian: a mixture leads a Gaussian by more than 0.3 nats per code at every size, and on Gaussian codes by less than 0.05",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "of_same = z[other[range(n), same.argmax(1)]]",
        "of_same = z[other[range(n), same.argmin(1)]]",
        "half way to another code of the same digit at most 3 points more digits are lost than at the codes, in 2 and in 32 dimensions",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "aside = length * aside / aside.norm(dim=1, keepdim=True)",
        "aside = aside / aside.norm(dim=1, keepdim=True)",
        "in 32 dimensions a step of the same length in a random direction loses at least twice as many digits, and leads at least 1.3 times as far from the codes",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "    error = error + ((W1C @ W1.T) * (W2.T @ W2)).sum()",
        "    error = error + ((W1C @ W1.T) * (W2.T @ W2)).square().sum()",
        "no linear autoencoder undercuts PCA, and the trained ones come within 1e-5 of it, relative, at 2, 10 and 16 code numbers",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "torch.trapezoid(likelihood**2 * prior, grid)",
        "torch.trapezoid(likelihood**2, grid)",
        "for x = 1.2 the effective sample size of 1000 draws is 1000/R, to within a quarter",
    ),
    (
        "genbook/metrics.py",
        ".median() / usual)",
        ".median())",
        "genbook.metrics.sampling_report finds the same distance, and as many pictures unclear",
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "    - posterior.log_prob(z)\n",
        "    + posterior.log_prob(z)\n",
        "exercise: with the posterior as proposal one draw gives log p(x) exactly, at 32 dimensions",
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "return (x - model(x + 0.5 * noise)).square().sum(1)",
        "return (x + 0.5 * noise - model(x + 0.5 * noise)).square().sum(1)",
        "exercise: given noisy test digits, the denoising autoencoder's error is at most 90 % of the ordinary one's",
    ),
    (
        "genbook/autoencoders.py",
        "weights = components.T * (variances - noise_variance)",
        "weights = components.T * variances + 0 * (variances - noise_variance)",
        "tests/test_autoencoders.py::test_the_fit_is_the_maximum_of_the_likelihood",
    ),
]

# For each box "Could it be something else?": the rival in the place of the effect, and the claim that must fail.
RIVALS = [
    (
        "notebooks/src/02_autoencoders.md",
        "idle = torch.zeros(784, 30).to(W)",
        "idle = linear[32][1][:, 2:]",
        "32 causes of which the decoder uses 2 leave as many useful draws as those 2, to within 30 %, in the median",
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "def saddle(chosen, noise=1e-3):",
        "def saddle(chosen, noise=0.0):",
        "from two random starts and from beside three saddles, with losses up to 16 % too high, the optimiser ends within 1e-5 of PCA, relative",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "    models[k], histories[k] = trained([784, 128, 64, k])",
        "    models[k], histories[k] = trained([784, k], lr=1e-2)",
        "of what the small autoencoder gains over PCA, the sigmoid alone gives less than a fifth with 2 numbers, and more than half with 32",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "    gain[k], mixtures[k] = lead(codes[k], test_codes[k])",
        "    noise = torch.randn(15_000, k, generator=torch.Generator().manual_seed(k))\n"
        "    like_codes = centre[k] + noise @ root[k].T\n"
        "    gain[k], mixtures[k] = lead(like_codes[:5000], like_codes[5000:])",
        "the codes are not Gaussian: a mixture leads a Gaussian by more than 0.3 nats per code at every size, and on Gaussian codes by less than 0.05",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "{k: normal[k] @ root[k].T for k in models}",
        "gaussian",
        "the right centre with the wrong covariance brings draws nearer to the codes than the right covariance around the origin, by a factor of 1.3 or more",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        '"random": start + 0.5 * aside,',
        '"random": start + 0.5 * (of_same - start),',
        "in 32 dimensions a step of the same length in a random direction loses at least twice as many digits, and leads at least 1.3 times as far from the codes",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "_, log_R_loud = closed_forms(digits, *linear[32][:2], variance)",
        "_, log_R_loud = closed_forms(digits, *linear[2])",
        "with the noise of the model with 2 causes, one useful draw at 32 dimensions still costs more than 10²⁰ draws, and less than with its own noise",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "k: nats_lost(k, m_z, torch.eye(k, device=m_z.device))",
        "k: nats_lost(k, m_z, 0.01 * torch.eye(k, device=m_z.device))",
        "in 32 dimensions the wrong centre costs more than twice the nats of the wrong covariance, in 2 dimensions at most 1.5 times as many",  # noqa: E501
    ),
    (
        "notebooks/src/02_autoencoders.md",
        "missed_ours = missed(lambda z: models[32].encode(models[32].decode(z)), ways[32])",
        "missed_ours = missed(pca_back, pca_ways)",
        "decoded and encoded again, the autoencoder misses a random place at least twice as far as the code of a test digit, in 32 dimensions; for clipped PCA the factor is smaller, by more than a tenth",  # noqa: E501
    ),
]
