"""Mistakes on purpose: the checks of exercises. See __init__.py."""

MUTATIONS = [
    (
        "genbook/exercises.py",
        "rtol=1e-4, atol=1e-5",
        "rtol=1e3, atol=1e-5",
        "tests/test_exercises.py::test_each_mistake_is_named[generator_loss-<lambda>-minimax loss]",
    ),
    (
        "genbook/exercises.py",
        "if not torch.equal(z, draw(0, 2)[0]):",
        "if False:",
        "tests/test_exercises.py::test_each_mistake_is_named[reparameterize-<lambda>-outside the given generator]",
    ),
    (
        "genbook/exercises.py",
        "if any(p.grad is not None and p.grad.any() for p in G.parameters()):",
        "if False:",
        "tests/test_exercises.py::test_each_mistake_is_named[d_step-not_detached-fake batch is not detached]",
    ),
    (
        "genbook/exercises.py",
        "return q * p[0] / q[0]\n",
        "return q * p[0]\n",
        "tests/test_exercises.py::test_right_answers_pass[joint_from_conditionals-joint_by_sums]",
    ),
    (
        "genbook/exercises.py",
        "Normal(0.0, 1.0)).sum(1)",
        "Normal(0.0, 1.0)).mean(1)",
        "tests/test_exercises.py::test_right_answers_pass[kl-kl_to_standard_normal]",
    ),
    (
        "genbook/exercises.py",
        "    with seeded(0), torch.enable_grad():",
        "    with torch.enable_grad():",
        "tests/test_exercises.py::test_a_verdict_does_not_depend_on_seeds_and_leaves_the_random_states_alone[kl]",
    ),
    (
        "genbook/exercises.py",
        "if isinstance(mine, Tensor) and not torch.equal(mine, theirs):",
        "if False:",
        "tests/test_exercises.py::test_what_is_no_known_mistake_is_shown",
    ),
    (
        "genbook/exercises.py",
        "if result is None or (isinstance(result, _Raised)",
        "if (isinstance(result, _Raised)",
        "tests/test_exercises.py::test_a_stub_is_told_what_to_do_and_ends_in_no_error[stub-kl]",
    ),
]
