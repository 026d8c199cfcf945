// A sheet of paper to draw a digit on, with mouse, pen or finger.
import { element } from "./figure.js";

const SIZE = 200; // of the drawing, in its own pixels: the same drawing gives the same numbers on every screen
const NIB = 17; // the width of a stroke; a digit of MNIST is about seven strokes tall

/**
 * settled() is called when a stroke begins and when it ends, changed() while it grows. The pad's strokes are lists of points [x, y] from 0 to 1,
 * x to the right and y down: strokes() gives them, set(strokes) puts others there. ink() gives what lies on the paper, as
 * { ink, width, height }: 0 where it is white, 1 where it is black, row by row.
 */
export function pad(label, { changed, settled }) {
  const drawing = element("canvas", {
    width: SIZE, height: SIZE, role: "img", "aria-label": label, class: "live-sheet live-pad", pointerdown: begin,
  });
  const context = drawing.getContext("2d", { willReadFrequently: true });
  let lines = [];

  function begin(event) {
    if (event.button !== 0) return;
    const stroke = [under(event)];
    const follow = (moved) => {
      // A fast hand goes through several points between two frames.
      const between = moved.getCoalescedEvents?.() ?? [];
      stroke.push(...(between.length ? between : [moved]).map(under));
      show();
      changed();
    };
    const lift = () => {
      drawing.removeEventListener("pointermove", follow);
      settled();
    };
    drawing.setPointerCapture(event.pointerId);
    drawing.addEventListener("pointermove", follow);
    drawing.addEventListener("lostpointercapture", lift, { once: true });
    lines.push(stroke);
    show();
    settled();
  }

  function under(event) {
    const box = drawing.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  function show() {
    context.fillStyle = "white";
    context.fillRect(0, 0, SIZE, SIZE);
    context.lineWidth = NIB;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of lines) {
      const [[x, y]] = stroke;
      context.beginPath();
      context.lineTo(SIZE * x + 0.1, SIZE * y); // a line of no length would not be drawn, but a dot should be seen
      for (const [x, y] of stroke) context.lineTo(SIZE * x, SIZE * y);
      context.stroke();
    }
  }

  function set(strokes) {
    lines = strokes.map((stroke) => [...stroke]);
    show();
  }

  function ink() {
    const { data } = context.getImageData(0, 0, SIZE, SIZE);
    return { ink: Float64Array.from({ length: SIZE * SIZE }, (_, i) => 1 - data[4 * i] / 255), width: SIZE, height: SIZE };
  }

  set([]);
  return { drawing, strokes: () => lines, set, ink };
}
