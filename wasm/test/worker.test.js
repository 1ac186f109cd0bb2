// The worker with the real WASM and the shipped weights, in a thread of Node.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { readMolecules, SymDiff } from "../../build/wasm/js/index.js";
import { fileServer, Puppet, threadWorker, weightsFile } from "./support.js";

const bytes = readFileSync(weightsFile);
const sha256 = createHash("sha256").update(bytes).digest("hex");
let files;
let model;

before(async () => {
  files = await fileServer();
  model = await SymDiff.load({ ...files, sha256, worker: threadWorker });
});

after(() => {
  model?.close();
  files?.close();
});

const failsWith =
  (code, text = /./) =>
  (error) =>
    error.code === code && text.test(error.message);

/** Loads with some replies changed, and closes what it opened. */
async function loadFrom(answer, options = {}) {
  const server = await fileServer(answer);
  try {
    const loaded = await SymDiff.load({ ...server, worker: threadWorker, ...options });
    loaded.close();
    return loaded.info;
  } finally {
    server.close();
  }
}

test("the model says what it is", () => {
  const { info } = model;
  assert.equal(info.sha256, sha256);
  assert.deepEqual(info.elements, ["H", "C", "N", "O", "F"]);
  assert.equal(info.histogram.get(29) > 0, true);
  assert.equal(info.timesteps, 1000);
  const own = JSON.parse(info.metadata.sampling ?? "{}");
  const { method = "dpm++2m-sde", steps = 40 } = own; // core's, where the weights say none
  assert.deepEqual(info.defaults, { method, t_start: 600, steps });
  assert.equal(info.parameters > 1e5, true);
  assert.equal(typeof JSON.parse(info.metadata.config).hidden_size, "number");
  assert.equal(info.simd, true);
});

test("a run gives the asked-for frames and a consistent molecule", async () => {
  const steps = [];
  let last;
  for await (const frame of model.sample({ seed: 5, atoms: 9, steps: 20, every: 8 })) {
    assert.equal(frame.positions.length, 27);
    assert.equal(frame.scores.length, 45);
    steps.push(frame.step);
    last = frame;
  }
  assert.deepEqual(steps, [0, 8, 16, 20]);
  const m = last.molecule;
  assert.equal(m.elements.length, 9);
  assert.deepEqual(Array.from(m.positions, Math.fround), [...last.positions]);
  m.elements.forEach((element, i) => {
    const row = [...last.scores.subarray(5 * i, 5 * i + 5)];
    assert.equal(model.info.elements[row.indexOf(Math.max(...row))], element);
  });
  const lines = m.xyz.trim().split("\n");
  assert.equal(lines.length, 11);
  const { rho } = JSON.parse(model.info.metadata.sampling ?? "{}");
  assert.match(
    lines[1],
    new RegExp(
      `seed=5 .*steps=20 method=${model.info.defaults.method.replaceAll("+", "\\+")} t_start=600 ${rho ? `rho=${rho} ` : ""}model=${sha256.slice(0, 16)} `,
    ),
  );
  assert.match(m.sdf, /^[^\n]*\n[^\n]*\n[^\n]*\n  9[ \d]{3}.*V2000\n/);
  assert.match(m.pdb, /^(HETATM|ATOM|MODEL|TITLE|COMPND|HEADER|REMARK)/);
  assert.equal(m.stable, m.stableAtoms.every(Boolean));
  assert.equal(m.connected, m.fragments === 1);
});

test("every method makes a different molecule, and the file names the method", async () => {
  const files = new Set();
  for (const method of ["ancestral", "ddim", "dpm++2m", "dpm++2m-sde", "heun"]) {
    const { xyz } = await model.generate({ seed: 11, atoms: 6, steps: 8, method });
    assert.ok(xyz.includes(` steps=8 method=${method} t_start=600 `), xyz);
    files.add(xyz);
  }
  assert.equal(files.size, 5);
  await assert.rejects(
    model.generate({ steps: 8, method: "euler" }),
    failsWith("options", /euler/),
  );
});

test("a run that leaves options open takes the defaults, as one that names them, here and on the command line", async () => {
  const { method, t_start, steps } = model.info.defaults;
  const { xyz } = await model.generate({ seed: 11, atoms: 6 });
  assert.ok(xyz.includes(` steps=${steps} method=${method} t_start=${t_start} `), xyz);
  assert.equal(native("--seed 11 --atoms 6"), xyz);
  for (const named of [
    { steps },
    { t_start },
    { method },
    { method, t_start, steps, noise_scale: 1, joint: false, first: 0 },
  ]) {
    assert.equal((await model.generate({ seed: 11, atoms: 6, ...named })).xyz, xyz);
  }
  assert.equal(native(`--seed 11 --atoms 6 --steps ${steps}`), xyz);
});

test("one seed is one molecule, another seed and another index are others", async () => {
  const options = { seed: 11, atoms: 8, steps: 10 };
  const first = await model.generate(options);
  const again = await model.generate(options);
  assert.deepEqual(again, first);
  for (const other of [{ seed: 12 }, { first: 1 }]) {
    assert.notDeepEqual(
      (await model.generate({ ...options, ...other })).positions,
      first.positions,
    );
  }
});

/** What the command line makes. */
function native(args) {
  return execFileSync(
    new URL("../../build/symdiff", import.meta.url).pathname,
    ["sample", ...args.split(" "), "--quiet"],
    { encoding: "utf8" },
  );
}

/** The frames of a run, by step. */
async function frames(options) {
  const all = [];
  for await (const frame of model.sample(options)) all[frame.step] = frame;
  return all;
}

test("a rotation that the noise of gamma goes along with gives the same molecule rotated; uncoupled, or in the released order, another", async () => {
  const H = [0.6, 0.8, 0, -0.8, 0.6, 0, 0, 0, -1];
  const options = { seed: 9, atoms: 12, method: "dpm++2m-sde" };
  const deviation = (a, b) =>
    Math.max(
      ...[...a.positions].map((_, i) => {
        const [at, j] = [i - (i % 3), i % 3];
        return Math.abs(
          a.positions[at] * H[j] +
            a.positions[at + 1] * H[3 + j] +
            a.positions[at + 2] * H[6 + j] -
            b.positions[i],
        );
      }),
    );
  const straight = await model.generate(options);
  const off = deviation(straight, await model.generate({ ...options, rotate: H }));
  assert.ok(off < 1e-3, `${off} Å`);
  assert.ok(
    deviation(
      straight,
      await model.generate({ ...options, rotate: Float32Array.from(H), uncoupled: true }),
    ) > 0.5,
  );
  assert.ok(
    deviation(straight, await model.generate({ ...options, rotate: H, gamma: "none" })) > 0.5,
  );
  const released = { ...options, gamma: "released" };
  if (model.info.variant === "symdiff")
    assert.ok(
      deviation(await model.generate(released), await model.generate({ ...released, rotate: H })) >
        0.5,
    );
});

test("a branch has the same bits up to its step and others later", async () => {
  const options = { seed: 9, atoms: 7, steps: 10 };
  const [trunk, branch] = [
    await frames(options),
    await frames({ ...options, branches: [{ step: 6, seed: 5 }] }),
  ];
  trunk.forEach((frame, step) => {
    if (step <= 6) assert.deepEqual(frame.positions, branch[step].positions);
    else assert.notDeepEqual(frame.positions, branch[step].positions);
  });
  assert.match(branch[10].molecule.xyz, / branches=6:5 /);
});

test("a path of branches, rotated, is the same file natively", async () => {
  const options = {
    seed: 9,
    first: 3,
    atoms: 7,
    steps: 10,
    method: "dpm++2m-sde",
    noise_scale: 0.85,
    gamma: "haar",
    rotate: [0.6, 0.8, 0, -0.8, 0.6, 0, 0, 0, -1],
    branches: [
      { step: 4, seed: 5 },
      { step: 8, seed: 2n ** 63n },
    ],
  };
  const { xyz } = await model.generate(options);
  const args =
    "--seed 9 --first 3 --atoms 7 --steps 10 --method dpm++2m-sde --gamma haar --set noise_scale=0.85 --set rotate=0.6,0.8,0,-0.8,0.6,0,0,0,-1 --set branches=4:5,8:9223372036854775808";
  assert.equal(native(args), xyz);
});

test("types and positions sampled jointly are the same file natively, and another than with a formula drawn", async () => {
  const options = { seed: 4, first: 1, steps: 8, joint: true };
  const { xyz } = await model.generate(options);
  assert.equal(native("--seed 4 --first 1 --steps 8 --joint"), xyz);
  assert.notEqual((await model.generate({ ...options, joint: false })).xyz, xyz);
});

test("from a molecule comes the same file natively, and from t = 2 one like it", async () => {
  const from = {
    elements: ["O", "C", "H", "H", "H", "H"],
    positions: [
      0.25, 0, 0, 0.25, 1.42, 0, 1.16, -0.3, 0, 1.27, 1.78, 0, -0.26, 1.78, 0.88, -0.26, 1.78,
      -0.88,
    ],
  };
  const file = join(mkdtempSync(join(tmpdir(), "symdiff-")), "methanol.xyz");
  const lines = from.elements.map(
    (e, i) => `${e} ${from.positions.slice(3 * i, 3 * i + 3).join(" ")}\n`,
  );
  writeFileSync(file, `6\n\n${lines.join("")}`);
  const distances = [];
  for (const t_start of [2, 500]) {
    const m = await model.generate({ seed: 4, first: 1, steps: 2, t_start, from });
    assert.equal(native(`--seed 4 --first 1 --steps 2 --t-start ${t_start} --from ${file}`), m.xyz);
    distances.push(Math.hypot(...[0, 1, 2].map((k) => m.positions[k] - m.positions[3 + k])));
  }
  assert.ok(Math.abs(distances[0] - 1.42) < 0.1 && Math.abs(distances[1] - 1.42) > 0.2, distances);
});

test("frames carry gamma, and what the network predicts where asked for", async () => {
  const all = await frames({ seed: 1, atoms: 6, steps: 4, detail: true });
  assert.deepEqual([all[0].gamma, all[0].predicted], [undefined, undefined]);
  for (const { gamma, predicted } of all.slice(1)) {
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 3; j++) {
        const dot =
          gamma[3 * i] * gamma[3 * j] +
          gamma[3 * i + 1] * gamma[3 * j + 1] +
          gamma[3 * i + 2] * gamma[3 * j + 2];
        assert.ok(Math.abs(dot - (i === j ? 1 : 0)) < 1e-5);
      }
    assert.equal(predicted.length, 18);
    assert.ok(predicted.every(Number.isFinite) && predicted.some((v) => v !== 0));
  }
  assert.notDeepEqual(all[1].gamma, all[2].gamma);
  const plain = await frames({ seed: 1, atoms: 6, steps: 2, gamma: "none" });
  assert.deepEqual([...plain[1].gamma], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
  assert.equal(plain[1].predicted, undefined);
});

test("a molecule has the formula and the fragment that are asked for", async () => {
  const { formula, xyz } = await model.generate({ formula: "C2H4O", steps: 6 });
  assert.equal(formula, "C2H4O");
  assert.match(xyz, / target_formula=C2H4O /);
  const fragment = { elements: ["O", "H"], positions: Float64Array.of(7, 0, 0, 7.96, 0, 0) };
  const m = await model.generate({ fragment, atoms: 9, steps: 6 });
  assert.deepEqual(m.elements.slice(0, 2), fragment.elements);
  assert.deepEqual([...m.positions.slice(0, 6)], [...fragment.positions]);
  assert.ok(
    Math.abs(Math.hypot(...[0, 1, 2].map((k) => m.positions[k] - m.positions[3 + k])) - 0.96) <
      1e-4,
  );
  const both = await model.generate({ fragment, formula: "C2H4O", steps: 6 });
  assert.deepEqual([both.formula, both.elements.slice(0, 2)], ["C2H4O", fragment.elements]);
});

test("properties that the model is not conditioned on are refused by core", async () => {
  await assert.rejects(
    model.generate({ properties: { gap: 0.2 }, steps: 2 }),
    /"gap": the model is conditioned on: nothing/,
  );
  await assert.rejects(
    model.generate({ formula: "C2H4O", cfg_weight: 1, steps: 2 }),
    /cfg_weight 1: want properties/,
  );
});

test("two samples are compared by their energy distance", async () => {
  const sample = (offset) =>
    Array.from({ length: 8 }, (_, k) => [Math.cos(3 * k + offset), Math.sin(5 * k), 2 * offset]);
  const [same, other] = [
    await model.energyTest(sample(0), sample(0).reverse()),
    await model.energyTest(sample(0), sample(9)),
  ];
  assert.ok(same.energy < 1e-6 && same.p > 0.9, JSON.stringify(same));
  assert.ok(other.energy > 10 && other.p <= 0.002, JSON.stringify(other));
  assert.deepEqual(await model.energyTest(sample(0), sample(9), 999, 0), other);
  await assert.rejects(
    model.energyTest([[1, 2]], [[1]]),
    failsWith("options", /vectors of 2 values/),
  );
  await assert.rejects(model.energyTest([], []), failsWith("options", /sample of 0 values/));
  await assert.rejects(model.energyTest([[1]], [[1]], 0), failsWith("options", /permutations/));
});

test("the plain build gives the same bits as the SIMD build", async () => {
  const plain = await SymDiff.load({
    wasm: files.wasm.plain,
    weights: files.weights,
    worker: threadWorker,
  });
  const options = { seed: 3, atoms: 12, steps: 10 };
  const [a, b] = [await plain.generate(options), await model.generate(options)];
  plain.close();
  assert.deepEqual(a.elements, b.elements);
  assert.deepEqual(a.positions, b.positions);
});

/** The reference EGNN as a model of QM9: what its inputs mean is added to its header. */
function egnnOfQM9() {
  const file = readFileSync(
    new URL("../../core/egnn/testdata/egnn.weights.safetensors", import.meta.url),
  );
  const end = 8 + Number(file.readBigUInt64LE());
  const header = JSON.parse(file.toString("utf8", 8, end));
  Object.assign(header.__metadata__, {
    elements: '["H","C","N","O","F"]',
    charge: "true",
    scale: '{"x":1,"types":4,"charge":10}',
    histogram: '{"5":1}',
    schedule: '{"name":"polynomial_2","timesteps":1000,"precision":1e-05}',
  });
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  return Uint8Array.from(Buffer.concat([size, text, file.subarray(end)])).buffer;
}

test("an EGNN opens and runs like any other network", async () => {
  const egnn = await SymDiff.load({ ...files, weights: egnnOfQM9(), worker: threadWorker });
  assert.equal(egnn.info.variant, "egnn");
  assert.ok(egnn.info.parameters > 1e4);
  const made = await egnn.generate({ seed: 1, atoms: 4, steps: 2 });
  egnn.close();
  assert.equal(made.elements.length, 4);
});

test("cancelling stops the worker within a step, and the next run is a whole one", async () => {
  const worker = threadWorker();
  const own = await SymDiff.load({ ...files, worker: () => worker });
  const cancelled = new Promise((resolve) =>
    worker.thread.on("message", (m) => m.type === "cancelled" && resolve(m)),
  );
  const controller = new AbortController();
  let seen = 0;
  await assert.rejects(
    async () => {
      for await (const frame of own.sample({
        seed: 1,
        atoms: 20,
        steps: 1000,
        t_start: 1000,
        signal: controller.signal,
      })) {
        seen = frame.step;
        if (frame.step >= 5) controller.abort();
      }
    },
    { name: "AbortError" },
  );
  const { step } = await cancelled;
  assert.equal(seen, 5);
  // The worker was ahead of this thread by messages under way, not by the rest of the run.
  assert.ok(step < 100, `it went on to step ${step}`);
  const options = { seed: 4, atoms: 6, steps: 10 };
  assert.deepEqual(await own.generate(options), await model.generate(options));
  own.close();
});

test("settings that the core refuses are errors of the run, and the model stays usable", async () => {
  await assert.rejects(
    model.generate({ steps: 1001 }),
    failsWith("options", /steps 1001: want 1 to 600/),
  );
  await assert.rejects(
    model.generate({ atoms: 5000, steps: 5 }),
    failsWith("options", /atoms 5000/),
  );
  const few = { atoms: 5, steps: 5 };
  const carbon = { elements: ["C"], positions: [1, 2, 3] };
  for (const [options, text] of [
    [{ first: 2 ** 31 }, /first 2147483648: want 0 to 2147483647/],
    [{ noise_scale: 3 }, /noise_scale 3: want/],
    [{ noise_scale: 0.9, method: "ddim" }, /draws no noise/],
    [{ noise_scale: "1" }, /noise_scale: want a number/],
    [{ atoms: 1.5 }, /atoms: want a whole number, have 1.5/],
    [{ atoms: -1 }, /atoms -1/],
    [{ keep: carbon }, /"keep": no such option/],
    [{ gamma: "so3" }, /gamma "so3": want learned/],
    [{ uncoupled: true }, /uncoupled: want rotate/],
    [{ rotate: [1, 0] }, /rotate: want nine numbers/],
    [{ rotate: [1, 0, 0, 0, 1, 0, 0, 0, 2] }, /not orthogonal/],
    [{ branches: [{ step: 6, seed: 1 }] }, /branches: step 6/],
    [{ branches: [{ step: 0.5, seed: 1 }] }, /branches: step: want a whole number/],
    [{ fragment: { elements: ["C"], positions: [1, 2] } }, /1 elements and 2 coordinates/],
    [{ fragment: { elements: ["Qq"], positions: [1, 2, 3] } }, /Qq/],
    [
      { atoms: 9, fragment: { elements: ["C", "C"], positions: [0, 0, 0, 1e9, 0, 0] } },
      /fragment: atom 0: position -5e\+08/,
    ],
    [{ formula: "H2O" }, /the formula H2O has 3/],
    [{ formula: "x", atoms: 0 }, /no element/],
    [{ formula: "H5", fragment: carbon }, /fewer C than the fragment/],
    [{ fragment: carbon, joint: true }, /fragment: not with joint/],
    [{ from: carbon, atoms: 0 }, /from: want t_start/],
    [{ from: carbon, t_start: 5 }, /from: not with formula, fragment or atoms/],
    [
      { from: { elements: ["C"], positions: [1, 2] }, t_start: 5 },
      /from: 1 elements and 2 coordinates/,
    ],
    [{ t_start: 1001 }, /t_start 1001/],
  ])
    await assert.rejects(
      model.generate({ ...few, ...options }),
      failsWith("options", text),
      JSON.stringify(options),
    );
  assert.equal((await model.generate({ atoms: 5, steps: 5 })).elements.length, 5);
});

test("weights may be given as bytes, and progress reaches their size", async () => {
  const own = await SymDiff.load({
    wasm: files.wasm,
    weights: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    sha256,
    worker: threadWorker,
  });
  own.close();
  const seen = [];
  await loadFrom(undefined, { bytes: bytes.length, onProgress: (p) => seen.push(p) });
  assert.deepEqual(seen.filter((p) => p.stage === "download").at(-1), {
    stage: "download",
    loaded: bytes.length,
    total: bytes.length,
  });
  assert.deepEqual(
    seen.slice(-2).map((p) => p.stage),
    ["check", "start"],
  );
});

test("WASM under a wrong MIME type loads all the same", async () => {
  const info = await loadFrom((path, reply) =>
    path.endsWith(".wasm") ? { ...reply, mime: "text/plain" } : reply,
  );
  assert.equal(info.parameters, model.info.parameters);
});

test("weights and WASM that come compressed, in pieces and without a length, load all the same", async () => {
  const pieces = (path, reply) => ({
    ...reply,
    body: gzipSync(reply.body, { level: 1 }),
    headers: { "Content-Encoding": "gzip" },
  });
  const seen = [];
  const info = await loadFrom(pieces, { sha256, onProgress: (p) => seen.push(p) });
  assert.equal(info.parameters, model.info.parameters);
  assert.ok(
    seen.length > 3 && seen.every(({ loaded, total }) => loaded <= total),
    "progress never is beyond its end",
  );
});

test("two models at work at the same time make what each makes alone", async () => {
  const other = await SymDiff.load({ ...files, worker: threadWorker });
  const [a, b] = [
    { seed: 1, atoms: 9, steps: 10 },
    { seed: 2, atoms: 7, steps: 12 },
  ];
  const both = await Promise.all([model.generate(a), other.generate(b)]);
  assert.deepEqual(both, [await other.generate(a), await model.generate(b)]);
  other.close();
});

test("a callback that throws rejects what it was given to", async () => {
  const onProgress = () => {
    throw new RangeError("mine");
  };
  await assert.rejects(loadFrom(undefined, { onProgress }), {
    name: "RangeError",
    message: "mine",
  });
  const puppet = new Puppet();
  const read = readMolecules("", { wasm: files.wasm, worker: () => puppet, onSkipped: onProgress });
  puppet.say({
    type: "molecules",
    id: puppet.sent[0].id,
    molecules: [],
    skipped: 1,
    fault: "line 3",
  });
  await assert.rejects(read, { name: "RangeError", message: "mine" });
});

test("each failure of loading has its code", async () => {
  const changed = (what, change) => (path, reply) =>
    path.includes(what) ? { ...reply, ...change } : reply;
  const flipped = Buffer.from(bytes);
  flipped[bytes.length - 1] ^= 1;
  await assert.rejects(
    loadFrom(changed("weights", { body: flipped }), { sha256 }),
    failsWith("hash", /expected [0-9a-f]{64}/),
  );
  await assert.rejects(
    loadFrom(changed("weights", { status: 404 })),
    failsWith("download", /HTTP 404/),
  );
  await assert.rejects(
    loadFrom(changed("wasm", { status: 500 })),
    failsWith("download", /HTTP 500/),
  );
  await assert.rejects(
    loadFrom(changed("wasm", { body: Buffer.from("no wasm") })),
    failsWith("wasm"),
  );
  await assert.rejects(
    loadFrom(changed("wasm", { mime: "text/html", body: "<!doctype html>" })),
    failsWith("wasm", /3c 21/),
  ); // a site's fallback page
  await assert.rejects(
    loadFrom(changed("weights", { length: 2 * bytes.length })),
    failsWith("download", /broke off/),
  );
  await assert.rejects(
    loadFrom(undefined, { bytes: bytes.length + 1 }),
    failsWith("download", /expected/),
  );
  await assert.rejects(
    loadFrom(changed("weights", { body: Buffer.from("{}") })),
    failsWith("weights", /^weights/),
  );
  await assert.rejects(
    loadFrom(undefined, { weights: "http://localhost:1/w" }),
    failsWith("download"),
  );
});

test("a thread that dies fails the run", async () => {
  const worker = threadWorker();
  const own = await SymDiff.load({ ...files, worker: () => worker });
  const run = own.generate({ steps: 1000 });
  worker.thread.emit("error", new Error("killed"));
  await assert.rejects(run, failsWith("worker", /killed/));
});
