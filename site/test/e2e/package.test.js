// The npm package as a stranger gets it: packed, installed into a copy of the example, and used without a bundler and with Vite.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as vite from "vite";
import { accessible } from "./axe.js";
import { endAll, launch, open, screenshots, top } from "./browser.js";
import { staticServer } from "./static.js";

const folder = mkdtempSync(join(tmpdir(), "symdiff-example-"));
let browser;
let made;

before(async () => {
  cpSync(join(top, "wasm/example"), folder, { recursive: true, filter: (name) => !name.includes("node_modules") });
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", folder, join(top, "build/npm")], { encoding: "utf8" }));
  const { devDependencies: _, ...manifest } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")); // Vite is this test's own
  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...manifest, dependencies: { "symdiff-mol": `file:${filename}` } }));
  execFileSync("npm", ["install", "--offline"], { cwd: folder, stdio: "pipe" });
  browser = await launch();
});

after(async () => {
  await endAll();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens the example, presses its button and returns the file; every way of serving it has to give the same. */
async function molecule(url) {
  const { page, close } = await open(browser, url);
  await page.click("#generate");
  await page.waitForFunction(() => document.querySelector("#file").textContent || document.querySelector("#status").textContent.includes("Error"));
  const [status, file] = [await page.textContent("#status"), await page.textContent("#file")];
  await close();
  assert.match(status, /^[A-Z]\w+, (not )?stable, (connected|in pieces)$/);
  assert.match(file, /^\d+\n.*seed=7 .*steps=40 method=dpm\+\+2m-sde start=600 /);
  assert.equal(file, (made ??= file));
}

test("the element shows files and trajectories, generates, and says what is wrong with a file", async () => {
  const server = await staticServer(folder);
  const methane = readFileSync(join(top, "core/molecule/testdata/small.xyz"), "utf8");
  writeFileSync(join(folder, "small.xyz"), methane);
  const { page, close } = await open(browser, `${server.url}viewer.html`);
  const inside = (id, selector) => page.locator(`#${id} ${selector}`);
  await page.waitForFunction(() => document.querySelector("#water").shadowRoot?.querySelector(".status").textContent === "H2O");
  assert.equal(await inside("water", "canvas").getAttribute("aria-label"), "Molecule H2O");
  assert.equal(await inside("water", ".position").textContent(), "2 / 2");
  await inside("water", ".scrubber").press("Home");
  assert.equal(await inside("water", ".position").textContent(), "0 / 2");

  assert.match(await inside("made", ".status").textContent(), /fetched first: \d+\.\d MB/);
  const event = page.evaluate(() => new Promise((resolve) => document.addEventListener("molecule", ({ detail }) => resolve(detail.formula))));
  await inside("made", ".bar button").click();
  const formula = await event;
  await page.waitForFunction((formula) => document.querySelector("#made").shadowRoot.querySelector(".status").textContent.startsWith(`${formula}, `), formula);
  await accessible(page, "symdiff-viewer");
  await page.screenshot({ path: join(screenshots, "viewer-element.png"), fullPage: true });

  const trouble = (text, name) => page.evaluate(([text, name]) => new Promise((resolve) => {
    const water = document.querySelector("#water");
    water.addEventListener("trouble", ({ detail }) => resolve(detail), { once: true });
    water.show(text, name).catch(() => {});
  }), [text, name]);
  assert.deepEqual(await trouble("3\n\nO 0 0 0\n", "bad.xyz"), { code: "file", message: "bad.xyz:4: molecule 1: file ends, want atom 2 of 3" });
  assert.match((await trouble("999999999\n\n", "huge.xyz")).message, /^huge\.xyz/);
  assert.match(await inside("water", ".status").textContent(), /could not be read/);
  await page.evaluate(() => document.querySelector("#water").setAttribute("src", "small.xyz"));
  await page.waitForFunction(() => /first of \d+ molecules$/.test(document.querySelector("#water").shadowRoot.querySelector(".status").textContent));
  await page.evaluate(() => document.querySelector("#made").remove());
  await close();
  server.close();
});

test("the example runs from a static server without a bundler", async () => {
  const server = await staticServer(folder);
  await molecule(server.url);
  server.close();
});

test("the example runs as built by Vite", async () => {
  await vite.build({ root: folder, logLevel: "error" });
  const server = await staticServer(join(folder, "dist"));
  await molecule(server.url);
  server.close();
});

test("the example runs in Vite's development server", async () => {
  const server = await vite.createServer({ root: folder, logLevel: "error", server: { host: "localhost", port: 0 } });
  await server.listen();
  await molecule(server.resolvedUrls.local[0]);
  await server.close();
});
