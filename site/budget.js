// What a visit downloads, compressed as site.go does it, against the budget: `make budget`. Fails
// when something is too large.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const dir = fileURLToPath(new URL("../build/site", import.meta.url));
const budgets = { page: 70e3, wasm: 1024e3 };

const read = (name) => readFileSync(join(dir, name));
const sent = (name) => {
  const body = read(name);
  const zipped = gzipSync(body, { level: 9 }).length;
  return zipped < 0.9 * body.length ? zipped : body.length;
};

/** The site's own files that a file names: what it loads, now or later. */
function named(name) {
  if (!/\.(html|css|js)$/.test(name)) return [];
  const text = read(name).toString();
  return assets.filter((file) => text.includes(file.slice("assets/".length)));
}

const assets = readdirSync(join(dir, "assets")).map((name) => `assets/${name}`);

/** Everything reachable from a page, but for large files and what only they name. */
function reach(page) {
  const seen = new Set([page]);
  for (const name of seen) for (const next of named(name)) seen.add(next);
  return [...seen];
}

/** Above this size a script belongs to the chemistry tools, as plugins.js has it. */
const large = 150e3;
const kind = (name) => {
  if (/symdiff-plain.*\.wasm$/.test(name)) return "wasm (no SIMD)";
  if (/\.wasm$/.test(name)) return "wasm";
  if (/\.safetensors$/.test(name))
    return /\bqm9-web-[\w-]+\.safetensors$/.test(name) ? "weights" : "other models";
  if (read(name).length > large) return "chemistry";
  return /\.(html|css|js)$/.test(name) ? "page" : "fonts, pictures, data";
};

const kinds = [
  "page",
  "wasm",
  "wasm (no SIMD)",
  "weights",
  "other models",
  "chemistry",
  "fonts, pictures, data",
];
const kb = (bytes) => `${(bytes / 1e3).toFixed(1)} KB`;
const pages = readdirSync(dir).filter((name) => name.endsWith(".html"));
const rows = pages.map((page) => {
  const sizes = Object.fromEntries(kinds.map((k) => [k, 0]));
  for (const name of [...reach(page), "sw.js"]) sizes[kind(name)] += sent(name);
  return { page, sizes };
});

const table = [
  ["gzip", ...kinds.map((k) => (k === "page" ? "HTML, CSS, JS" : k))],
  ...rows.map(({ page, sizes }) => [page, ...kinds.map((k) => kb(sizes[k]))]),
];
const widths = table[0].map((_, c) => Math.max(...table.map((row) => row[c].length)));
for (const row of table)
  console.log(
    row.map((cell, c) => (c ? cell.padStart(widths[c]) : cell.padEnd(widths[c]))).join("  "),
  );

const main = rows.find(({ page }) => page === "index.html").sizes;
const over = Object.entries(budgets).filter(([k, budget]) => !(main[k] > 0 && main[k] <= budget));
for (const [k, budget] of over)
  console.error(`index.html: ${k} is ${kb(main[k])}, the budget ${kb(budget)}`);
console.log(
  over.length
    ? "over budget"
    : `within budget: HTML, CSS and JS of the main page ${kb(budgets.page)}, WASM ${kb(budgets.wasm)}`,
);
process.exitCode = over.length ? 1 : 0;
