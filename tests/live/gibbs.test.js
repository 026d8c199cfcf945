// The numerics of the Gibbs figures against NumPy, torch and genbook: tests/test_live.py computes the values and says
// in ORACLE where they are.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import * as gibbs from "../../book/live/gibbs.js";
import { seeded } from "../../book/live/rng.js";

const oracle = JSON.parse(readFileSync(process.env.ORACLE, "utf8"));

function close(actual, expected, tolerance) {
  assert.equal(actual.flat(3).length, expected.flat(3).length);
  actual.flat(3).forEach((a, i) => {
    const e = expected.flat(3)[i];
    assert.ok(Math.abs(a - e) <= tolerance, `${a} is not within ${tolerance} of ${e}, at ${i}`);
  });
}

test("uniform numbers are torch's, bit by bit", () => {
  for (const [seed, expected] of Object.entries(oracle.uniform)) {
    const random = seeded(Number(seed));
    assert.deepEqual(expected.map(() => random.uniform()), expected);
  }
});

test("normal numbers are torch's, also between uniform ones", () => {
  for (const [seed, expected] of Object.entries(oracle.mixed)) {
    const random = seeded(Number(seed));
    close(expected.map(() => [random.uniform(), random.normal()]), expected, 1e-14);
  }
});

test("bits are NumPy's Mersenne Twister", () => {
  const random = seeded(oracle.bits.seed);
  assert.deepEqual(oracle.bits.values.map(() => random.bits()), oracle.bits.values);
});

test("a seed is a whole number of 32 bits", () => {
  for (const seed of [-1, 0.5, 2 ** 32, NaN, "1", undefined]) assert.throws(() => seeded(seed), RangeError);
});

test("conditionals are genbook's", () => {
  for (const { table, joint, x_given_y, y_given_x } of oracle.tables) {
    close([0, 1].map((y) => gibbs.xGivenY(table, y)), x_given_y, 1e-15);
    close([0, 1].map((x) => gibbs.yGivenX(table, x)), y_given_x, 1e-15);
    close(gibbs.probabilities(table), joint, 1e-15);
  }
});

test("the walk is the chapter's, draw by draw", () => {
  const { table, seed, visits, last } = oracle.walk;
  const random = seeded(seed);
  const walk = gibbs.startTableWalk(table);
  while (walk.sweeps < visits.flat().reduce((a, b) => a + b)) gibbs.draw(walk, table, random);
  assert.deepEqual(walk.visits, visits);
  assert.deepEqual([walk.x, walk.y], last);
});

test("the walk starts on a cell that is possible, and never enters one that is not", () => {
  const table = [[0, 0.4], [0.3, 0.3]];
  const walk = gibbs.startTableWalk(table);
  assert.deepEqual([walk.x, walk.y, walk.next, walk.sweeps], [1, 0, "x", 0]);
  const random = seeded(0);
  for (let i = 0; i < 2000; i++) {
    gibbs.draw(walk, table, random);
    assert.ok(table[walk.y][walk.x] > 0);
  }
  assert.ok(walk.visits[0][1] > 0 && walk.visits[1][0] > 0 && walk.visits[1][1] > 0);
  assert.equal(walk.visits[0][0], 0);
});

test("two blocks: the walk stays in its own, half a table away from the target", () => {
  const table = [[2, 0], [0, 2]];
  const walk = gibbs.startTableWalk(table);
  const random = seeded(5);
  while (walk.sweeps < 100) gibbs.draw(walk, table, random);
  assert.deepEqual(gibbs.visitShares(walk), [[1, 0], [0, 0]]);
  assert.equal(gibbs.totalVariation(gibbs.visitShares(walk), gibbs.probabilities(table)), 0.5);
});

test("what is wrong with a table is said", () => {
  assert.equal(gibbs.tableProblem([[0, 0], [0, 1]]), "");
  assert.match(gibbs.tableProblem([[0.1, -0.1], [0.5, 0.5]]), /not negative/);
  assert.match(gibbs.tableProblem([[0.1, NaN], [0.5, 0.5]]), /must be a number/);
  assert.match(gibbs.tableProblem([[0.1, Infinity], [0.5, 0.5]]), /must be a number/);
  assert.match(gibbs.tableProblem([[0, 0], [0, 0]]), /greater than zero/);
});

test("sweeps of the Gaussian are the chapter's", () => {
  for (const { rho, start, seed, path } of oracle.paths) {
    const random = seeded(seed);
    let point = start;
    close(path.map(() => (point = gibbs.gaussianSweep(point, rho, random))), path, 1e-12);
  }
});

test("the lag-1 correlation is NumPy's", () => {
  for (const { series, lag_one } of oracle.series) close([gibbs.lagOne(series)], [lag_one], 1e-12);
  assert.ok(Number.isNaN(gibbs.lagOne([1, 2])));
});

test("over many sweeps x is standard normal, and the lag-1 correlation is the square of rho", () => {
  for (const rho of [0, 0.5, -0.9]) {
    const random = seeded(1);
    let point = [0, 0];
    const x = Array.from({ length: 100_000 }, () => (point = gibbs.gaussianSweep(point, rho, random))[0]);
    const mean = x.reduce((a, b) => a + b) / x.length;
    const square = x.reduce((a, b) => a + b * b) / x.length;
    close([mean, square, gibbs.lagOne(x)], [0, 1, rho ** 2], 0.04);
  }
});

test("the ellipse is k standard deviations away everywhere", () => {
  for (const [x, y] of gibbs.ellipse(0.8, 2)) {
    close([(x * x - 2 * 0.8 * x * y + y * y) / (1 - 0.64)], [4], 1e-12); // the Mahalanobis distance, squared
  }
});

test("an independent draw costs (1 + rho^2) / (1 - rho^2) sweeps", () => {
  close([0, 0.5, 0.99].map(gibbs.sweepsPerDraw), [1, 5 / 3, oracle.cost_at_99], 1e-10);
});
