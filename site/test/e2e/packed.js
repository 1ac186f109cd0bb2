// The npm package as it is published, and the code of its README.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { top } from "./browser.js";

/** Packs the package into a folder and returns the name of the archive there. */
export function pack(folder) {
  const [{ filename }] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--pack-destination", folder, join(top, "build/npm")], {
      encoding: "utf8",
    }),
  );
  return filename;
}

const readme = readFileSync(join(top, "wasm/npm/README.md"), "utf8");

/** The block of code of the README that holds this text. */
export function block(language, text) {
  const found = [...readme.matchAll(/^```(\w+)\n([^]*?)^```/gm)].find(
    ([, l, code]) => l === language && code.includes(text),
  );
  assert.ok(found, `the README has no ${language} with ${text}`);
  return found[2];
}

/** What of the README's text this finds. */
export const prose = (pattern) => readme.match(pattern)[0];

/** The README's code as it stands, a function `generate`, and the element. */
export const usage = `${block("js", "SymDiff.load")}import "symdiff-mol/viewer";`;

/** The files that the README has copied beside a bundle whose bundler leaves them. */
export const copied = block("sh", "esbuild main.js")
  .match(/^cp (.+) \.\.\/\.\.\/dist\/$/m)[1]
  .split(" ");

/** The oldest versions that the README says are tested: of Node and of TypeScript. */
export const oldest = readme.match(
  /Node (?<node>\d+) and\s+TypeScript (?<typescript>\d+\.\d+) are the oldest/,
).groups;

/** Holds what the README says of Node, here or as another program. */
export function holdsInNode(cwd, node = process.execPath) {
  const { exports } = JSON.parse(readFileSync(join(top, "wasm/npm/package.json"), "utf8"));
  const modules = Object.entries(exports).flatMap(([name, { default: file }]) =>
    file?.endsWith(".js") ? [`symdiff-mol${name.slice(1)}`] : [],
  );
  assert.ok(modules.length >= 6);
  const script = `
    for (const name of ${JSON.stringify(modules)}) await import(name);
    const { SymDiff } = await import("symdiff-mol");
    const { qm9Web } = await import("symdiff-mol/qm9-web");
    await SymDiff.load(qm9Web).catch(({ name, code }) => console.log(name, code));`;
  assert.equal(
    execFileSync(node, ["--input-type=module", "-e", script], { cwd, encoding: "utf8" }),
    "SymDiffError worker\n",
  );
}
