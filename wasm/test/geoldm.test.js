// A checkpoint of GeoLDM that PyTorch wrote, imported by the command and sampled here: the bytes
// are the command's.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SymDiff } from "../../build/wasm/js/index.js";
import { fileServer, threadWorker } from "./support.js";

const program = new URL("../../build/symdiff", import.meta.url).pathname;
const published = new URL(
  "../../trainer/pytorch/testdata/geoldm/generative_model_ema.npy",
  import.meta.url,
).pathname;

test("a GeoLDM that PyTorch wrote gives the same file natively and as WebAssembly", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "geoldm-")), "geoldm.safetensors");
  execFileSync(program, ["import", published, "--out", file]);
  const bytes = readFileSync(file);
  const files = await fileServer((path, reply) =>
    path === "weights" ? { ...reply, body: bytes } : reply,
  );
  const model = await SymDiff.load({ ...files, worker: threadWorker });
  try {
    assert.equal(model.info.variant, "geoldm");
    for (const [options, args] of [
      [
        { seed: 3, atoms: 7, steps: 12, method: "ancestral" },
        "--seed 3 --atoms 7 --steps 12 --method ancestral",
      ],
      [
        { seed: 4, first: 2, steps: 10, method: "dpm++2m-sde" },
        "--seed 4 --first 2 --steps 10 --method dpm++2m-sde",
      ],
    ]) {
      const { xyz } = await model.generate(options);
      const native = execFileSync(
        program,
        ["sample", "--model", file, "--quiet", ...args.split(" ")],
        { encoding: "utf8" },
      );
      assert.equal(xyz, native);
    }
    let frames = 0;
    for await (const frame of model.sample({ seed: 3, atoms: 7, steps: 6, every: 2 })) {
      for (let a = 0; frame.step > 0 && a < 7; a++) {
        const sum = frame.scores.subarray(5 * a, 5 * a + 5).reduce((x, y) => x + y);
        assert.ok(
          Math.abs(sum - 1) < 1e-5,
          `types of atom ${a} at step ${frame.step} add up to ${sum}`,
        );
      }
      frames++;
    }
    assert.equal(frames, 4);
    await assert.rejects(model.generate({ seed: 1, formula: "CH4", steps: 4 }), /latents/);
  } finally {
    model.close();
    files.close();
  }
});
