"""Break the code on purpose, one place at a time, and see that a test or a claim notices.

python tests/mutants.py [all | command | package | 01 …]: works in a temporary copy, prints a table, and fails if a
mutation escapes, is noticed by another claim than the one named, or does not fit the code any more.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "notebooks"))
import build  # noqa: E402
import lint  # noqa: E402

# Per group: (file, a text that occurs in it once, its replacement, what must break). The last is a test,
# tests/test_x.py::test_y (parameters may follow), or the text of a chapter's claim.
MUTATIONS: dict[str, list[tuple[str, str, str, str]]] = {
    "command": [
        (
            "genbook/convolutional.py",
            "return neg_elbo / (dimensions * math.log(2)) + 8",
            "return neg_elbo / dimensions + 8",
            "tests/test_convolutional.py::test_bits_per_dimension_of_a_known_density",
        ),
        (
            "genbook/convolutional.py",
            "return (images + noise) / 256",
            "return (images + noise) / 255",
            "tests/test_convolutional.py::test_bits_per_dimension_of_a_known_density",
        ),
        (
            "genbook/convolutional.py",
            "return kl - self.vae",
            "return 0.5 * kl - self.vae",
            "tests/test_convolutional.py::test_the_bound_is_the_one_written_out",
        ),
        (
            "genbook/convolutional.py",
            "x.var(0, unbiased=False)",
            "x.var(0, unbiased=False).detach() * 0",
            "tests/test_convolutional.py::test_the_statistics_tell_a_collapsed_batch",
        ),
        (
            "genbook/images.py",
            "k %= len(self)",
            "k = min(k, len(self) - 1)",
            "tests/test_images.py::test_a_broken_picture_is_named_counted_and_skipped",
        ),
        (
            "genbook/images.py",
            "// 257",
            "// 256 * 0",
            "tests/test_images.py::test_all_modes_become_grey_or_colour",
        ),
        (
            "genbook/images.py",
            "position = start * batch_size",
            "position = 0",
            "tests/test_images.py::test_the_order_can_be_entered_at_any_step",
        ),
        (
            "genbook/images.py",
            "generator=generator(seed, 0, epoch)",
            "generator=generator(seed, 0, 0)",
            "tests/test_images.py::test_every_epoch_holds_every_picture_once_whatever_the_batch",
        ),
        (
            "genbook/training.py",
            "rows = slice(accelerator.process_index * size",
            "rows = slice(0 * size",
            "tests/test_training.py::test_two_processes_are_one_and_outlive_each_other",
        ),
        (
            "genbook/training.py",
            '_set_rate(optimizer, s["lr"] * DECAYS[s["decay"]](number / of))',
            '_set_rate(optimizer, s["lr"])',
            "tests/test_training.py::test_the_vae_step_is_the_plain_loop",
        ),
        (
            "genbook/training.py",
            "d_loss(packed(real), packed(fake).detach(), labels, mix)",
            "d_loss(packed(fake).detach(), packed(real), labels, mix)",
            "tests/test_training.py::test_the_gan_step_is_the_plain_loop",
        ),
        (
            "genbook/training.py",
            'sigma = s["noise"] * (1 - number / of)',
            'sigma = s["noise"]',
            "tests/test_training.py::test_the_gan_step_is_the_plain_loop",
        ),
        (
            "genbook/training.py",
            "state.setdefault(i, {})[what] = t",
            "pass",
            "tests/test_training.py::test_a_training_that_was_stopped_ends_where_an_unbroken_one_does",
        ),
        (
            "genbook/training.py",
            "        _compare(before[0], s, path)\n",
            "        pass\n",
            "tests/test_training.py::test_checkpoints_that_do_not_fit_are_refused_and_stay",
        ),
        (
            "genbook/training.py",
            '    if bad:\n        raise FloatingPointError(f"{bad[0]}',
            '    if False:\n        raise FloatingPointError(f"{bad[0]}',
            "tests/test_training.py::test_a_training_that_diverges_keeps_its_last_good_checkpoint",
        ),
        (
            "genbook/training.py",
            "name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)",
            'name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith("model.generator.")',
            "tests/test_training.py::test_samples_are_drawn_from_the_average_of_the_generator",
        ),
        (
            "genbook/vae.py",
            "weights[:, :, None] * gradient",
            "gradient",
            "tests/test_vae.py::test_the_doubly_reparameterised_gradient_of_the_encoder_is_that_of_the_bound_with_less_noise",
        ),
        (
            "genbook/reproduce.py",
            "if model.training:\n        x = shifted",
            "if False:\n        x = shifted",
            "tests/test_reproduce.py::test_digits_are_moved_by_one_pixel_at_most_in_training_only",
        ),
        (
            "genbook/reproduce.py",
            "return rbm.free_energy(v) - rbm.free_energy(",
            "return rbm.free_energy(v) + rbm.free_energy(",
            "tests/test_reproduce.py::test_contrastive_divergence_is_the_difference_of_two_averages",
        ),
        (
            "genbook/reproduce.py",
            '[negative["mean"] - estimate]',
            '[negative["mean"] + estimate]',
            "tests/test_reproduce.py::test_the_rbms_likelihood_is_found_from_both_ends",
        ),
        (
            "genbook/reproduce.py",
            "    elif read(path) != asked:",
            "    elif False:",
            "tests/test_reproduce.py::test_what_was_begun_with_other_settings_is_refused",
        ),
        (
            "genbook/published.py",
            "error = statistics.stdev(values) / math.sqrt(len(values)) if finite",
            "error = statistics.stdev(values) if finite",
            "tests/test_reproduce.py::test_a_row_is_compared_as_on_paper",
        ),
        (
            "genbook/published.py",
            "math.hypot(*of_both)",
            "sum(of_both)",
            "tests/test_reproduce.py::test_a_row_is_compared_as_on_paper",
        ),
        (
            "genbook/plots.py",
            "left = (k // columns) * (height + frame) + frame, (k % columns) * (width + frame) + frame",
            "left = (k % columns) * (height + frame) + frame, (k // columns) * (width + frame) + frame",
            "tests/test_plots.py::test_image_grid_puts_images_row_by_row_with_a_frame",
        ),
    ],
    "package": [
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
    ],
    "exercises": [
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
            "lambda x, y, u, v: p_x[y, u] * p_y[v, x]),",
            "lambda x, y, u, v: p_x[y, u] * p_y[v, u] * 1.01),",
            "tests/test_exercises.py::test_each_mistake_is_named[gibbs_step-step-you used the old x when drawing y]",
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
    ],
    "pipeline": [
        (
            "notebooks/lint.py",
            "if alien := sorted(read - mine - fixed):",
            "if alien := []:",
            "tests/test_notebooks.py::test_a_source_against_the_rules_is_named",
        ),
        (
            "notebooks/lint.py",
            "taken := sorted(bound & (wanted - rebound))",
            "taken := []",
            "tests/test_notebooks.py::test_a_source_against_the_rules_is_named",
        ),
        (
            "notebooks/claims.py",
            '{"setup", "check", "live"} &',
            '{"setup", "live"} &',
            "tests/test_notebooks.py::test_a_report_must_fit_its_chapter",
        ),
        (
            "notebooks/build.py",
            "if stored.metadata != expected.metadata:",
            "if False:",
            "tests/test_notebooks.py::test_the_guard_notices_an_altered_source",
        ),
        (
            "notebooks/build.py",
            "if cell[key] != wanted[key]]",
            'if cell[key] != wanted[key] and key != "metadata"]',
            "tests/test_notebooks.py::test_the_guard_notices_an_altered_notebook",
        ),
        (
            "notebooks/build.py",
            "    if not messages:\n        write_whole",
            "    if True:\n        write_whole",
            "tests/test_notebooks.py::test_an_output_against_the_rules_is_not_written",
        ),
        (
            "notebooks/build.py",
            'cell.id = f"{source.stem}-{i:03d}"',
            "pass",
            "tests/test_notebooks.py::test_two_builds_are_byte_identical_and_the_environment_does_not_count",
        ),
        (
            "notebooks/conftest.py",
            "os.environ.clear()\n",
            "environment = {}\n",
            "tests/test_notebooks.py::test_nbval_passes_what_is_right_and_fails_each_altered_output",
        ),
        (
            "notebooks/lint.py",
            "<= NEUTRAL | fixed",
            "<= NEUTRAL",
            "tests/test_notebooks.py::test_a_source_against_the_rules_is_named",
        ),
        (
            "notebooks/claims.py",
            'if not run["error"]}  # a failed run gets a second chance',
            "}",
            "tests/test_notebooks.py::test_claims_are_counted_over_seeds_and_a_stopped_run_goes_on",
        ),
    ],
    "live": [
        (
            "book/live/nn.js",
            "Math.max(a, 0.2 * a)",
            "Math.max(a, 0.3 * a)",
            "tests/test_live_numerics.py::test_in_node[nn.test.mjs]",
        ),
        (
            "book/live/nn.js",
            "(1 + a * (1 - sigmoid(a)))",
            "(1 + a * sigmoid(a))",
            "tests/test_live_numerics.py::test_in_node[nn.test.mjs]",
        ),
        (
            "book/live/nn.js",
            "gradients[2 * l + 1] = columnSums(delta,",
            "gradients[2 * l + 1] = columnSums(slopes,",
            "tests/test_live_numerics.py::test_in_node[nn.test.mjs]",
        ),
        (
            "book/live/nn.js",
            "const correction2 = 1 - beta2 ** state.steps",
            "const correction2 = 1",
            "tests/test_live_numerics.py::test_in_node[nn.test.mjs]",
        ),
        (
            "book/live/gan8.js",
            "-sigmoid(-a) / nReal",
            "-sigmoid(a) / nReal",
            "tests/test_live_numerics.py::test_in_node[gan8.test.mjs]",
        ),
        (
            "book/live/gan8.js",
            "minimax ? -sigmoid(a) : -sigmoid(-a)",
            "minimax ? -sigmoid(-a) : -sigmoid(a)",
            "tests/test_live_numerics.py::test_in_node[gan8.test.mjs]",
        ),
        (
            "book/live/gan8.js",
            "slope(pass.sums[l][i]) * value",
            "value",
            "tests/test_live_numerics.py::test_in_node[gan8.test.mjs]",
        ),
        (
            "book/live/gan8.js",
            "count >= 0.01 * n",
            "count > 0.01 * n",
            "tests/test_live_numerics.py::test_in_node[gan8.test.mjs]",
        ),
        (
            "book/live/gan8.js",
            "rateG: 5e-3, rateD: 2e-4",
            "rateG: 1e-3, rateD: 1e-3",
            "tests/test_live_numerics.py::test_in_node[gan8.test.mjs]",
        ),
        (
            "book/live/dirac.js",
            "alternating ? newPsi : psi",
            "psi",
            "tests/test_live_numerics.py::test_in_node[dirac.test.mjs]",
        ),
        (
            "book/live/dirac.js",
            "1 - q * q, q * kept",
            "1 - q * q, q",
            "tests/test_live_numerics.py::test_in_node[dirac.test.mjs]",
        ),
        (
            "book/live/vae.js",
            "Math.exp(logvar / 2)",
            "Math.exp(logvar)",
            "tests/test_live_numerics.py::test_in_node[vae.test.mjs]",
        ),
        (
            "book/live/vae.js",
            "Math.ceil(SIDE / 2 - massX",
            "Math.round(SIDE / 2 - massX",
            "tests/test_live_numerics.py::test_in_node[vae.test.mjs]",
        ),
        (
            "book/live/vae.js",
            "ink[y * width + x] ?? 0",
            "ink[y * width + x]",
            "tests/test_live_numerics.py::test_in_node[vae.test.mjs]",
        ),
        (
            "genbook/make_live.py",
            "network[-1].weight *= 0.3",
            "network[-1].weight *= 0.5",
            "tests/test_live_numerics.py::test_the_first_weights_are_those_of_chapter_4",
        ),
        (
            "genbook/make_live.py",
            "parameter.copy_(parameter.half())",
            "pass",
            "tests/test_live_numerics.py::test_the_command_writes_the_same_scripts_each_time",
        ),
        (
            "genbook/make_live.py",
            '"fit" if validate else "train"',
            '"train"',
            "tests/test_live_numerics.py::test_validation_trains_on_fit_and_writes_nothing",
        ),
        (
            "genbook/make_live.py",
            "if len(gzip.compress(result)) > LARGEST",
            "if False",
            "tests/test_live_numerics.py::test_a_run_that_stops_leaves_what_was_there",
        ),
        (
            "book/live/vae.js",
            "const b = xy / a;",
            "const b = xy;",
            "tests/test_live_numerics.py::test_in_node[vae.test.mjs]",
        ),
        (
            "book/live/vae.js",
            "others.fill(Infinity, 2 * i, 2 * i + 2);",
            "others.fill(Infinity, 2 * i, 2 * i + 1);",
            "tests/test_live_numerics.py::test_in_node[vae.test.mjs]",
        ),
        (
            "book/live/vae.js",
            "(digits + (exponent ? 1024 : 0))",
            "(digits + 1024)",
            "tests/test_live_numerics.py::test_in_node[vae.test.mjs]",
        ),
        (
            "genbook/live.py",
            "skip_init(nn.Linear, inputs, outputs)",
            "nn.Linear(inputs, outputs)",
            "tests/test_live_numerics.py::test_what_the_command_writes_is_read_as_it_was",
        ),
        (
            "genbook/live.py",
            'network[-1] = functions[content["output"]]()',
            'network[-1] = functions["sigmoid"]()',
            "tests/test_live_numerics.py::test_what_the_command_writes_is_read_as_it_was",
        ),
    ],
    "01": [
        (
            "genbook/gibbs.py",
            "y = _invert(y_tree, x, v, out=y_new)",
            "y = _invert(y_tree, x, u, out=y_new)",
            "tests/test_gibbs.py::test_law_after_t_sweeps_is_a_power_of_the_kernel",
        ),
        (
            "genbook/gibbs.py",
            "for table in (joint, joint.T))",
            "for table in (joint, joint))",
            "tests/test_gibbs.py::test_law_after_t_sweeps_is_a_power_of_the_kernel",
        ),
        (
            "genbook/gibbs.py",
            "(u >= cuts.index",
            "(u < cuts.index",
            "tests/test_gibbs.py::test_law_after_t_sweeps_is_a_power_of_the_kernel",
        ),
        (
            "genbook/gibbs.py",
            "p_x[:, None, :] * p_y.nan_to_num(0.0)",
            "p_x[:, None, :] * p_x.nan_to_num(0.0)",
            "tests/test_gibbs.py::test_kernel_is_the_definition_and_keeps_the_table",
        ),
        (
            "genbook/gibbs.py",
            "possible = joint.nonzero()[:, 0]",
            "possible = joint.sum(1).nonzero()[:, 0]",
            "tests/test_gibbs.py::test_default_start_is_uniform_over_the_possible_cells",
        ),
        ("genbook/gibbs.py", "if (joint[y, x] == 0).any():", "if False:", "tests/test_gibbs.py::test_bad_starts"),
        (
            "genbook/gibbs.py",
            "noise_std = math.sqrt((1 - rho) * (1 + rho))",
            "noise_std = 1 - rho * rho",
            "tests/test_gibbs.py::test_gaussian_law_after_t_sweeps",
        ),
        (
            "genbook/gibbs.py",
            "count[:, 0::2] += other[:, 0::2].roll(shift, 2)",
            "count[:, 0::2] += other[:, 0::2].roll(-shift, 2)",
            "tests/test_gibbs.py::test_ising_energy_and_magnetisation_are_those_of_the_spins",
        ),
        (
            "genbook/gibbs.py",
            "_neighbours_up(black, shift=1)",
            "_neighbours_up(black, shift=-1)",
            "tests/test_gibbs.py::test_ising_updates_follow_the_conditional",
        ),
        (
            "genbook/gibbs.py",
            "torch.sigmoid(2 * field / temperature)",
            "torch.sigmoid(field / temperature)",
            "tests/test_gibbs.py::test_ising_4x4_against_enumeration",
        ),
        (
            "genbook/rbm.py",
            "h = flip(self.hidden_probabilities(v), generator=generator)",
            "h = self.hidden_probabilities(v)",
            "tests/test_rbm.py::test_one_sweep_follows_the_exact_kernel",
        ),
        (
            "genbook/rbm.py",
            "return -(v @ self.visible_bias) - softplus(hidden_input).sum(1)",
            "return -softplus(hidden_input).sum(1)",
            "tests/test_rbm.py::test_likelihood_free_energy_and_partition_match_enumeration",
        ),
        (
            "genbook/rbm.py",
            "alpha=-1 / len(model))",
            "alpha=-1 / len(batch))",
            "tests/test_rbm.py::test_gradient_is_that_of_the_exact_likelihood",
        ),
        (
            "genbook/rbm.py",
            "weights - torch.outer(visible, h_mean) - torch.outer(v_mean, hidden)",
            "weights - torch.outer(visible, h_mean)",
            "tests/test_rbm.py::test_centring_is_the_gradient_step_of_the_centred_energy",
        ),
        (
            "genbook/rbm.py",
            "            fantasies = rbm.gibbs_sweep(fantasies, generator=generator)\n",
            "",
            "tests/test_rbm.py::test_training_learns_a_small_known_distribution",
        ),
        (
            "genbook/rbm.py",
            "alpha=lr * (1 - step / steps)",
            "alpha=lr",
            "tests/test_rbm.py::test_the_step_falls_linearly_to_zero",
        ),
        (
            "genbook/data.py",
            "angle = 2 * math.pi * mode / modes ",
            "angle = 2 * math.pi * mode / (modes - 1) ",
            "tests/test_data.py::test_ring_without_noise_lies_on_distinct_corners",
        ),
        (
            "notebooks/src/01_gibbs.md",
            "joint / joint.sum(1, keepdim=True)  #",
            "joint / joint.sum(0, keepdim=True)  #",
            "the conditionals are 1/5, 4/5, 3/5, 2/5 and 1/4, 3/4, 2/3, 1/3, as worked out by hand",
        ),
        (
            "notebooks/src/01_gibbs.md",
            "cells = [(0, 0), (1, 1), (0, 1), (1, 0)]",
            "cells = [(0, 0), (1, 0), (0, 1), (1, 1)]",
            "u = 0.35 gives the pair (x, y) = (0, 1)",
        ),
        (
            "notebooks/src/01_gibbs.md",
            "    x = int(torch.rand((), generator=generator) < p_x_given_y[y, 1])\n    y =",
            "    new_x = int(torch.rand((), generator=generator) < p_x_given_y[y, 1])\n    x, y = new_x,",
            "after 20 000 sweeps the visited cells are within 0.02 of P(X, Y) in total variation",
        ),
        (
            "notebooks/src/01_gibbs.md",
            "* py(states[j][0])[states[j][1]]",
            "* py(states[i][0])[states[j][1]]",
            "πK = π, in exact fractions: a sweep leaves the joint distribution as it is",
        ),
        (
            "genbook/gibbs.py",
            "y = _invert(y_tree, x, v, out=y_new)  # y ~ P(y | x), with the new x",
            "y = _invert(y_tree, 0 * x, v, out=y_new)",
            "the simulated law of each of the first six sweeps is within 0.006 of the exact one",
        ),
        (
            "notebooks/src/01_gibbs.md",
            "    y = rho * x + more_noise",
            "    y = rho * (x - noise) / rho + more_noise",
            "from (2, 2) the sweep written out above and genbook's agree in mean and covariance to within 0.02",
        ),
        (
            "genbook/gibbs.py",
            "x = torch.add(e, y, alpha=rho, out=x_new)",
            "x = torch.add(e, y, alpha=0.8 * rho, out=x_new)",
            "the measured τ is within 15 % of (1+ρ²)/(1−ρ²) at ρ = 0.5, 0.9 and 0.99",
        ),
        (
            "notebooks/src/01_gibbs.md",
            "def ising_sweep(spins, temperature, generator):  # spins: (size, size), float ±1\n",
            "def ising_sweep(spins, temperature, generator):\n    temperature = 2 * temperature\n",
            "the Ising sweep written out above gives the enumerated |magnetisation| at T = 2.5 to within 0.05",
        ),
        (
            "notebooks/src/01_gibbs.md",
            "2 * np.tanh(b) ** 2 - 1",
            "np.tanh(b) ** 2 - 1",
            "of six averages on the 64×64 lattice, at least four are within 3 standard errors of Onsager's and Yang's values",  # noqa: E501
        ),
        (
            "notebooks/src/01_gibbs.md",
            "formula = pull[data_picture] - ",
            "formula = pull[data_picture] + ",
            "the gradient formula, data minus dream, equals automatic differentiation of the exact log-likelihood",
        ),
        (
            "notebooks/src/01_gibbs.md",
            "rbm.weights += lr * (data - dream)",
            "rbm.weights += lr * (dream - data)",
            "the step written out above raises the exact test log-likelihood by more than 200 nats in two epochs",
        ),
        (
            "genbook/rbm.py",
            "torch.addmm(self.visible_bias, h, self.weights.T)",
            "torch.addmm(0 * self.visible_bias, h, self.weights.T)",
            "the RBM sweep written out above and genbook's agree in the mean of every pixel to within 0.03",
        ),
    ],
    "02": [
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
            "estimate = log_w.logsumexp(1) - math.log(n)",
            "estimate = log_w.logsumexp(1)",
            "with one latent dimension the naive estimate of a digit's log p(x) is within 0.3 nats for nine digits in ten",  # noqa: E501
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
            "mixtures = {k: mixture(codes[k], 10)",
            "mixtures = {k: mixture(codes[k], 1)",
            "the codes are not Gaussian: a mixture beats the best Gaussian at every size, and by more nats per code in more dimensions",  # noqa: E501
        ),
        (
            "notebooks/src/02_autoencoders.md",
            '"walks": z[pairs[0]].lerp(z[pairs[1]], part)',
            '"walks": z[pairs[0]].lerp(z[pairs[0]], part)',
            "between the codes there are gaps: in 8 and 32 dimensions the classifier is unsure of walks at least 1.15 times as often as of reconstructions",  # noqa: E501
        ),
        (
            "genbook/metrics.py",
            ".median() / usual)",
            ".median())",
            "genbook.metrics.sampling_report gives the three numbers of the cell above",
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
            "exercise: given noisy test digits, the denoising autoencoder's error is at most 90 % of the ordinary one's",  # noqa: E501
        ),
        (
            "genbook/autoencoders.py",
            "weights = components.T * (variances - noise_variance)",
            "weights = components.T * variances + 0 * (variances - noise_variance)",
            "with one latent dimension the naive estimate of a digit's log p(x) is within 0.3 nats for nine digits in ten",  # noqa: E501
        ),
    ],
    "03": [
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
            "log p(x) = ELBO + KL(q ‖ posterior) to 1e-6, in three random linear models, for guesses q that are far from the posterior",  # noqa: E501
        ),
        (
            "notebooks/src/03_vae_derivation.md",
            "squares = (x - m - W * mu) ** 2 + (W * sigma) ** 2",
            "squares = (x - m - W * mu) ** 2 + 0 * sigma",
            "no guess on a grid of 95 000 has an ELBO above log p(x), and the best one is the one next to the posterior",  # noqa: E501
        ),
        (
            "notebooks/src/03_vae_derivation.md",
            "squared = (r * torch.linalg.solve(Sigma, r.mT).mT).sum(-1)",
            "squared = (r * (r @ Sigma)).sum(-1)",
            "each of the four Gaussian densities has between 0.99 and 1 of its mass in a square of side 8",
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
            "the closed KL is within 5 standard errors of a Monte Carlo average for 20 random Gaussians, and each error is below 0.3 nats",  # noqa: E501
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
            "            if fresh:\n",
            "            if False:\n",
            "with fresh noise a network learns the weighted average of the theorem: its mean squared distance from it is below 0.005",  # noqa: E501
        ),
        (
            "notebooks/src/03_vae_derivation.md",
            "    return mu + (logvar / 2).exp() * eps\n",
            "    return mu + logvar.exp() * eps\n",
            "draws made with exp(logvar / 2) have the variance exp(logvar), to 3 %, and the mean μ, to 0.01",
        ),
        (
            "notebooks/src/03_vae_derivation.md",
            "error = (x - model.decoder(z)).square().sum(1)  # L1",
            "error = (x - model.decoder(z)).square().mean(1)  # L1",
            "α·L1 + L2 with α = 1 / (2σ²) is genbook.vae.neg_elbo less the constant (D/2) log 2πσ², for each digit to 1e-4 of its value",  # noqa: E501
        ),
        (
            "notebooks/src/03_vae_derivation.md",
            '"mean, KL mean": (1 / D, 1 / K),',
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
            "the trained ELBO of a linear VAE is within 0.5 nats of the exact log-likelihoods 12.428 and 14.360 (k = 2), 182.155 and 186.024 (k = 10)",  # noqa: E501
        ),
        (
            "notebooks/src/03_vae_derivation.md",
            "kept, rest = (s[:r].log() + 1).sum(),",
            "kept, rest = s[:r].log().sum(),",
            "the theorem's formula (training set) and ppca_log_likelihood (test set) give these four values to 0.001",
        ),
        (
            "notebooks/src/03_vae_derivation.md",
            "fixed = {var: train_linear(16, var) for",
            "fixed = {var: train_linear(16, math.sqrt(var)) for",
            "as many units of a linear VAE are active as directions have a variance above the declared noise: 12, 6, 1 and 0 at σ² = 1, 2, 4 and 24.5",  # noqa: E501
        ),
        (
            "notebooks/src/03_vae_derivation.md",
            "var = error.mean().detach() / D",
            "var = error.mean().detach()",
            "the noise that the network learns is smaller than that of probabilistic PCA with the same 16 code numbers",
        ),
        (
            "notebooks/src/03_vae_derivation.md",
            "posterior.mean, torch.diag(1 / precision.diagonal())",
            "posterior.mean, torch.diag(posterior.variance)",
            "exercise: the best diagonal guess is ½ (Σ log Λᵢᵢ − log |Λ|) nats below log p(x), and 200 other diagonal ones are lower still",  # noqa: E501
        ),
    ],
    "04": [
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
    ],
    "06": [
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
            "the Dirac-GAN's step is gradient descent on the two losses of chapter 5, as autograd computes it",
        ),
        (
            "notebooks/src/06_gan_failures.md",
            "[top, [-q, 1 - h * gamma]]",
            "[top, [-q, 1 - gamma]]",
            "each matrix is the derivative of one step at (0, 0), as automatic differentiation finds it",
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
            "clouds = clouds * math.sqrt(2.0**2 / 2 + 0.1**2)",
            "clouds = clouds * (2.0**2 / 2 + 0.1**2)",
            "a shapeless round cloud with the ring's variance covers 8 of 8 modes in at least 95 % of 200 sets, with "
            "6.6 % of high quality within 0.3; but at most 3 modes on average get 1 % of its points",
        ),
        (
            "notebooks/src/06_gan_failures.md",
            'return 100 * table[failure, remedy]["share with all modes"]',
            'return 100 * table[failure, None]["share with all modes"]',
            "the table's cures: two time scales for four failures; unrolled steps for collapse; spectral norm, "
            "WGAN-GP, R1 and instance noise against a strong D; flipped labels, which end the disease, for random "
            "labels; and no others",
        ),
    ],
    "05": [
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
            "with batch norm on one mixed batch, the same real points get other logits when other fakes stand beside them",  # noqa: E501
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
    ],
    "07": [
        (
            "genbook/metrics.py",
            ".kthvalue(k + 1, dim=1)",
            ".kthvalue(k, dim=1)",
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
    ],
}


def chapter_of(claim: str, root: Path = ROOT) -> Path:
    """The source of the chapter that makes the claim. Raises ValueError if there is none."""
    for source in build.choose([], root / "notebooks"):
        if claim in lint.all_claims(build.read(source)):
            return source
    raise ValueError(f"no chapter claims {claim!r}")


def copy(root: Path, folder: Path) -> Path:
    """Copy what tests and chapters need."""
    ignored = shutil.ignore_patterns(".*", "__pycache__", "_build", "node_modules")
    return Path(shutil.copytree(root, folder / "copy", ignore=ignored))


def run_test(root: Path, node: str) -> str:
    """'' when the test passes, 'caught' when it fails, else what went wrong."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", node]
    # Without plugins pytest starts five times as fast.
    env = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    outcomes = {0: "", 1: "caught"}  # of pytest: all passed, some failed
    return outcomes.get(done.returncode, f"pytest could not run it: {(done.stdout + done.stderr)[-300:]}")


def run_claim(root: Path, claim: str) -> str:
    """The same for a claim: its chapter runs up to the first cell that fails."""
    source = chapter_of(claim, root)
    environment = build.environment(PYTHONPATH=str(root), PYTHONDONTWRITEBYTECODE="1")
    failure = build.execute(build.read(source), root / "notebooks", environment)
    if not failure or f"AssertionError: ✗ {claim}" in failure:
        return failure and "caught"
    return f"something else broke: {failure.strip().splitlines()[-1]}"


def try_mutation(root: Path, file: str, old: str, new: str, breaks: str) -> str:
    """'caught', or why not. root: a copy that may be changed; it is put back."""
    path = root / file
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        return f"the old text occurs {text.count(old)} times"
    check = run_test if breaks.startswith("tests/") else run_claim
    if check is run_test and (outcome := check(root, breaks)):
        return f"fails without the mutation: {outcome}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    try:
        return check(root, breaks) or "ESCAPED"
    finally:
        path.write_text(text, encoding="utf-8")


def main(groups: list[str]) -> int:
    if unknown := set(groups) - MUTATIONS.keys() - {"all"}:
        sys.exit(f"no mutations for {sorted(unknown)}, there are all, {', '.join(MUTATIONS)}")
    chosen = MUTATIONS if not groups or "all" in groups else groups
    escaped = 0
    with tempfile.TemporaryDirectory() as folder:
        root = copy(ROOT, Path(folder))
        for group in chosen:
            for file, old, new, breaks in MUTATIONS[group]:
                start = time.monotonic()
                outcome = try_mutation(root, file, old, new, breaks)
                escaped += outcome != "caught"
                seconds = time.monotonic() - start
                print(
                    f"{outcome:8s} {seconds:5.0f} s  {file}: {old.strip()!r} -> {new.strip()!r}  [{breaks}]", flush=True
                )
    print(f"{escaped} not caught" if escaped else "all caught")
    return bool(escaped)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
