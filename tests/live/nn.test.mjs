import assert from "node:assert/strict";
import { test } from "node:test";
import { adam, backward, forward, network, untrained } from "../../book/live/nn.js";
import { arrays, close, fixture, seeded } from "./shared.mjs";

for (const expected of fixture.nn) {
  const { hidden, output, parameters, sizes } = expected.network;
  test(`${hidden} layers and a ${output} output: values and gradients are torch's`, () => {
    const net = network({ sizes, hidden, output, parameters: arrays(parameters) });
    const pass = forward(net, Float64Array.from(expected.x));
    close(pass.output, expected.y, 1e-9, "output");
    const { gradients, input } = backward(net, pass, Float64Array.from(expected.slopes));
    close(gradients, expected.gradients, 1e-9, "gradients");
    close(input, expected.input, 1e-9, "slopes by the input");
  });
}

for (const { rate, betas, before, gradients, after } of fixture.adam) {
  test(`Adam with betas ${betas} takes torch's steps`, () => {
    const parameters = arrays(before);
    const optimizer = adam(parameters, { rate, betas });
    gradients.forEach((list) => optimizer.step(arrays(list)));
    close(parameters, after, 1e-10);
  });
}

test("Adam's rate can be changed on the way", () => {
  const parameters = [Float64Array.of(1)];
  const optimizer = adam(parameters, { rate: 0.1 });
  optimizer.rate = 0;
  optimizer.step([Float64Array.of(5)]);
  assert.equal(parameters[0][0], 1);
});

test("first weights are uniform in ±1/√inputs, and those of the seed", () => {
  const draw = (seed) => untrained({ sizes: [16, 400, 9], hidden: "tanh" }, seeded(seed)).parameters;
  const [W, b, W1] = draw(1);
  for (const values of [W, b]) {
    const largest = Math.max(...values.map(Math.abs));
    assert.ok(largest <= 1 / 4 && largest > 0.24, `${largest}`);
  }
  assert.ok(Math.max(...W1.map(Math.abs)) <= 1 / 20);
  const deviation = Math.sqrt(W.reduce((sum, w) => sum + w * w, 0) / W.length);
  assert.ok(Math.abs(deviation - 1 / 4 / Math.sqrt(3)) < 0.004, `${deviation}`);
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
});

test("a trained network in single precision stays in it", () => {
  const parameters = [new Float32Array(6), new Float32Array(2)];
  const { output } = forward(network({ sizes: [3, 2], hidden: "relu", parameters }), new Float32Array(6));
  assert.ok(output instanceof Float32Array && output.length === 4);
});

test("what does not fit is named", () => {
  const fits = { sizes: [3, 2], hidden: "tanh", parameters: [new Float64Array(6), new Float64Array(2)] };
  const net = network(fits);
  assert.throws(() => network({ ...fits, sizes: [2, 2] }), /with 4, 2 numbers .* got 6, 2/);
  assert.throws(() => network({ ...fits, sizes: [3] }), /two sizes or more/);
  assert.throws(() => network({ ...fits, sizes: [3, 0] }), /at least 1/);
  assert.throws(() => network({ ...fits, hidden: "tan" }), /expected one of .*, got tan/);
  assert.throws(() => untrained({ sizes: [3, 1.5], hidden: "tanh" }, seeded(0)), /whole numbers/);
  assert.throws(() => forward(net, new Float64Array(4)), /rows of 3 numbers, got 4/);
  assert.throws(() => backward(net, forward(net, new Float64Array(3)), new Float64Array(1)), /expected 2 slopes/);
  assert.throws(() => adam([], { rate: -1 }), /finite rate/);
  assert.throws(() => adam([], { betas: [0.5, 1] }), /betas in \[0, 1\)/);
});
