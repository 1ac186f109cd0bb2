// The built page in Chromium, from opening it to a downloaded molecule, and when things go wrong.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import {
  build,
  download,
  endAll,
  generate,
  launch,
  open,
  screenshots,
  serve,
  test,
  top,
  usual,
} from "./browser.js";

let server;
let browser;

before(async () => {
  server = await serve();
  browser = await launch();
});

after(endAll);

/** Blocks the service worker, so that a test can change what the network gives. */
const direct = { serviceWorkers: "block", expected: /Service Worker registration blocked/ };

/**
 * The canvas without its rounded corners, once it has stopped changing: busy machines draw late.
 */
async function picture(page) {
  const { x, y, width, height } = await page.locator("canvas").boundingBox();
  const clip = { x: x + 20, y: y + 20, width: width - 40, height: height - 40 };
  const shot = () => page.screenshot({ clip });
  for (let before = await shot(); ;) {
    await page.waitForTimeout(200);
    const now = await shot();
    if (now.equals(before)) return now;
    before = now;
  }
}

const errorText = async (page) =>
  (await page.waitForSelector("#error:not([hidden])")).textContent();

/** What the CLI makes of a seed and a size where nothing else is said. */
function native(seed, atoms) {
  const program = join(top, "build/e2e/symdiff");
  const out = join(top, "build/e2e/native.xyz");
  build(program, "./trainer/cmd/symdiff");
  execFileSync(program, ["sample", "--seed", seed, "--atoms", atoms, "--out", out].map(String));
  return readFileSync(out, "utf8");
}

function parseXYZ(text) {
  const [count, , ...lines] = text.trimEnd().split("\n");
  const rows = lines.map((line) => line.split(/\s+/));
  assert.equal(rows.length, Number(count));
  return {
    elements: rows.map((r) => r[0]),
    positions: rows.flatMap((r) => r.slice(1, 4).map(Number)),
  };
}

test("a molecule from first visit to files, the same as the command line makes", async () => {
  const { page, close } = await open(browser, server.url);
  assert.match(await page.textContent("#cost"), /downloads the model \(\d+\.\d MB\)/);
  assert.equal(await page.isVisible("#result"), false);
  const formula = await generate(page, { seed: 42, atoms: 14 });
  assert.match(formula, /^([A-Z][a-z]?\d*)+$/);
  assert.deepEqual(Object.fromEntries(new URL(page.url()).searchParams), {
    seed: "42",
    atoms: "14",
    t_start: "600",
    steps: String(usual.steps),
    method: usual.method,
    lock: "1",
  });
  assert.equal(await page.textContent(".position"), `${usual.steps} / ${usual.steps}`);
  assert.match(
    await page.textContent("#status"),
    new RegExp(`^Finished: ${formula}\\. (Not s|S)table, (Not c|C)onnected, (Not v|V)alid\\.$`),
  );
  assert.match(
    await page.textContent("#provenance"),
    new RegExp(
      `^Seed 42, 14 atoms, ${usual.steps} steps from t = 600 \\(${usual.pattern}\\), weights qm9-web [0-9a-f]{12}$`,
    ),
  );

  const xyz = await download(page, "xyz");
  assert.equal(xyz.name, `symdiff-${formula}-seed42.xyz`);
  assert.equal(parseXYZ(xyz.text).elements.length, 14);
  assert.equal(xyz.text, native(42, 14)); // the same default and the same bits, so the same file

  const sdf = (await download(page, "sdf")).text;
  assert.equal(Number(sdf.split("\n")[3].slice(0, 3)), 14);
  assert.match(sdf, />  <seed>\n42\n/);
  assert.match(sdf, />  <model>\n[0-9a-f]{16}\n/);
  assert.match((await download(page, "pdb")).text, /\nEND\s*$/);
  const size = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(size, 1280);
  await close();
});

test("the trajectory can be scrubbed, played and turned, by keys alone too", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=3&atoms=12&steps=60`);
  await generate(page);
  const end = await picture(page);
  await page.focus(".scrubber");
  await page.keyboard.press("Home");
  assert.equal(await page.textContent(".position"), "0 / 60");
  assert.equal(await page.getAttribute(".scrubber", "aria-valuetext"), "step 0 of 60");
  const start = await picture(page);
  assert.notDeepEqual(start, end);
  await page.click(".play");
  assert.equal(await page.getAttribute(".play", "aria-label"), "Pause");
  await page.waitForFunction(() => document.querySelector(".scrubber").value > 5);
  await page.click(".play");
  const paused = await page.inputValue(".scrubber");
  assert.equal(await page.inputValue(".scrubber"), paused);
  await page.focus(".scrubber");
  await page.keyboard.press("End");
  assert.deepEqual(await picture(page), end);
  await page.keyboard.press("Home"); // noise fills the view, whatever has become of it
  await page.focus("canvas");
  const before = await picture(page); // with the ring of the focus
  await page.keyboard.press("ArrowRight");
  const turned = await picture(page);
  assert.notDeepEqual(turned, before);
  const box = await page.locator("canvas").boundingBox();
  await page.mouse.move(box.x + 200, box.y + 200);
  await page.mouse.wheel(0, -300);
  const near = await picture(page);
  assert.notDeepEqual(near, turned);
  await page.mouse.down();
  await page.mouse.move(box.x + 260, box.y + 240, { steps: 3 });
  await page.mouse.up();
  assert.notDeepEqual(await picture(page), near);
  await close();
});

test("cancel stops the worker within a step, and the next run is whole", async () => {
  const { page, close } = await open(browser, `${server.url}?steps=50&atoms=24`);
  const first = await generate(page);
  await page.workers()[0].evaluate(() => {
    const { step } = self.symdiffCore;
    const handle = self.onmessage;
    const now = () => performance.timeOrigin + performance.now();
    self.seen = { calls: 0 };
    self.symdiffCore.step = () => {
      self.seen.calls++;
      self.seen.latest = now();
      return step();
    };
    self.onmessage = (event) => {
      if (event.data.type === "cancel") self.seen.cancel = { calls: self.seen.calls, time: now() };
      handle(event);
    };
  });
  await page.evaluate(() => {
    const send = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (m, ...rest) {
      if (m.type === "cancel") window.cancelSent = performance.timeOrigin + performance.now();
      return send.call(this, m, ...rest);
    };
  });
  await page.fill("#steps", "1000");
  await page.click("#generate");
  await page.waitForFunction(() =>
    /^Step \d{2,} .* steps\/s/.test(document.querySelector("#progress-text").textContent),
  );
  await page.click("#cancel");
  await page.waitForSelector("#generate:not([hidden])");
  await page.waitForTimeout(200);
  const seen = await page.workers()[0].evaluate(() => self.seen);
  const sent = await page.evaluate(() => window.cancelSent);
  console.log(
    `cancel reached the worker after ${(seen.cancel.time - sent).toFixed(1)} ms, at step ${seen.cancel.calls}; ${seen.calls} were made`,
  );
  assert.ok(seen.calls < 1000);
  assert.equal(seen.calls, seen.cancel.calls);
  assert.equal(await page.textContent("#formula"), first, "the molecule before is back");
  assert.equal(await page.textContent("#status"), "Cancelled.");
  await page.keyboard.press("Enter"); // Generate has the focus again
  await page.waitForSelector("#cancel:not([hidden])");
  await page.keyboard.press("Escape");
  await page.waitForSelector("#generate:not([hidden])");
  const formula = await generate(page, { seed: 9, atoms: 10, steps: 50 });
  await page.reload();
  assert.equal(await generate(page), formula, "the address brings back the same molecule");
  await close();
});

test("page and model work offline once they were used", async () => {
  const own = await serve();
  const { page, context, close } = await open(browser, `${own.url}?seed=8&atoms=9&steps=50&lock=1`);
  const formula = await generate(page);
  await page.waitForFunction(() =>
    document.querySelector("#offline").textContent.startsWith("Works offline"),
  );
  await own.stop();
  await page.reload();
  assert.equal(await generate(page), formula);
  assert.match(await page.textContent("#offline"), /^Works offline/);
  const second = await context.newPage();
  await second.goto(`${own.url}?seed=8&atoms=9&steps=50&lock=1`);
  assert.equal(await generate(second), formula);
  await close();
});

test("a new version is offered, and comes only when asked for", async () => {
  const dir = mkdtempSync(join(tmpdir(), "symdiff-site-"));
  cpSync(join(top, "build/site"), dir, { recursive: true });
  const first = await serve({ dir });
  const { page, close } = await open(browser, `${first.url}?steps=50`);
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  await first.stop();
  const sw = join(dir, "sw.js");
  writeFileSync(sw, readFileSync(sw, "utf8").replace(/"version":"\w+"/, '"version":"next"'));
  const second = await serve({ dir, port: first.port });
  await page.evaluate(() => navigator.serviceWorker.getRegistration().then((r) => r.update()));
  await page.waitForSelector("#update:not([hidden])");
  await generate(page);
  assert.deepEqual(
    await page.evaluate(() =>
      caches.keys().then((k) => k.includes("symdiff-page-next") && k.length),
    ),
    3,
    "old page, new page, model",
  );
  await Promise.all([page.waitForEvent("load"), page.click("#update-now")]);
  await page.waitForSelector("#generate");
  await page.waitForFunction(() =>
    caches
      .keys()
      .then(
        (k) => k.filter((name) => name.startsWith("symdiff-page")).join() === "symdiff-page-next",
      ),
  );
  await generate(page, { steps: 50 });
  await close();
  await second.stop();
  rmSync(dir, { recursive: true });
});

test("wrong weights are refused, and right ones accepted afterwards", async () => {
  const { page, close } = await open(browser, server.url, direct);
  await page.route("**/*.safetensors", async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    body[body.length - 1] ^= 1;
    await route.fulfill({ response, body });
  });
  await page.click("#generate");
  assert.match(
    await errorText(page),
    /weights that arrived do not belong.*Press Generate to download them again/,
  );
  await page.unroute("**/*.safetensors");
  await generate(page, { steps: 50 });
  assert.equal(await page.isVisible("#error"), false);
  await close();
});

test("a server that mislabels WASM does no harm", async () => {
  const { page, close } = await open(browser, server.url, direct);
  await page.route("**/*.wasm", async (route) =>
    route.fulfill({ response: await route.fetch(), contentType: "application/octet-stream" }),
  );
  await generate(page, { steps: 50 });
  await close();
});

test("without SIMD the plain build makes the same molecule", async () => {
  const settings = { seed: 4, atoms: 9, steps: 50 };
  const files = [];
  for (const simd of [true, false]) {
    const { page, close } = await open(browser, server.url, direct);
    const wasm = [];
    page.on(
      "request",
      (request) => request.url().endsWith(".wasm") && wasm.push(/plain/.test(request.url())),
    );
    if (!simd) {
      await page.route("**/worker-*.js", async (route) => {
        const response = await route.fetch();
        await route.fulfill({
          response,
          body: `WebAssembly.validate = () => false;${await response.text()}`,
        });
      });
    }
    await generate(page, settings);
    assert.deepEqual(wasm, [!simd]);
    files.push((await download(page, "xyz")).text);
    await close();
  }
  assert.equal(files[0], files[1]);
});

test("failures say what to do", async () => {
  const expected = /Service Worker registration blocked|Failed to load resource|boom/;
  const { page, context, close } = await open(browser, `${server.url}?steps=50`, {
    ...direct,
    expected,
  });
  await context.setOffline(true);
  await page.click("#generate");
  assert.match(await errorText(page), /You are offline/);
  await context.setOffline(false);
  await page.route("**/*.wasm", (route) => route.fulfill({ status: 503, body: "" }));
  await page.click("#generate");
  await page.waitForFunction(() =>
    /could not be downloaded.*HTTP 503/.test(document.querySelector("#error").textContent),
  );
  await page.unroute("**/*.wasm");
  await page.route("**/worker-*.js", (route) => route.abort());
  await page.click("#generate");
  await page.waitForFunction(() =>
    /could not be downloaded.*script/.test(document.querySelector("#error").textContent),
  );
  await page.unroute("**/worker-*.js");
  await page.fill("#seed", "12x");
  await page.click("#generate");
  assert.match(await errorText(page), /seed has to be a whole number/);
  assert.equal(await page.getAttribute("#seed", "aria-invalid"), "true");
  await page.click("#dice");
  await page.fill("#steps", "1000");
  await page.click("#generate");
  await page.waitForFunction(() =>
    /^Step \d{2,}/.test(document.querySelector("#progress-text").textContent),
  );
  await page.workers()[0].evaluate(
    () =>
      void setTimeout(() => {
        throw new Error("boom");
      }),
  );
  await page.waitForFunction(() =>
    /stopped unexpectedly.*boom/.test(document.querySelector("#error").textContent),
  );
  assert.ok(Number(await page.inputValue(".scrubber")) > 0, "what was made is still there");
  await generate(page, { steps: 50 });
  await close();
});

test("without WebAssembly, and with a service worker refused, the page says so", async () => {
  const { page, close } = await open(browser, "about:blank", {
    serviceWorkers: "block",
    expected: /./,
  });
  await page.addInitScript(() => delete globalThis.WebAssembly);
  await page.goto(server.url);
  await page.click("#generate");
  assert.match(await errorText(page), /WebAssembly does not start.*another browser/);
  assert.equal(await page.textContent("#offline"), "Works only online.");
  await close();
});

for (const base of ["/lab/symdiff/", "/schöne (Moleküle) [1]/"])
  test(`under a sub-path: ${base}`, async () => {
    const lab = await serve({ base });
    const { page, close } = await open(browser, lab.url.replace(/\/$/, "?steps=50"));
    assert.equal(decodeURI(new URL(page.url()).pathname), base);
    await generate(page, { steps: 50 });
    await page.waitForFunction(() =>
      document.querySelector("#offline").textContent.startsWith("Works offline"),
    );
    await lab.stop();
    await page.reload();
    await generate(page);
    await close();
  });

test("without WebGL the picture is drawn with Canvas 2D", async () => {
  const plain = await launch(["--disable-3d-apis"]);
  const { page, close } = await open(plain, `${server.url}?seed=42&atoms=14&steps=100`);
  assert.match(await page.textContent("#renderer"), /has no WebGL/);
  assert.equal(await page.isVisible("#renderer"), true);
  const noise = await picture(page);
  await generate(page);
  assert.notDeepEqual(await picture(page), noise);
  await page.screenshot({ path: join(screenshots, "canvas2d.png") });
  await close();
  await plain.close();
});
