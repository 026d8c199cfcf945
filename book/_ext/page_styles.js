// Merges style sheets into one and drops the rules that no page can use. In, as JSON: {"styles": the sheets' texts,
// "whole": which of them stay whole, as true or false, "words": all words of the pages and scripts}. Out: the text.
import { readFileSync } from "node:fs";
import { transformSync } from "esbuild";
import { PurgeCSS } from "purgecss";

const { styles, whole, words } = JSON.parse(readFileSync(0, "utf8"));
const settings = { content: [{ raw: words, extension: "html" }], defaultExtractor: (text) => text.split(" ") };
const used = await new PurgeCSS().purge({ ...settings, css: styles.map((raw) => ({ raw })) });
const merged = styles.map((text, i) => (whole[i] ? text : used[i].css)).join("\n");
process.stdout.write(transformSync(merged, { loader: "css", minify: true, charset: "utf8", target: "es2022" }).code);
