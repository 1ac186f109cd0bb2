// What a visitor waits for, in Chromium on this machine: `make site-timings`. Prints medians and
// ranges of ROUNDS=5 fresh profiles, each with a first visit and a second one, and writes them to
// the file that is named. Nothing is throttled; the server is on this machine, so downloads cost
// next to nothing. The package and onnxruntime-web run one network, a plain DiT (wasm/bench), in
// pages that are alike.

import { readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { exportDiT } from "../wasm/bench/onnx.js";
import { endAll, launch, open, serve, top } from "./test/e2e/browser.js";
import { staticServer } from "./test/e2e/static.js";

const rounds = Number(process.env.ROUNDS || 5);
const steps = 250;
const server = await serve();
const browser = await launch();

/** Paints and blocking of the page as it stands, ms after navigation began. */
const paints = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        const seen = { blocked: 0 };
        const take = (type, f) =>
          new PerformanceObserver((list) => list.getEntries().forEach(f)).observe({
            type,
            buffered: true,
          });
        take("paint", (entry) => (seen[entry.name] = entry.startTime));
        take("largest-contentful-paint", (entry) => (seen.largest = entry.startTime));
        take("longtask", (entry) => (seen.blocked += Math.max(0, entry.duration - 50)));
        setTimeout(() => resolve(seen), 1500);
      }),
  );

/** When the page has run its script: Generate answers from then on. */
const interactive = (page) =>
  page
    .waitForFunction(
      () => document.querySelector("#atoms").options.length > 1 && performance.now(),
      null,
      { polling: 10 },
    )
    .then((handle) => handle.jsonValue());

/**
 * Seconds from the click on Generate to the first picture with what is finished, by the clock of
 * the page: a molecule, whose result is no longer hidden, or a batch, whose note is empty again.
 */
async function generated(page, what = "molecule") {
  const finished = page.evaluate((what) => {
    const button = document.querySelector("#generate");
    const watched = document.querySelector(what === "batch" ? "#batch-note" : "#result");
    let begun = false;
    const over = () => {
      const idle = what === "batch" ? watched.textContent === "" : !watched.hidden;
      begun ||= !idle;
      return begun && idle;
    };
    return new Promise((resolve) =>
      button.addEventListener(
        "click",
        ({ timeStamp }) => {
          over();
          new MutationObserver((_, observer) => {
            if (!over()) return;
            observer.disconnect();
            requestAnimationFrame(() =>
              setTimeout(() => resolve((performance.now() - timeStamp) / 1000)),
            );
          }).observe(watched, {
            attributes: true,
            childList: true,
            characterData: true,
          });
        },
        { once: true, capture: true },
      ),
    );
  }, what);
  await page.click("#generate");
  return finished;
}

async function visit(page, name, note) {
  const ready = await interactive(page);
  const { blocked, largest, ...seen } = await paints(page);
  note(`${name}: first contentful paint, ms`, seen["first-contentful-paint"]);
  note(`${name}: largest contentful paint, ms`, largest);
  note(`${name}: interactive, ms`, ready);
  note(`${name}: total blocking time, ms`, blocked);
  note(`${name}: Generate to the first molecule, s`, await generated(page));
  note(`${name}: Generate to the second molecule, s`, await generated(page));
}

const figures = new Map();
for (let round = 0; round < rounds; round++) {
  const note = (name, value) => figures.set(name, [...(figures.get(name) ?? []), value]);
  const { page, close } = await open(browser, `${server.url}?atoms=18`);
  await visit(page, "first visit", note);
  await page.waitForFunction(() =>
    document.querySelector("#offline").textContent.startsWith("Works offline"),
  );
  await page.goto(`${server.url}?atoms=18`); // without a seed, with which the page begins by itself
  await visit(page, "second visit", note);
  const usual = await page.inputValue("#steps");
  await page.fill("#steps", String(steps));
  note(`steps/s of a run of ${steps} steps, drawing included`, steps / (await generated(page)));
  await page.fill("#steps", usual);
  await page.fill("#count", "100");
  note("molecules/s of a batch of 100, all workers", 100 / (await generated(page, "batch")));
  await close();
}
for (const atoms of [29, 100]) {
  for (const renderer of ["", ' renderer="2d"'])
    figures.set(`pictures/s of ${atoms} atoms that spin, 800 × 600${renderer}`, [
      await picturesPerSecond(atoms, renderer),
    ]);
}
await compareRuntimes();
await endAll();

/**
 * The package and onnxruntime-web, in turn, one thread each: from opening a page to the first call
 * of the network, and calls by batches. The package runs its sampler too, in a worker;
 * onnxruntime-web runs the network alone, and holds the page up for as long.
 */
async function compareRuntimes() {
  const [atoms, batches, calls] = [19, [1, 8], 100];
  const dist = join(top, "wasm/bench/node_modules/onnxruntime-web/dist");
  const weights = readFileSync(join(top, "build/bench/dit.safetensors"));
  const models = Object.fromEntries(
    batches.map((batch) => [`/dit${batch}`, exportDiT(weights, batch, atoms)]),
  );
  const page = (
    script,
  ) => `<!doctype html><title>Runtime</title><link rel="icon" href="data:,"><p id="said">Loading</p><script type="module">
    const [atoms, batches, calls] = ${JSON.stringify([atoms, batches, calls])};
    ${script}
    const seen = { start: performance.now() / 1000 };
    for (const batch of batches) {
      await run(batch, 10);
      const began = performance.now();
      await run(batch, calls);
      seen[batch] = (1000 * batch * calls) / (performance.now() - began);
    }
    globalThis.seen = seen;
  </script>`;
  const runtimes = {
    "symdiff-mol": {
      dir: join(top, "build/npm"),
      load: ["index.js", "worker.js", "wasm_exec.js", "symdiff.wasm"],
      script: `import { SymDiff } from "./index.js";
        const model = await SymDiff.load({ wasm: { simd: new URL("symdiff.wasm", location), plain: new URL("symdiff-plain.wasm", location) }, weights: new URL("dit.safetensors", location) });
        const run = async (n, steps) => { for await (const _ of model.sampleBatch({ seed: 1, n, atoms, steps, method: "ancestral", every: Infinity })); };
        for await (const { step } of model.sample({ seed: 1, atoms, steps: 10, method: "ancestral" })) if (step === 1) break;`,
    },
    "onnxruntime-web": {
      dir: dist,
      load: ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"],
      script: `import * as ort from "./ort.wasm.min.mjs";
        Object.assign(ort.env.wasm, { wasmPaths: location.href, numThreads: 1 });
        const sessions = {};
        const load = async (n) => (sessions[n] ??= await ort.InferenceSession.create(new Uint8Array(await (await fetch("dit" + n)).arrayBuffer()), { executionProviders: ["wasm"], graphOptimizationLevel: "all" }));
        const run = async (n, steps) => {
          const session = await load(n);
          const z = new ort.Tensor("float32", Float32Array.from({ length: n * atoms * 9 }, (_, i) => Math.sin(i)), [n, atoms, 9]);
          for (let k = 1; k <= steps; k++) await session.run({ z, t: new ort.Tensor("float32", Float32Array.of(k / steps), [1, 1]) });
        };
        await run(1, 1);`,
    },
  };
  for (let round = 0; round < rounds; round++) {
    for (const [name, { dir, load, script }] of Object.entries(runtimes)) {
      const server = await staticServer(dir, {
        files: {
          "/index.html": page(script),
          "/dit.safetensors": weights,
          ...models,
        },
      });
      const { page: tab, close } = await open(browser, server.url);
      const seen = await tab
        .waitForFunction(() => globalThis.seen, null, { timeout: 300_000 })
        .then((handle) => handle.jsonValue());
      await close();
      server.close();
      const note = (what, value) =>
        figures.set(`${name}: ${what}`, [...(figures.get(`${name}: ${what}`) ?? []), value]);
      if (!round)
        note(
          "code, compressed, MB",
          load.reduce((sum, file) => sum + gzipSync(readFileSync(join(dir, file))).length, 0) / 1e6,
        );
      note("page opened to the first call of the network, s", seen.start);
      for (const batch of batches) note(`steps per second, batch of ${batch}`, seen[batch]);
    }
  }
}

/**
 * Of the element <symdiff-viewer>, for three seconds, by the software that draws WebGL where there
 * is no GPU.
 */
async function picturesPerSecond(atoms, renderer) {
  const lattice = Array.from(
    { length: atoms },
    (_, i) =>
      `${"CHHONH"[i % 6]} ${[i % 5, Math.floor(i / 5) % 5, Math.floor(i / 25)].map((k) => 1.45 * k).join(" ")}`,
  );
  const html = `<!doctype html><title>Spin</title><link rel="icon" href="data:,"><script type="module" src="viewer.js"></script><symdiff-viewer${renderer} style="width:800px;height:645px">${atoms}\n\n${lattice.join("\n")}</symdiff-viewer>`;
  const server = await staticServer(join(top, "build/npm"), {
    files: { "/index.html": html },
  });
  const { page, close } = await open(browser, server.url, {
    reducedMotion: "no-preference",
  });
  await page.waitForFunction(() =>
    /\d$/.test(
      document.querySelector("symdiff-viewer").shadowRoot.querySelector(".status").textContent,
    ),
  );
  const rate = await page.evaluate(async () => {
    const viewer = document.querySelector("symdiff-viewer");
    const canvas = viewer.shadowRoot.querySelector("canvas");
    const context = canvas.getContext("2d");
    let pictures = 0;
    const { clearRect } = context;
    context.clearRect = (...box) => (pictures++, clearRect.apply(context, box)); // every picture begins so
    viewer.setAttribute("spin", "");
    await new Promise((resolve) => setTimeout(resolve, 500));
    pictures = 0;
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    return (1000 * pictures) / (performance.now() - began);
  });
  await close();
  server.close();
  return rate;
}

const load = loadavg().map((x) => Number(x.toFixed(1)));
console.log(`load of the machine ${load.join(" ")}`);
const round = (value) => Number(value.toPrecision(3));
const told = [...figures].map(([name, values]) => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return {
    name,
    median: round(sorted[Math.floor(sorted.length / 2)]),
    least: round(sorted[0]),
    most: round(sorted.at(-1)),
  };
});
for (const { name, median, least, most } of told)
  console.log(`${name.padEnd(70)} ${String(median).padStart(8)}   (${least} to ${most})`);
const [file] = process.argv.slice(2);
if (file) writeFileSync(file, `${JSON.stringify({ rounds, load, figures: told }, null, 1)}\n`);
