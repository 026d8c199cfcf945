import assert from "node:assert/strict";
import { test } from "node:test";
import * as dirac from "../../book/live/dirac.js";
import { close, fixture } from "./shared.mjs";

test("the eigenvalues are NumPy's, complex and real ones", () => {
  let real = 0;
  for (const expected of fixture.dirac) {
    const found = dirac.eigenvalues(expected.settings);
    // The larger first; of a pair, the order is not told.
    assert.ok(Math.hypot(found[0].re, found[0].im) >= Math.hypot(found[1].re, found[1].im) - 1e-12);
    close([dirac.modulus(expected.settings)], [expected.modulus], 1e-7); // a double root is known to half the digits
    const sorted = found.map(({ re, im }) => [re, im]).sort((a, b) => a[1] - b[1] || a[0] - b[0]);
    const wanted = [...expected.eigenvalues].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
    close(sorted, wanted, 1e-7, JSON.stringify(expected.settings));
    real += found[0].im === 0;
  }
  assert.ok(real > 5 && real < fixture.dirac.length - 5, `${real} real pairs`);
});

test("the paths are gradient descent on the two losses, as torch differentiates them", () => {
  for (const { settings, path } of fixture.dirac) {
    close(dirac.path(path[0], path.length - 1, settings), path, 1e-9, JSON.stringify(settings));
  }
});

test("a small step follows the field", () => {
  const [h, gamma, state] = [1e-6, 0.4, [0.7, -1.2]];
  const velocity = dirac.velocity(state, gamma);
  for (const alternating of [false, true]) {
    const moved = dirac.step(state, { h, gamma, alternating });
    close(moved.map((value, i) => (value - state[i]) / h), velocity, 1e-5);
  }
});

test("near the solution the radius grows by the modulus per step", () => {
  for (const settings of [{ h: 0.2 }, { h: 0.2, gamma: 0.3 }, { h: 0.2, gamma: 0.3, alternating: true }]) {
    const radii = dirac.path([1e-6, 0], 2000, settings).map(dirac.radius);
    close([(radii[2000] / radii[1000]) ** (1 / 1000)], [dirac.modulus(settings)], 1e-3);
  }
});

test("the growth measured on a path is the modulus: over a turn, or over the last half where it does not turn", () => {
  const start = [0.1, 0];
  for (const h of [0.1, 0.2, 0.5]) {
    for (const settings of [{ h }, { h, alternating: true }, { h, gamma: 0.3 }, { h, gamma: 0.3, alternating: true }, { h, gamma: 1.5 }]) {
      const turn = Math.ceil((2 * Math.PI) / (0.9 * h / 2)); // steps, and a few more
      close([dirac.growth(dirac.path(start, turn, settings), settings)], [dirac.modulus(settings)], 1e-3, JSON.stringify(settings));
    }
  }
  const settings = { h: 0.2 };
  assert.ok(Number.isNaN(dirac.growth([start], settings)));
  assert.ok(Number.isNaN(dirac.growth(dirac.path(start, 50, settings), settings)), "no whole turn yet");
  const far = dirac.path([1, 0], 400, settings);
  assert.ok(dirac.growth(far, settings) < 1.002, "far out it grows more slowly than near the solution");
});

test("alternating steps without a penalty neither grow nor shrink; simultaneous ones do: √(1 + h²/4)", () => {
  close([dirac.modulus({ h: 0.2, alternating: true })], [1], 1e-12);
  close([dirac.modulus({ h: 0.2 })], [Math.sqrt(1.01)], 1e-12);
  const path = dirac.path([1, 0], 400, { h: 0.2 }).map(dirac.radius);
  assert.ok(path.every((radius, i) => i === 0 || radius > path[i - 1]));
});

test("settings that cannot be are named", () => {
  for (const settings of [{ h: 0 }, { h: NaN }, { h: 0.1, gamma: -1 }, {}]) {
    assert.throws(() => dirac.step([1, 0], settings), /step size h > 0/);
    assert.throws(() => dirac.eigenvalues(settings), /step size h > 0/);
  }
});
