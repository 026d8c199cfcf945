// Reads one JSON array [TeX, display] a line, answers each with one line of JSON: the HTML, or {"error": message}.
import readline from "node:readline";
import katex from "katex";

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [tex, displayMode] = JSON.parse(line);
  let answer;
  try {
    answer = katex.renderToString(tex, { displayMode, throwOnError: true, strict: "error" });
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
