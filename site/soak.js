// Generates many molecules in the page and watches its memory: `make soak-page` (MOLECULES=2000). Fails when it grows.
// Memory of the page's JavaScript and of every worker is asked from Chromium's devtools; that of the whole renderer process, in which
// both live with the WASM, from the system.

import { readFileSync } from "node:fs";
import { endAll, launch, open, serve } from "./test/e2e/browser.js";

const total = Number(process.env.MOLECULES || 2000);
const batch = Math.min(total, 250);
const server = await serve();
const browser = await launch(["--js-flags=--expose-gc"]);
const { page, context, close } = await open(browser, `${server.url}?steps=20&atoms=9`);
const root = await browser.newBrowserCDPSession();
const devtools = await context.newCDPSession(page);

/** MB in use: JavaScript of the page after a collection, and all renderer processes as the system sees them. */
async function memory() {
  await page.waitForTimeout(1000);
  await devtools.send("HeapProfiler.collectGarbage");
  const { usedSize } = await devtools.send("Runtime.getHeapUsage");
  const { processInfo } = await root.send("SystemInfo.getProcessInfo");
  const resident = (pid) => Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]) / 1024;
  const renderers = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => resident(id));
  const workers = page.workers();
  const heaps = await Promise.all(workers.map((worker) => worker.evaluate(() => (globalThis.gc?.(), performance.memory?.usedJSHeapSize ?? 0))));
  return { page: usedSize / 2 ** 20, workers: heaps.reduce((a, b) => a + b, 0) / 2 ** 20, count: workers.length, process: Math.max(...renderers) };
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
  console.log(`${made + batch} molecules, ${((Date.now() - began) / 1000).toFixed(0)} s: page ${mb(seen.page)}, ${seen.count} workers ${mb(seen.workers)}, process ${mb(seen.process)}`);
}
await close();
await endAll();

// The first batch fills caches; after it, memory has to stay.
const [first, last] = [rows[1] ?? rows[0], rows.at(-1)];
const growth = (key) => last[key] / first[key] - 1;
const limits = { page: 0.25, process: 0.15 };
for (const [key, limit] of Object.entries(limits)) {
  console.log(`${key}: ${(100 * growth(key)).toFixed(1)} % from ${first.molecules} to ${last.molecules} molecules (limit ${100 * limit} %)`);
  if (!(growth(key) <= limit)) process.exitCode = 1;
}
