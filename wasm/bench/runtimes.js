// What is timed inside a JavaScript engine, Node or a browser: core as WebAssembly, and
// onnxruntime.

/** callTime is t of call i, as in network.go: as in sampling, every call has its own. */
const callTime = (i) => (1 + (i % 1000)) / 1000;

/** Starts the Go program; Go is the class of wasm_exec.js. */
export async function startCore(Go, module, weights) {
  const go = new Go();
  const instance = await WebAssembly.instantiate(module, go.importObject);
  void go.run(instance);
  const core = globalThis.symdiffBench;
  const fail = core.load(weights);
  if (fail) throw new Error(fail);
  return core;
}

function command(core, ...args) {
  const fail = core.command(...args);
  if (fail) throw new Error(fail);
}

/** Milliseconds that a command took. */
function timed(core, ...args) {
  const start = performance.now();
  command(core, ...args);
  return performance.now() - start;
}

/** An onnxruntime session, its input made once and reused. */
async function startOrt(ort, provider, model, batch, atoms, z) {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [provider],
    graphOptimizationLevel: "all",
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  const input = new ort.Tensor("float32", z, [batch, atoms, z.length / batch / atoms]);
  let calls = 0;
  const run = async (t) =>
    (await session.run({ z: input, t: new ort.Tensor("float32", Float32Array.of(t), [1, 1]) })).eps
      .data;
  const time = async (n) => {
    const start = performance.now();
    for (let i = 0; i < n; i++) await run(callTime(++calls));
    return performance.now() - start;
  };
  return { run, time };
}

/** The largest |a - b| over the largest |a|. */
function deviation(a, b) {
  let worst = 0,
    scale = 0;
  for (let i = 0; i < a.length; i++) {
    worst = Math.max(worst, Math.abs(a[i] - b[i]));
    scale = Math.max(scale, Math.abs(a[i]));
  }
  return worst / scale;
}

/** core's eps at t = 0.5 for a prepared batch, and its input. */
function coreOutput(core, batch, atoms) {
  command(core, "prepare", batch, atoms);
  command(core, "run", 1, 1);
  const floats = (bytes) => new Float32Array(bytes.buffer);
  return { z: floats(core.input()), eps: floats(core.output()) };
}

/**
 * Everything to time in this engine: an object of functions that take a number of repetitions and
 * return milliseconds, and the largest deviation of onnxruntime's output from core's.
 *
 *   Go           class of wasm_exec.js       module     bench.wasm compiled
 *   weights      of the plain DiT            shipped    weights of the model that ships
 *   models       {"BATCHxATOMS": bytes} for onnxruntime
 */
export async function setup({ Go, module, weights, shipped, ort, provider, models, atoms, steps }) {
  const core = await startCore(Go, module, weights),
    sampler = await startCore(Go, module, shipped);
  const jobs = {
    peak: async (n) => timed(core, "peak", n * 1000),
    molecule: async (n) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += timed(sampler, "molecule", atoms, steps);
      return sum;
    },
  };
  for (const [m, k, n] of [
    [19, 256, 1024],
    [152, 256, 1024],
    [152, 1024, 256],
  ]) {
    jobs[`gemm ${m}x${k}x${n}`] = async (repetitions) => {
      command(core, "gemm", m, k, n, 0);
      return timed(core, "gemm", m, k, n, repetitions);
    };
  }
  let worst = 0;
  for (const [key, model] of Object.entries(models)) {
    const [batch, size] = key.split("x").map(Number);
    const { z, eps } = coreOutput(core, batch, size);
    const session = await startOrt(ort, provider, model, batch, size, z);
    worst = Math.max(worst, deviation(eps, await session.run(0.5)));
    const calls = (core, fixed) => async (repetitions) => {
      command(core, "prepare", batch, size);
      command(core, "run", 1, fixed);
      return timed(core, "run", repetitions, fixed);
    };
    jobs[`call ${key} core`] = calls(core, 0);
    jobs[`call ${key} onnxruntime`] = session.time;
    jobs[`call ${key} core at hand`] = calls(core, 1);
  }
  return { jobs, worst, flops: core.flops, implementation: core.implementation };
}
