// The npm package as it is published, and the code of its README.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { top } from "./browser.js";

/** Packs the package into a folder and returns the name of the archive there. */
export function pack(folder) {
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", folder, join(top, "build/npm")], { encoding: "utf8" }));
  return filename;
}

const readme = readFileSync(join(top, "wasm/npm/README.md"), "utf8");

/** The block of code of the README that holds this text. */
export function block(language, text) {
  const found = [...readme.matchAll(/^```(\w+)\n([^]*?)^```/gm)].find(([, l, code]) => l === language && code.includes(text));
  assert.ok(found, `the README has no ${language} with ${text}`);
  return found[2];
}

/** The README's code as it stands, a function `generate`, and the element. */
export const usage = `${block("js", "SymDiff.load")}import "symdiff-mol/viewer";`;
