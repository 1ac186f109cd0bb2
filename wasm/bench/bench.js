// Times core against onnxruntime: natively, in Node and in headless Chromium, one thread each, the
// same weights, rounds in turn.
//
//   node wasm/bench/bench.js [--rounds N] [--only native,node,chromium] [--atoms 60,100]
//       [--json FILE]
//
// Run it by `make bench-peers`, which builds what it needs. --atoms adds calls for one molecule of
// each of these sizes, beside those of 19 atoms. --json writes what was measured.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { exportDiT } from "./onnx.js";
import { setup } from "./runtimes.js";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    only: { type: "string", default: "native,node,chromium" },
    atoms: { type: "string", default: "" },
    json: { type: "string" },
  },
});
const top = fileURLToPath(new URL("../..", import.meta.url));
const build = `${top}/build/bench`;
const atoms = 19,
  steps = 250,
  batches = [1, 8];
const weightsFile = `${build}/dit.safetensors`,
  shippedFile = `${top}/core/weights/qm9-web.safetensors`;
const weights = readFileSync(weightsFile);
const sizes = options.atoms.split(",").filter(Boolean).map(Number);
if (!sizes.every((n) => Number.isInteger(n) && n > 0))
  throw new Error(`--atoms ${options.atoms}: want numbers, as in 60,100`);
const calls = [...batches.map((batch) => [batch, atoms]), ...sizes.map((n) => [1, n])];
const models = Object.fromEntries(
  calls.map(([batch, n]) => [`${batch}x${n}`, exportDiT(weights, batch, n)]),
);

/** Core natively, by lines to its standard input, against onnxruntime-node. */
async function native() {
  const ort = (await import("onnxruntime-node")).default;
  const start = (file) => {
    const child = spawn(`${build}/bench`, [file], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, GOMAXPROCS: "1" },
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      ask: async (...words) => {
        child.stdin.write(`${words.join(" ")}\n`);
        const { value, done } = await lines.next();
        if (done) throw new Error(`${file}: the native benchmark ended`);
        return value;
      },
      end: () => child.stdin.end(),
    };
  };
  const core = start(weightsFile),
    sampler = start(shippedFile);
  const timed = async (program, ...words) => Number(await program.ask(...words)) / 1e6;
  const [implementation, flops] = (await core.ask("info")).split(" ");
  const jobs = {
    peak: (n) => timed(core, "peak", n * 1000),
    molecule: async (n) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += await timed(sampler, "molecule", atoms, steps);
      return sum;
    },
  };
  for (const [m, k, n] of [
    [19, 256, 1024],
    [152, 256, 1024],
    [152, 1024, 256],
  ]) {
    jobs[`gemm ${m}x${k}x${n}`] = async (repetitions) => {
      await core.ask("gemm", m, k, n, 0);
      return timed(core, "gemm", m, k, n, repetitions);
    };
  }
  for (const [batch, atoms] of calls) {
    const key = `${batch}x${atoms}`;
    const calls = (fixed) => async (n) => {
      await core.ask("prepare", batch, atoms);
      await core.ask("run", 1, fixed);
      return timed(core, "run", n, fixed);
    };
    jobs[`call ${key} core`] = calls(0);
    jobs[`call ${key} core at hand`] = calls(1);
    const session = await ort.InferenceSession.create(models[key], {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
    });
    const z = new ort.Tensor(
      "float32",
      new Float32Array(batch * atoms * 9).map(() => Math.random() - 0.5),
      [batch, atoms, 9],
    );
    let count = 0;
    jobs[`call ${key} onnxruntime`] = async (n) => {
      const start = performance.now();
      for (let i = 0; i < n; i++)
        await session.run({
          z,
          t: new ort.Tensor("float32", Float32Array.of((1 + (++count % 1000)) / 1000), [1, 1]),
        });
      return performance.now() - start;
    };
  }
  const end = () => {
    core.end();
    sampler.end();
  };
  return {
    name: "native",
    implementation,
    flops: Number(flops),
    names: Object.keys(jobs),
    run: (name, n) => jobs[name](n),
    end,
  };
}

/** WebAssembly in this Node. */
async function node() {
  await import(pathToFileURL(`${build}/wasm_exec.cjs`).href);
  const ort = await import("./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs");
  ort.env.wasm.wasmPaths = new URL("./node_modules/onnxruntime-web/dist/", import.meta.url).href;
  ort.env.wasm.numThreads = 1;
  const { jobs, ...rest } = await setup({
    Go: globalThis.Go,
    module: await WebAssembly.compile(readFileSync(`${build}/bench.wasm`)),
    weights,
    shipped: readFileSync(shippedFile),
    ort,
    provider: "wasm",
    models,
    atoms,
    steps,
  });
  return {
    name: `Node ${process.versions.node}`,
    ...rest,
    names: Object.keys(jobs),
    run: (name, n) => jobs[name](n),
    end() {},
  };
}

/** WebAssembly in a page of headless Chromium. */
async function chromium() {
  const { chromium } = await import("playwright-core");
  const files = {
    "/": ["text/html", "<!doctype html><title>bench</title><script src='/wasm_exec.js'></script>"],
    "/wasm_exec.js": ["text/javascript", readFileSync(`${build}/wasm_exec.cjs`)],
    "/runtimes.js": ["text/javascript", readFileSync(new URL("./runtimes.js", import.meta.url))],
    "/bench.wasm": ["application/wasm", readFileSync(`${build}/bench.wasm`)],
    "/dit": ["application/octet-stream", weights],
    "/shipped": ["application/octet-stream", readFileSync(shippedFile)],
    ...Object.fromEntries(
      Object.keys(models).map((key) => [`/model${key}`, ["application/octet-stream", models[key]]]),
    ),
  };
  for (const name of [
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
  ]) {
    files[`/${name}`] = [
      name.endsWith("wasm") ? "application/wasm" : "text/javascript",
      readFileSync(new URL(`./node_modules/onnxruntime-web/dist/${name}`, import.meta.url)),
    ];
  }
  const server = createServer((request, response) => {
    const file = files[request.url];
    response.writeHead(file ? 200 : 404, { "Content-Type": file?.[0] ?? "text/plain" });
    response.end(file?.[1]);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const info = await page.evaluate(
    async ({ keys, atoms, steps }) => {
      const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
      const ort = await import("/ort.wasm.min.mjs");
      ort.env.wasm.wasmPaths = "/";
      ort.env.wasm.numThreads = 1;
      const { setup } = await import("/runtimes.js");
      const models = {};
      for (const key of keys) models[key] = await bytes(`/model${key}`);
      const { jobs, ...rest } = await setup({
        Go,
        module: await WebAssembly.compile(await bytes("/bench.wasm")),
        weights: await bytes("/dit"),
        shipped: await bytes("/shipped"),
        ort,
        provider: "wasm",
        models,
        atoms,
        steps,
      });
      globalThis.jobs = jobs;
      return { ...rest, names: Object.keys(jobs) };
    },
    { keys: Object.keys(models), atoms, steps },
  );
  return {
    name: `Chromium ${browser.version().split(".")[0]}`,
    ...info,
    run: (name, n) => page.evaluate(({ name, n }) => globalThis.jobs[name](n), { name, n }),
    end: async () => {
      await browser.close();
      server.close();
    },
  };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * Runs every job in turn, for a number of rounds; returns the milliseconds of one repetition in
 * each round.
 */
async function measure(engine) {
  const repetitions = {},
    times = {};
  for (const name of engine.names) {
    // warm up, and find how many repetitions last about 0.15 s
    const once = (await engine.run(name, 2)) / 2;
    repetitions[name] =
      name === "molecule" ? 1 : Math.max(1, Math.round(150 / Math.max(once, 1e-3)));
    await engine.run(name, repetitions[name]);
    times[name] = [];
  }
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const name of engine.names)
      times[name].push((await engine.run(name, repetitions[name])) / repetitions[name]);
  }
  return times;
}

const ratio = (times, key, which) => {
  const ours = times[`call ${key} ${which}`],
    theirs = times[`call ${key} onnxruntime`];
  const rounds = ours.map((t, i) => theirs[i] / t);
  return { ratio: median(rounds), least: Math.min(...rounds), most: Math.max(...rounds) };
};
const ratioText = ({ ratio, least, most }) =>
  `${ratio.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;

const engines = { native, node, chromium };
const results = [];
console.log(
  `${cpus()[0].model}, one thread; ${options.rounds} rounds in turn; times are medians; ratio: onnxruntime's time / core's, median (range) over the rounds`,
);
for (const key of options.only.split(",")) {
  const engine = await engines[key]();
  const times = await measure(engine);
  await engine.end();
  const peak = (engine.flops * 1000) / median(times.peak) / 1e6;
  const gflops = (name) => {
    const [m, k, n] = name.match(/\d+/g).map(Number);
    return (2 * m * k * n) / median(times[name]) / 1e6;
  };
  const ms = (name) => `${median(times[name]).toFixed(2)} ms`;
  console.log(
    `\n${engine.name}, kernels ${engine.implementation}` +
      (engine.worst === undefined
        ? ""
        : `; largest deviation of the two outputs ${engine.worst.toExponential(1)} of the largest value`),
  );
  console.log(`  peak of multiplications and additions  ${peak.toFixed(1)} GFLOP/s`);
  for (const name of engine.names.filter((n) => n.startsWith("gemm"))) {
    console.log(
      `  ${name.padEnd(38)} ${gflops(name).toFixed(1)} GFLOP/s, ${((100 * gflops(name)) / peak).toFixed(0)} % of peak`,
    );
  }
  for (const [batch, n] of calls) {
    const key = `${batch}x${n}`;
    console.log(
      `  call, ${batch} of ${n} atoms: core ${ms(`call ${key} core`)}, onnxruntime ${ms(`call ${key} onnxruntime`)}: ratio ${ratioText(ratio(times, key, "core"))}`,
    );
    console.log(
      `     with the modulations at hand ${ms(`call ${key} core at hand`)}: ratio ${ratioText(ratio(times, key, "core at hand"))}`,
    );
  }
  console.log(
    `  molecule of ${atoms} atoms, ${steps} steps: ${(median(times.molecule) / 1000).toFixed(2)} s`,
  );
  if (engine.worst > 1e-4)
    throw new Error(`${engine.name}: the outputs differ by ${engine.worst}: not the same network`);
  const big = "gemm 152x256x1024";
  const call = (key) => ({
    core_ms: median(times[`call ${key} core`]),
    onnxruntime_ms: median(times[`call ${key} onnxruntime`]),
    ...ratio(times, key, "core"),
  });
  results.push({
    engine: engine.name,
    kernels: engine.implementation,
    peak_gflops: peak,
    gemm_gflops: gflops(big),
    calls: Object.fromEntries(batches.map((b) => [b, call(`${b}x${atoms}`)])),
    ...(sizes.length > 0 && { sizes: Object.fromEntries(sizes.map((n) => [n, call(`1x${n}`)])) }),
    molecule_s: median(times.molecule) / 1000,
    molecule_steps: steps,
  });
}
if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 1)}\n`);
process.exit(0);
