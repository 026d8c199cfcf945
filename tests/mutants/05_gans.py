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
        "value = loss(judge(p).squeeze(1), judge(q).squeeze(1))",
        "value = loss(judge(q).squeeze(1), judge(p).squeeze(1))",
        "a network fitted to draws alone is the best discriminator p / (p + pθ), to 0.03 on average; one with the hinge loss is right nearly as often, within 0.04, and more than 0.05 away",  # noqa: E501
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
        "at the end of the training in the plane both mean distances are below 3.5 times that among the data; the cloud, one moon and one point each fail one by more",  # noqa: E501
    ),
    (
        "notebooks/src/05_gans.md",
        "after.append(right_on(quick(x), quick(G(z))))",
        "after.append(before[-1])",
        "on the batch that it has just been trained on a discriminator looks better than before the step, and than on a new batch after it, by more than 1 point in a hundred each",  # noqa: E501
    ),
    (
        "notebooks/src/05_gans.md",
        "normed = nn.Sequential(nn.BatchNorm1d(2), network(2, 16, 1))",
        "normed = nn.Sequential(nn.Identity(), network(2, 16, 1))",
        "with batch norm on one mixed batch, the same real points get other logits when other fakes stand beside them",
    ),
    (
        "notebooks/src/05_gans.md",
        "minimax = g_gradient(lambda a: torch.log(1 - a.sigmoid()).mean())",
        "minimax = -g_gradient(lambda a: torch.log(1 - a.sigmoid()).mean())",
        "the loss only weighs the fakes: the minimax gradient at the generator's weights is the mean of −σ(a) times each logit's own gradient",  # noqa: E501
    ),
    (
        "notebooks/src/05_gans.md",
        "sums = torch.cat([rows, columns]), torch.cat([p, q])",
        "sums = rows, p",
        "plan, two potentials and one 1-Lipschitz function give the same distance, to 1e-8, by linear programming; slopes up to 2 give twice as much",  # noqa: E501
    ),
    (
        "notebooks/src/05_gans.md",
        "(loss + weights * penalty).sum().backward()",
        "(loss + 0.01 * weights * penalty).sum().backward()",
        "the box sets the slope, over more than four orders of magnitude; the penalty keeps it between 0.5 and 5, and proves more of W than each of the boxes",  # noqa: E501
    ),
    (
        "notebooks/src/05_gans.md",
        "return D(images).mean().item()",
        "return -D(images).mean().item()",
        "the drawings have few grey pixels, at most 1.3 times the share of real digits; the discriminator marks real and drawn pictures down by more than 0.2 if they are blurred, and less if they are made black and white",  # noqa: E501
    ),
    (
        "notebooks/src/05_gans.md",
        '"training digits": digits[rows[:SAMPLES]],',
        '"training digits": digits[:SAMPLES],',
        "as many training digits drawn at random are nearer to the test digits than the first ones of the file, by more than a fifth",  # noqa: E501
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
RIVALS = [
    (  # a classifier with other probabilities that is right as often
        "notebooks/src/05_gans.md",
        "judge = fit_judge(d_loss)",
        "judge = fit_judge(lambda r, f: (1 - r).relu().mean() + (1 + f).relu().mean())",
        "a network fitted to draws alone is the best discriminator p / (p + pθ), to 0.03 on average; one with the hinge loss is right nearly as often, within 0.04, and more than 0.05 away",  # noqa: E501
    ),
    (  # a judge that has too many draws to remember
        "notebooks/src/05_gans.md",
        "for n in (40, 5000))",
        "for n in (2000, 5000))",
        "a judge that remembers 40 draws of each gives a value above −0.5 on them, where both come from one distribution; on fresh draws it is below the true −log 4",  # noqa: E501
    ),
    (  # one moon alone in the GAN's place
        "notebooks/src/05_gans.md",
        'sets = {f"GAN, step {step}": samples for step',
        'sets = {f"GAN, step {step}": one_moon for step',
        "at the end of the training in the plane both mean distances are below 3.5 times that among the data; the cloud, one moon and one point each fail one by more",  # noqa: E501
    ),
    (  # losses at log 4 and log 2 mean good samples: the second game is a good one, too
        "notebooks/src/05_gans.md",
        "adam(weak_G, 3e-3), adam(weak_D, 1e-4)",
        "adam(weak_G, 1e-3), adam(weak_D, 1e-3)",
        "at the end both losses in the plane are those of a blind judge, log 4 and log 2, within 0.15; so are they with a weak D, whose samples are off by more than 6",  # noqa: E501
    ),
    (  # Adam under SGD's name: nothing starves
        "notebooks/src/05_gans.md",
        "sgd = torch.optim.SGD(copied.parameters(), lr=0.01)",
        "sgd = adam(copied, 1e-3)",
        "where every fake is recognised the minimax gradient is shorter by more than 100; by SGD the samples move less than a fiftieth as far, by Adam at least 0.7 as far",  # noqa: E501
    ),
    (  # a box in the penalty's place
        "notebooks/src/05_gans.md",
        "boxes = torch.tensor([0.01, 0.1, 1.0, math.inf])[:, None, None]  # c\nweights = torch.tensor([0.0, 0.0, 0.0, 1.0])  # λ",  # noqa: E501
        "boxes = torch.tensor([0.01, 0.1, 1.0, 0.1])[:, None, None]\nweights = torch.zeros(4)",
        "the box sets the slope, over more than four orders of magnitude; the penalty keeps it between 0.5 and 5, and proves more of W than each of the boxes",  # noqa: E501
    ),
    (  # names counted, clear or not
        "notebooks/src/05_gans.md",
        "kinds = best.indices[best.values >= 0.9].cpu()",
        "kinds = best.indices.cpu()",
        "counting clear pictures only, the generator draws at least eight kinds of digit in at least 0.3 % of its images each, and some kind five times less than digits",  # noqa: E501
    ),
    (  # smoothness alone: an untrained generator walks
        "notebooks/src/05_gans.md",
        '"line": G((z0 + z1) / 2)}',
        '"line": G(mid_arc)}',
        "in the middle of the arcs the drawings are nearly as good as at their ends, by Fréchet distance to 20 %; in the middle of the straight lines they are worse by more than 5 % than on the arcs",  # noqa: E501
    ),
    (  # a machine that moves training digits by a pixel
        "notebooks/src/05_gans.md",
        'candidates = {"GAN": few, ',
        'candidates = {"GAN": copies["moved"], ',
        "with shifts by a pixel allowed the moved copies are found, at distance 0, and the drawings still are not closer than test digits",  # noqa: E501
    ),
]
