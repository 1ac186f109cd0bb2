// Writes build/intro.bin: the trajectory that the page plays before anything is loaded. It is made here from the shipped weights, by the
// engine that the page runs, and quantised. The molecule is chosen: the first from `firstSeed` on that is stable, connected and has a ring.
//
// The file: JSON in one line, then int16 positions in thousandths of Å (frames, atoms, 3) and int8 scores in 1/64 (frames, atoms, elements).

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const firstSeed = 17;
const atoms = 18;
const settings = { atoms, steps: 100, method: "dpm++2m-sde" };
const every = 2;

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
await import("../build/wasm/js/wasm_exec.js");
const go = new globalThis.Go();
const { instance } = await WebAssembly.instantiate(readFileSync(path("build/wasm/symdiff.wasm")), go.importObject);
void go.run(instance);
const core = globalThis.symdiffCore;
const weights = readFileSync(path("core/weights/qm9-web.safetensors"));
const model = createHash("sha256").update(weights).digest("hex");
const { elements } = ok(core.load("qm9-web", weights));

function ok(value) {
  if (value.error) throw new Error(value.error);
  return value;
}

function frame() {
  const positions = new Float32Array(atoms * 3);
  const scores = new Float32Array(atoms * elements.length);
  const { step, bonds } = ok(core.frame(new Uint8Array(positions.buffer), new Uint8Array(scores.buffer), new Uint8Array(36), null));
  return { step, positions, scores, bonds: [...new Uint16Array(bonds.buffer, bonds.byteOffset, bonds.byteLength / 2)] };
}

function sample(seed) {
  const options = { gamma: "", gammaOrder: "", turn: null, couple: true, branches: [], formula: "", keep: null, resample: 0 };
  ok(core.start({ seed: String(seed), first: 0, ...settings, ...options }));
  const frames = [frame()];
  for (let step = 1; step <= settings.steps; step++) {
    ok(core.step());
    if (step % every === 0) frames.push(frame());
  }
  const { formula, stable, connected, valid, bonds } = ok(core.result(model));
  return { frames, formula, fine: stable && connected && valid && bonds.byteLength / 6 >= atoms };
}

for (let seed = firstSeed; ; seed++) {
  const { frames, formula, fine } = sample(seed);
  if (!fine) continue;
  const header = { seed, ...settings, model, formula, elements, frames: frames.map(({ step, bonds }) => ({ step, bonds })) };
  const positions = Int16Array.from(frames.flatMap((f) => [...f.positions].map((x) => Math.max(-32767, Math.min(32767, Math.round(1000 * x))))));
  const scores = Int8Array.from(frames.flatMap((f) => [...f.scores].map((x) => Math.max(-127, Math.min(127, Math.round(64 * x))))));
  const text = Buffer.from(JSON.stringify(header) + "\n");
  writeFileSync(path("build/intro.bin"), Buffer.concat([text, Buffer.from(positions.buffer), Buffer.from(scores.buffer)]));
  console.log(`intro.bin: ${formula}, seed ${seed}`);
  process.exit(0);
}
