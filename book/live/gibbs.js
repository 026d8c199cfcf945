// Gibbs sampling, one draw at a time: on a table of two bits, and on a correlated Gaussian. No page is needed here.

// --- A table of two bits --------------------------------------------------------------------------------------------
//
// A table is [[w00, w01], [w10, w11]]: rows are the values of Y, columns those of X, table[y][x], as in the chapter.
// Its weights are not negative, and need not sum to one.

/** What is wrong with a table, in words for the reader; "" where nothing is. */
export function tableProblem(table) {
  const weights = table.flat();
  if (!weights.every((w) => Number.isFinite(w) && w >= 0)) return "A weight must be a number that is not negative.";
  if (!weights.some((w) => w > 0)) return "At least one weight must be greater than zero.";
  return "";
}

/** The weights, scaled to sum to one. */
export function probabilities(table) {
  const sum = table.flat().reduce((a, b) => a + b);
  return table.map((row) => row.map((w) => w / sum));
}

/** P(X | Y = y): the row y, scaled to sum to one. */
export function xGivenY(table, y) {
  const [zero, one] = table[y];
  return [zero / (zero + one), one / (zero + one)];
}

/** P(Y | X = x): the column x, scaled to sum to one. */
export function yGivenX(table, x) {
  const [zero, one] = [table[0][x], table[1][x]];
  return [zero / (zero + one), one / (zero + one)];
}

/** A walk that stands on the first cell with a positive weight, row by row, and is about to draw its first x. */
export function startTableWalk(table) {
  const cell = table.flat().findIndex((w) => w > 0);
  return { x: cell % 2, y: Math.floor(cell / 2), next: "x", sweeps: 0, visits: [[0, 0], [0, 0]] };
}

/** One draw: a new x given y, or a new y given x, in turn. After the draw of y a sweep is complete, and is counted. */
export function draw(walk, table, random) {
  if (walk.next === "x") {
    walk.x = random.uniform() < xGivenY(table, walk.y)[1] ? 1 : 0;
    walk.next = "y";
  } else {
    walk.y = random.uniform() < yGivenX(table, walk.x)[1] ? 1 : 0; // with the new x
    walk.next = "x";
    walk.sweeps += 1;
    walk.visits[walk.y][walk.x] += 1;
  }
}

/** The share of the sweeps that ended in each cell; all zero before the first. */
export function visitShares(walk) {
  return walk.visits.map((row) => row.map((count) => count / Math.max(1, walk.sweeps)));
}

/** Half the sum of the absolute differences: how far apart two distributions on the same cells are, from 0 to 1. */
export function totalVariation(p, q) {
  return p.flat().reduce((sum, value, i) => sum + Math.abs(value - q.flat()[i]), 0) / 2;
}

// --- A correlated Gaussian ------------------------------------------------------------------------------------------

/** One sweep from (x, y): both standard normal with correlation rho. The old x is never used. */
export function gaussianSweep([, y], rho, random) {
  const width = Math.sqrt(1 - rho ** 2);
  const newX = rho * y + width * random.normal(); // x given the old y
  const newY = rho * newX + width * random.normal(); // y given the new x
  return [newX, newY];
}

/** The correlation of a series with itself, one step later; NaN for fewer than three values. */
export function lagOne(series) {
  const n = series.length - 1; // pairs of neighbours
  if (n < 2) return NaN;
  let meanA = 0;
  let meanB = 0;
  for (let i = 0; i < n; i++) {
    meanA += series[i] / n;
    meanB += series[i + 1] / n;
  }
  let both = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < n; i++) {
    const a = series[i] - meanA;
    const b = series[i + 1] - meanB;
    both += a * b;
    squareA += a * a;
    squareB += b * b;
  }
  return both / Math.sqrt(squareA * squareB);
}

/** How many sweeps are worth one independent draw: τ = (1 + ρ²) / (1 − ρ²). */
export const sweepsPerDraw = (rho) => (1 + rho ** 2) / (1 - rho ** 2);

/** The points of the ellipse k standard deviations from the centre: the circle, bent by the covariance's root. */
export function ellipse(rho, k, points = 100) {
  const width = Math.sqrt(1 - rho ** 2);
  return Array.from({ length: points + 1 }, (_, i) => {
    const angle = (2 * Math.PI * i) / points;
    const [a, b] = [k * Math.cos(angle), k * Math.sin(angle)];
    return [a, rho * a + width * b];
  });
}
