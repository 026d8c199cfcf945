// A multilayer perceptron, its gradients and Adam: all that the small networks in these pages need.
//
// A batch of n points with d numbers each is one flat array of n·d numbers, row by row. A network is an object
//   { sizes, hidden, output, parameters }
// with the widths of its layers, the names of the functions after each hidden layer and after the last one, and its
// weights: parameters = [W0, b0, W1, b1, ...]. W is flat, row by row, (outputs, inputs), as torch.nn.Linear has it.
// Float64Array where something is trained, Float32Array where a trained network is only used.

const sigmoid = (a) => 1 / (1 + Math.exp(-a)); // exp may overflow to infinity: 1 / infinity is 0, as it should be

// Each function of a layer, with its slope at a.
const functions = {
  linear: { value: (a) => a, slope: () => 1 },
  tanh: { value: Math.tanh, slope: (a) => 1 - Math.tanh(a) ** 2 },
  sigmoid: { value: sigmoid, slope: (a) => sigmoid(a) * (1 - sigmoid(a)) },
  relu: { value: (a) => Math.max(a, 0), slope: (a) => (a > 0 ? 1 : 0) },
  leakyRelu: { value: (a) => Math.max(a, 0.2 * a), slope: (a) => (a > 0 ? 1 : 0.2) },
  silu: { value: (a) => a * sigmoid(a), slope: (a) => sigmoid(a) * (1 + a * (1 - sigmoid(a))) },
};

/** A network with the given parameters. sizes: [2, 32, 1] means 2 → 32 → 1. Throws where they do not fit together. */
export function network({ sizes, hidden, output = "linear", parameters }) {
  checkShape(sizes, hidden, output);
  const expected = sizes.slice(1).flatMap((outputs, l) => [outputs * sizes[l], outputs]);
  if (parameters.length !== expected.length || parameters.some((p, i) => p.length !== expected[i])) {
    throw new RangeError(
      `expected parameters with ${expected.join(", ")} numbers for sizes ${sizes.join(", ")}, ` +
        `got ${parameters.map((p) => p.length).join(", ")}`,
    );
  }
  return { sizes: [...sizes], hidden, output, parameters };
}

/** An untrained network: weights and biases uniform in ±1/√inputs, as torch draws them. random.uniform(): in [0, 1). */
export function untrained({ sizes, hidden, output = "linear" }, random) {
  checkShape(sizes, hidden, output);
  const parameters = sizes.slice(1).flatMap((outputs, l) => {
    const draw = () => (2 * random.uniform() - 1) / Math.sqrt(sizes[l]);
    return [Float64Array.from({ length: outputs * sizes[l] }, draw), Float64Array.from({ length: outputs }, draw)];
  });
  return network({ sizes, hidden, output, parameters });
}

/**
 * Run a batch x (n, inputs) through the network. Returns { output (n, outputs), inputs, sums }: for each layer what
 * came in, and the sums a = W·x + b before its function: the way back needs both.
 */
export function forward(net, x) {
  if (x.length % net.sizes[0] !== 0) {
    throw new RangeError(`expected rows of ${net.sizes[0]} numbers, got ${x.length} numbers`);
  }
  const n = x.length / net.sizes[0];
  const inputs = [];
  const sums = [];
  for (let l = 0; l < net.sizes.length - 1; l++) {
    const { value } = functionOf(net, l);
    inputs.push(x);
    sums.push(affine(x, net.parameters[2 * l], net.parameters[2 * l + 1], n));
    x = each(sums[l], value);
  }
  return { output: x, inputs, sums };
}

/**
 * The chain rule, from the last layer to the first. pass: what `forward` returned; slopes (n, outputs): the derivative
 * of the loss by each output. Returns the derivatives by the parameters (`gradients`, the same shapes), by what came in
 * (`input`), and by each layer's sums (`sums`).
 */
export function backward(net, pass, slopes) {
  if (slopes.length !== pass.output.length) {
    throw new RangeError(`expected ${pass.output.length} slopes, one for each output, got ${slopes.length}`);
  }
  const n = slopes.length / net.sizes.at(-1);
  const gradients = new Array(net.parameters.length);
  const bySums = [];
  for (let l = net.sizes.length - 2; l >= 0; l--) {
    const [inputs, outputs] = [net.sizes[l], net.sizes[l + 1]];
    const { slope } = functionOf(net, l);
    const delta = each(pass.sums[l], slope); // (n, outputs), by the sums of this layer
    for (let i = 0; i < delta.length; i++) delta[i] *= slopes[i];
    gradients[2 * l] = outer(delta, pass.inputs[l], n, outputs, inputs);
    gradients[2 * l + 1] = columnSums(delta, n, outputs);
    slopes = timesMatrix(delta, net.parameters[2 * l], n, outputs, inputs); // by what came into this layer
    bySums[l] = delta;
  }
  return { gradients, input: slopes, sums: bySums };
}

/**
 * Adam for some parameters (a list of arrays), which `step(gradients)` changes in place. Kingma and Ba 2015.
 * It divides each mean slope by the root of the mean squared slope: each number moves by about `rate` a step.
 */
export function adam(parameters, { rate = 1e-3, betas = [0.9, 0.999], epsilon = 1e-8 } = {}) {
  const [beta1, beta2] = betas;
  if (!(rate >= 0 && Number.isFinite(rate) && beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) {
    throw new RangeError(`expected a finite rate of at least 0 and betas in [0, 1), got ${rate} and ${betas}`);
  }
  const means = parameters.map((p) => new Float64Array(p.length));
  const squares = parameters.map((p) => new Float64Array(p.length));
  const state = { rate, steps: 0 };
  state.step = (gradients) => {
    state.steps += 1;
    // Both means begin at 0; these factors make up for it.
    const correction1 = 1 - beta1 ** state.steps;
    const correction2 = 1 - beta2 ** state.steps;
    parameters.forEach((p, k) => {
      const [g, mean, square] = [gradients[k], means[k], squares[k]];
      for (let i = 0; i < p.length; i++) {
        mean[i] = beta1 * mean[i] + (1 - beta1) * g[i];
        square[i] = beta2 * square[i] + (1 - beta2) * g[i] * g[i];
        p[i] -= (state.rate * mean[i]) / correction1 / (Math.sqrt(square[i] / correction2) + epsilon);
      }
    });
  };
  return state;
}

// --- What a layer needs. They are written as loops: for networks as small as these nothing is faster.

/** f of each number; several times faster than values.map(f). */
function each(values, f) {
  const results = new values.constructor(values.length);
  for (let i = 0; i < values.length; i++) results[i] = f(values[i]);
  return results;
}

/** x (n, inputs), W (outputs, inputs), b (outputs) -> x·Wᵀ + b (n, outputs) */
export function affine(x, W, b, n) {
  const outputs = b.length;
  const y = product(x, W, n, outputs, W.length / outputs);
  for (let row = 0; row < n; row++) {
    for (let o = 0; o < outputs; o++) y[row * outputs + o] += b[o];
  }
  return y;
}

/** delta (n, outputs), x (n, inputs) -> deltaᵀ·x (outputs, inputs): the slope of each weight, summed over the batch */
export function outer(delta, x, n, outputs, inputs) {
  return product(transposed(delta, n, outputs), transposed(x, n, inputs), outputs, inputs, n);
}

/** delta (n, outputs), W (outputs, inputs) -> delta·W (n, inputs): what each input contributed, backwards */
function timesMatrix(delta, W, n, outputs, inputs) {
  return product(delta, transposed(W, outputs, inputs), n, inputs, outputs);
}

/**
 * A (n, k), B (m, k) -> A·Bᵀ (n, m): all the work is done here. Four rows of A at a time, so that each number of B is
 * fetched once for four products: a GAN's step takes three fifths of the time.
 */
function product(A, B, n, m, k) {
  const C = new B.constructor(n * m);
  for (let row = 0; row < n; row += 4) {
    const rows = [0, 1, 2, 3].map((i) => Math.min(row + i, n - 1)); // where no four are left, the last one again
    const [a0, a1, a2, a3] = rows.map((r) => r * k); // where they begin
    for (let column = 0, b = 0; column < m; column++) {
      let c0 = 0;
      let c1 = 0;
      let c2 = 0;
      let c3 = 0;
      for (let i = 0; i < k; i++, b++) {
        c0 += A[a0 + i] * B[b];
        c1 += A[a1 + i] * B[b];
        c2 += A[a2 + i] * B[b];
        c3 += A[a3 + i] * B[b];
      }
      C[rows[0] * m + column] = c0;
      C[rows[1] * m + column] = c1;
      C[rows[2] * m + column] = c2;
      C[rows[3] * m + column] = c3;
    }
  }
  return C;
}

function transposed(A, n, m) {
  const T = new A.constructor(n * m);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < m; column++) T[column * n + row] = A[row * m + column];
  }
  return T;
}

/** delta (n, outputs) -> (outputs) */
function columnSums(delta, n, outputs) {
  const sums = new delta.constructor(outputs);
  for (let row = 0; row < n; row++) {
    for (let o = 0; o < outputs; o++) sums[o] += delta[row * outputs + o];
  }
  return sums;
}

/** The function after layer l, with its slope. */
export function functionOf(net, l) {
  return functions[l === net.sizes.length - 2 ? net.output : net.hidden];
}

function checkShape(sizes, hidden, output) {
  if (sizes.length < 2 || !sizes.every((size) => Number.isInteger(size) && size >= 1)) {
    throw new RangeError(`expected two sizes or more, whole numbers of at least 1, got ${sizes}`);
  }
  for (const name of [hidden, output]) {
    if (!(name in functions)) throw new RangeError(`expected one of ${Object.keys(functions).join(", ")}, got ${name}`);
  }
}
