// When things go wrong on the main page: every failure says what to do, nothing hangs, and nothing
// already made is lost.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { accessible } from "./axe.js";
import {
  endAll,
  generate,
  launch,
  launchKeeping,
  leaveAndReturn,
  open,
  serve,
  test,
} from "./browser.js";

let server;
let browser;
before(async () => {
  server = await serve();
  browser = await launch();
});
after(endAll);

const error = (page, pattern) =>
  page.waitForFunction(
    (source) =>
      new RegExp(source).test(document.querySelector("#error:not([hidden])")?.textContent ?? ""),
    pattern.source,
  );

/**
 * Makes what the page waits for with setInterval, the watch over its workers, ten times as fast; or
 * as it was.
 */
const hurry = (page, factor) =>
  page.evaluate((factor) => {
    const real = (globalThis.realInterval ??= globalThis.setInterval);
    globalThis.setInterval = (f, ms, ...rest) => real(f, ms / factor, ...rest);
  }, factor);

test("a worker that falls silent is noticed; the molecule before it stays, and the next run starts afresh", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=5&atoms=9&steps=50`);
  const formula = await generate(page);
  await hurry(page, 10);
  await page.fill("#steps", "1000");
  await page.click("#generate");
  await page.waitForFunction(() =>
    /^Step \d/.test(document.querySelector("#progress-text").textContent),
  );
  page
    .workers()[0]
    .evaluate(() => {
      for (;;);
    })
    .catch(() => {}); // never comes back
  await error(
    page,
    /stopped unexpectedly.*Generate again\. The finished molecules are kept\..*said nothing/,
  );
  await accessible(page, "after a failure");
  assert.ok(await page.isVisible("#generate"));
  await hurry(page, 1);
  await page.fill("#seed", "5");
  assert.equal(await generate(page, { steps: 50 }), formula);
  assert.equal(await page.isVisible("#error"), false);
  await close();
});

test("Cancel ends a worker that is busy with a long step, and the next run starts another", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=5&atoms=9&steps=50`);
  const formula = await generate(page);
  await page.fill("#steps", "1000");
  await page.click("#generate");
  await page.waitForFunction(() =>
    /^Step \d/.test(document.querySelector("#progress-text").textContent),
  );
  page
    .workers()[0]
    .evaluate(() => {
      for (;;);
    })
    .catch(() => {}); // a step that never ends
  await page.click("#cancel");
  await page.waitForSelector("#generate:not([hidden])");
  const another = page.waitForEvent("worker");
  assert.equal(await page.isVisible("#error"), false);
  await page.fill("#seed", "5");
  assert.equal(await generate(page, { steps: 50 }), formula);
  assert.match((await another).url(), /\/worker-/);
  await close();
});

test("a batch survives a worker that dies, to the last molecule", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=2&steps=60&n=24&atoms=9`);
  await page.addInitScript(() =>
    Object.defineProperty(navigator, "hardwareConcurrency", { get: () => 3 }),
  );
  await page.reload();
  await page.click("#generate");
  await page.waitForFunction(() =>
    /^[1-9]\d* of 24 molecules/.test(document.querySelector("#progress-text").textContent),
  );
  const workers = page.workers();
  assert.ok(workers.length >= 2, `${workers.length} workers`);
  await workers.at(-1).evaluate(
    () =>
      void setTimeout(() => {
        throw new Error("killed");
      }),
  );
  await page.waitForSelector("#generate:not([hidden])", { timeout: 120_000 });
  assert.equal(await page.isVisible("#error"), false);
  assert.match(await page.textContent("#page"), /of 24$/);
  await close();
});

test("without enough memory the page says so, and does not hang", async () => {
  const small = await launch(["--js-flags=--wasm-max-mem-pages=260"]); // 16 MiB: the program fits, the unpacked weights do not
  const { page, close } = await open(small, server.url);
  await page.click("#generate");
  await error(page, /not enough free memory for the model\. Close other tabs/);
  assert.ok(await page.isVisible("#generate"));
  await close();
});

test("a tab put to sleep in the middle of a run goes on when it wakes", async () => {
  const { page, context, close } = await open(browser, `${server.url}?seed=6&atoms=9&steps=400`);
  await page.click("#generate");
  await page.waitForFunction(() =>
    /^Step \d/.test(document.querySelector("#progress-text").textContent),
  );
  const devtools = await context.newCDPSession(page);
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await page.waitForSelector("#result:not([hidden])");
  assert.equal(await page.isVisible("#error"), false);
  assert.match(await page.textContent("#provenance"), /^Seed 6,/);
  await close();
});

test("a page that is left in the middle of a run makes its molecule when one comes back", async (t) => {
  const keeping = await launchKeeping();
  t.after(() => keeping.close());
  const { page, close } = await open(keeping, `${server.url}?seed=6&atoms=9&steps=400`);
  await page.click("#generate");
  await page.waitForFunction(() =>
    /^Step \d/.test(document.querySelector("#progress-text").textContent),
  );
  const kept = await leaveAndReturn(page, `${server.url}model.html`);
  t.diagnostic(kept ? "kept by Chromium" : "loaded anew by Chromium");
  if (!kept) await page.click("#generate");
  await page.waitForSelector("#result:not([hidden])");
  assert.equal(await page.isVisible("#error"), false);
  assert.match(await page.textContent("#provenance"), /^Seed 6,/);
  await close();
});

/** A safetensors file of this header. */
function safetensors(header, length = undefined, rest = 0) {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(length ?? text.length));
  return Buffer.concat([size, text, Buffer.alloc(rest)]);
}

test("hostile weights are refused by name, and leave the page as it was", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=5&atoms=6&steps=20`);
  const formula = await generate(page);
  const hostile = {
    empty: Buffer.alloc(0),
    endless: safetensors("{}", 2n ** 63n - 1n),
    nested: safetensors("[".repeat(100_000)),
    outside: safetensors({ a: { dtype: "F32", shape: [4], data_offsets: [0, 16] } }, undefined, 4),
    overflow: safetensors(
      { a: { dtype: "F32", shape: [2 ** 31, 2 ** 31, 2 ** 31], data_offsets: [0, 4] } },
      undefined,
      4,
    ),
    overlapping: safetensors(
      {
        a: { dtype: "F32", shape: [1], data_offsets: [0, 4] },
        b: { dtype: "F32", shape: [1], data_offsets: [0, 4] },
      },
      undefined,
      4,
    ),
    giant: safetensors({
      __metadata__: { kind: "symdiff", config: '{"hidden_size":1e9,"depth":1e9,"num_heads":1}' },
    }),
    markup: safetensors({ __metadata__: { kind: "<img src=x onerror=alert(1)>" } }),
  };
  for (const [name, buffer] of Object.entries(hostile)) {
    await page.setInputFiles("#own", {
      name: `${name}.safetensors`,
      mimeType: "application/octet-stream",
      buffer,
    });
    await error(page, new RegExp(`weights.*${name}\\.safetensors`));
    assert.notEqual(await page.inputValue("#model"), "own", name);
    await page.waitForSelector("#generate:not([hidden])");
  }
  await page.fill("#seed", "5");
  assert.equal(await generate(page), formula);
  await close();
});
