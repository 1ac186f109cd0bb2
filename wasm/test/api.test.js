// The page's side of the API against a puppet: what is sent, and that nothing waits for ever.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SymDiff } from "../../build/wasm/js/index.js";
import { Watch } from "../../build/wasm/js/watch.js";
import { SymDiffPool } from "../../build/wasm/js/pool.js";
import { Puppet } from "./support.js";

const wasm = "http://h/a.wasm";
const weights = "http://h/w";
const result = {
  formula: "H",
  elements: ["H"],
  positions: new Float64Array(3),
  bonds: new Uint16Array([0, 1, 2, 3, 4, 1]),
  stable: false,
  stableAtoms: [false],
  connected: true,
  fragments: 1,
  valid: true,
  reason: "",
  xyz: "x",
  sdf: "s",
  pdb: "p",
};

async function loaded(options = {}) {
  const puppet = new Puppet();
  const model = await SymDiff.load({
    wasm: "http://h/a.wasm",
    weights: "http://h/w",
    worker: () => puppet,
    ...options,
  });
  return { puppet, model };
}

const failsWith = (code) => (error) => error.name === "SymDiffError" && error.code === code;

test("load reports the model's facts, with the histogram in order", async () => {
  const { puppet, model } = await loaded({ sha256: "AB", bytes: 7 });
  assert.deepEqual(
    [...model.info.histogram],
    [
      [9, 5],
      [20, 2],
    ],
  );
  assert.equal(model.info.sha256, "ab");
  assert.deepEqual(model.info.defaults, { method: "dpm++2m-sde", t_start: 6, steps: 6 });
  assert.deepEqual(puppet.sent[0], {
    type: "load",
    id: 1,
    wasm: { simd: "http://h/a.wasm" },
    weights: "http://h/w",
    name: "w",
    sha256: "AB",
    bytes: 7,
  });
});

test("frames come in order and the last brings the molecule", async () => {
  const { puppet, model } = await loaded();
  const frames = model.sample({ seed: 2n ** 64n - 1n, atoms: 1, steps: 2, every: 1 });
  for (const step of [0, 1]) puppet.frame(step);
  puppet.frame(2, result);
  const seen = [];
  for await (const frame of frames) seen.push(frame);
  assert.deepEqual(
    seen.map((f) => f.step),
    [0, 1, 2],
  );
  assert.equal(puppet.sent.at(-1).options.seed, "18446744073709551615");
  assert.equal(seen[0].molecule, undefined);
  assert.equal(seen[2].molecule.formula, "H");
  assert.deepEqual(seen[2].molecule.bonds, [
    { i: 0, j: 1, order: 2 },
    { i: 3, j: 4, order: 1 },
  ]);
});

test("leaving the loop cancels the run, and another may begin", async () => {
  const { puppet, model } = await loaded();
  const frames = model.sample({ steps: 5 });
  puppet.frame(0);
  for await (const frame of frames) if (frame.step === 0) break;
  assert.deepEqual(puppet.sent.at(-1), { type: "cancel", id: puppet.sent.at(-2).id });
  const second = model.sample({ steps: 5 });
  puppet.frame(0);
  assert.equal((await second.next()).value.step, 0);
});

test("an abort rejects at once with the signal's reason and tells the worker", async () => {
  const { puppet, model } = await loaded();
  const controller = new AbortController();
  const frames = model.sample({ steps: 5, signal: controller.signal });
  const waiting = frames.next();
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  assert.equal(puppet.sent.at(-1).type, "cancel");
  assert.equal((await frames.next()).done, true);
  const late = model.sample({ signal: controller.signal });
  await assert.rejects(late.next(), { name: "AbortError" });
  assert.equal(puppet.sent.filter((m) => m.type === "sample").length, 1);
});

test("a worker that does not leave a cancelled run within a second is ended; what was asked meanwhile, another one does", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const puppets = [];
  const make = () => (puppets.push(new Puppet()), puppets.at(-1));
  const model = await SymDiff.load({ wasm, weights: new Uint8Array([1, 2]), worker: make });
  const controller = new AbortController();
  const first = model.sample({ steps: 5, signal: controller.signal });
  const waiting = first.next();
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  const second = model.sample({ steps: 7 });
  t.mock.timers.tick(999);
  assert.equal(puppets[0].terminated, false);
  t.mock.timers.tick(1);
  assert.equal(puppets[0].terminated, true);
  assert.deepEqual(
    puppets[1].sent.map(({ type }) => type),
    ["load", "sample"],
  );
  assert.deepEqual(new Uint8Array(puppets[1].sent[0].weights), new Uint8Array([1, 2]));
  puppets[0].say({ type: "crash", code: "worker", message: "a late word of the first" });
  puppets[1].frame(0);
  assert.equal((await second.next()).value.steps, 7);
  // One that answers stays; one that was ended with nothing to do is replaced by the next run.
  await second.return();
  puppets[1].say({ type: "cancelled", id: puppets[1].sent.at(-1).id, step: 1 });
  t.mock.timers.tick(5000);
  assert.equal(puppets[1].terminated, false);
  await model.sample({ steps: 3 }).return();
  t.mock.timers.tick(1000);
  assert.deepEqual([puppets[1].terminated, puppets.length], [true, 2]);
  model.sample({ steps: 2 });
  assert.deepEqual(
    puppets[2].sent.map(({ type }) => type),
    ["load", "sample"],
  );
  model.close();
});

test("an abort while loading ends the worker", async () => {
  const puppet = new Puppet();
  puppet.loads = false;
  const controller = new AbortController();
  const loading = SymDiff.load({
    wasm: "http://h/a",
    weights: "http://h/w",
    worker: () => puppet,
    signal: controller.signal,
  });
  controller.abort();
  await assert.rejects(loading, { name: "AbortError" });
  assert.ok(puppet.terminated);
});

test("a second run at the same time is refused", async () => {
  const { model } = await loaded();
  model.sample();
  assert.throws(() => model.sample(), failsWith("busy"));
});

test("what JSON would not keep is refused before the worker hears of it; all else core judges", async () => {
  const { puppet, model } = await loaded();
  for (const options of [
    { seed: -1 },
    { seed: 2n ** 64n },
    { seed: 0.5 },
    { steps: NaN },
    { atoms: 9n },
    { noise_scale: Infinity },
    { every: -1 },
    { rotate: [NaN, 0, 0, 0, 1, 0, 0, 0, 1] },
    { branches: [{ step: 1, seed: -1 }] },
  ]) {
    assert.throws(
      () => model.sample(options),
      failsWith("options"),
      JSON.stringify(options, (_, v) => String(v)),
    );
  }
  assert.equal(puppet.sent.length, 1);
});

test("the error for a wrong seed says what it may be and what it is", async () => {
  const { model } = await loaded();
  for (const [options, message] of [
    [
      { seed: "7" },
      'seed: expected a whole number from 0 to 2^64-1, a bigint where it is above 2^53-1; have the string "7"',
    ],
    [
      { seed: 2n ** 64n },
      "seed: expected a whole number from 0 to 2^64-1, a bigint where it is above 2^53-1; have 18446744073709551616",
    ],
    [{ atoms: 5n }, "atoms: expected a number, have 5"],
  ]) {
    assert.throws(() => model.sample(options), { name: "SymDiffError", code: "options", message });
  }
});

test("the largest seed is sent to the last digit", async () => {
  const { puppet, model } = await loaded();
  model.sample({ seed: 2n ** 64n - 1n });
  assert.match(JSON.stringify(puppet.sent.at(-1).options), /"18446744073709551615"/);
});

const detached = () => {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
};

for (const [how, options, code, message] of [
  ["a detached buffer", { wasm, weights: detached() }, "weights", /detached.*slice\(\)/],
  ["a view of nothing", { wasm, weights: new Uint8Array() }, "weights", /no bytes/],
  ["weights that are no URL", { wasm, weights: "//" }, "options", /^weights: "\/\/" is not a URL/],
  ["weights left out", { wasm }, "options", /^weights: expected a URL/],
  [
    "a relative URL where there is no page",
    { wasm: "a.wasm", weights },
    "options",
    /^wasm: "a.wasm" is not a URL, and there is no page/,
  ],
  ["WASM left out", { weights }, "options", /^wasm: undefined is not a URL/],
  ["a patience of nothing", { wasm, weights, patience: 0 }, "options", /^patience:.* have 0$/],
]) {
  test(`load refuses ${how}`, async () => {
    await assert.rejects(
      SymDiff.load({ worker: () => new Puppet(), ...options }),
      (error) => failsWith(code)(error) && message.test(error.message),
    );
  });
}

test("bytes of weights may be a view, and stay the caller's", async () => {
  const bytes = new Uint8Array([0, 1, 2, 3]);
  const { puppet } = await loaded({ weights: bytes.subarray(1, 3) });
  assert.deepEqual(new Uint8Array(puppet.sent[0].weights), new Uint8Array([1, 2]));
  assert.equal(bytes.byteLength, 4);
});

test("what cannot be handed to a worker is a SymDiffError, and the model goes on", async () => {
  const { puppet, model } = await loaded();
  puppet.postMessage = () => structuredClone(() => {});
  assert.throws(
    () => model.sample(),
    (error) => failsWith("options")(error) && /^sample: .*could not be cloned/.test(error.message),
  );
  delete puppet.postMessage;
  model.sample();
  assert.equal(puppet.sent.at(-1).type, "sample");
});

test("a pool wants a whole number of workers", async () => {
  for (const workers of [0, NaN, 1.5, Infinity]) {
    await assert.rejects(
      SymDiffPool.load({ wasm, weights, workers, worker: () => new Puppet() }),
      failsWith("options"),
    );
  }
});

test("in Node, which has no Worker, the error says so", async () => {
  await assert.rejects(
    SymDiff.load({ wasm, weights }),
    (error) => failsWith("worker")(error) && /Node has none; Bun, Deno/.test(error.message),
  );
});

test("where a worker's script does not come, the error says where it should be and what to do", async (t) => {
  const puppet = new Puppet();
  puppet.loads = false;
  globalThis.Worker = function Worker() {
    return puppet;
  };
  t.after(() => delete globalThis.Worker);
  const loading = SymDiff.load({ wasm, weights });
  puppet.onerror({});
  await assert.rejects(
    loading,
    (error) =>
      failsWith("download")(error) &&
      /^file:.*\/worker\.js, .*esbuild.*optimizeDeps/.test(error.message),
  );
});

test("where a worker is refused, the error says where it is and what to do", async (t) => {
  globalThis.Worker = function Worker() {
    throw new DOMException("no", "SecurityError");
  };
  t.after(() => delete globalThis.Worker);
  await assert.rejects(
    SymDiff.load({ wasm, weights }),
    (error) =>
      failsWith("worker")(error) &&
      /worker\.js, the worker, was refused \(no\): .*worker-src/.test(error.message),
  );
});

for (const [how, die] of [
  ["a crash message", (p) => p.say({ type: "crash", code: "worker", message: "out of memory" })],
  ["an error event", (p) => p.onerror({ message: "boom" })],
  ["an unreadable message", (p) => p.onmessageerror({})],
]) {
  test(`${how} from the worker fails what is pending and what comes later`, async () => {
    const { puppet, model } = await loaded();
    const waiting = model.sample().next();
    die(puppet);
    await assert.rejects(waiting, failsWith("worker"));
    await assert.rejects(model.generate(), failsWith("worker"));
    assert.ok(puppet.terminated);
  });

  test(`${how} while loading rejects load`, async () => {
    const puppet = new Puppet();
    puppet.loads = false;
    const loading = SymDiff.load({
      wasm: "http://h/a",
      weights: "http://h/w",
      worker: () => puppet,
    });
    die(puppet);
    await assert.rejects(loading, failsWith("worker"));
  });
}

test("frames that came before a failure are still delivered", async () => {
  const { puppet, model } = await loaded();
  const frames = model.sample();
  puppet.frame(0);
  puppet.onerror({ message: "boom" });
  assert.equal((await frames.next()).value.step, 0);
  await assert.rejects(frames.next(), failsWith("worker"));
  assert.equal((await frames.next()).done, true);
});

test("close fails a run in progress and ends the worker", async () => {
  const { puppet, model } = await loaded();
  const waiting = model.generate();
  model.close();
  await assert.rejects(waiting, failsWith("closed"));
  assert.ok(puppet.terminated);
});

test("what is asked for reaches the core, and what is not is left to core", async () => {
  const { puppet, model } = await loaded();
  const sent = (options) => {
    model.sample(options).return();
    return puppet.sent.at(-2).options;
  };
  assert.deepEqual(sent({}), { n: 1 });
  assert.deepEqual(sent({ seed: 1, atoms: undefined }), { n: 1, seed: "1" });
  const rotate = Float32Array.from([0, 1, 0, -1, 0, 0, 0, 0, 1]);
  const carbon = { elements: ["C"], positions: Float64Array.of(0, 1, 2) };
  const read = { elements: ["C"], positions: [0, 1, 2] };
  assert.deepEqual(
    sent({
      gamma: "haar",
      rotate,
      uncoupled: true,
      joint: true,
      branches: [{ step: 2, seed: 2n ** 64n - 1n }],
      fragment: carbon,
      detail: true,
      every: 3,
    }),
    {
      n: 1,
      gamma: "haar",
      rotate: [...rotate],
      uncoupled: true,
      joint: true,
      branches: [{ step: 2, seed: "18446744073709551615" }],
      fragment: read,
    },
  );
  assert.deepEqual([puppet.sent.at(-2).detail, puppet.sent.at(-2).every], [true, 3]);
  assert.deepEqual(sent({ from: [carbon, carbon], t_start: 3 }), {
    n: 1,
    from: [read, read],
    t_start: 3,
  });
  const others = {
    first: 4,
    t_start: 7,
    steps: 5,
    method: "heun",
    formula: "C2",
    properties: { gap: 0.2 },
    cfg_weight: 1,
    noise_scale: 0.5,
  };
  assert.deepEqual(sent(others), { n: 1, ...others });
});

test("generate asks for no frames on the way", async () => {
  const { puppet, model } = await loaded();
  const molecule = model.generate({ seed: 1, steps: 9 });
  assert.equal(puppet.sent.at(-1).every, Infinity);
  puppet.frame(0);
  puppet.frame(9, result);
  assert.equal((await molecule).formula, "H");
});

test("a worker that dies without a word fails what is pending; one that only works long does not", async () => {
  const { puppet, model } = await loaded({ patience: 60 });
  const post = puppet.postMessage;
  puppet.postMessage = (message) =>
    message.type === "ping"
      ? queueMicrotask(() => puppet.say({ type: "pong" }))
      : post.call(puppet, message);
  const run = model.generate({ steps: 5 });
  let settled = false;
  run.catch(() => {}).finally(() => (settled = true));
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(settled, false, "it answers every ping");
  puppet.postMessage = () => {};
  await assert.rejects(run, failsWith("worker"));
  assert.equal(puppet.terminated, true);
});

test("time that the page has slept is not silence of the worker", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const seen = [];
  const watch = new Watch(
    30_000,
    () => seen.push("ping"),
    () => seen.push("lost"),
  );
  watch.start();
  for (let tick = 0; tick < 30; tick++) t.mock.timers.tick(1000); // whatever time lies between the ticks
  assert.deepEqual(new Set(seen), new Set(["ping"]));
  watch.heard();
  for (let tick = 0; tick < 30; tick++) t.mock.timers.tick(1000);
  assert.equal(seen.at(-1), "ping");
  t.mock.timers.tick(1000);
  assert.equal(seen.at(-1), "lost");
  watch.stop();
  for (let tick = 0; tick < 40; tick++) t.mock.timers.tick(1000);
  assert.equal(seen.filter((s) => s === "lost").length, 1);
});
