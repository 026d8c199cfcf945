"""Mistakes on purpose: chapter 5. See __init__.py."""

MUTATIONS = [
    (
        "notebooks/src/05_gans.md",
        "return -torch.log(Normal(0, 1).cdf(-z))",
        "return Normal(0, 1).cdf(-z)",
        "F⁻¹(Φ(z)) turns normal draws into exponential ones: the distribution functions of 5000 draws and of the target differ by less than 0.04",  # noqa: E501
    ),
    (
        "notebooks/src/05_gans.md",
        "return softplus(-real_logits).mean() + softplus(fake_logits).mean()",
        "return softplus(real_logits).mean() + softplus(fake_logits).mean()",
        "the discriminator's loss is torch's cross-entropy with label 1 for real and 0 for fake, and genbook.gan.discriminator_loss",  # noqa: E501
    ),
    (
        "notebooks/src/05_gans.md",
        "loss = d_loss(judge(p).squeeze(1), judge(q).squeeze(1))",
        "loss = d_loss(judge(q).squeeze(1), judge(p).squeeze(1))",
        "a network fitted to draws alone is the best discriminator p / (p + pθ), to 0.03 on average",
    ),
    (
        "notebooks/src/05_gans.md",
        "m = torch.logaddexp(p, q) - math.log(2)",
        "m = torch.logaddexp(p, q)",
        "the value at D* is 2 JSD − log 4, by quadrature, to 1e-6",
    ),
    (
        "notebooks/src/05_gans.md",
        "x[::2] += delta  # every second one is a fake",
        "x[::2] += delta / 2",
        "logistic regression, fitted to draws, reaches the curve to 0.03 at each of six distances",
    ),
    (
        "notebooks/src/05_gans.md",
        'losses = {"minimax": -softplus(a), "non-saturating": softplus(-a)}',
        'losses = {"minimax": softplus(-a), "non-saturating": softplus(-a)}',
        "the minimax loss has the derivative −σ(a) at every logit, the non-saturating loss −(1 − σ(a))",
    ),
    (
        "notebooks/src/05_gans.md",
        "binary_cross_entropy_with_logits(a, torch.ones_like(a))",
        "binary_cross_entropy_with_logits(a, 0.9 * torch.ones_like(a))",
        "flipping the labels is gradient ascent on log D(G(z)), exactly: one gradient is minus the other, at every weight of the generator",  # noqa: E501
    ),
    (
        "notebooks/src/05_gans.md",
        "fake = G(z).detach() if detach else G(z)",
        "fake = G(z)",
        "with detach the discriminator's step leaves nothing at the generator's weights, without it gradients that are not zero",  # noqa: E501
    ),
    (
        "notebooks/src/05_gans.md",
        "loss = g_loss(D(G(z)))  # the labels flipped: fakes should be real",
        "loss = -g_loss(D(G(z)))",
        "in both directions the distance between samples and data falls to less than half of what it was at the start, and below 4 times that among the data",  # noqa: E501
    ),
    (
        "notebooks/src/05_gans.md",
        "after = quick(x), quick(G(z))",
        "after = before",
        "on the batch that it has just been trained on a discriminator looks better than before the step, by more than 1 point in a hundred",  # noqa: E501
    ),
    (
        "notebooks/src/05_gans.md",
        "normed = nn.Sequential(nn.BatchNorm1d(2), network(2, 16, 1))",
        "normed = nn.Sequential(nn.Identity(), network(2, 16, 1))",
        "with batch norm on one mixed batch, the same real points get other logits when other fakes stand beside them",
    ),
    (
        "genbook/gan.py",
        'return -softplus(fake_logits).mean(-1) if kind == "minimax" else',
        'return softplus(fake_logits).mean(-1) if kind == "minimax" else',
        "this is genbook.gan.generator_loss, whose other kind is the minimax loss",
    ),
    (
        "genbook/gan.py",
        "g_loss = generator_loss(discriminator(fake).float())",
        'g_loss = generator_loss(discriminator(fake).float(), "minimax")',
        "tests/test_gan_images.py::test_the_training_is_the_plain_loop_step_by_step",
    ),
    (
        "genbook/gan.py",
        "discriminator(fake.detach()).float()",
        "discriminator(generator(0 * z).detach()).float()",
        "tests/test_gan_images.py::test_the_training_is_the_plain_loop_step_by_step",
    ),
    (
        "genbook/gan.py",
        "first = step - len(rows) + 1 + int(bad[0])",
        "first = step",
        "tests/test_gan_images.py::test_a_training_that_diverges_stops_with_the_step",
    ),
    (
        "genbook/gan.py",
        "if images.shape[1:] != (28, 28):",
        "if images.ndim != 3:",
        "tests/test_gan_images.py::test_bad_input_is_named",
    ),
    (
        "genbook/metrics.py",
        "- 2 * trace_of_root",
        "- trace_of_root",
        "tests/test_metrics.py::test_the_frechet_distance_is_the_formula_with_scipys_matrix_root",
    ),
    (
        "genbook/metrics.py",
        "min(len(features_a), len(features_b)) <= k",
        "min(len(features_a), len(features_b)) < k",
        "tests/test_metrics.py::test_features_that_cannot_be_compared_are_named",
    ),
]

# For each box "Could it be something else?": the rival in the place of the effect, and the claim that must fail.
RIVALS = []
