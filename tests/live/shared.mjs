// What the tests of the live figures share: the values of torch and NumPy, and how to compare with them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

// Written by tests/live_fixture.py.
export const fixture = JSON.parse(readFileSync(new URL("fixture.json", import.meta.url), "utf-8"));

/** Arrays of numbers, or lists of such, that differ by at most the tolerance. */
export function close(actual, expected, tolerance, what = "values") {
  if (expected[0]?.length !== undefined) {
    assert.equal(actual.length, expected.length, `${what}: how many lists`);
    expected.forEach((values, k) => close(actual[k], values, tolerance, `${what}[${k}]`));
    return;
  }
  assert.equal(actual.length, expected.length, `${what}: how many numbers`);
  expected.forEach((value, i) => {
    assert.ok(Math.abs(actual[i] - value) <= tolerance, `${what}[${i}] is ${actual[i]}, expected ${value}`);
  });
}

export const arrays = (lists) => lists.map((list) => Float64Array.from(list));

/** Random numbers: Marsaglia's xorshift on 32 bits, and Box and Muller's normal numbers from it. */
export function seeded(seed) {
  let state = Math.imul(seed + 1, 2654435761) >>> 0;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 20; i++) uniform(); // small seeds begin alike
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}
