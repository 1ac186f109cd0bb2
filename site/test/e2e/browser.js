// A server, a browser and a page that fails the test on any console error or CSP violation.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test as nodeTest } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const top = fileURLToPath(new URL("../../..", import.meta.url));
export const screenshots = join(top, "build/screenshots");
mkdirSync(screenshots, { recursive: true });

/** The sampler of the shipped weights, as their metadata have it. */
export const usual = (() => {
  const bytes = readFileSync(join(top, "core/weights/qm9-web.safetensors"));
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))));
  const own = JSON.parse(header.__metadata__.sampling ?? "{}");
  const { method = "dpm++2m-sde", steps = 40 } = own; // core's, where the weights say none
  const pattern = method.replaceAll("+", "\\+");
  return { method, steps, pattern, rho: own.rho ? `rho=${own.rho} ` : "" };
})();

const servers = new Set();
const browsers = new Set();

/** Ends what a failed test has left behind. */
export async function endAll() {
  await Promise.all([...browsers].map((browser) => browser.close()));
  for (const child of servers) child.kill();
}

/**
 * A test in a browser. One that ends in a timeout runs once more, and the report says so: now and
 * then a headless Chromium stops drawing frames, and then no click and no wait ends.
 */
export function test(name, body) {
  return nodeTest(name, async (t) => {
    const contexts = () => [...browsers].flatMap((browser) => browser.contexts());
    const before = new Set(contexts());
    try {
      await body(t);
    } catch (error) {
      if (error.name !== "TimeoutError") throw error;
      t.diagnostic(`once more, after: ${error.message}`);
      const left = contexts().filter((context) => !before.has(context));
      await Promise.all(left.map((context) => context.close()));
      await body(t);
    }
  });
}

/** Builds a program of the project. */
export function build(out, pkg) {
  const env = { GOTOOLCHAIN: "go1.27.3", GOEXPERIMENT: "simd", ...process.env };
  execFileSync("go", ["build", "-o", out, pkg], { cwd: top, stdio: "inherit", env });
}

/**
 * Builds the static server and starts it on a free port, or the given one; resolves to its URL and
 * a way to end it.
 */
export async function serve({ base = "/", port = 0, dir = join(top, "build/site") } = {}) {
  const program = join(top, "build/e2e/serve");
  build(program, "./site/serve");
  const child = spawn(program, ["-dir", dir, "-addr", `localhost:${port}`, "-base", base], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  servers.add(child.once("exit", () => servers.delete(child)));
  for await (const line of createInterface({ input: child.stdout })) {
    const url = line.match(/http:\S+/)?.[0];
    if (!url) continue;
    return {
      url,
      port: Number(new URL(url).port),
      stop: () => new Promise((resolve) => (child.once("exit", resolve), child.kill())),
    };
  }
  throw new Error("the server did not start");
}

export async function launch(args = [], options = {}) {
  const browser = await chromium.launch({
    ...options,
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
  browsers.add(browser);
  return browser;
}

/** A browser that keeps pages which are left, as those of people do. */
export const launchKeeping = () =>
  launch([], { ignoreDefaultArgs: ["--disable-back-forward-cache"] });

/** Leaves a page for another one, and comes back; resolves to whether the browser has kept it. */
export async function leaveAndReturn(page, other) {
  const title = await page.title();
  await page.evaluate(() => (window.kept = true));
  await page.goto(other);
  await page.waitForTimeout(1000);
  await page.evaluate(() => void setTimeout(() => history.back()));
  await page.waitForFunction((title) => document.title === title, title);
  return page.evaluate(() => window.kept ?? false);
}

/**
 * A fresh profile with one page. `faults` collects what must not happen; `expected` filters what a
 * test provokes. The connection is metered, so that links wait for a press of Generate, and the
 * advanced settings are open, unless a test wants it otherwise.
 */
export async function open(
  browser,
  url,
  { expected = /^$/, metered = true, advanced = true, ...options } = {},
) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  const faults = [];
  const screenshot = /GPU stall due to ReadPixels/; // what software WebGL says to every screenshot
  const note = (text) => expected.test(text) || screenshot.test(text) || faults.push(text);
  page.on(
    "console",
    (m) => ["error", "warning"].includes(m.type()) && note(`${m.type()}: ${m.text()}`),
  );
  page.on("pageerror", (error) => note(`uncaught: ${error.message}`));
  page.on(
    "request",
    (r) =>
      /^(data|blob):/.test(r.url()) ||
      r.url().startsWith(new URL(url).origin) ||
      note(`request to ${r.url()}`),
  );
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) =>
      console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`),
    );
  });
  if (metered)
    await page.addInitScript(() =>
      Object.defineProperty(navigator, "connection", { value: { saveData: true } }),
    );
  if (advanced)
    await page.addInitScript(() =>
      addEventListener("DOMContentLoaded", () =>
        document.querySelector("#advanced")?.setAttribute("open", ""),
      ),
    );
  page.setDefaultTimeout(90_000); // machines may be busy
  await page.goto(url);
  return {
    page,
    context,
    async close() {
      await context.close();
      assert.deepEqual(faults, [], "console errors, warnings, CSP violations or foreign requests");
    },
  };
}

/** Presses Generate and waits for the result; returns the formula. */
export async function generate(page, { seed, atoms, steps } = {}) {
  if (seed !== undefined) await page.fill("#seed", String(seed));
  if (atoms !== undefined) await page.selectOption("#atoms", String(atoms));
  if (steps !== undefined) await page.fill("#steps", String(steps));
  await page.click("#generate");
  await page.waitForSelector("#result:not([hidden])");
  return page.textContent("#formula");
}

/** Clicks a download button and returns the file's name and text. */
export async function download(page, format) {
  const { name, bytes } = await downloadBytes(page, `[data-format=${format}]`);
  return { name, text: bytes.toString() };
}

/** Clicks what downloads a file and returns the file's name and bytes. */
export async function downloadBytes(page, selector) {
  const [file] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
  const chunks = [];
  for await (const chunk of await file.createReadStream()) chunks.push(chunk);
  return { name: file.suggestedFilename(), bytes: Buffer.concat(chunks) };
}

/**
 * The shipped weights with the first block of each transformer alone: fast, and good for nothing
 * else; without the moments of the data, without types to be given, or of united atoms, on request.
 */
export function fastWeights({ moments = true, types = true, united = false } = {}) {
  const data = readFileSync(join(top, "core/weights/qm9-web.safetensors"));
  const start = 8 + Number(data.readBigUInt64LE(0));
  const { __metadata__, ...tensors } = JSON.parse(data.subarray(8, start));
  const { depth, ...network } = JSON.parse(__metadata__.config);
  const config = JSON.stringify({ ...network, depth: 1, enc_depth: 1 });
  const kept = Object.entries(tensors).filter(([name]) => !/blocks\.[1-9]/.test(name));
  const parts = [];
  let at = 0;
  const header = { __metadata__: { ...__metadata__, config } };
  if (!moments) delete header.__metadata__.moments;
  if (united) {
    Object.assign(header.__metadata__, {
      compositions: '{"[CH2][CH3][OH]":3,"O[CH3]2":1,"C[CH3][OH]O":2}',
      histogram: '{"3":4,"4":2}',
    });
  }
  if (!types)
    (delete header.__metadata__.context,
      delete header.__metadata__.compositions,
      delete header.__metadata__.parts);
  for (const [
    name,
    {
      data_offsets: [from, to],
      shape: [rows, ...columns],
      dtype,
    },
  ] of kept) {
    const share = name.startsWith("k.pair_") ? 1 / depth : 1; // these have rows for all blocks
    let part = data.subarray(start + from, start + from + (to - from) * share);
    if (!types && name === "xh_embedder.weight") {
      // the last two columns are for types
      const row = part.length / rows;
      part = Buffer.concat(
        Array.from({ length: rows }, (_, i) =>
          part.subarray(i * row, i * row + (row * (columns[0] - 2)) / columns[0]),
        ),
      );
      columns[0] -= 2;
    }
    header[name] = {
      dtype,
      shape: [rows * share, ...columns],
      data_offsets: [at, (at += part.length)],
    };
    parts.push(part);
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return {
    name: "fast.safetensors",
    mimeType: "application/octet-stream",
    buffer: Buffer.concat([length, padded, ...parts]),
  };
}
