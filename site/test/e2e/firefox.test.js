// The built page in Firefox, by WebDriver BiDi: load, generate, scrub, download; and the bytes are
// those of the command line.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import puppeteer from "puppeteer-core";
import { build, endAll, screenshots, serve, test, top, usual } from "./browser.js";
import { staticServer } from "./static.js";

const program = join(top, "build/e2e/symdiff");
const downloads = mkdtempSync(join(tmpdir(), "symdiff-firefox-"));
let server;
let firefox;

before(async () => {
  server = await serve();
  build(program, "./trainer/cmd/symdiff");
  firefox = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.FIREFOX || "/usr/bin/firefox-esr",
    headless: true,
    extraPrefsFirefox: {
      "browser.download.folderList": 2,
      "browser.download.dir": downloads,
      "browser.download.always_ask_before_handling_new_types": false,
    },
  });
});

after(async () => {
  await firefox?.close();
  await endAll();
  rmSync(downloads, { recursive: true });
});

/** A page at an address below the site, and the errors that it reports. */
async function open(address) {
  const page = await firefox.newPage();
  const faults = [];
  page.on("console", (m) => m.type() === "error" && faults.push(m.text()));
  page.on("pageerror", (error) => faults.push(error.message));
  page.setDefaultTimeout(120_000);
  await page.setViewport({ width: 1280, height: 800 });
  await page.goto(server.url + address);
  return { page, faults };
}

const text = (page, selector) => page.$eval(selector, (element) => element.textContent);

test("a link makes its molecule in Firefox; it can be scrubbed, and its file is the command line's", async () => {
  const { page, faults } = await open("?seed=42&atoms=14");
  await page.waitForSelector("#result:not([hidden])");
  const formula = await text(page, "#formula");
  assert.equal(await text(page, ".position"), `${usual.steps} / ${usual.steps}`);
  await page.focus(".scrubber");
  await page.keyboard.press("Home");
  assert.equal(await text(page, ".position"), `0 / ${usual.steps}`);
  await page.keyboard.press("End");
  await page.waitForFunction(() =>
    /openchemlib/.test(document.querySelector("#chemistry-note").textContent),
  );
  const name = `symdiff-${formula}-seed42.xyz`;
  await page.click("[data-format=xyz]");
  const file = join(downloads, name);
  for (
    let tries = 0;
    !readdirSync(downloads).includes(name) || !readFileSync(file).length;
    tries++
  ) {
    assert.ok(tries < 600, `${name} does not come`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const out = join(top, "build/e2e/firefox.xyz");
  execFileSync(program, ["sample", "--seed", "42", "--atoms", "14", "--out", out]);
  assert.equal(readFileSync(file, "utf8"), readFileSync(out, "utf8"));
  await page.screenshot({ path: join(screenshots, "firefox.png") });
  assert.deepEqual(faults, []);
  await page.close();
});

test("a page that is left in the middle of a run makes its molecule when one comes back to it in Firefox", async (t) => {
  const { page, faults } = await open("?seed=6&atoms=9&steps=400"); // a link begins by itself
  await page.waitForFunction(() =>
    /^Step \d/.test(document.querySelector("#progress-text").textContent),
  );
  await page.evaluate(() => (window.kept = true));
  await page.goto(`${server.url}model.html`);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await page.evaluate(() => void setTimeout(() => history.back()));
  await page.waitForFunction(() => document.querySelector("#result"));
  const kept = await page.evaluate(() => window.kept ?? false);
  t.diagnostic(kept ? "kept by Firefox" : "loaded anew by Firefox");
  await page.waitForSelector("#result:not([hidden])");
  assert.match(await text(page, "#provenance"), /^Seed 6,/);
  assert.equal(await page.$eval("#error", (box) => box.hidden), true);
  assert.deepEqual(faults, []);
  await page.close();
});

test("in a sandbox without allow-same-origin a frame generates in Firefox, and shows its files", async () => {
  const frame = `<iframe sandbox="allow-scripts" src="${server.url}?embed=1&seed=3&atoms=6&steps=20" width="640" height="480"></iframe>`;
  const lesson = await staticServer(top, { files: { "/index.html": `<!doctype html>${frame}` } });
  const page = await firefox.newPage();
  page.setDefaultTimeout(120_000);
  await page.goto(lesson.url);
  const inner = page.frames()[1];
  await inner.waitForSelector("#result:not([hidden])"); // a link with a seed makes its molecule
  await inner.waitForFunction(() =>
    /openchemlib/.test(document.querySelector("#chemistry-note").textContent),
  );
  await inner.click("[data-format=xyz]"); // which such a frame may not download
  await inner.waitForSelector(".offer button");
  await inner.click(".offer button");
  await inner.waitForSelector("dialog[open] textarea");
  assert.match(await inner.$eval("dialog[open] textarea", (area) => area.value), /^6\n.*seed=3/);
  await page.close();
  lesson.close();
});

for (const [address, shown] of [
  ["", "#caption"],
  ["symmetry.html", "#caption-left"],
  ["explore.html", "#caption-left"],
]) {
  test(`${address || "the first page"} opens with a molecule to see in Firefox`, async () => {
    const { page, faults } = await open(address);
    await page.waitForFunction(
      (id) => document.querySelector(id).textContent.startsWith("Example, made earlier"),
      {},
      shown,
    );
    const [content, width] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      innerWidth,
    ]);
    assert.ok(content <= width, "nothing sticks out sideways");
    assert.deepEqual(faults, []);
    await page.close();
  });
}
