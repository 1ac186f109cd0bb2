// Links and what is said of a molecule: a link makes its molecule, a typed seed stays, wrong atoms
// have names, formulas are judged before a run.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { SymDiff } from "../../../build/npm/index.js";
import { threadWorker } from "../../../wasm/test/support.js";
import { accessible } from "./axe.js";
import {
  download,
  endAll,
  fastWeights,
  generate,
  launch,
  open,
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

const made = (page) => page.waitForSelector("#result:not([hidden])");
const query = (page) => Object.fromEntries(new URL(page.url()).searchParams);

test("a link makes its molecule by itself, and a reload makes it again", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=7&atoms=9`, { metered: false });
  await made(page);
  assert.match(
    await page.textContent("#provenance"),
    new RegExp(`^Seed 7, 9 atoms, ${usual.steps} steps`),
  );
  const { text } = await download(page, "xyz");
  await page.reload();
  await made(page);
  assert.equal((await download(page, "xyz")).text, text);
  assert.equal(await page.textContent("#seed-note"), "Each run gets a new seed.");
  await page.click("#generate");
  await page.waitForFunction(
    () => !/^Seed 7,/.test(document.querySelector("#provenance").textContent),
  );
  await close();
});

test("on a metered connection a link offers its molecule, and downloads nothing by itself", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=7&atoms=9`);
  const large = [];
  page.on(
    "request",
    (request) => /wasm|safetensors/.test(request.url()) && large.push(request.url()),
  );
  assert.equal(await page.textContent("#generate"), "Generate the molecule of this link");
  assert.equal(
    await page.textContent("#seed-note"),
    "This seed is that of the link. The next run gets a new one.",
  );
  await page.waitForFunction(() =>
    document.querySelector("#caption").textContent.startsWith("Example"),
  );
  assert.deepEqual(large, []);
  await page.click("#generate");
  await made(page);
  assert.match(await page.textContent("#provenance"), /^Seed 7, 9 atoms/);
  assert.equal(await page.textContent("#generate"), "Generate a molecule");
  await close();
});

test("a typed seed stays, until the lock is opened or the dice are thrown", async () => {
  const { page, close } = await open(browser, `${server.url}?atoms=6&steps=20`);
  for (let k = 0; k < 2; k++) {
    if (!k) await page.fill("#seed", "11");
    await generate(page);
    assert.match(await page.textContent("#provenance"), /^Seed 11,/);
    assert.equal(await page.textContent("#seed-note"), "Every run uses this seed.");
  }
  assert.equal(query(page).lock, "1");
  await page.click("#dice");
  assert.equal(await page.textContent("#seed-note"), "Each run gets a new seed.");
  const thrown = await page.inputValue("#seed");
  await generate(page);
  assert.match(await page.textContent("#provenance"), new RegExp(`^Seed ${thrown},`));
  await close();
});

test("a molecule of a batch has its own link, and a frame that shows it", async () => {
  const { page, context, close } = await open(browser, `${server.url}?seed=3&n=4&atoms=9`);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const pasted = () => page.evaluate(() => navigator.clipboard.readText());
  await page.click("#generate");
  await page.waitForSelector("#generate:not([hidden])");
  await page.click(".gallery li:nth-child(3) .card");
  const { text } = await download(page, "xyz");
  await page.click("#copy-link");
  const link = await pasted();
  assert.deepEqual(Object.fromEntries(new URL(link).searchParams), {
    seed: "3",
    atoms: "9",
    t_start: "600",
    steps: String(usual.steps),
    method: usual.method,
    index: "2",
  });
  assert.equal(await page.textContent("#copy-link"), "Copied");
  await page.click("#copy-frame");
  const frame = await pasted();
  assert.match(
    frame,
    /^<iframe src="[^"<>]+embed=1[^"<>]*" title="The molecule \w+, made by SymDiff" width="720" height="560" [^<>]*><\/iframe>$/,
  );
  await page.click("#to-batch");
  assert.equal(
    await page.evaluate(() => document.activeElement.classList.contains("current")),
    true,
  );
  await close();

  const other = await open(browser, link, { metered: false });
  await made(other.page);
  assert.match(await other.page.textContent("#provenance"), /^Seed 3, molecule 2, /);
  assert.equal((await download(other.page, "xyz")).text, text);
  await other.close();
  const src = frame.match(/src="([^"]+)"/)[1].replaceAll("&amp;", "&");
  const framed = await open(browser, src, {
    metered: false,
    viewport: { width: 720, height: 560 },
  });
  await made(framed.page);
  assert.equal(await framed.page.isVisible("#settings"), false);
  await framed.close();
});

test("atoms that are wrong are named, with the sum of their bond orders", async () => {
  const { page, close } = await open(browser, `${server.url}?steps=20&atoms=9&seed=5`);
  await page.setInputFiles("#own", fastWeights());
  await page.waitForFunction(() => document.querySelector("#model").value === "own");
  await generate(page);
  // Bonds by EDM's table of distances, of which stability is judged; the SDF has a Lewis structure
  // in its place.
  const wasm = `data:application/wasm;base64,${readFileSync(join(top, "build/npm/symdiff.wasm")).toString("base64")}`;
  const model = await SymDiff.load({ wasm, weights: fastWeights().buffer, worker: threadWorker });
  const { elements: symbols, bonds } = await model.generate({ seed: 5, atoms: 9, steps: 20 });
  model.close();
  const sums = symbols.map(() => 0);
  for (const { i, j, order } of bonds) for (const atom of [i, j]) sums[atom] += order;
  const said = await page.textContent("#stable");
  assert.match(said, /^Not stable/);
  const named = [...said.matchAll(/([A-Z][a-z]?)(\d+) \((\d+)\)/g)];
  assert.ok(named.length > 0, said);
  for (const [, symbol, number, sum] of named)
    assert.deepEqual([symbols[number - 1], sums[number - 1]], [symbol, Number(sum)]);
  await close();
});

test("a formula is judged before a run", async () => {
  const { page, close } = await open(browser, server.url);
  const note = async (formula) => {
    await page.fill("#asked", formula);
    return page.textContent("#asked-note");
  };
  assert.match(await note("C7H10O2"), /^Every molecule has this formula\.$/);
  assert.match(
    await note("CCO"),
    /^Read as the formula C2O, without hydrogen\. SMILES is not taken/,
  );
  await accessible(page, "a warning");
  assert.match(
    await note("C20H42"),
    /^The formula has 62 atoms\. The training data have at most 29\./,
  );
  assert.match(
    await note("C11H10"),
    /^The formula has 11 atoms besides hydrogen\. The training data have at most 9\./,
  );
  assert.match(await note("H2"), /^The formula has 2 atoms\. The training data have at least 3\./);
  assert.match(await note("C2H5"), /odd number/);
  assert.match(
    await note("NaCl"),
    /^This model knows H, C, N, O and F\. It does not know Na and Cl\.$/,
  );
  await page.click("#generate");
  assert.match(await page.textContent("#error"), /It does not know Na and Cl/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "asked");
  await close();
});

test("paper, source and package are one click away on every page, and a preview card says what it is", async () => {
  const { homepage, name } = JSON.parse(readFileSync(join(top, "wasm/npm/package.json"), "utf8"));
  for (const file of ["", "how.html", "explore.html", "symmetry.html", "model.html"]) {
    const { page, close } = await open(browser, server.url + file);
    const links = await page.$$eval(".colophon a", (all) =>
      all.map((a) => a.href).filter((href) => !href.startsWith(location.origin)),
    );
    assert.deepEqual(links, [
      "https://arxiv.org/abs/2410.06262",
      homepage.replace(/#.*/, ""),
      `https://www.npmjs.com/package/${name}`,
    ]);
    const card = await page.$$eval("meta[property^='og:']", (all) =>
      Object.fromEntries(all.map((meta) => [meta.getAttribute("property"), meta.content])),
    );
    assert.equal(card["og:title"], await page.title());
    assert.match(card["og:image"], /^https:\/\/.*\/preview\.png$/);
    assert.equal(
      (await fetch(`${server.url}preview.png`)).headers.get("content-type"),
      "image/png",
    );
    assert.doesNotMatch(await page.content(), /\{\{/);
    await close();
  }
});
