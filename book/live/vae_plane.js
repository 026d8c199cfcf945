// The VAE's plane of digits: a point and the picture that it stands for; a digit of one's own, and the point that it gets.
import { button, canvas, choice, count, element, facts, frame, movable, number, plane } from "./figure.js";
import { circle, codeMap, cross, pair, sheet } from "./digits.js";
import { pad } from "./pad.js";
import { seeded } from "./rng.js";
import { centred, codesOf, decode, digitsOf, encode, nearestCode, unpack } from "./vae.js";

const REACH = 4; // the plane is shown from -REACH to REACH
const CLOSE = 0.4; // and around the point as far as this
const DRAWS = 500; // from the prior that are shown at most
// A seven with a bar through its stem.
const BARRED = [
  [[0.25, 0.2], [0.78, 0.2], [0.7, 0.4], [0.55, 0.62], [0.48, 0.85]],
  [[0.4, 0.52], [0.78, 0.52]],
];

export default {
  weights: ["vae_decoder", "vae_encoder"],

  render({ model, el }) {
    const { vae_decoder, vae_encoder } = globalThis.genbookWeights;
    const [decoder, encoder] = [unpack(vae_decoder), unpack(vae_encoder)];
    const { codes, labels } = codesOf(vae_decoder);
    const digits = digitsOf(vae_encoder);
    const given = model.get("state").digit;
    let digit = given; // the test digit that is encoded, or null: one that was drawn, or none
    let picture; // what is encoded (784), or null
    let code; // its { mean, std }, or null
    let point; // z, whose picture is shown
    let draws, random;
    let told; // what the status line tells of: the encoder, the draws or the point

    function reset(seed) {
      random = seeded(seed);
      draws = [];
      look(picture);
    }

    /** Encode a picture, and go to its mean. */
    function look(next) {
      picture = next;
      code = picture && encode(encoder, picture);
      point = code ? [...code.mean] : [0, 0];
      told = code ? "encoder" : "point";
    }

    function sample() {
      point = [random.normal(), random.normal()];
      draws.push(point);
      told = "draws";
    }

    picture = digits[digit] ?? null;

    // --- What is shown ---

    const ui = frame({ model, el }, {
      reset, step: sample, every: 700, leap: 20, draw: show, describe,
      state: () => ({
        digit, point, mean: code && [...code.mean], std: code && [...code.std], draws: draws.length,
        picture: picture && Array.from(picture, (value) => Math.round(1000 * value) / 1000),
      }),
      first: () => choose(given ?? "own"),
      showMe() {
        paper.set(BARRED);
        readPad();
      },
    });

    const map = plane(REACH, "The plane of z with the codes of 1000 test digits, and the point");
    const handle = movable(map, { ui, grain: 0.05, move: go });
    const drawCodes = codeMap(codes, labels);
    const paper = pad("Draw a digit here with mouse, pen or finger, or choose a test digit below", {
      changed() {
        readPad();
        ui.changed();
      },
      settled: () => ui.act(readPad)(),
    });
    const seen = sheet(1, 1, "The digit as the encoder sees it");
    const near = canvas("1", "The surroundings of the point, ten times as large");
    const decoded = sheet(1, 1, "The picture that the decoder makes of the point");
    const named = (drawing, text) => element("div", {}, drawing, element("span", { class: "live-small" }, text));
    const grid = element(
      "div", { class: "live-grid" },
      named(paper.drawing, "draw here"), named(seen.drawing, "the encoder sees"),
      named(near.drawing, "around z, 10 ×"), named(decoded.drawing, "decoded from z"),
    );
    const beside = facts({
      z: "z", nearest: "nearest test digit", mean: "encoder’s mean μ", std: "and its σ", draws: "draws so far",
    });
    ui.stage.append(handle.board, element("div", { class: "live-side" }, grid, beside.list));

    const options = { ...digits.map((_, label) => `test digit ${label}`), own: "your own" };
    const source = choice({ text: "Digit", options, change: ui.act(choose) });
    const moves = [button("Clear", ui.act(() => choose("own"))), button("Sample the prior", ui.act(sample))];
    ui.controls.append(source.label, ...moves);
    source.select.value = digit ?? "own";
    ui.settle();
    return ui.destroy;

    function choose(value) {
      digit = value === "own" ? null : Number(value);
      source.select.value = value;
      paper.set([]);
      look(digits[digit] ?? null);
    }

    function readPad() {
      digit = null;
      source.select.value = "own";
      const { ink, width, height } = paper.ink();
      look(centred(ink, width, height));
    }

    function go(to) {
      point = to;
      told = "point";
    }

    // --- Words and drawings ---

    function describe() {
      const { distance, index } = nearestCode(point, codes);
      const near = `The nearest test digit, ${number(distance, 2)} away, is a ${labels[index]}.`;
      if (told === "draws") return `Draw ${count(draws.length)} from the prior: z = ${pair(point)}. ${near}`;
      if (told === "point") return `The point is at z = ${pair(point)}. ${near}`;
      const name = digit === null ? "your digit" : `the test digit ${digit}`;
      return `The encoder puts ${name} at μ = ${pair(code.mean)}, with σ = ${pair(code.std)}. ${near}`;
    }

    function show() {
      const { distance, index } = nearestCode(point, codes);
      beside.show({
        z: pair(point),
        nearest: `a ${labels[index]}, ${number(distance, 2)} away`,
        mean: code ? pair(code.mean) : "–",
        std: code ? pair(code.std) : "–",
        draws: count(draws.length),
      });
      handle.show(point, `The point z = ${pair(point)}: move it with the arrow keys`);
      seen.show(0, picture);
      decoded.show(0, decode(decoder, point));
      drawPlane();
      drawSurroundings();
    }

    function drawPlane() {
      const on = map.start();
      for (const k of [1, 2]) on.line(circle(k), "muted", 1.2);
      if (!drawCodes(on, on.at)) ui.changed(); // the rest in the next frames
      crosses(on, on.at, 4);
      if (code) clouds(on, on.at);
    }

    function drawSurroundings() {
      const { context, width, height, colour } = near.start();
      const scale = width / (2 * CLOSE);
      const at = ([x, y]) => [width / 2 + scale * (x - point[0]), height / 2 - scale * (y - point[1])];
      context.textAlign = "center";
      context.textBaseline = "middle";
      labels.forEach((label, i) => {
        const z = [codes[2 * i], codes[2 * i + 1]];
        if (Math.hypot(z[0] - point[0], z[1] - point[1]) > 2 * CLOSE) return; // outside
        context.fillStyle = colour(`digit${label}`);
        context.fillText(label, ...at(z));
      });
      crosses({ context, colour }, at, 5);
      if (code) clouds({ context, colour }, at);
      context.strokeStyle = colour("second");
      context.lineWidth = 2;
      context.strokeRect(width / 2 - 5, height / 2 - 5, 10, 10); // the point
    }

    /** The draws from the prior. */
    function crosses({ context, colour }, at, size) {
      context.strokeStyle = colour("text");
      context.lineWidth = 1.2;
      context.beginPath();
      for (const draw of draws.slice(-DRAWS)) cross(context, at(draw), size);
      context.stroke();
    }

    /** One and two standard deviations of q(z | x). */
    function clouds({ context, colour }, at) {
      context.strokeStyle = colour("text");
      context.lineWidth = 1.4;
      for (const k of [1, 2]) {
        context.beginPath();
        for (const [x, y] of circle(k)) {
          context.lineTo(...at([code.mean[0] + code.std[0] * x, code.mean[1] + code.std[1] * y]));
        }
        context.stroke();
      }
    }
  },
};
