// make evaluate-keep: how often molecules come out well around fragments, by the command line, as
// the page does it (FLAGS= has it otherwise) and with the parts that the page offers. Bases are
// stable molecules in one piece of the model itself; of each a part is kept and the rest made anew
// several times.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { load } from "./load.js";

const [weights, out] = process.argv.slice(2);
const [bases, each] = [Number(process.env.BASES || 25), Number(process.env.EACH || 8)];
const top = fileURLToPath(new URL("..", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "symdiff-keep-"));

const { half, heavy, partOf, stochastic } = await load("/src/explore/parts.ts", "/src/settings.ts");
const data = readFileSync(weights);

function sample(...args) {
  const text = execFileSync(
    join(top, "build/symdiff"),
    ["sample", "--model", weights, "--json", "--quiet", ...args.map(String)],
    { maxBuffer: 1 << 28 },
  );
  return text
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const flags = (process.env.FLAGS ?? "").split(" ").filter(Boolean);

const well = (m) => m.stable && m.connected;
const xyz = (m) =>
  `${m.elements.length}\n\n${m.elements.map((e, i) => `${e} ${m.positions[i].map((x) => x.toFixed(6)).join(" ")}\n`).join("")}`;
const fromNoise = ["--method", stochastic.method, "--steps", 100, "--t-start", 1000];
const found = sample("--count", 8 * bases, "--seed", 1, ...fromNoise)
  .filter(well)
  .slice(0, bases);
const choices = {
  heavy: (m) => heavy(m.elements),
  half: (m) => half(m.elements, m.positions.flat()),
};
const tasks = Object.entries(choices).map(([task, choose]) => {
  const made = found.flatMap((base, i) => {
    const file = join(dir, `${task}${i}.xyz`);
    writeFileSync(file, partOf(xyz(base), choose(base)));
    return sample(
      "--fragment",
      file,
      "--formula",
      base.formula,
      "--count",
      each,
      "--seed",
      1000 + i,
      "--method",
      stochastic.method,
      "--steps",
      stochastic.steps,
      ...flags,
    );
  });
  const result = {
    task,
    steps: made[0].steps,
    flags: flags.join(" "),
    bases: found.length,
    each,
    molecules: made.length,
    well: made.filter(well).length,
    stable: made.filter((m) => m.stable).length,
    connected: made.filter((m) => m.connected).length,
  };
  console.log(
    `${task}: ${result.well} of ${result.molecules} stable and in one piece; stable ${result.stable}, in one piece ${result.connected}`,
  );
  return result;
});
rmSync(dir, { recursive: true });
const model_sha256 = createHash("sha256").update(data).digest("hex");
writeFileSync(out, `${JSON.stringify({ model_sha256, tasks }, null, 2)}\n`);
