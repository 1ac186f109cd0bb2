// The packed package in the bundlers whose download is too large for every test run: Parcel, and Next with Turbopack (make test-bundlers).

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { endAll, launch, open, top } from "../e2e/browser.js";
import { pack, usage } from "../e2e/packed.js";
import { staticServer } from "../e2e/static.js";

const folder = join(top, "build/bundlers"); // where the bundlers are installed
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
let browser;
let made;

before(async () => {
  const installed = join(folder, "node_modules/symdiff-mol");
  rmSync(installed, { recursive: true, force: true });
  mkdirSync(installed);
  execFileSync("tar", ["-xzf", join(folder, pack(folder)), "--strip-components=1", "-C", installed]);
  browser = await launch();
});

after(endAll);

/** An empty folder with these files. */
function project(name, files) {
  const dir = join(folder, name);
  rmSync(dir, { recursive: true, force: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(dir, dirname(file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  return dir;
}

/** Opens a page with a button that generates a molecule and an element that shows hydrogen; every bundler has to give the same molecule. */
async function works(url) {
  const { page, close } = await open(browser, url);
  await page.waitForFunction(() => document.querySelector("symdiff-viewer").shadowRoot?.querySelector(".status").textContent === "H2");
  await page.click("#generate");
  await page.waitForFunction(() => document.querySelector("#file").textContent);
  const file = await page.textContent("#file");
  assert.match(file, /^\d+\n.*seed=7 /);
  assert.equal(file, (made ??= file));
  await close();
}

const hydrogen = "2\n\nH 0 0 0\nH 0.74 0 0";

test("the README's code runs as built by Parcel", async () => {
  const dir = project("parcel", {
    "package.json": '{ "private": true }',
    "index.html": `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Parcel</title><link rel="icon" href="data:,"></head><body>
      <button id="generate">Generate</button><pre id="file"></pre><symdiff-viewer>${hydrogen}</symdiff-viewer>
      <script type="module" src="./main.js"></script></body></html>`,
    "main.js": `${usage}
const say = (text) => (document.querySelector("#file").textContent = text);
document.querySelector("#generate").onclick = () => generate(7).then(({ xyz }) => say(xyz), (error) => say(String(error)));`,
  });
  execFileSync(join(folder, "node_modules/.bin/parcel"), ["build", "index.html", "--no-cache", "--no-autoinstall", "--public-url", "./"], { cwd: dir, env, stdio: "pipe" });
  const server = await staticServer(join(dir, "dist"));
  await works(server.url);
  server.close();
});

test("the README's code runs in a client component as built and served by Next", async () => {
  const dir = project("next", {
    "package.json": '{ "private": true }',
    "app/icon.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>',
    "app/layout.js": `export const metadata = { title: "Next" };
export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }`,
    "app/page.js": `"use client";
import { useState } from "react";
${usage}
export default function Page() {
  const [text, setText] = useState("");
  const press = () => generate(7).then(({ xyz }) => setText(xyz), (error) => setText(String(error)));
  return <main><button id="generate" onClick={press}>Generate</button><pre id="file">{text}</pre><symdiff-viewer>{${JSON.stringify(hydrogen)}}</symdiff-viewer></main>;
}`,
  });
  const next = join(folder, "node_modules/.bin/next");
  execFileSync(next, ["build"], { cwd: dir, env, stdio: "pipe" });
  const server = spawn(process.execPath, [join(folder, "node_modules/next/dist/bin/next"), "start", "--port", "0"], { cwd: dir, env, stdio: ["ignore", "pipe", "inherit"] });
  try {
    for await (const line of createInterface({ input: server.stdout })) {
      const url = line.match(/http:\/\/localhost:\d+/)?.[0];
      if (!url) continue;
      await works(`${url}/`);
      break;
    }
    assert.ok(made);
  } finally {
    server.kill();
  }
});
