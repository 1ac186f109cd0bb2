// Writes build/intro.bin: the trajectory that the page plays before anything is loaded. It is made
// here from the shipped weights, by the engine that the page runs, and quantised. The molecule is
// chosen: the first from `firstSeed` on that is stable, connected and has a ring. firstSeed is
// picked by hand so that little is hidden: from its broad side, which the viewer shows, no two
// atoms but hydrogens are nearer than 1 Å in the picture. And build/told.json: what core says of
// each of the site's models, by SHA-256.
//
// intro.bin: JSON in one line, then int16 positions in thousandths of Å (frames, atoms, 3) and int8
// scores in 1/64 (frames, atoms, elements).

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SymDiff } from "../build/wasm/js/index.js";
import { threadWorker } from "../wasm/test/support.js";
import { weightsIn } from "./plugins.js";

const firstSeed = 85;

const wasm = readFileSync(new URL("../build/wasm/symdiff.wasm", import.meta.url)).toString(
  "base64",
);
const load = (file) =>
  SymDiff.load({
    wasm: `data:application/wasm;base64,${wasm}`,
    weights: Uint8Array.from(readFileSync(file)).buffer,
    worker: threadWorker,
  });
const files = process.env.SYMDIFF_WEIGHTS
  ? [process.env.SYMDIFF_WEIGHTS]
  : weightsIn(fileURLToPath(new URL("../core/weights", import.meta.url)), "qm9-web.safetensors");
const engine = await load(files[0]);
const told = {};
function tell({ info }) {
  const { sha256, elements, defaults, compositionConditional, fragmentConditional } = info;
  const sizes = [...info.histogram.keys()].sort((a, b) => a - b);
  told[sha256] = { elements, sizes, defaults, compositionConditional, fragmentConditional };
}

tell(engine);
for (const file of files.slice(1)) {
  const other = await load(file);
  tell(other);
  other.close();
}
writeFileSync(new URL("../build/told.json", import.meta.url), JSON.stringify(told));

const settings = { atoms: 18, ...engine.info.defaults };

async function sample(seed) {
  const frames = [];
  for await (const frame of engine.sample({ seed, ...settings, every: 1 })) frames.push(frame);
  return frames;
}

const fine = ({ stable, connected, valid, bonds }) =>
  stable && connected && valid && bonds.length >= settings.atoms;
const rounded = (limit, unit) => (values) =>
  [...values].map((x) => Math.max(-limit, Math.min(limit, Math.round(x / unit))));

for (let seed = firstSeed, done = false; !done; seed++) {
  const frames = await sample(seed);
  const { molecule } = frames.at(-1);
  if (!fine(molecule)) continue;
  done = true;
  const { elements, sha256 } = engine.info;
  const moments = frames.map(({ step, bonds }) => ({
    step,
    bonds: bonds.flatMap(({ i, j, order }) => [i, j, order]),
  }));
  const header = {
    seed,
    ...settings,
    model: sha256,
    formula: molecule.formula,
    elements,
    frames: moments,
  };
  const positions = Int16Array.from(frames.flatMap((f) => rounded(32767, 1e-3)(f.positions)));
  const scores = Int8Array.from(frames.flatMap((f) => rounded(127, 1 / 64)(f.scores)));
  const parts = [
    Buffer.from(`${JSON.stringify(header)}\n`),
    Buffer.from(positions.buffer),
    Buffer.from(scores.buffer),
  ];
  writeFileSync(new URL("../build/intro.bin", import.meta.url), Buffer.concat(parts));
  console.log(`intro.bin: ${molecule.formula}, seed ${seed}`);
}
engine.close();
