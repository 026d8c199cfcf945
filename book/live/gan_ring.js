// A GAN on eight Gaussians, trained in the page: how it collapses, and what brings it back.
import { button, chart, choice, count, element, facts, frame, number, plane } from "./figure.js";
import { CENTRES, LOSSES, PRESETS, STANDARD, STD, coverage, create, field, generate, normals, ring, step } from "./gan8.js";
import { seeded } from "./rng.js";

const REACH = 3; // the plane is shown from -REACH to REACH
const SAMPLES = 400; // that are drawn and counted
const FINE = 24; // D is asked at so many places across the plane, and up
const BLOCK = 10; // steps whose losses are shown as one mean: single ones are too noisy to read
const SHOWN = 3000; // steps in the picture of the losses
const HIGHEST = 4; // nats, in that picture

// The reader's four settings, and what each may be.
const KNOBS = {
  rateG: { text: "G’s rate", values: [1e-4, 3e-4, 1e-3, 2e-3, 5e-3] },
  rateD: { text: "D’s rate", values: [2e-5, 2e-4, 1e-3, 2e-3, 5e-3] },
  loss: { text: "G’s loss", values: LOSSES },
  r1: { text: "R1, γ", values: [0, 0.1, 0.3, 1, 3] },
};
const presets = Object.fromEntries(Object.entries(PRESETS).map(([name, changes]) => [name, chosen({ ...STANDARD, ...changes })]));

export default {
  render({ model, el }) {
    const given = chosen({ ...STANDARD, ...model.get("state").settings });
    let settings = given;
    let begun = settings; // those of step 0, to which Restart returns
    let gan, random;
    let z; // what the shown samples are made of: always the same, so that they move with G alone
    let data; // points of it, to look at
    let losses; // [step, D's, G's], a mean of each block
    let sums; // of the block that is not yet complete
    let changes; // the steps at which the reader changed a setting
    let view; // what is shown of the GAN, and of which step it is
    let cured; // the step at which "Show me" was through, if it is

    function reset(seed) {
      settings = begun;
      random = seeded(seed);
      gan = create(settings, random);
      const other = seeded(seed + 2 ** 31); // the training's own random numbers do not depend on what is shown
      z = normals(SAMPLES * gan.settings.latent, other);
      data = pairs(ring(200, other));
      losses = [];
      sums = [0, 0];
      changes = [];
      view = cured = null;
    }

    function train() {
      const { dLoss, gLoss } = step(gan, random);
      sums = [sums[0] + dLoss, sums[1] + gLoss];
      if (gan.steps % BLOCK) return;
      losses.push([gan.steps, sums[0] / BLOCK, sums[1] / BLOCK]);
      sums = [0, 0];
    }

    /** What G and D do now. It takes as long as a step or two, so it is done once for what is shown and said. */
    function look() {
      if (view?.steps !== gan.steps) {
        const samples = generate(gan, z);
        const counted = coverage(samples);
        view = { steps: gan.steps, samples: pairs(samples), counted, believed: field(gan, { reach: REACH, size: FINE }) };
      }
      return view;
    }

    /** From the next step on these settings hold; at step 0 they are what the run begins with. */
    function change(some) {
      settings = { ...settings, ...some };
      if (gan.steps === 0) begun = settings;
      else if (changes.at(-1) !== gan.steps) changes.push(gan.steps);
      Object.assign(gan.settings, settings);
      gan.adamG.rate = settings.rateG;
      gan.adamD.rate = settings.rateD;
    }

    function start(name) {
      begun = presets[name];
      ui.restart();
    }

    // --- What is shown ---

    const ui = frame({ model, el }, {
      reset, step: train, every: 0, leap: 500, draw: show, describe,
      state() {
        const { modesOnePercent: modes, quality } = look().counted;
        return { settings, steps: gan.steps, modes, quality };
      },
      first() {
        begun = given;
      },
      showMe() {
        start("mode collapse");
        const told = () => {
          cured = gan.steps;
          ui.settle();
        };
        const cure = () => {
          change(presets.balanced);
          ui.run(1200, { text: "Then: 1200 steps with balanced rates", next: told });
        };
        ui.run(800, { text: "First: 800 steps with the rates of mode collapse", next: cure });
      },
    });

    const points = plane(REACH, "The samples, the data, and where D takes a point for real");
    const curves = chart("1.8", "Both losses against the step");
    const beside = facts({
      steps: "steps",
      modes: "modes found, of 8",
      quality: "samples of high quality",
      dLoss: "D’s loss, nats",
      gLoss: "G’s loss, nats",
      range: "D, lowest to highest",
    });
    const keys = [key("second", "samples"), key("muted", "data"), key("first", "for D most real")];
    ui.stage.append(
      element("div", { class: "live-plane" }, points.drawing, element("p", { class: "live-legend" }, ...keys)),
      element("div", { class: "live-side" }, curves.drawing, beside.list),
    );

    const names = Object.fromEntries([...Object.keys(presets), "your own"].map((name) => [name, name]));
    const preset = choice({
      text: "Begin with",
      options: names,
      change: ui.act((name) => name in presets && start(name)),
    });
    const knobs = Object.entries(KNOBS).map(([name, { text, values }]) => {
      const options = Object.fromEntries(values.map((value) => [label(value), label(value)]));
      const { label: whole, select } = choice({
        text,
        options,
        change(chosen) {
          change({ [name]: values.find((value) => label(value) === chosen) });
          ui.settle(); // and play on
        },
      });
      return { name, whole, select };
    });
    ui.controls.append(
      preset.label,
      ...knobs.map((knob) => knob.whole),
      button("100 steps", () => ui.run(100)),
      button("1000 steps", () => ui.run(1000)),
    );
    ui.settle();
    return ui.destroy;

    // --- Words and drawings ---

    function describe() {
      const { counted, steps } = look();
      const modes = `${counted.modesOnePercent} of 8 modes found, with 1 % of the samples or more`;
      const quality = `Samples of high quality: ${number(100 * counted.quality, 0)} %.`;
      const cure = steps === cured && counted.modesOnePercent > 6;
      const end = cure ? " This was one cure: equal rates from step 800 on. Quality takes more steps." : "";
      return `${steps ? `Step ${count(steps)}` : "Untrained"}: ${modes}. ${quality}${end}`;
    }

    function show() {
      const { counted, believed } = look();
      const [, dLoss, gLoss] = losses.at(-1) ?? [0, NaN, NaN];
      beside.show({
        steps: count(gan.steps),
        modes: counted.modesOnePercent,
        quality: `${number(100 * counted.quality, 0)} %`,
        dLoss: number(dLoss, 2),
        gLoss: number(gLoss, 2),
        range: lowestAndHighest(believed).map((p) => number(p, 2)).join(" to "),
      });
      preset.select.value = Object.keys(presets).find((name) => same(presets[name], begun)) ?? "your own";
      for (const { name, select } of knobs) select.value = label(settings[name]);
      drawPlane();
      drawLosses();
    }

    function drawPlane() {
      const { context, width, height, colour, at, dots } = points.start();
      const { samples, believed } = look();
      context.drawImage(shades(believed, colour("first")), 0, 0, width, height);
      context.globalAlpha = 0.7;
      dots(data, "muted", 1.5);
      context.globalAlpha = 1;
      context.strokeStyle = colour("text");
      for (const centre of CENTRES) {
        context.beginPath();
        context.arc(...at(centre), (3 * STD * width) / (2 * REACH), 0, 2 * Math.PI); // inside: of high quality
        context.stroke();
      }
      dots(samples, "second", 1.8);
    }

    function drawLosses() {
      const first = Math.max(0, gan.steps - SHOWN);
      const { curve } = curves.start({
        x: [first, first + SHOWN],
        y: [-1, HIGHEST],
        ticks: [[-1, "−1"], [0, "0"], [Math.log(2), "log 2"], [Math.log(4), "log 4"], [3, "3"]],
        below: `steps ${count(first)} to ${count(first + SHOWN)}`,
        names: { first: "D’s loss", second: "G’s loss", ...(changes.at(-1) >= first && { muted: "settings changed" }) },
      });
      for (const at of changes) if (at >= first) curve([[at, -1], [at, HIGHEST]], "muted", 1);
      const recent = losses.filter(([at]) => at > first);
      const drawn = (i) => recent.map((entry) => [entry[0], Math.min(HIGHEST, entry[i])]);
      curve(drawn(1), "first");
      curve(drawn(2), "second");
    }
  },
};

/** The reader's settings out of all. */
function chosen(settings) {
  return Object.fromEntries(Object.keys(KNOBS).map((name) => [name, settings[name]]));
}

const same = (one, other) => Object.keys(KNOBS).every((name) => one[name] === other[name]);

/** How a value stands in its list. Whole numbers with a point, for an object puts "3" before "0.1". */
const label = (value) => (Number.isInteger(value) ? value.toFixed(1) : String(value));

/** Flat points as pairs. */
const pairs = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);

/** A spot of colour with what it stands for. */
const key = (name, text) => element("span", { class: `live-key-${name}` }, text);

function lowestAndHighest(values) {
  return [Math.min(...values), Math.max(...values)];
}

/** D's probabilities as a small picture in one colour, from its lowest to its highest; scaled up it is smooth. */
function shades(believed, colour) {
  const [low, high] = lowestAndHighest(believed);
  const picture = element("canvas", { width: FINE, height: FINE });
  const context = picture.getContext("2d");
  context.fillStyle = colour;
  believed.forEach((p, i) => {
    context.globalAlpha = (0.6 * (p - low)) / (high - low);
    context.fillRect(i % FINE, FINE - 1 - Math.floor(i / FINE), 1, 1); // rows go upwards
  });
  return picture;
}
