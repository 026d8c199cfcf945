"""Mistakes on purpose: the package. See __init__.py."""

MUTATIONS = [
    (
        "genbook/claims.py",
        "elif not ok:",
        "elif False:",
        "tests/test_claims.py::test_a_false_claim_raises_with_its_text",
    ),
    (
        "genbook/train.py",
        "seed += 1000 * int(offset)",
        "seed += int(offset)",
        "tests/test_train.py::test_the_environment_shifts_the_seed_by_thousands",
    ),
    (
        "genbook/train.py",
        "            random.setstate(python_state)\n",
        "",
        "tests/test_train.py::test_the_global_states_come_back_even_after_an_error",
    ),
    (
        "genbook/train.py",
        "all(edge.isfinite() for edge",
        "any(edge.isfinite() for edge",
        "tests/test_train.py::test_bad_input_is_named",
    ),
    (
        "genbook/train.py",
        "times.unlink(missing_ok=True)",
        "pass",
        "tests/test_results.py::test_an_interrupted_command_goes_on_and_ends_as_an_unbroken_one",
    ),
    (
        "genbook/train.py",
        "fit(model, loss, x, checkpoint=checkpoint, **settings)",
        "fit(model, loss, x, **settings)",
        "tests/test_results.py::test_an_interrupted_command_goes_on_and_ends_as_an_unbroken_one",
    ),
    (
        "genbook/make_autoencoders.py",
        "write_json(results | {name: result}, RESULTS)",
        "write_json({name: result}, RESULTS)",
        "tests/test_results.py::test_each_command_writes_what_it_did_and_leaves_the_other_result_alone",
    ),
    (
        "genbook/make_autoencoders.py",
        '{"train": "fit", "test": "validation"}',
        '{"train": "fit", "test": "test"}',
        "tests/test_results.py::test_validation_trains_on_fit_and_writes_no_result",
    ),
    (
        "genbook/autoencoders.py",
        "math.sqrt(2 / layer.in_features)",
        "math.sqrt(1 / layer.in_features)",
        "tests/test_results.py::test_the_first_weights_are_those_of_he_and_the_first_output_is_the_mean_image",
    ),
    (
        "genbook/make_vae.py",
        "values.std() / len(values) ** 0.5",
        "values.std()",
        "tests/test_results.py::test_the_bounds_are_those_of_the_trained_vae",
    ),
    (
        "genbook/make_vae.py",
        "elbo = log_px_given_z - kl",
        "elbo = log_px_given_z + kl",
        "tests/test_results.py::test_the_bounds_are_those_of_the_trained_vae",
    ),
    (
        "genbook/make_vae.py",
        "before[::step]",
        "before[: len(before[::step])]",
        "tests/test_results.py::test_the_bounds_are_those_of_the_trained_vae",
    ),
    (
        "genbook/make_vae.py",
        "if None in (t[key] for t in times)",
        "if None in times",
        "tests/test_results.py::test_an_interrupted_command_goes_on_and_ends_as_an_unbroken_one",
    ),
    (
        "genbook/make_vae.py",
        "return x - self.mean",
        "return x",
        "tests/test_results.py::test_the_wide_vae_begins_with_the_weights_of_he_and_the_mean_image",
    ),
]
