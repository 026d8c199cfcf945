// A GAN on eight Gaussians in the plane, trained in the page: chapter 5's two steps with chapter 6's settings.
//
// D gives a logit a for each point, D(x) = sigmoid(a): real is 1, fake is 0. `random` is an object with uniform() in
// [0, 1) and normal(); all chance comes from it, so that one seed gives one run.

import { adam, affine, backward, forward, functionOf, outer, untrained } from "./nn.js";

export const STD = 0.1;
const angles = Array.from({ length: 8 }, (_, k) => (2 * Math.PI * k) / 8); // not from 0 to 2π with both ends: that is 7
export const CENTRES = angles.map((angle) => [2 * Math.cos(angle), 2 * Math.sin(angle)]);

export const LOSSES = ["non-saturating", "minimax"]; // the generator's

export const STANDARD = {
  loss: "non-saturating",
  latent: 4, // how many random numbers make a point
  hidden: [32, 32], // widths of the hidden layers, of both networks
  rateG: 1e-3, // Adam's learning rates
  rateD: 1e-3,
  betas: [0.5, 0.99],
  batch: 64, // D sees so many real points in a step, and as many fake ones
  dSteps: 1, // steps of D for each one of G
  r1: 0, // γ of the penalty γ/2 · |∇a|² at real points
};

// What to change in STANDARD to see it work, and to see it fail.
export const PRESETS = {
  balanced: {},
  "mode collapse": { rateG: 5e-3, rateD: 2e-4 },
  "D too strong": { loss: "minimax", rateG: 3e-4, rateD: 5e-3 },
};

/** Two untrained networks and their optimisers. settings: what differs from STANDARD. Throws for what cannot be. */
export function create(settings, random) {
  const unknown = Object.keys(settings).filter((name) => !(name in STANDARD));
  if (unknown.length) throw new RangeError(`unknown settings ${unknown}; known are ${Object.keys(STANDARD)}`);
  const s = { ...STANDARD, ...settings };
  checkLoss(s.loss);
  for (const name of ["latent", "batch", "dSteps"]) {
    if (!(Number.isInteger(s[name]) && s[name] >= 1)) {
      throw new RangeError(`expected ${name}, a whole number of at least 1, got ${s[name]}`);
    }
  }
  if (!(s.r1 >= 0 && Number.isFinite(s.r1))) throw new RangeError(`expected a finite r1 of at least 0, got ${s.r1}`);
  const G = untrained({ sizes: [s.latent, ...s.hidden, 2], hidden: "leakyRelu" }, random);
  const D = untrained({ sizes: [2, ...s.hidden, 1], hidden: "leakyRelu" }, random);
  return {
    settings: s,
    steps: 0,
    G,
    D,
    adamG: adam(G.parameters, { rate: s.rateG, betas: s.betas }),
    adamD: adam(D.parameters, { rate: s.rateD, betas: s.betas }),
  };
}

/** One round: D's steps, then one of G. Returns both losses, in nats, from before the last step of each. */
export function step(gan, random) {
  const { batch, latent, dSteps } = gan.settings;
  let dLoss;
  for (let i = 0; i < dSteps; i++) dLoss = stepD(gan, ring(batch, random), normals(batch * latent, random));
  const gLoss = stepG(gan, normals(batch * latent, random));
  gan.steps += 1;
  if (!Number.isFinite(dLoss + gLoss)) {
    throw new Error(`a loss is not finite at step ${gan.steps}: a learning rate or r1 is most likely too large`);
  }
  return { dLoss, gLoss };
}

/** D learns to tell real points (n, 2) from what G makes of z (n, latent). Returns its loss, without the penalty. */
export function stepD(gan, real, z) {
  const fake = forward(gan.G, z).output; // its pass is dropped: this step must not move the generator
  const [nReal, nFake] = [real.length / 2, fake.length / 2];
  const [onReal, onFake] = [forward(gan.D, real), forward(gan.D, fake)];
  // loss = mean of -log D(real) + mean of -log(1 - D(fake)) = mean of softplus(-a) + mean of softplus(a)
  const loss = mean(onReal.output, (a) => softplus(-a)) + mean(onFake.output, softplus);
  const byReal = backward(gan.D, onReal, onReal.output.map((a) => -sigmoid(-a) / nReal));
  const byFake = backward(gan.D, onFake, onFake.output.map((a) => sigmoid(a) / nFake));
  const gradients = sum(byReal.gradients, byFake.gradients);
  const { r1 } = gan.settings;
  gan.adamD.step(r1 > 0 ? sum(gradients, r1Gradients(gan.D, onReal, r1)) : gradients);
  return loss;
}

/** G learns to be taken for real; D stands still. z: (n, latent). Returns G's loss. */
export function stepG(gan, z) {
  checkLoss(gan.settings.loss);
  const pass = forward(gan.G, z);
  const verdict = forward(gan.D, pass.output);
  const n = verdict.output.length;
  // Where D is sure of a fake (a → -∞) the minimax loss has no slope left, the non-saturating one has -1.
  const minimax = gan.settings.loss === "minimax";
  const loss = minimax
    ? mean(verdict.output, (a) => -softplus(a)) // log(1 - D)
    : mean(verdict.output, (a) => softplus(-a)); // -log D
  const slopes = verdict.output.map((a) => (minimax ? -sigmoid(a) : -sigmoid(-a)) / n);
  const byPoint = backward(gan.D, verdict, slopes).input; // (n, 2): where each point should go, times -1
  gan.adamG.step(backward(gan.G, pass, byPoint).gradients);
  return loss;
}

/**
 * The gradient of R1, by the parameters of D: of the mean of γ/2 · |∇a|² over the points of a pass, ∇a the slope of the
 * logit by the point.
 *
 * ∇a = W₀ᵀ S₀ W₁ᵀ S₁ ... w, with S the slopes of the leaky ReLUs, 1 or 0.2. These are constant almost everywhere, so
 * only the weights W are to be differentiated: the derivative of ½|∇a|² by Wₗ is delta · tᵀ, with delta the slope of a
 * by the layer's sums, and t what comes into the layer if ∇a itself runs through the network, biases left out.
 */
export function r1Gradients(D, pass, gamma) {
  const n = pass.output.length;
  const { input: slopes, sums: deltas } = backward(D, pass, pass.output.map(() => 1));
  let t = slopes.map((value) => (gamma / n) * value); // (n, 2)
  return deltas.flatMap((delta, l) => {
    const [inputs, outputs] = [D.sizes[l], D.sizes[l + 1]];
    const none = new Float64Array(outputs); // of biases
    const byWeights = outer(delta, t, n, outputs, inputs);
    const { slope } = functionOf(D, l);
    t = affine(t, D.parameters[2 * l], none, n).map((value, i) => slope(pass.sums[l][i]) * value);
    return [byWeights, none];
  });
}

/** n points of the data: (n, 2). */
export function ring(n, random) {
  const points = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) {
    const centre = CENTRES[Math.floor(8 * random.uniform())];
    points[2 * i] = centre[0] + STD * random.normal();
    points[2 * i + 1] = centre[1] + STD * random.normal();
  }
  return points;
}

/** n numbers from N(0, 1): what G makes points of. */
export function normals(n, random) {
  return Float64Array.from({ length: n }, () => random.normal());
}

/** What G makes of z (n, latent): points (n, 2). */
export function generate(gan, z) {
  return forward(gan.G, z).output;
}

/** D's probability that a point is real, on a grid from -reach to reach: (size, size), rows upwards, x along a row. */
export function field(gan, { reach = 3, size = 40 } = {}) {
  const at = (i) => reach * ((2 * i) / (size - 1) - 1);
  const points = Float64Array.from({ length: 2 * size * size }, (_, i) =>
    i % 2 === 0 ? at((i / 2) % size) : at(Math.floor((i - 1) / 2 / size)),
  );
  return forward(gan.D, points).output.map(sigmoid);
}

/**
 * How well points (n, 2) cover the ring. A point belongs to its nearest centre, and is of high quality if it is less
 * than the radius away: three standard deviations, which 98.89 % of true points are. As genbook.metrics.mode_coverage
 * counts.
 */
export function coverage(points, radius = 3 * STD) {
  if (points.length === 0 || points.length % 2 || !points.every(Number.isFinite) || !(radius > 0)) {
    throw new RangeError(`expected finite points (n, 2) and a radius > 0, got ${points.length} numbers and ${radius}`);
  }
  const n = points.length / 2;
  const counts = new Array(8).fill(0);
  for (let i = 0; i < n; i++) {
    const away = CENTRES.map(([x, y]) => Math.hypot(points[2 * i] - x, points[2 * i + 1] - y));
    const nearest = Math.min(...away);
    if (nearest < radius) counts[away.indexOf(nearest)] += 1;
  }
  const good = counts.reduce((total, count) => total + count, 0);
  const shares = counts.map((count) => count / good);
  return {
    counts,
    quality: good / n,
    modes: counts.filter((count) => count > 0).length,
    modesOnePercent: counts.filter((count) => count >= 0.01 * n).length,
    // of the modes' shares from an eighth each, in nats: 0 where all are equal, log 8 where there is one mode
    reverseKl: good ? shares.reduce((total, q) => total + (q > 0 ? q * Math.log(8 * q) : 0), 0) : Infinity,
  };
}

const sigmoid = (a) => 1 / (1 + Math.exp(-a));
const softplus = (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))); // log(1 + eᵃ), without overflow
const sum = (a, b) => a.map((values, k) => values.map((value, i) => value + b[k][i])); // of two lists of gradients
const mean = (values, f) => values.reduce((total, value) => total + f(value), 0) / values.length;

function checkLoss(loss) {
  if (!LOSSES.includes(loss)) throw new RangeError(`expected a loss, one of ${LOSSES.join(", ")}, got ${loss}`);
}
