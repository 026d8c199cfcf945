"""Mistakes on purpose: chapter 6. See __init__.py."""

MUTATIONS = [
    (
        "genbook/gan.py",
        "return softplus(-fake_logits).mean(-1)\n",
        "return softplus(fake_logits).mean(-1)\n",
        "tests/test_gan.py::test_losses_are_torchs_binary_cross_entropy",
    ),
    (
        "genbook/gan.py",
        'points = points + noise * now["noise"][i] if noise else points',
        'points = points + s["noise"] * now["noise"][i] if noise else points',
        "tests/test_gan.py::test_training_is_the_plain_loop_with_torchs_own_parts",
    ),
    (
        "genbook/gan.py",
        'return s["real_label"] * (1 - flips[:, 0]), flips[:, 1]',
        'return s["real_label"] * (1 - flips[:, 0]), flips[:, 0]',
        "tests/test_gan.py::test_training_is_the_plain_loop_with_torchs_own_parts",
    ),
    (
        "genbook/gan.py",
        'average.lerp_(weight, 1 - s["ema"])',
        'average.lerp_(weight, s["ema"])',
        "tests/test_gan.py::test_training_is_the_plain_loop_with_torchs_own_parts",
    ),
    (
        "genbook/gan.py",
        "loss = loss + r1 / 2 * gradient.square().sum(2).mean(1)",
        "loss = loss + r1 * gradient.square().sum(2).mean(1)",
        "tests/test_gan.py::test_penalties_of_a_linear_discriminator_are_those_on_paper",
    ),
    (
        "genbook/gan.py",
        "between = (fake + mix * (real - fake))",
        "between = (fake + mix[:, :1] * (real - fake))",
        "tests/test_gan.py::test_the_gradient_penalty_is_taken_between_each_real_and_its_fake_point",
    ),
    (
        "genbook/gan.py",
        "gradients = torch.autograd.grad(loss.sum(), weights, create_graph=True)",
        "gradients = torch.autograd.grad(loss.sum(), weights, retain_graph=True)",
        "tests/test_gan.py::test_the_unrolled_gradient_is_that_of_finite_differences",
    ),
    (
        "genbook/gan.py",
        "weight = weight / (u @ weight @ v.mT)",
        "weight = weight / (u @ weight @ v.mT).detach()",
        "tests/test_gan.py::test_spectral_norm_is_torchs",
    ),
    (
        "genbook/gan.py",
        "spread.mean(2, keepdim=True)",
        "spread.amax(2, keepdim=True)",
        "tests/test_gan.py::test_batch_statistics_are_the_mean_spread_of_the_last_features",
    ),
    (
        "genbook/gan.py",
        "return [_generator(seed + 2 * 10**6, device) for seed in seeds]",
        "return [_generator(2 * 10**6, device) for seed in seeds]",
        "tests/test_gan.py::test_every_seed_draws_its_own_and_the_share_of_swapped_labels_is_that_asked_for",
    ),
    (
        "genbook/gan.py",
        "bad = [(int(i) + 1, int(k))",
        "bad = [(int(i), int(k))",
        "tests/test_gan.py::test_a_training_that_diverges_is_stopped_with_step_and_seed",
    ),
    (
        "genbook/metrics.py",
        "good = distance < radius",
        "good = distance < 2 * radius",
        "tests/test_metrics.py::test_true_samples_have_the_known_floors_and_ceiling",
    ),
    (
        "genbook/metrics.py",
        "(counts >= 0.01 * points.shape[-2])",
        "(counts > 0.01 * points.shape[-2])",
        "tests/test_metrics.py::test_mode_coverage_counts_as_a_plain_loop_does",
    ),
    (
        "genbook/metrics.py",
        "shares = counts.double() / counts.sum(-1, keepdim=True)",
        "shares = counts.double() / points.shape[-2]",
        "tests/test_metrics.py::test_mode_coverage_counts_as_a_plain_loop_does",
    ),
    # chapter 6's cells
    (
        "notebooks/src/06_gan_failures.md",
        "s = torch.sigmoid(psi * theta)  # D",
        "s = torch.sigmoid(-psi * theta)  # D",
        "the Dirac-GAN's step is gradient descent on the two losses of chapter 5, as autograd computes it, with either loss of the generator",  # noqa: E501
    ),
    (
        "notebooks/src/06_gan_failures.md",
        "[top, [-q, 1 - h * gamma]]",
        "[top, [-q, 1 - gamma]]",
        "each matrix is the derivative of one step at (0, 0), as automatic differentiation finds it, with either loss of the generator",  # noqa: E501
    ),
    (
        "notebooks/src/06_gan_failures.md",
        "2 * math.pi * torch.arange(8) / 8  # 2πk/8",
        "2 * math.pi * torch.arange(8) / 7  # 2πk/8",
        "counted by hand, a set of true samples has the quality and the reverse KL that "
        "genbook.metrics.mode_coverage gives",
    ),
    (
        "notebooks/src/06_gan_failures.md",
        "fake_logits = psi * (theta + s * normal)",
        "fake_logits = psi * theta + 0 * normal",
        "instance noise with s² = 0.6 shrinks the radius per step by the factor predicted for R1 with γ = "
        "s²/2 = 0.3, to 0.001",
    ),
    (
        "notebooks/src/06_gan_failures.md",
        "best = p / (p + q.detach())",
        "best = p / (p + q)",
        "with the best D held fixed, the gradient of the non-saturating loss is that of KL(p_G ‖ p) − 2 JSD, "
        "at five generators, by quadrature",
    ),
    (
        "notebooks/src/06_gan_failures.md",
        '{"forward": kl(p, q), "reverse": kl(q, p)}',
        '{"forward": kl(q, p), "reverse": kl(p, q)}',
        "the best Gaussian by forward KL has the mean and the variance of the data, 0 and 4.25; by reverse "
        "KL it is one of the two modes",
    ),
    (
        "notebooks/src/06_gan_failures.md",
        "torch.rand(len(real), real.shape[1], 1, generator=generator)",
        "torch.rand(len(real), 1, 1, generator=generator)",
        "bug 3: the mean is 1/3 in both ways, within 0.05 over all runs; one ε for the batch makes the "
        "spread at least five times as large, in each of the runs",
    ),
    (
        "notebooks/src/06_gan_failures.md",
        "average = beta * average + (1 - beta) * theta",
        "average = beta * average + theta",
        "exercise: in the last 1000 of 4000 steps the average with 0.999 stays within 0.1 of the solution, "
        "that with 0.9 and the path itself go beyond 0.5",
    ),
    (
        "notebooks/src/06_gan_failures.md",
        "ahead = ahead - eta * slope",
        "ahead = ahead - eta * slope.detach()",
        "exercise: three unrolled steps of size 0.2 shrink the radius per step as R1 with γ = 0.3 does, to 0.002",
    ),
    (
        "notebooks/src/06_gan_failures.md",
        "blind = fitted_loss(lambda x: x)",
        "blind = fitted_loss(lambda x: x.square())",
        "against a round cloud with the ring's mean the best linear D loses log 4, to 1e-4; one that also "
        "sees squares and the radius loses less than half of it",
    ),
    (
        "notebooks/src/06_gan_failures.md",
        "cloud = cloud * math.sqrt(2.0**2 / 2 + 0.1**2)",
        "cloud = cloud * 0.3",
        "both null models pass the counts: the cloud has 8 of 8 modes in 95 % of 200 sets, the circle 1 % at each mode in all; none of either is well",  # noqa: E501
    ),
    (
        "notebooks/src/06_gan_failures.md",
        "return now + h * both_push(now + h * both_push(now))",
        "return now + h * both_push(now)",
        "extra-gradient and optimistic steps shrink the radius and momentum lets it grow, each as predicted, to a tenth of the change or better",  # noqa: E501
    ),
    (
        "notebooks/src/06_gan_failures.md",
        "move = beta * (now - before)",
        "move = -beta * (now - before)",
        "extra-gradient and optimistic steps shrink the radius and momentum lets it grow, each as predicted, to a tenth of the change or better",  # noqa: E501
    ),
    (
        "notebooks/src/06_gan_failures.md",
        "return sum((torch.xlogy(a, a) - torch.xlogy(a, middle)).sum() / 2 for a in (p, q))",
        "return (p - q).abs().sum() / 2",
        "exercise: by the Jensen–Shannon divergence the generator that misses modes is 2.8 times as far already for single samples, and the ratio falls with the pack",  # noqa: E501
    ),
    (
        "genbook/make_gan.py",
        'well = (numbers["modes_1_percent"] == 8) & (numbers["quality"] >= WELL)',
        'well = numbers["modes_1_percent"] == 8',
        "tests/test_make_gan.py::test_symptoms_are_taken_at_the_end_and_a_gan_is_well_only_with_modes_and_quality",
    ),
    (
        "genbook/make_gan.py",
        "if not path.exists():",
        "if True:",
        "tests/test_make_gan.py::test_a_cell_that_was_made_is_not_made_again",
    ),
]

# For each box "Could it be something else?": the rival in the place of the effect, and the claim that must fail.
RIVALS = [
    (  # a circle without modes in the place of the GAN
        "notebooks/src/06_gan_failures.md",
        'drawn = gan.draw(healthy["generator"], POINTS, seed=1).cpu()',
        "drawn = circle[: len(SEEDS)]",
        "with the standard settings at least 80 % of the GANs are well, and in each of them the samples lean towards the modes' directions, by more than 0.15",  # noqa: E501
    ),
    (  # equal matrices, equal behaviour: the minimax path in the place of the other
        "notebooks/src/06_gan_failures.md",
        '4000, h=h, alternating=kind == "alternating", loss=loss',
        '4000, h=h, alternating=kind == "alternating", loss="minimax"',
        "after 4000 steps from radius 1 the non-saturating loss has the radius of the theory, √(8/t) alternating and √(2h) simultaneous, within 5 %; minimax is at 0.9 or beyond with both",  # noqa: E501
    ),
    (  # the large steps by themselves: the momentum is left as it fails
        "notebooks/src/06_gan_failures.md",
        'train("oscillation", betas=(0.5, 0.99), steps=FEW, record=24)',
        'train("oscillation", steps=FEW, record=24)',
        "it is not the batch: of 256 the swing is more than half as large; it is the momentum: with large steps and β₁ = 0.5 the median GAN has all modes and a quality that no circle has, and swings less than half as much",  # noqa: E501
    ),
    (  # a healthy GAN, whose centre is nearest to many modes as well
        "notebooks/src/06_gan_failures.md",
        '"mode collapse": chase(collapsed),',
        '"mode collapse": chase(healthy),',
        "a collapsed generator chases: between two pictures its samples' centre jumps farther than they are wide, in at least two thirds of the seeds, and in no healthy one; but in fewer than 20 % of the pictures are they on one mode",  # noqa: E501
    ),
    (  # the clump that a generator begins as, in the place of one that is spread out
        "notebooks/src/06_gan_failures.md",
        '"spread out, D still": go_on(spread_out, judge, 600, lr_g=5e-3),',
        '"spread out, D still": go_on(fresh, judge, 600, lr_g=5e-3),',
        "against a still D a fresh generator ends in one place, narrower than 0.2 in the median seed and on one mode; a spread-out one keeps 8 modes and three quarters of its width, in the median seed",  # noqa: E501
    ),
    (  # Adam in the place of SGD: nobody stands still
        "notebooks/src/06_gan_failures.md",
        'ways = {"SGD": (torch.optim.SGD, {"lr": 0.1})}',
        'ways = {"SGD": (torch.optim.Adam, {"lr": 3e-4, "betas": (0.5, 0.99)})}',
        "let go against a certain D, with SGD a sample moves more than 100 times as far by the non-saturating loss as by minimax, with Adam less than 4 times as far, in the median seed",  # noqa: E501
    ),
    (  # rows whose names were passed on by one
        "notebooks/src/06_gan_failures.md",
        "right = named_right(rows)",
        "right = named_right(rows.roll(1, 0))",
        "from seven numbers the nearest row of the stored table names at least 90 % of unseen GANs right; with the rows' names shuffled a sixth on average, and by D's loss alone or by the samples alone less than 90 %",  # noqa: E501
    ),
    (  # cures counted as the circle passes them
        "notebooks/src/06_gan_failures.md",
        '"well": {key for key in cells if key[1] and cells[key]["well"] >= 7},',
        '"well": passing(lambda seeds: [m == 8 for m in seeds["modes_1_percent"]]),',
        "the table's cures, at least 7 of 8 GANs well: two time scales for collapse and for a weak D; no other remedy, in either dose, for any of the four failures",  # noqa: E501
    ),
]
