// The smallest GAN: all data are at 0, the generator puts its samples at θ, and D's logit is a(x) = ψx. Chapter 6.
//
// D descends log 2 + softplus(ψθ) + γ/2 · ψ², the last term being R1 (ψ is the slope of the logit); G descends
// -softplus(ψθ), the minimax loss. A state is a pair [θ, ψ], and the solution is [0, 0].

const sigmoid = (a) => 1 / (1 + Math.exp(-a));

/** One step of size h for each player. alternating: G meets the new ψ, as in every training loop; else the old one. */
export function step([theta, psi], { h, gamma = 0, alternating = false }) {
  check(h, gamma);
  const newPsi = psi - h * (sigmoid(psi * theta) * theta + gamma * psi);
  const seen = alternating ? newPsi : psi;
  return [theta + h * sigmoid(seen * theta) * seen, newPsi];
}

/** The states from `start` on, steps + 1 of them. */
export function path(start, steps, settings) {
  const states = [start];
  for (let i = 0; i < steps; i++) states.push(step(states[i], settings));
  return states;
}

/** Which way the two go, per unit of h, if h is small: minus the slope of each one's loss. */
export function velocity([theta, psi], gamma = 0) {
  const s = sigmoid(psi * theta);
  return [s * psi, -(s * theta + gamma * psi)];
}

/** How far from the solution. */
export function radius([theta, psi]) {
  return Math.hypot(theta, psi);
}

/** One step near [0, 0], where sigmoid is ½ and a step is linear: the rows of the matrix A, new state = A · state. */
export function matrix({ h, gamma = 0, alternating = false }) {
  check(h, gamma);
  const q = h / 2;
  const kept = 1 - h * gamma; // of ψ
  return alternating
    ? [[1 - q * q, q * kept], [-q, kept]]
    : [[1, q], [-q, kept]];
}

/**
 * The two eigenvalues of that matrix, { re, im } each, the one of larger modulus first: λ² - trace·λ + det = 0.
 * Its modulus is what the radius is multiplied by at each step, in the long run: above 1 the path leads outwards,
 * below 1 inwards, at 1 round and round.
 */
export function eigenvalues(settings) {
  const [[a, b], [c, d]] = matrix(settings);
  const trace = a + d;
  const det = a * d - b * c;
  const discriminant = (trace * trace) / 4 - det;
  if (discriminant < 0) {
    const im = Math.sqrt(-discriminant); // a pair: the path turns
    return [{ re: trace / 2, im }, { re: trace / 2, im: -im }];
  }
  const root = Math.sqrt(discriminant);
  const larger = trace < 0 ? trace / 2 - root : trace / 2 + root;
  return [{ re: larger, im: 0 }, { re: trace - larger, im: 0 }];
}

/** |λ| of the larger eigenvalue. */
export function modulus(settings) {
  const [{ re, im }] = eigenvalues(settings);
  return Math.hypot(re, im);
}

/**
 * What the radius of a path was multiplied by per step, of late. Where the path turns that is taken over its last whole
 * turn, for within a turn the radius swings; NaN before there is one. Where it does not, over its last half.
 */
export function growth(states, settings) {
  const last = states.length - 1;
  const logs = states.map((state) => Math.log(radius(state)));
  if (eigenvalues(settings)[0].im === 0) {
    const half = Math.floor(last / 2);
    return Math.exp((logs[last] - logs[half]) / (last - half));
  }
  let turned = 0; // since the step i, on the way back
  for (let i = last - 1; i >= 0; i--) {
    const by = angle(states[i], states[i + 1]);
    if (turned + by >= 2 * Math.PI) {
      const share = (2 * Math.PI - turned) / by; // the turn began between two steps
      const log = logs[i + 1] + share * (logs[i] - logs[i + 1]);
      return Math.exp((logs[last] - log) / (last - (i + 1 - share)));
    }
    turned += by;
  }
  return NaN;
}

/** Between two states as seen from the solution, in radians. */
function angle([a, b], [c, d]) {
  return Math.abs(Math.atan2(a * d - b * c, a * c + b * d));
}

function check(h, gamma) {
  if (!(h > 0 && Number.isFinite(h) && gamma >= 0 && Number.isFinite(gamma))) {
    throw new RangeError(`expected a finite step size h > 0 and a finite gamma of at least 0, got ${h} and ${gamma}`);
  }
}
