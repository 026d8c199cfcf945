"""Mistakes on purpose: chapter 4. See __init__.py."""

MUTATIONS = [
    (
        "notebooks/src/04_vae_training.md",
        "log_px = (x * logits - softplus(logits)).sum(1)",
        "log_px = (x * logits - softplus(logits)).mean(1)",
        "reconstruction + KL, written out, is genbook.vae.neg_elbo, digit by digit",
    ),
    (
        "notebooks/src/04_vae_training.md",
        "z = mu + (logvar / 2).exp() * eps  # (B, k)",
        "z = mu + logvar.exp() * eps  # (B, k)",
        "reconstruction + KL, written out, is genbook.vae.neg_elbo, digit by digit",
    ),
    (
        "notebooks/src/04_vae_training.md",
        "return vae.neg_elbo(model, x, c, generator=generator)",
        "return vae.neg_elbo(model, x, 0 * c, generator=generator)",
        "asked for a digit, the conditional VAE draws one that the classifier calls by that name, in at least 85 % of the draws",  # noqa: E501
    ),
    (
        "notebooks/src/04_vae_training.md",
        "k: torch.randn(SAMPLES, k, generator=generator, device=device())",
        "k: 3 * torch.randn(SAMPLES, k, generator=generator, device=device())",
        "drawn from N(0, I), the VAE's digits are better balanced than the autoencoder's at 2 and at 32 numbers, by more than 0.15 in imbalance",  # noqa: E501
    ),
    (
        "genbook/vae.py",
        "return beta * kl - alpha * log_px_given_z",
        "return kl - alpha * log_px_given_z",
        "a higher price buys a lower rate and costs distortion, by more than half a nat from each of six prices to the next",  # noqa: E501
    ),
    (
        "notebooks/src/04_vae_training.md",
        "bce = binary_cross_entropy_with_logits(model.decode(z), x)  # a mean",
        "bce = 784 * binary_cross_entropy_with_logits(model.decode(z), x)",
        "averaged over the pixels, the deep VAE collapses from each of three starts: no unit is active, and the KL is below 0.1 nats",  # noqa: E501
    ),
    (
        "notebooks/src/04_vae_training.md",
        "for beta in (0.01, 0.03, 0.1, 0.3, 1)]",
        "for beta in (1, 1, 1, 1, 1)]",
        "KL warm-up pays: with as many steps −ELBO is lower by more than 2 nats, in the mean of three starts",
    ),
    (
        "notebooks/src/04_vae_training.md",
        "(-elbo_at(mu, logvar, noise).sum()).backward()",
        "elbo_at(mu, logvar, noise).sum().backward()",
        "searching for each digit finds a better Gaussian than the encoder's, for at least 95 of 100 digits",
    ),
    (
        "notebooks/src/04_vae_training.md",
        "return (groups.logsumexp(2) - math.log(k)).mean(1)",
        "return groups.mean(2).mean(1)",
        "at K = 200 the bound is more than 2 nats above the ELBO, by more than 20 standard errors of the paired difference",  # noqa: E501
    ),
    (
        "genbook/vae.py",
        "log_prior_over_q = 0.5 * (noise.square() - z.square() + logvar[:, None]).sum(2)",
        "log_prior_over_q = 0.5 * (noise.square() - z.square() - logvar[:, None]).sum(2)",
        "genbook.vae.iwae_bound gives the same values from the same draws",
    ),
    (
        "notebooks/src/04_vae_training.md",
        "return kl.clamp_min(free).sum() - model.log_px_given_z(x, z)",
        "return kl.sum() - model.log_px_given_z(x, z)",
        "exercise: with free bits at least 14 of 16 units are active, and the KL is more than a nat above that of the same start at full price",  # noqa: E501
    ),
]

# For each box "Could it be something else?": the rival in the place of the effect, and the claim that must fail.
RIVALS = []
