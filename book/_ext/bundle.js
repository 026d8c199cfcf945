// Bundles book/live for browsers into the folder given: live.js, one classic script (modules do not load from a folder),
// and live.css. As a script it is `genbookLive`, with the figures by name.
import { buildSync } from "esbuild";

const [sources, folder] = process.argv.slice(2);
const settings = { bundle: true, minify: true, charset: "utf8", target: "es2022", logLevel: "error" };
const script = { format: "iife", globalName: "genbookLive" };
buildSync({ ...settings, ...script, entryPoints: [`${sources}/index.js`], outfile: `${folder}/live.js` });
buildSync({ ...settings, entryPoints: [`${sources}/figure.css`], outfile: `${folder}/live.css` });
