// The pool with the real WASM and the shipped weights, in threads of Node.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SymDiff } from "../../build/wasm/js/index.js";
import { SymDiffPool, defaultWorkers } from "../../build/wasm/js/pool.js";
import { fileServer, Puppet, threadWorker } from "./support.js";

let files;
let one; // a single worker, for comparison
before(async () => {
  files = await fileServer();
  one = await SymDiff.load({ ...files, worker: threadWorker });
});
after(() => {
  one?.close();
  files?.close();
});

/** The files of n molecules, by index. */
async function make(pool, options) {
  const made = new Map();
  for await (const { index, molecule } of pool.generate(options)) made.set(index, molecule.xyz);
  return made;
}

const options = { n: 4, seed: 3, first: 2, atoms: 5, steps: 6 };

test("the molecules depend neither on the number of workers nor on the batch", async () => {
  const want = new Map();
  for (let index = 2; index < 6; index++)
    want.set(index, (await one.generate({ seed: 3, first: index, atoms: 5, steps: 6 })).xyz);
  for (const [workers, batch] of [
    [2, undefined],
    [1, 3],
  ]) {
    const pool = await SymDiffPool.load({ ...files, worker: threadWorker, workers });
    const made = await make(pool, { ...options, batch });
    assert.deepEqual(
      [...made].sort((a, b) => a[0] - b[0]),
      [...want],
    );
    assert.ok(pool.started <= workers);
    pool.close();
  }
});

test("a ragged batch makes the molecules that each would be alone", async () => {
  const sizes = new Set();
  for await (const { molecule, index } of one.sampleBatch({
    n: 5,
    first: 7,
    seed: 2,
    steps: 3,
    method: "dpm++2m-sde",
    every: Infinity,
  })) {
    if (molecule) sizes.add(`${index} ${molecule.xyz}`);
  }
  const alone = new Set();
  for (let index = 7; index < 12; index++)
    alone.add(
      `${index} ${(await one.generate({ seed: 2, first: index, steps: 3, method: "dpm++2m-sde" })).xyz}`,
    );
  assert.deepEqual(sizes, alone);
  assert.ok(
    new Set([...sizes].map((s) => s.split("\n")[0].split(" ")[1])).size > 1,
    "all of one size",
  );
  assert.throws(
    () => one.sampleBatch({ n: 0 }),
    (error) => error.code === "options" && error.message.includes("from 1, have 0"),
  );
  const beyond = { n: 100, first: 2 ** 31 - 1 };
  const pool = await SymDiffPool.load({ ...files, worker: threadWorker, workers: 1 });
  for (const made of [one.sampleBatch(beyond), pool.generate({ ...beyond, batch: 50 })]) {
    await assert.rejects(
      made.next(),
      (error) =>
        error.code === "options" && /first 2147483647: want 0 to 2147483548$/.test(error.message),
    );
  }
  pool.close();
  await assert.rejects(
    one.sampleBatch({ n: 257 }).next(),
    (error) => error.code === "options" && error.message.includes("n 257: want at most 256"),
  );
});

test("every molecule of a batch reports how far it is", async () => {
  const pool = await SymDiffPool.load({ ...files, worker: threadWorker, workers: 1 });
  const seen = new Map();
  const onFrame = ({ index, step, steps, positions }) => {
    assert.equal(steps, 6);
    assert.equal(positions.length, 15);
    seen.set(index, [...(seen.get(index) ?? []), step]);
  };
  await make(pool, { ...options, n: 5, batch: 3, onFrame, every: 2 });
  assert.deepEqual([...seen.keys()].sort(), [2, 3, 4, 5, 6]);
  for (const steps of seen.values()) assert.deepEqual(steps, [0, 2, 4, 6]);
  pool.close();
});

test("a callback that throws fails the run, or the load", async () => {
  const onProgress = () => {
    throw new RangeError("mine");
  };
  await assert.rejects(SymDiffPool.load({ ...files, worker: threadWorker, onProgress }), {
    name: "RangeError",
    message: "mine",
  });
  const pool = await SymDiffPool.load({ ...files, worker: threadWorker, workers: 1 });
  await assert.rejects(
    make(pool, {
      ...options,
      onFrame() {
        throw new RangeError("mine");
      },
    }),
    /mine/,
  );
  assert.equal((await make(pool, options)).size, 4, "the next run is a whole one");
  pool.close();
});

test("a trial finds a batch, and can be stopped", async () => {
  const best = await one.bestBatch({ most: 4 });
  assert.ok([1, 2, 4].includes(best), `${best}`);
  assert.equal(await one.bestBatch({ most: 1 }), 1);
  const controller = new AbortController();
  const trial = one.bestBatch({ signal: controller.signal });
  controller.abort();
  await assert.rejects(trial, { name: "AbortError" });
  assert.equal((await one.generate({ seed: 1, atoms: 4, steps: 3 })).elements.length, 4);
});

test("workers pause while the caller is behind", async () => {
  let sent = 0;
  const worker = () => {
    const w = threadWorker();
    const post = w.postMessage;
    w.postMessage = (message, transfer) => {
      if (message.type === "sample") sent += message.options.n;
      post(message, transfer);
    };
    return w;
  };
  const pool = await SymDiffPool.load({ ...files, worker, workers: 1 });
  const run = pool.generate({ n: 150, atoms: 3, steps: 1, batch: 16 });
  await run.next();
  while (sent < 64) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 500)); // time for more, if nothing held it back
  assert.ok(sent <= 96, `${sent} molecules for a caller that took one`);
  let count = 1;
  for await (const made of run) count += made.molecule.elements.length;
  assert.equal(count, 1 + 149 * 3);
  pool.close();
});

test("a worker that dies loses nothing", async () => {
  let count = 0;
  const worker = () => {
    const w = threadWorker();
    if (++count === 1) {
      // dies in the middle of its second run
      let runs = 0;
      const post = w.postMessage;
      w.postMessage = (message, transfer) => {
        post(message, transfer);
        if (message.type === "sample" && ++runs === 2)
          setTimeout(() => w.onerror({ message: "killed" }), 1);
      };
    }
    return w;
  };
  const pool = await SymDiffPool.load({ ...files, worker, workers: 1 });
  assert.equal((await make(pool, { ...options, steps: 60, batch: 1 })).size, 4);
  assert.equal(pool.started, 2);
  pool.close();
});

test("where memory does not suffice for all workers, fewer go on", async () => {
  let count = 0;
  const worker = () => {
    const w = threadWorker();
    if (++count === 1) return w;
    w.postMessage = (message) =>
      message.type === "load" &&
      queueMicrotask(() =>
        w.onmessage({
          data: { type: "error", id: message.id, code: "memory", message: "no room" },
        }),
      );
    return w;
  };
  const pool = await SymDiffPool.load({ ...files, worker, workers: 4 });
  assert.equal((await make(pool, { ...options, n: 9, batch: 1 })).size, 9);
  assert.ok(pool.started <= 4);
  pool.close();
});

test("a worker that falls silent is given up, and after three of them the run", async () => {
  const pool = await SymDiffPool.load({
    ...files,
    worker: () => new Puppet(),
    workers: 1,
    patience: 30,
  });
  await assert.rejects(
    make(pool, { ...options, n: 1 }),
    (error) => error.code === "worker" && /said nothing for 30 ms/.test(error.message),
  );
  assert.equal(pool.started, 3);
  pool.close();
});

test("leaving the loop stops the workers, which then serve another run", async () => {
  const pool = await SymDiffPool.load({ ...files, worker: threadWorker, workers: 2 });
  for await (const made of pool.generate({ ...options, n: 50 })) {
    assert.ok(made.index >= 2);
    break;
  }
  assert.equal((await make(pool, options)).size, 4);
  assert.ok(pool.started <= 3); // the start of the second may have been cut short
  const controller = new AbortController();
  const run = make(pool, { ...options, n: 50, steps: 500, signal: controller.signal });
  setTimeout(() => controller.abort(), 20);
  await assert.rejects(run, { name: "AbortError" });
  pool.close();
});

test("options that make no sense and downloads that fail are reported", async () => {
  const pool = await SymDiffPool.load({ ...files, worker: threadWorker, workers: 1 });
  await assert.rejects(make(pool, { n: 0 }), (error) => error.code === "options");
  await assert.rejects(make(pool, { n: 1, steps: 5000 }), (error) => error.code === "options");
  await assert.rejects(
    make(pool, { n: 9, batch: 0 }),
    (error) => error.code === "options" && /batch/.test(error.message),
  );
  pool.close();
  await assert.rejects(make(pool, options), (error) => error.code === "closed");
  await assert.rejects(
    SymDiffPool.load({ ...files, weights: files.weights + "-gone", worker: threadWorker }),
    (error) => error.code === "download" && /404/.test(error.message),
  );
});

for (const [cores, memory, workers] of [
  [1, 8, 1],
  [2, 8, 2],
  [3, 8, 2],
  [4, 8, 3],
  [16, 8, 4],
  [8, 2, 1],
  [undefined, undefined, 2],
]) {
  test(`${cores} cores and ${memory} GB suit ${workers} workers`, (t) => {
    const known = Object.getOwnPropertyDescriptor(globalThis, "navigator");
    Object.defineProperty(globalThis, "navigator", {
      value: { hardwareConcurrency: cores, deviceMemory: memory },
      configurable: true,
    });
    t.after(() =>
      known ? Object.defineProperty(globalThis, "navigator", known) : delete globalThis.navigator,
    );
    assert.equal(defaultWorkers(), workers);
  });
}
