import assert from "node:assert/strict";
import { test } from "node:test";
import * as gan8 from "../../book/live/gan8.js";
import { forward, network } from "../../book/live/nn.js";
import { arrays, close, fixture, seeded } from "./shared.mjs";

for (const expected of fixture.gan) {
  test(`D steps and G steps are torch's: ${expected.settings.loss}, R1 ${expected.settings.r1}`, () => {
    const gan = gan8.create(expected.settings, seeded(0));
    for (const name of ["G", "D"]) expected[name].forEach((values, k) => gan[name].parameters[k].set(values));
    for (const { real, zD, zG, dLoss, gLoss, D, G } of expected.rounds) {
      close([gan8.stepD(gan, Float64Array.from(real), Float64Array.from(zD))], [dLoss], 1e-9, "D's loss");
      close(gan.D.parameters, D, 1e-7, "D after its step");
      close([gan8.stepG(gan, Float64Array.from(zG))], [gLoss], 1e-9, "G's loss");
      close(gan.G.parameters, G, 1e-7, "G after its step");
      close(gan.D.parameters, D, 1e-7, "D after G's step"); // it stood still
    }
  });
}

test("the gradient of R1 is that of torch, which differentiates twice", () => {
  const { gamma, points, D, gradients } = fixture.r1;
  const net = network({ sizes: [2, 6, 5, 1], hidden: "leakyRelu", parameters: arrays(D) });
  close(gan8.r1Gradients(net, forward(net, Float64Array.from(points)), gamma), gradients, 1e-10);
});

test("modes, quality and reverse KL are counted as in the book", () => {
  for (const expected of fixture.coverage) {
    const counted = gan8.coverage(Float64Array.from(expected.points));
    assert.deepEqual(counted.counts, expected.counts);
    assert.equal(counted.modes, expected.modes);
    assert.equal(counted.modesOnePercent, expected.modes_1_percent);
    close([counted.quality, Math.min(counted.reverseKl, 1e9)], [expected.quality, expected.reverse_kl], 1e-9);
  }
  assert.throws(() => gan8.coverage([]), /expected finite points/);
  assert.throws(() => gan8.coverage([1, NaN]), /expected finite points/);
  assert.throws(() => gan8.coverage([1, 2], 0), /radius > 0/);
});

test("the data are eight modes, of which 98.89 % lie within three standard deviations", () => {
  const { counts, modes, quality } = gan8.coverage(gan8.ring(20_000, seeded(3)));
  assert.equal(modes, 8);
  assert.ok(Math.abs(quality - (1 - Math.exp(-4.5))) < 0.003, `${quality}`);
  assert.ok(Math.min(...counts) > 2300 && Math.max(...counts) < 2700, `${counts}`);
});

test("D's field is its probability at each point of the grid, rows upwards", () => {
  const gan = gan8.create({}, seeded(1));
  const field = gan8.field(gan, { reach: 2, size: 5 });
  const at = (x, y) => 1 / (1 + Math.exp(-forward(gan.D, Float64Array.of(x, y)).output[0]));
  close([field[0], field[4], field[5], field[24]], [at(-2, -2), at(2, -2), at(-2, -1), at(2, 2)], 1e-12);
  assert.equal(field.length, 25);
});

test("one seed gives one run; loss, rates and penalty can be changed on the way", () => {
  const run = (change) => {
    const random = seeded(7);
    const gan = gan8.create({ hidden: [8], batch: 16, dSteps: 2 }, random);
    gan8.step(gan, random);
    change(gan);
    const losses = gan8.step(gan, random);
    assert.deepEqual([gan.steps, gan.adamG.steps, gan.adamD.steps], [2, 2, 4]);
    return [losses, gan.G.parameters, gan.D.parameters];
  };
  const unchanged = run(() => {});
  assert.deepEqual(run(() => {}), unchanged);
  for (const change of [
    (gan) => (gan.settings.loss = "minimax"),
    (gan) => (gan.settings.r1 = 1),
    (gan) => (gan.adamG.rate = 0.1),
    (gan) => (gan.adamD.rate = 0.1),
  ]) {
    assert.notDeepEqual(run(change), unchanged);
  }
});

test("settings that cannot be are named", () => {
  const create = (settings) => () => gan8.create(settings, seeded(0));
  assert.throws(create({ rate: 1 }), /unknown settings rate/);
  assert.throws(create({ loss: "wasserstein" }), /one of non-saturating, minimax, got wasserstein/);
  assert.throws(create({ batch: 0 }), /batch, a whole number of at least 1, got 0/);
  assert.throws(create({ r1: -1 }), /finite r1/);
  assert.throws(create({ rateG: NaN }), /finite rate/);
  const gan = gan8.create({}, seeded(0));
  gan.D.parameters[0].fill(Infinity);
  assert.throws(() => gan8.step(gan, seeded(0)), /not finite at step 1/);
});

test("a D that is too strong calls nearly every fake by its name, and the minimax loss has hardly a slope left", () => {
  const believed = (preset) => {
    const random = seeded(0);
    const gan = gan8.create(gan8.PRESETS[preset], random);
    for (let i = 0; i < 200; i++) gan8.step(gan, random);
    const logits = forward(gan.D, gan8.generate(gan, gan8.normals(1000 * 4, random))).output;
    return logits.reduce((sum, a) => sum + 1 / (1 + Math.exp(-a)), 0) / 1000; // mean D of the fakes: that slope's size
  };
  const [strong, balanced] = [believed("D too strong"), believed("balanced")];
  assert.ok(strong < 0.2, `${strong}`);
  assert.ok(balanced > 0.35 && balanced < 0.65, `${balanced}`);
});

// How many modes, and which share of 1000 samples is of high quality, after each 500 steps.
function trained(preset, seed, steps) {
  const random = seeded(seed);
  const gan = gan8.create(gan8.PRESETS[preset], random);
  const z = gan8.normals(1000 * gan.settings.latent, seeded(100));
  const counted = [];
  for (let i = 1; i <= steps; i++) {
    gan8.step(gan, random);
    if (i % 500 === 0) counted.push(gan8.coverage(gan8.generate(gan, z)));
  }
  return counted;
}

test("the balanced GAN covers at least seven modes after 1500 steps", () => {
  const { modesOnePercent, quality } = trained("balanced", 0, 1500).at(-1);
  assert.ok(modesOnePercent >= 7, `${modesOnePercent}`);
  assert.ok(quality > 0.25, `${quality}`);
});

test("the collapsing GAN never has more than three modes", () => {
  for (const { modesOnePercent } of trained("mode collapse", 0, 1000)) assert.ok(modesOnePercent <= 3);
});
