// What the figures on the trained planes of digits share: the codes of test digits in the plane, and the pictures.
import { element, number } from "./figure.js";
import { SIDE } from "./vae.js";

/**
 * A sheet of pictures, black on white whatever the theme, as they are in the data. Its show(k, picture) puts a picture
 * (784 numbers from 0 to 1) to the k-th place, row by row, and show(k, null) leaves that place white.
 */
export function sheet(columns, rows, label) {
  const size = { width: SIDE * columns, height: SIDE * rows };
  const drawing = element("canvas", { ...size, role: "img", "aria-label": label, class: "live-sheet" });
  const context = drawing.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  function show(k, picture) {
    for (let i = 0; i < SIDE * SIDE; i++) {
      image.data.fill(Math.round(255 * (1 - (picture?.[i] ?? 0))), 4 * i, 4 * i + 3);
      image.data[4 * i + 3] = 255; // opaque
    }
    context.putImageData(image, SIDE * (k % columns), SIDE * Math.floor(k / columns));
  }
  for (let k = 0; k < columns * rows; k++) show(k, null);
  return { drawing, show };
}

const MARKS = 100; // are drawn in one frame: a thousand would hold up the page

/**
 * The codes (n, 2), flat, of test digits: each as a small digit in the colour of its kind. Gives a function that draws
 * them on the paper that plane.start() gave, `at` being the places, and says whether that was all: the first drawings on
 * a new paper show only some, for marks take longer than all the rest. They are made once, and copied after that.
 */
export function codeMap(codes, labels) {
  let made = ""; // for which paper the layer was made
  let layer, own, done;

  return function draw({ context, width, height, colour }, at) {
    const wanted = [width, devicePixelRatio, colour("text")].join();
    if (made !== wanted) {
      layer = element("canvas", { width: context.canvas.width, height: context.canvas.height });
      own = layer.getContext("2d");
      own.setTransform(context.getTransform());
      own.font = `${Math.max(6, width / 38)}px sans-serif`;
      own.textAlign = "center";
      own.textBaseline = "middle";
      [made, done] = [wanted, 0];
    }
    if (done < labels.length) {
      const colours = Array.from({ length: 10 }, (_, label) => colour(`digit${label}`));
      for (const end = Math.min(done + MARKS, labels.length); done < end; done++) {
        own.fillStyle = colours[labels[done]];
        own.fillText(labels[done], ...at([codes[2 * done], codes[2 * done + 1]]));
      }
    }
    context.drawImage(layer, 0, 0, width, height);
    return done === labels.length;
  };
}

/** Add a cross to the context's path. */
export function cross(context, [x, y], size) {
  context.moveTo(x - size, y);
  context.lineTo(x + size, y);
  context.moveTo(x, y - size);
  context.lineTo(x, y + size);
}

/** A point in words. The space does not break. */
export const pair = ([x, y]) => `(${number(x, 2)},\u00a0${number(y, 2)})`;

/** The points of the circle around 0 with radius r. */
export const circle = (r) =>
  Array.from({ length: 61 }, (_, i) => [r * Math.cos((Math.PI * i) / 30), r * Math.sin((Math.PI * i) / 30)]);
