// Generates many molecules in the page and watches its memory: `make soak-page` (MOLECULES=2000,
// FAST=1). Fails when it grows. Memory of the page and of every worker, WASM included, is asked
// from Chromium's devtools; that of the whole process in which they live from the system.

import { readFileSync } from "node:fs";
import { endAll, fastWeights, launch, open, serve } from "./test/e2e/browser.js";

const total = Number(process.env.MOLECULES || 2000);
const batch = Math.min(total, 250);
const server = await serve();
const browser = await launch();
const { page, context, close } = await open(browser, `${server.url}?steps=20&atoms=5`);
if (process.env.FAST) {
  // one block of each transformer: useless molecules by the same way, for a machine that is slow or
  // busy
  await page.setInputFiles("#own", fastWeights());
  await page.waitForFunction(() => document.querySelector("#model").value === "own", null, {
    timeout: 120_000,
  });
}
const root = await browser.newBrowserCDPSession();
const devtools = await context.newCDPSession(page);
const workers = new Set(); // devtools sessions of the workers
const replies = new Map();
devtools.on(
  "Target.attachedToTarget",
  ({ sessionId, targetInfo }) => targetInfo.type === "worker" && workers.add(sessionId),
);
devtools.on("Target.detachedFromTarget", ({ sessionId }) => workers.delete(sessionId));
devtools.on("Target.receivedMessageFromTarget", ({ message }) => {
  const { id, result } = JSON.parse(message);
  replies.get(id)?.(result);
});
await devtools.send("Target.setAutoAttach", {
  autoAttach: true,
  waitForDebuggerOnStart: false,
  flatten: false,
});

let asked = 0;
async function ask(sessionId, method, params = {}) {
  const id = ++asked;
  const reply = new Promise((resolve) => replies.set(id, resolve));
  await devtools.send("Target.sendMessageToTarget", {
    sessionId,
    message: JSON.stringify({ id, method, params }),
  });
  return reply;
}

/** MB of a worker's WASM memory, which never shrinks. */
async function wasm(id) {
  const { result: prototype } = await ask(id, "Runtime.evaluate", {
    expression: "WebAssembly.Memory.prototype",
  });
  const { objects } = await ask(id, "Runtime.queryObjects", {
    prototypeObjectId: prototype.objectId,
  });
  const sum =
    "function () { return this.reduce((sum, memory) => sum + memory.buffer.byteLength, 0); }";
  const { result } = await ask(id, "Runtime.callFunctionOn", {
    objectId: objects.objectId,
    functionDeclaration: sum,
    returnByValue: true,
  });
  return result.value / 2 ** 20;
}

/** MB of one JavaScript world after a collection: objects and buffers. */
async function heap(send) {
  await send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize } = await send("Runtime.getHeapUsage");
  return (usedSize + backingStorageSize) / 2 ** 20;
}

/**
 * MB in use by the page, by its workers and their WASM, and by the process of both as the system
 * sees it.
 */
async function memory() {
  await page.waitForTimeout(1000);
  const own = await heap((method) => devtools.send(method));
  const others = await Promise.all([...workers].map((id) => heap((method) => ask(id, method))));
  const modules = await Promise.all([...workers].map(wasm));
  await devtools.send("Memory.simulatePressureNotification", { level: "critical" }); // what can be given back does not count
  await page.waitForTimeout(1000);
  const { processInfo } = await root.send("SystemInfo.getProcessInfo");
  const resident = (pid) =>
    Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]) / 1024;
  const renderers = processInfo
    .filter(({ type }) => type === "renderer")
    .map(({ id }) => resident(id));
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  return {
    page: own,
    workers: sum(others),
    count: others.length,
    wasm: sum(modules),
    process: Math.max(...renderers),
  };
}

const rows = [];
await page.fill("#count", String(batch));
for (let made = 0; made < total; made += batch) {
  const began = Date.now();
  await page.fill("#seed", String(1000 + made));
  await page.click("#generate");
  await page.waitForSelector("#generate:not([hidden])", { timeout: 3_600_000 });
  const seen = await memory();
  rows.push({ molecules: made + batch, ...seen });
  const mb = (v) => `${v.toFixed(1)} MB`;
  console.log(
    `${made + batch} molecules, ${((Date.now() - began) / 1000).toFixed(0)} s: page ${mb(seen.page)}, ${seen.count} workers ${mb(seen.workers)}, their WASM ${mb(seen.wasm)}, process ${mb(seen.process)}`,
  );
}
await close();
await endAll();

// The first batch fills caches; after it, memory has to stay.
const [first, last] = [rows[1] ?? rows[0], rows.at(-1)];
const growth = (key) => last[key] / first[key] - 1;
const limits = { page: 0.15, workers: 0.15, wasm: 0.15, process: 0.15 };
for (const [key, limit] of Object.entries(limits)) {
  console.log(
    `${key}: ${(100 * growth(key)).toFixed(1)} % from ${first.molecules} to ${last.molecules} molecules (limit ${100 * limit} %)`,
  );
  if (!(growth(key) <= limit)) process.exitCode = 1;
}
