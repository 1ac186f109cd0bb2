// make evaluate-branches: how many molecules keep all their bonds when a run gets new noise from a
// step on, by the command line, with the sampler of the page Explore.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { load } from "./load.js";

const [weights, out] = process.argv.slice(2);
const [count, steps] = [50, [4, 8, 10]];
const { stochastic } = await load("/src/settings.ts");
const command = fileURLToPath(new URL("../build/symdiff", import.meta.url));

/** The bonds of each molecule, as lines of SDF. */
function sample(...args) {
  const sdf = execFileSync(
    command,
    [
      "sample",
      "--model",
      weights,
      "--count",
      count,
      "--seed",
      1,
      "--method",
      stochastic.method,
      "--steps",
      stochastic.steps,
      "--quiet",
      "-o",
      "-.sdf",
      ...args,
    ].map(String),
    { maxBuffer: 1 << 28 },
  );
  return sdf
    .toString()
    .split("$$$$\n")
    .slice(0, -1)
    .map((record) => {
      const lines = record.split("\n");
      const [atoms, bonds] = [lines[3].slice(0, 3), lines[3].slice(3, 6)].map(Number);
      return lines
        .slice(4 + atoms, 4 + atoms + bonds)
        .sort()
        .join("\n");
    });
}

const before = sample();
const branches = steps.map((step) => {
  const after = sample("--set", `branches=${step}:77`);
  return {
    step,
    molecules: before.length,
    kept: before.filter((bonds, i) => bonds === after[i]).length,
  };
});
const model_sha256 = createHash("sha256").update(readFileSync(weights)).digest("hex");
writeFileSync(out, `${JSON.stringify({ model_sha256, branches }, null, 2)}\n`);
console.log(
  branches
    .map(
      ({ step, kept, molecules }) => `step ${step}: ${kept} of ${molecules} keep all their bonds`,
    )
    .join("\n"),
);
