import assert from "node:assert/strict";
import { test } from "node:test";
import * as vae from "../../book/live/vae.js";
import { close, fixture } from "./shared.mjs";

for (const name of ["vae_decoder", "vae_encoder", "autoencoder_decoder"]) {
  await import(`../../genbook/weights/live/${name}.js`); // a classic script: it sets a global
}
const { vae_decoder, vae_encoder, autoencoder_decoder } = globalThis.genbookWeights;
const decoders = { vae: vae.unpack(vae_decoder), autoencoder: vae.unpack(autoencoder_decoder) };
const encoder = vae.unpack(vae_encoder);
const digits = vae.digitsOf(vae_encoder);
const { pictures } = fixture;

for (const name of ["vae", "autoencoder"]) {
  test(`the ${name}'s pictures are torch's`, () => {
    const decoded = vae.decode(decoders[name], pictures.z);
    close(decoded, pictures[name], 1e-5);
    assert.ok(decoded instanceof Float32Array && Math.min(...decoded) >= 0 && Math.max(...decoded) <= 1);
  });
}

test("the encoder's means and standard deviations are torch's", () => {
  const codes = digits.map((digit) => vae.encode(encoder, digit));
  close(codes.flatMap(({ mean }) => [...mean]), pictures.means, 1e-4);
  close(codes.flatMap(({ std }) => [...std]), pictures.stds, 1e-5);
});

test("the codes are those of 1000 test digits, and the shipped digits are among them", () => {
  for (const content of [vae_decoder, autoencoder_decoder]) {
    const { codes, labels } = vae.codesOf(content);
    assert.equal(codes.length, 2000);
    assert.equal(labels.length, 1000);
    assert.deepEqual([...labels.slice(0, 10)], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]); // as everyone who knows MNIST knows
  }
  const { codes, labels } = vae.codesOf(vae_decoder);
  digits.forEach((digit, label) => {
    const { distance, index } = vae.nearestCode(vae.encode(encoder, digit).mean, codes);
    assert.ok(distance < 0.005, `${label}: ${distance}`);
    assert.equal(labels[index], label);
  });
});

test("the nearest code", () => {
  assert.deepEqual(vae.nearestCode([1, 1], [0, 0, 4, 5, 1, 3]), { distance: Math.SQRT2, index: 0 });
  assert.deepEqual(vae.nearestCode([4, 1], [0, 0, 4, 5, 1, 3]).index, 2);
});

test("the usual distance between codes, and their Gaussian, are NumPy's", () => {
  for (const [name, content] of [["vae", vae_decoder], ["autoencoder", autoencoder_decoder]]) {
    const { codes } = vae.codesOf(content);
    const { mean, root } = vae.gaussianOf(codes);
    close(mean, pictures.codes[name].mean, 1e-9);
    close(root, pictures.codes[name].root, 1e-9);
    close([vae.usualDistance(codes)], [pictures.codes[name].usual], 1e-9);
  }
});

test("the median of few numbers", () => {
  assert.equal(vae.median([3, 1, 10]), 3);
  assert.equal(vae.median([4, 1, 10, 2]), 3);
  assert.ok(Number.isNaN(vae.median([])));
});

/** A digit of MNIST, enlarged and put somewhere on a large sheet. */
function enlarged(digit, factor, width, height, left, top) {
  const ink = new Float64Array(width * height);
  for (let y = 0; y < 28 * factor; y++) {
    for (let x = 0; x < 28 * factor; x++) {
      const value = digit[Math.floor(y / factor) * 28 + Math.floor(x / factor)];
      const [row, column] = [top + y, left + x];
      if (row >= 0 && row < height && column >= 0 && column < width) ink[row * width + column] = value;
    }
  }
  return ink;
}

test("a digit of MNIST, enlarged and moved, comes back as it was", () => {
  digits.forEach((digit, label) => {
    close(vae.centred(enlarged(digit, 7, 300, 260, 60, 17), 300, 260), digit, 1e-6, `digit ${label}`);
    close(vae.centred(enlarged(digit, 1, 28, 28, 0, 0), 28, 28), digit, 1e-6, `digit ${label}`);
  });
});

test("a drawing of any size fits 20 × 20, keeps its proportions, and its mass is in the middle", () => {
  const [width, height] = [200, 100];
  const ink = new Float64Array(width * height);
  for (let y = 13; y < 76; y++) for (let x = 150; x < 171; x++) ink[y * width + x] = y < 30 ? 1 : 0.3; // 21 × 63
  const picture = vae.centred(ink, width, height);
  const rows = [...Array(28).keys()].filter((row) => picture.slice(28 * row, 28 * row + 28).some((value) => value > 0));
  const columns = [...Array(28).keys()].filter((column) => rows.some((row) => picture[28 * row + column] > 0));
  assert.equal(rows.length, 20);
  assert.equal(columns.length, 7);
  let [mass, massX, massY] = [0, 0, 0];
  picture.forEach((value, i) => {
    mass += value;
    massX += value * ((i % 28) + 0.5);
    massY += value * (Math.floor(i / 28) + 0.5);
  });
  for (const middle of [massX / mass, massY / mass]) assert.ok(middle >= 14 - 1e-6 && middle < 15, `${middle}`);
});

test("a dot, a line and a stroke at the edge are no trouble", () => {
  for (const [width, height, drawn] of [
    [50, 50, [[49, 49]]],
    [50, 30, [...Array(50).keys()].map((x) => [x, 29])],
    [3, 3, [[0, 0], [2, 2]]],
    [3, 5, [[0, 3], [1, 3], [2, 3], [0, 4], [1, 4], [2, 4]]], // rounding leads beyond the last row
  ]) {
    const ink = new Float64Array(width * height);
    for (const [x, y] of drawn) ink[y * width + x] = 1;
    const picture = vae.centred(ink, width, height);
    assert.ok(picture.every((value) => value >= 0 && value <= 1 + 1e-6));
    assert.ok(Math.max(...picture) > 0.5);
  }
});

test("a full sheet of any size gives 20 × 20 pixels full of ink", () => {
  for (let size = 1; size <= 150; size++) {
    const picture = vae.centred(new Float64Array(size * size).fill(1), size, size);
    assert.equal(picture.filter((value) => Math.abs(value - 1) < 1e-6).length, 400, `${size}`);
    assert.equal(picture.filter((value) => value === 0).length, 384, `${size}`);
  }
});

test("nothing drawn is null, and what does not fit is named", () => {
  assert.equal(vae.centred(new Float64Array(12), 4, 3), null);
  assert.throws(() => vae.centred(new Float64Array(12), 4, 4), /expected 4 × 4 numbers, got 12/);
  assert.throws(() => vae.unpack({ ...vae_decoder, sizes: [2, 64, 128, 783] }), /expected .* numbers for sizes/);
});

test("half-precision numbers: every one of the 63488 finite ones", () => {
  const words = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((word) => ((word >> 10) & 31) !== 31);
  const base64 = Buffer.from(words.buffer).toString("base64");
  assert.deepEqual(vae.float16s(base64), Float32Array.from(new Float16Array(words.buffer)));
});
