// What a visitor waits for, in Chromium on this machine: `make site-timings`. Prints medians and ranges of ROUNDS=5 fresh profiles, each
// with a first visit and a second one. Nothing is throttled; the server is on this machine, so downloads cost next to nothing.

import { loadavg } from "node:os";
import { join } from "node:path";
import { endAll, launch, open, serve, top } from "./test/e2e/browser.js";
import { staticServer } from "./test/e2e/static.js";

const rounds = Number(process.env.ROUNDS || 5);
const steps = 250;
const server = await serve();
const browser = await launch();

/** Paints and blocking of the page as it stands, ms after navigation began. */
const paints = (page) =>
  page.evaluate(() => new Promise((resolve) => {
    const seen = { blocked: 0 };
    const take = (type, f) => new PerformanceObserver((list) => list.getEntries().forEach(f)).observe({ type, buffered: true });
    take("paint", (entry) => (seen[entry.name] = entry.startTime));
    take("largest-contentful-paint", (entry) => (seen.largest = entry.startTime));
    take("longtask", (entry) => (seen.blocked += Math.max(0, entry.duration - 50)));
    setTimeout(() => resolve(seen), 1500);
  }));

/** When the page has run its script: Generate answers from then on. */
const interactive = (page) => page.waitForFunction(() => document.querySelector("#atoms").options.length > 1 && performance.now(), null, { polling: 10 }).then((handle) => handle.jsonValue());

/** Seconds from pressing Generate to the finished molecule. */
async function molecule(page) {
  const began = performance.now();
  await page.click("#generate");
  await page.waitForSelector("#result:not([hidden])", { timeout: 120_000 });
  return (performance.now() - began) / 1000;
}

async function visit(page, name, note) {
  const ready = await interactive(page);
  const { blocked, largest, ...seen } = await paints(page);
  note(`${name}: first contentful paint, ms`, seen["first-contentful-paint"]);
  note(`${name}: largest contentful paint, ms`, largest);
  note(`${name}: interactive, ms`, ready);
  note(`${name}: total blocking time, ms`, blocked);
  note(`${name}: Generate to the first molecule, s`, await molecule(page));
  note(`${name}: Generate to the second molecule, s`, await molecule(page));
}

const figures = new Map();
for (let round = 0; round < rounds; round++) {
  const note = (name, value) => figures.set(name, [...(figures.get(name) ?? []), value]);
  const { page, close } = await open(browser, `${server.url}?seed=7&atoms=18`);
  await visit(page, "first visit", note);
  const url = new URL(page.url());
  url.searchParams.set("steps", steps);
  await page.waitForFunction(() => document.querySelector("#offline").textContent.startsWith("Works offline"));
  await page.reload();
  await visit(page, "second visit", note);
  await page.fill("#steps", String(steps));
  note(`steps/s of a run of ${steps} steps, drawing included`, steps / (await molecule(page)));
  await close();
}
for (const atoms of [29, 100]) {
  for (const renderer of ["", ' renderer="2d"']) figures.set(`pictures/s of ${atoms} atoms that spin, 800 × 600${renderer}`, [await picturesPerSecond(atoms, renderer)]);
}
await endAll();

/** Of the element <symdiff-viewer>, for three seconds, by the software that draws WebGL where there is no GPU. */
async function picturesPerSecond(atoms, renderer) {
  const lattice = Array.from({ length: atoms }, (_, i) => `${"CHHONH"[i % 6]} ${[i % 5, Math.floor(i / 5) % 5, Math.floor(i / 25)].map((k) => 1.45 * k).join(" ")}`);
  const html = `<!doctype html><title>Spin</title><link rel="icon" href="data:,"><script type="module" src="viewer.js"></script><symdiff-viewer${renderer} style="width:800px;height:645px">${atoms}\n\n${lattice.join("\n")}</symdiff-viewer>`;
  const server = await staticServer(join(top, "build/npm"), { files: { "/index.html": html } });
  const { page, close } = await open(browser, server.url, { reducedMotion: "no-preference" });
  await page.waitForFunction(() => /\d$/.test(document.querySelector("symdiff-viewer").shadowRoot.querySelector(".status").textContent));
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

console.log(`load of the machine ${loadavg().map((x) => x.toFixed(1)).join(" ")}`);
const text = (value) => value.toFixed(value < 10 ? 2 : 0);
for (const [name, values] of figures) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  console.log(`${name.padEnd(64)} ${text(median).padStart(8)}   (${text(sorted[0])} to ${text(sorted.at(-1))})`);
}
