// The book's trained planes of digits: from a point of the plane to a picture, and from a picture to the plane.
//
// A picture is 784 numbers from 0 (paper) to 1 (ink), 28 rows of 28. The weights come from scripts, genbook/weights/live,
// which `python -m genbook.make_live` writes: each sets genbookWeights[name] to a network's description and some test
// digits.

import { forward, network } from "./nn.js";

export const SIDE = 28;

/** The network that such a script describes: { sizes, hidden, output, weights }, float16 in base64. */
export function unpack({ sizes, hidden, output, weights }) {
  const numbers = float16s(weights);
  const parameters = [];
  let start = 0;
  for (let l = 0; l < sizes.length - 1; l++) {
    for (const length of [sizes[l] * sizes[l + 1], sizes[l + 1]]) {
      parameters.push(numbers.subarray(start, start + length));
      start += length;
    }
  }
  if (start !== numbers.length) {
    throw new RangeError(`expected ${start} numbers for sizes ${sizes}, got ${numbers.length}`);
  }
  return network({ sizes, hidden, output, parameters });
}

/** Decode points of the plane, (n, 2) -> pictures (n, 784): the mean of each pixel, not a draw of it. */
export function decode(decoder, z) {
  return forward(decoder, Float32Array.from(z)).output;
}

/** What a VAE's encoder says of one picture (784): the mean of q(z | x) and its standard deviations, two each. */
export function encode(encoder, picture) {
  const { output } = forward(encoder, Float32Array.from(picture)); // two means, then two log-variances
  return { mean: output.slice(0, 2), std: output.slice(2, 4).map((logvar) => Math.exp(logvar / 2)) };
}

/** The test digits that a decoder's script carries: their points (n, 2), flat, and their labels (n). */
export function codesOf({ codes, labels }) {
  return { codes: float16s(codes), labels: Uint8Array.from(labels, Number) };
}

/** The ten test digits that an encoder's script carries, 0 to 9, as pictures. */
export function digitsOf({ digits }) {
  const pixels = Float32Array.from(bytes(digits), (value) => value / 255);
  return Array.from({ length: 10 }, (_, digit) => pixels.subarray(784 * digit, 784 * (digit + 1)));
}

/** Distance from a point to the nearest code, and which code that is. codes: (n, 2), flat. */
export function nearestCode([x, y], codes) {
  let [least, index] = [Infinity, -1]; // least: of the squared distances
  for (let i = 0; i < codes.length; i += 2) {
    const square = (codes[i] - x) ** 2 + (codes[i + 1] - y) ** 2;
    if (square < least) [least, index] = [square, i / 2];
  }
  return { distance: Math.sqrt(least), index };
}

/** What is usual: the median distance from a code to the nearest other one. codes: (n, 2), flat. */
export function usualDistance(codes) {
  const distances = new Float64Array(codes.length / 2);
  for (let i = 0; i < distances.length; i++) {
    const others = codes.slice();
    others.fill(Infinity, 2 * i, 2 * i + 2); // not itself
    distances[i] = nearestCode([codes[2 * i], codes[2 * i + 1]], others).distance;
  }
  return median(distances);
}

export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

/**
 * The Gaussian with the codes' mean and covariance: { mean, root }, where mean + root·u with u ~ N(0, I) is a draw from
 * it. root is the Cholesky factor [[a, 0], [b, c]] of the covariance. codes: (n, 2), flat.
 */
export function gaussianOf(codes) {
  const n = codes.length / 2;
  const mean = [0, 0];
  for (let i = 0; i < codes.length; i++) mean[i % 2] += codes[i] / n;
  let [xx, xy, yy] = [0, 0, 0];
  for (let i = 0; i < codes.length; i += 2) {
    const [x, y] = [codes[i] - mean[0], codes[i + 1] - mean[1]];
    xx += (x * x) / (n - 1);
    xy += (x * y) / (n - 1);
    yy += (y * y) / (n - 1);
  }
  const a = Math.sqrt(xx);
  const b = xy / a;
  return { mean, root: [[a, 0], [b, Math.sqrt(yy - b * b)]] };
}

/**
 * Bring a drawing into the form of MNIST's digits: what was drawn is scaled to fit 20 × 20 pixels, in proportion, and
 * placed so that its centre of mass is in the middle of 28 × 28. Networks trained on MNIST know nothing else.
 * ink: width·height numbers from 0 to 1, row by row. Returns a picture (784), or null where nothing was drawn.
 */
export function centred(ink, width, height) {
  if (ink.length !== width * height) {
    throw new RangeError(`expected ${width} × ${height} numbers, got ${ink.length}`);
  }
  const box = boundingBox(ink, width, height);
  if (!box) return null;
  const scale = Math.max(box.width, box.height) / 20; // pixels of the drawing per pixel of the picture
  const columns = Math.max(1, Math.round(box.width / scale));
  const rows = Math.max(1, Math.round(box.height / scale));
  const small = new Float64Array(rows * columns);
  let [mass, massX, massY] = [0, 0, 0];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x0 = box.x + (column * box.width) / columns;
      const y0 = box.y + (row * box.height) / rows;
      const value = averageInk(ink, width, x0, y0, x0 + box.width / columns, y0 + box.height / rows);
      small[row * columns + column] = value;
      mass += value;
      massX += value * (column + 0.5);
      massY += value * (row + 0.5);
    }
  }
  // By whole pixels, so that strokes stay sharp, and up: the mass of every digit of MNIST lies between 14 and 15.
  const left = clamp(Math.ceil(SIDE / 2 - massX / mass), 0, SIDE - columns);
  const top = clamp(Math.ceil(SIDE / 2 - massY / mass), 0, SIDE - rows);
  const picture = new Float32Array(SIDE * SIDE);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      picture[(top + row) * SIDE + left + column] = small[row * columns + column];
    }
  }
  return picture;
}

/** The smallest box of pixels that holds all ink, null where there is none. */
function boundingBox(ink, width, height) {
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  for (let i = 0; i < ink.length; i++) {
    if (ink[i] > 0) {
      const [x, y] = [i % width, Math.floor(i / width)];
      [x0, x1] = [Math.min(x0, x), Math.max(x1, x + 1)];
      [y0, y1] = [Math.min(y0, y), Math.max(y1, y + 1)];
    }
  }
  return x1 > x0 ? { x: x0, y: y0, width: x1 - x0, height: y1 - y0 } : null;
}

/** The mean of the ink between x0 and x1, y0 and y1; pixels at the edge count by the part that lies inside. */
function averageInk(ink, width, x0, y0, x1, y1) {
  let sum = 0;
  for (let y = Math.floor(y0); y < y1; y++) {
    const inY = Math.min(y + 1, y1) - Math.max(y, y0);
    for (let x = Math.floor(x0); x < x1; x++) {
      const inX = Math.min(x + 1, x1) - Math.max(x, x0);
      // Rounding can put an edge just beyond the last pixel: nothing is there, and its part is nearly 0.
      sum += (ink[y * width + x] ?? 0) * inX * inY;
    }
  }
  return sum / ((x1 - x0) * (y1 - y0));
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** The bytes that a base64 text stands for. */
export function bytes(base64) {
  const characters = atob(base64);
  const numbers = new Uint8Array(characters.length); // filled in a loop: ten times as fast as Uint8Array.from
  for (let i = 0; i < numbers.length; i++) numbers[i] = characters.charCodeAt(i);
  return numbers;
}

// What the last digit of a half-precision number is worth, by its exponent.
const POWERS = Float64Array.from({ length: 32 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25));

/** Half-precision numbers: 1 bit for the sign, 5 for the exponent, 10 for the digits. Not all browsers read them. */
export function float16s(base64) {
  const view = new DataView(bytes(base64).buffer);
  const numbers = new Float32Array(view.byteLength / 2);
  for (let i = 0; i < numbers.length; i++) {
    const half = view.getUint16(2 * i, true); // little-endian
    const [exponent, digits] = [(half >> 10) & 31, half & 1023];
    const size = POWERS[exponent] * (digits + (exponent ? 1024 : 0));
    numbers[i] = half >> 15 ? -size : size;
  }
  return numbers;
}
