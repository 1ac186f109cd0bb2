// The page that generates, as its visitors use it: before the first run, the result and its files,
// a batch, the settings.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { accessible } from "./axe.js";
import {
  build,
  downloadBytes,
  endAll,
  fastWeights,
  generate,
  launch,
  open,
  screenshots,
  serve,
  test,
  top,
  usual,
} from "./browser.js";

const weights = join(top, "core/weights/qm9-web.safetensors");
const evaluation = JSON.parse(readFileSync(join(top, "core/weights/qm9-web.json"), "utf8"));
/** A molecule that is known to be stable: site/intro.js has looked for one. */
const intro = JSON.parse(
  readFileSync(join(top, "build/intro.bin")).toString("latin1").split("\n", 1)[0],
);
const fine = `?seed=${intro.seed}&atoms=${intro.atoms}&t_start=${intro.t_start}&steps=${intro.steps}`;

const program = join(top, "build/e2e/symdiff");
let server;
let browser;

before(async () => {
  server = await serve();
  browser = await launch();
  build(program, "./trainer/cmd/symdiff");
});

after(endAll);

/**
 * What a command of the page writes: it is run as it stands, but for where the program and its
 * output are.
 */
function runCommand(command, { model } = {}) {
  const [, out] = command.match(/ --out (\S+)$/);
  const file = join(top, "build/e2e", out);
  const line = command.replace(/^symdiff/, program).replace(/ --out \S+$/, ` --out ${file}`);
  execFileSync(
    "/bin/sh",
    ["-c", model ? line.replace(/ --model \S+/, ` --model ${model}`) : line],
    { stdio: "ignore", cwd: top },
  );
  return readFileSync(file, "utf8");
}

async function text(page, selector) {
  const { bytes, name } = await downloadBytes(page, selector);
  return { text: bytes.toString(), name };
}

const described = (page) =>
  page.waitForFunction(() =>
    /openchemlib/.test(document.querySelector("#chemistry-note").textContent),
  );

test("before the first run a molecule that came with the page plays, is named as such, and nothing large is fetched", async () => {
  const { page, close } = await open(browser, "about:blank", {
    reducedMotion: "no-preference",
    expected: /^request to http:\/\/localhost/,
  });
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(server.url);
  await page.waitForFunction(
    (formula) =>
      document
        .querySelector("#caption")
        .textContent.startsWith(`Example, made earlier: ${formula}`),
    intro.formula,
  );
  await page.waitForFunction(() => Number(document.querySelector(".scrubber").value) > 3);
  assert.equal(await page.getAttribute(".play", "aria-label"), "Pause");
  assert.match(await page.getAttribute("canvas", "aria-label"), /^Example, made earlier/);
  assert.match(
    await page.textContent("#cost"),
    /downloads the model \(\d+\.\d MB\) .* \(0\.\d MB\)/,
  );
  const paint = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
  );
  console.log(`first paint after ${Math.round(paint)} ms`);
  await page.keyboard.press(" ");
  assert.equal(await page.getAttribute(".play", "aria-label"), "Play");
  // The service worker keeps the page's own files; the model, the weights and chemistry wait until
  // they are asked for.
  assert.deepEqual(
    requests.filter((url) => /\.(wasm|safetensors)$|chemistry|resources/.test(url)),
    [],
  );
  await page.goto(`${server.url}?seed=5&atoms=9&steps=20`);
  await generate(page);
  await close();
});

test("with reduced motion nothing moves by itself", async () => {
  const { page, close } = await open(browser, server.url);
  await page.waitForFunction(() =>
    document.querySelector("#caption").textContent.startsWith("Example, made earlier"),
  );
  assert.equal(await page.textContent(".position"), `${intro.steps} / ${intro.steps}`);
  await page.waitForTimeout(300);
  assert.equal(await page.getAttribute(".play", "aria-label"), "Play");
  await close();
});

test("a run shows step, speed and time left, and keys move through it", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=3&atoms=20&steps=400`);
  await page.click("#generate");
  await page.waitForFunction(() =>
    /^Step \d+ of 400, \d+ steps\/s, \d+ s left$/.test(
      document.querySelector("#progress-text").textContent,
    ),
  );
  assert.match(await page.textContent("#caption"), /^20 atoms forming$/);
  await page.waitForSelector("#result:not([hidden])");
  const at = () => page.textContent(".position");
  await page.focus(".scrubber");
  await page.keyboard.press("Home");
  assert.equal(await at(), "0 / 400");
  await page.keyboard.press("ArrowRight");
  assert.equal(await at(), "2 / 400"); // frames of every second step
  await page.keyboard.press("Shift+ArrowRight");
  assert.equal(await at(), "22 / 400");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await at(), "20 / 400");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("End");
  assert.equal(await at(), "400 / 400");
  await page.selectOption(".speed", "4");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press(" ");
  assert.equal(await page.getAttribute(".play", "aria-label"), "Pause");
  await page.waitForFunction(
    () => document.querySelector(".play").getAttribute("aria-label") === "Play",
  );
  assert.equal(await at(), "400 / 400");
  await close();
});

test("from opening the page to an SDF of a stable molecule in two clicks", async () => {
  const { page, close } = await open(browser, server.url + fine);
  await page.click("#generate");
  await page.waitForSelector("#result:not([hidden])");
  const sdf = await text(page, "[data-format=sdf]");
  assert.match(sdf.text, />  <stable>\ntrue\n/);
  const onward = await page
    .locator("#onward a")
    .evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  for (const href of onward)
    assert.match(href, new RegExp(`^\\./(symmetry|explore)\\.html\\?seed=${intro.seed}&`));
  assert.ok(onward.length > 0);
  assert.equal(sdf.name, `symdiff-${intro.formula}-seed${intro.seed}.sdf`);
  await close();
});

test("the result is described by openchemlib, and relaxed by MMFF94 on request", async () => {
  const { page, close } = await open(browser, server.url + fine);
  await generate(page);
  await described(page);
  const mass = { C: 12.011, H: 1.008, N: 14.007, O: 15.999, F: 18.998 };
  const weight = [...intro.formula.matchAll(/([A-Z])(\d*)/g)].reduce(
    (sum, [, e, n]) => sum + mass[e] * Number(n || 1),
    0,
  );
  assert.ok(Math.abs(parseFloat(await page.textContent("#weight")) - weight) < 0.02);
  for (const id of ["#logp", "#tpsa", "#rings"]) assert.match(await page.textContent(id), /^−?\d/);
  const smiles = await page.textContent("#smiles");
  assert.equal(
    (smiles.match(/[NO]/gi) ?? []).length,
    [...intro.formula.matchAll(/[NO](\d*)/g)].reduce((sum, [, n]) => sum + Number(n || 1), 0),
  );
  const image = page.locator("#drawing img:not(.on-paper)");
  assert.ok(await image.evaluate((i) => i.decode().then(() => i.naturalWidth > 20)));
  assert.equal(
    await image.getAttribute("alt"),
    `Structural formula of ${intro.formula}, SMILES ${smiles}`,
  );

  assert.match(await page.textContent("#relax-note"), /downloaded on first use, 0\.\d MB/);
  await page.click("#relax");
  await page.waitForSelector("#overlay:not([hidden])");
  const number = (s) => Number(s.replace("−", "-"));
  const [, drop, from, to] = (await page.textContent("#relax-note")).match(
    /^MMFF94 lowers the energy by ([\d.]+) kcal\/mol, from (\S+) to ([−\d.]+)\. The atoms move by \d\.\d\d Å/,
  );
  assert.ok(Number(drop) > 0 && Math.abs(number(from) - number(to) - Number(drop)) < 0.11);
  const pictures = [];
  for (const layer of ["before", "after", "both"]) {
    await page.check(`[name=overlay][value=${layer}]`, { force: true });
    await page.waitForTimeout(400);
    pictures.push((await page.locator("#view").screenshot()).toString("base64"));
  }
  assert.equal(new Set(pictures).size, 3);
  const [plain, relaxed] = [
    await text(page, "[data-format=sdf]"),
    await text(page, "[data-format=relaxed]"),
  ];
  assert.match(relaxed.text, />  <mmff94_kcal_mol>\n-?\d+\.\d{3}\n\n\$\$\$\$\n$/);
  const atoms = (sdf) =>
    sdf
      .split("\n")
      .slice(4, 4 + intro.atoms)
      .map((line) => [line.slice(30), ...[0, 10, 20].map((c) => Number(line.slice(c, c + 10)))]);
  const [a, b] = [atoms(plain.text), atoms(relaxed.text)];
  assert.deepEqual(
    b.map(([rest]) => rest),
    a.map(([rest]) => rest),
    "the same atoms in the same order",
  );
  const moved = a.map(([, ...p], i) => Math.hypot(...p.map((x, k) => x - b[i][k + 1])));
  assert.ok(
    Math.max(...moved) > 0.01 && Math.max(...moved) < 3,
    `moved by ${Math.max(...moved)} Å`,
  );
  await close();
});

test("every file carries seed, settings and the hash of the weights", async () => {
  const { page, close } = await open(browser, server.url + fine);
  await generate(page);
  await described(page);
  const xyz = (await text(page, "[data-format=xyz]")).text;
  const comment = xyz.split("\n")[1];
  assert.match(
    comment,
    new RegExp(
      `^seed=${intro.seed} index=0 steps=${intro.steps} method=${usual.pattern} t_start=600 ${usual.rho}model=${intro.model.slice(0, 16)}`,
    ),
  );
  const pdb = (await text(page, "[data-format=pdb]")).text;
  for (const word of [intro.seed, intro.steps, intro.model.slice(0, 16)])
    assert.match(pdb, new RegExp(`^REMARK.*${word}`, "m"));
  const smi = await text(page, "[data-format=smi]");
  assert.equal(smi.text, `${await page.textContent("#smiles")} ${comment}\n`);

  const frames = (await text(page, "[data-format=trajectory]")).text.trimEnd().split("\n");
  const height = intro.atoms + 2;
  assert.equal(frames.length, height * (intro.steps + 1));
  assert.deepEqual(
    [0, intro.steps].map((k) => frames[k * height + 1]),
    [0, intro.steps].map((step) => `step=${step} ${comment}`),
  );
  assert.deepEqual(
    frames.slice(-intro.atoms),
    xyz.trimEnd().split("\n").slice(2),
    "the last frame is the molecule",
  );

  const png = await downloadBytes(page, "[data-format=png]");
  assert.equal(png.bytes.subarray(1, 4).toString(), "PNG");
  assert.ok(png.bytes.includes(`tEXtComment\0SymDiff ${comment}`));
  assert.deepEqual([png.bytes.readUInt32BE(16), png.bytes.readUInt32BE(20)], [1600, 1200]);

  const webm = await downloadBytes(page, "[data-format=webm]");
  assert.equal(webm.bytes.readUInt32BE(0), 0x1a45dfa3);
  assert.ok(webm.bytes.length > 2e4, `${webm.bytes.length} bytes`);
  assert.equal(webm.name, `symdiff-${intro.formula}-seed${intro.seed}.webm`);
  assert.equal(await page.isVisible("#video-note"), false);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.click("#copy-smiles");
  assert.equal(
    await page.evaluate(() => navigator.clipboard.readText()),
    await page.textContent("#smiles"),
  );
  assert.equal(await page.textContent("#status"), "Copied.");
  await close();
});

test("the command under Reproduce writes the very bytes, with any gamma and with the user's weights", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=11&steps=30&gamma=haar`);
  await generate(page);
  const command = () => page.textContent("#command");
  assert.match(
    await command(),
    new RegExp(
      `^symdiff sample --seed 11 --steps 30 --t-start 600 --method ${usual.pattern} --gamma haar --out \\S+\\.xyz$`,
    ),
  );
  assert.equal((await text(page, "[data-format=xyz]")).text, runCommand(await command()));
  await page.selectOption("#start", "700");
  await generate(page);
  assert.match(
    await command(),
    new RegExp(` --steps 30 --t-start 700 --method ${usual.pattern} --gamma haar `),
  );
  assert.match(
    await page.textContent("#provenance"),
    new RegExp(`, 30 steps from t = 700 \\(${usual.pattern}\\), gamma haar, `),
  );
  assert.equal((await text(page, "[data-format=xyz]")).text, runCommand(await command()));
  await page.selectOption("#gamma", "none");
  await page.selectOption("#start", "1000");
  await page.selectOption("#method", "ancestral");
  await generate(page, { seed: 12, atoms: 9 });
  assert.match(await command(), /--atoms 9 .*--method ancestral --gamma none/);
  assert.equal((await text(page, "[data-format=xyz]")).text, runCommand(await command()));
  await page.setInputFiles("#own", {
    name: "mine.safetensors",
    mimeType: "application/octet-stream",
    buffer: readFileSync(weights),
  });
  await page.waitForFunction(() => document.querySelector("#model").value === "own");
  await generate(page, { seed: 13 });
  assert.match(await command(), /--model mine\.safetensors/);
  assert.equal(
    (await text(page, "[data-format=xyz]")).text,
    runCommand(await command(), { model: weights }),
  );
  await close();
});

test("a batch fills the gallery, is tallied as the command line does, and its SDF is the command line's", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=2&n=30`);
  assert.equal(await page.textContent("#generate"), "Generate 30 molecules");
  await page.evaluate(() => {
    const get = HTMLCanvasElement.prototype.getContext;
    window.contexts = [];
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
      if (kind === "webgl2" && !window.contexts.includes(this)) window.contexts.push(this);
      return get.call(this, kind, ...rest);
    };
  });
  await page.click("#generate");
  await page.waitForFunction(() =>
    /^\d+ of 30 molecules, [\d.]+ per second, /.test(
      document.querySelector("#progress-text").textContent,
    ),
  );
  await page.waitForSelector("#generate:not([hidden])");
  assert.equal(
    await page.evaluate(() => window.contexts.length),
    0,
    "the context of the stage draws them all",
  );
  assert.equal(await page.textContent("#page"), "1–24 of 30");
  assert.equal(await page.locator(".gallery li:visible").count(), 24);
  const empty = await page.evaluate(() =>
    Object.assign(document.createElement("canvas"), { width: 300, height: 240 }).toDataURL(),
  );
  await page.waitForFunction(
    (empty) =>
      [...document.querySelectorAll(".card canvas")].every(
        (canvas) => canvas.toDataURL() !== empty,
      ),
    empty,
  );

  const sdf = await text(page, "#batch-sdf");
  assert.match(
    await page.textContent("#batch-command"),
    new RegExp(`--count 30 --steps ${usual.steps} --t-start 600 --method ${usual.pattern} `),
  );
  assert.equal(sdf.text, runCommand(await page.textContent("#batch-command")));
  writeFileSync(join(top, "build/e2e/batch.sdf"), sdf.text);
  const report = JSON.parse(
    execFileSync(program, ["evaluate", "--json", join(top, "build/e2e/batch.sdf")], {
      encoding: "utf8",
    }),
  );
  const { stable_molecules, valid, connected, unique } = report.counts;
  const counts = await page.locator(".tally .interval").allTextContents();
  assert.deepEqual(
    counts.map((line) => line.split(",")[0]),
    [`${stable_molecules} of 30`, `${valid} of 30`, `${connected} of 30`, `${unique} of ${valid}`],
  );
  assert.match(counts[0], /95 % interval \d+\.\d to \d+\.\d$/);
  assert.equal(
    await page.textContent("#status"),
    `Finished: 30 molecules, ${stable_molecules} stable, ${valid} valid, ${unique} unique among the valid.`,
  );

  await page.click("#next");
  assert.equal(await page.textContent("#page"), "25–30 of 30");
  assert.equal(await page.isDisabled("#next"), true);
  await page.selectOption("#filter", "stable");
  assert.equal(
    await page.textContent("#page"),
    stable_molecules ? `1–${Math.min(24, stable_molecules)} of ${stable_molecules}` : "",
  );
  const some = await text(page, "#batch-sdf");
  assert.equal(some.text.split("$$$$\n").length - 1, stable_molecules);
  assert.doesNotMatch(some.text, />  <stable>\nfalse/);
  await page.selectOption("#filter", "all");
  await page.selectOption("#sort", "atoms");
  const sizes = (await page.locator(".card .name").allTextContents()).map((f) =>
    [...f.matchAll(/[A-Z][a-z]?(\d*)/g)].reduce((sum, [, n]) => sum + Number(n || 1), 0),
  );
  assert.deepEqual(
    sizes,
    [...sizes].sort((a, b) => b - a),
  );

  await page.selectOption("#sort", "index");
  await page.click(".gallery li:nth-child(8) .card");
  assert.equal(
    await page.textContent("#formula"),
    await page.textContent(".gallery li:nth-child(8) .name"),
  );
  assert.match(await page.textContent("#provenance"), /^Seed 2, molecule 7, /);
  assert.equal(
    (await text(page, "[data-format=xyz]")).text,
    runCommand(await page.textContent("#command")),
  );
  await page.click("#replay");
  await page.waitForFunction(
    (end) =>
      document.querySelector(".position").value === end && document.querySelector("#replay").hidden,
    `${usual.steps} / ${usual.steps}`,
  );
  assert.equal(
    (await text(page, "[data-format=xyz]")).text,
    runCommand(await page.textContent("#command")),
    "made again with all its steps",
  );
  await accessible(page, "a batch");
  await close();
});

/** What openchemlib says about the two molecules of C2H6O: their columns in files. */
const ofC2H6O = {
  CCO: {
    weight: "46.07",
    tpsa: "20.2",
    donors: "1",
    acceptors: "1",
    rings: "0",
    rotatable_bonds: "0",
    lipinski_violations: "0",
  },
  COC: {
    weight: "46.07",
    tpsa: "9.2",
    donors: "0",
    acceptors: "1",
    rings: "0",
    rotatable_bonds: "0",
    lipinski_violations: "0",
  },
};

test("a batch is filtered and sorted by properties, which its files have", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=1&formula=C2H6O&n=12`);
  await page.click("#generate");
  await page.waitForSelector("#generate:not([hidden])");
  await page.selectOption("#filter", "valid");
  const of = Number((await page.textContent("#page")).match(/of (\d+)$/)[1]);
  await page.focus("#filters summary");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#filters-note").textContent === "");
  const [head, ...lines] = (await text(page, "#batch-csv")).text
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  const rows = lines.map((line) => Object.fromEntries(line.map((cell, k) => [head[k], cell])));
  assert.equal(rows.length, of);
  const known = rows.filter(({ smiles }) => smiles in ofC2H6O);
  assert.ok(
    known.length >= 6 && new Set(known.map(({ smiles }) => smiles)).size === 2,
    JSON.stringify(rows),
  );
  for (const row of known)
    assert.deepEqual({ ...row, ...ofC2H6O[row.smiles], formula: "C2H6O" }, row);

  await page.focus("#filters summary");
  await page.keyboard.press("Tab"); // from the summary to the first field
  await page.keyboard.type("46");
  await page.fill("[aria-label='TPSA, at least']", "20");
  const alcohols = rows.filter(({ tpsa, weight }) => Number(tpsa) >= 20 && Number(weight) >= 46);
  const shown = (count) =>
    page.waitForFunction(
      (text) => document.querySelector("#filters-note").textContent === text,
      `${count} of 12 shown`,
    );
  await shown(alcohols.length);
  assert.equal(await page.inputValue("[aria-label='Weight, at least']"), "46");
  assert.equal(await page.textContent("#batch-sdf"), `Download these ${alcohols.length} as SDF`);
  const records = (await text(page, "#batch-sdf")).text.split("$$$$\n").filter(Boolean);
  assert.deepEqual(
    records.map((record) => record.match(/> +<index>\n(\d+)/)[1]),
    alcohols.map(({ index }) => index),
  );
  for (const [k, record] of records.entries()) {
    const fields = Object.fromEntries(
      [...record.matchAll(/> +<(\w+)>\n(.*)\n/g)].map(([, name, value]) => [name, value]),
    );
    for (const name of Object.keys(ofC2H6O.CCO))
      assert.equal(fields[name], alcohols[k][name], name);
  }
  await page.fill("[aria-label='TPSA, at least']", "500");
  await shown(0);
  assert.equal(await page.isDisabled("#batch-sdf"), true);
  await page.click("#ranges button");
  await page.check("#lipinski");
  await page.selectOption("#sort", "tpsa");
  await shown(of);
  await accessible(page, "filters");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator("#filters").scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(screenshots, "phone-filters.png") });
  const [content, width] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    innerWidth,
  ]);
  assert.equal(content, width, "nothing sticks out sideways");
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.locator("#batch").scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(screenshots, "desktop-filters.png") });
  await close();
});

test("a batch can be stopped, and what was made stays", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=2&steps=100&n=1000&atoms=12`);
  await page.click("#generate");
  await page.waitForFunction(
    () => /^Forming/.test(document.querySelector(".gallery li:not([hidden]) .name")?.textContent),
    undefined,
    { timeout: 60_000 },
  );
  assert.equal(await page.isDisabled(".gallery li:not([hidden]):last-child .card"), true);
  await page.screenshot({ path: join(screenshots, "desktop-forming.png") });
  await page.waitForFunction(() => document.querySelector(".gallery .card:enabled"), undefined, {
    timeout: 60_000,
  });
  await page.click("#batch-cancel");
  await page.waitForSelector("#generate:not([hidden])");
  assert.equal(await page.isVisible("#batch-cancel"), false);
  assert.equal(
    await page.locator(".gallery li:visible .card:disabled").count(),
    0,
    "what was not finished is gone",
  );
  const [, made] = (await page.textContent("#batch-note")).match(
    /^Stopped\. (\d+) are finished\.$/,
  );
  const sdf = await text(page, "#batch-sdf");
  assert.equal(sdf.text.split("$$$$\n").length - 1, Number(made));
  await close();
});

test("a thousand molecules", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=1&steps=20&atoms=4&n=1000`);
  await page.setInputFiles("#own", fastWeights());
  await page.waitForFunction(() => document.querySelector("#model").value === "own");
  await page.click("#generate");
  await page.waitForSelector("#generate:not([hidden])", { timeout: 240_000 });
  assert.match(await page.textContent("#page"), /^1–24 of 1,000$/);
  assert.equal(await page.locator(".card").count(), 24);
  const sdf = await text(page, "#batch-sdf");
  const indices = [...sdf.text.matchAll(/>  <index>\n(\d+)\n/g)].map(([, i]) => Number(i));
  assert.deepEqual(
    indices,
    Array.from({ length: 1000 }, (_, i) => i),
  );
  await page.selectOption("#sort", "formula");
  await page.click("#next");
  assert.match(await page.textContent("#page"), /^25–48 of 1,000$/);
  await close();
});

test("seeds, locks and settings are in the address, and what was measured stands beside the steps", async () => {
  const { page, close } = await open(browser, server.url);
  const query = () => Object.fromEntries(new URL(page.url()).searchParams);
  await page.click("#dice");
  const seed = await page.inputValue("#seed");
  await page.click("#lock");
  await page.selectOption("#atoms", "7");
  await page.fill("#count", "3");
  await page.selectOption("#method", "ancestral");
  await page.selectOption("#gamma", "haar");
  await page.fill("#steps", "40");
  assert.deepEqual(query(), {
    seed,
    atoms: "7",
    t_start: "600",
    steps: "40",
    method: "ancestral",
    gamma: "haar",
    n: "3",
    lock: "1",
  });
  await page.reload();
  assert.deepEqual(
    await page.evaluate(() =>
      ["seed", "atoms", "count", "method", "start", "gamma", "steps"].map(
        (id) => document.getElementById(id).value,
      ),
    ),
    [seed, "7", "3", "ancestral", "600", "haar", "40"],
  );
  assert.equal(await page.getAttribute("#lock", "aria-pressed"), "true");
  await page.fill("#count", "1");
  await page.selectOption("#gamma", "learned");
  await generate(page, { steps: 20 });
  await generate(page);
  assert.equal(await page.inputValue("#seed"), seed, "a locked seed stays");
  await page.click("#lock");
  await generate(page);
  assert.notEqual(await page.inputValue("#seed"), seed, "one that is not gives way");
  assert.equal(await page.locator("#earlier button").count(), 2);
  await page.click("#earlier button:first-child");
  assert.match(await page.textContent("#provenance"), new RegExp(`^Seed ${seed},`));

  for (const [method, start] of [
    ["dpm++2m-sde", 600],
    ["dpm++2m-sde", 1000],
    ["ancestral", 1000],
    ["dpm++2m", 500],
  ]) {
    await page.selectOption("#method", method);
    await page.selectOption("#start", String(start));
    const runs = evaluation
      .filter(
        (run) => run.method === method && run.t_start === start && !run.joint && !run.formulas,
      )
      .sort((a, b) => a.steps - b.steps);
    assert.deepEqual(
      await page.locator("#presets button").allTextContents(),
      runs.map((run) => `${run.steps} steps, ${Math.round(100 * run.stable_molecules)} % stable`),
    );
    if (!runs.length) {
      assert.match(
        await page.textContent("#quality"),
        /^Not measured at \d+ steps with this sampler/,
      );
      continue;
    }
    await page.click("#presets button:last-child");
    const { steps, stable_molecules, valid } = runs.at(-1);
    assert.equal(await page.inputValue("#steps"), String(steps));
    const said = await page.textContent("#quality");
    for (const share of [stable_molecules, valid])
      assert.ok(said.includes(`${(100 * share).toFixed(1)} %`), said);
  }
  await page.fill("#steps", "60");
  assert.match(await page.textContent("#quality"), /^Not measured at 60 steps/);
  await page.fill("#count", "1001");
  await page.click("#generate");
  assert.match(await page.textContent("#error"), /from 1 to 1,000/);
  await close();
});

test("a formula that is asked for is that of the molecule, and of the command; one that is none is refused", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=7&lock=1&formula=C3H8O`);
  assert.equal(await page.inputValue("#asked"), "C3H8O");
  assert.equal(await page.isDisabled("#atoms"), true);
  await accessible(page, "a formula");
  await generate(page);
  assert.equal(await page.textContent("#formula"), "C3H8O");
  const command = await page.textContent("#command");
  assert.match(command, /--seed 7 --formula C3H8O /);
  assert.equal((await text(page, "[data-format=xyz]")).text, runCommand(command));
  await page.fill("#asked", "C3H8S");
  await page.click("#generate");
  assert.match(
    await page.textContent("#error"),
    /^This model knows H, C, N, O and F\. It does not know S\./,
  );
  await page.fill("#asked", "propanol");
  assert.equal(await page.getAttribute("#asked", "aria-invalid"), "true");
  await page.click("#generate");
  assert.match(await page.textContent("#error"), /like C7H10O2/);
  await page.fill("#asked", "");
  assert.equal(await page.isDisabled("#atoms"), false);
  assert.equal(new URL(page.url()).searchParams.get("formula"), null);

  await page.setInputFiles("#own", fastWeights({ types: false }));
  await page.waitForFunction(() => document.querySelector("#model").value === "own");
  assert.equal(await page.isDisabled("#asked"), true);
  assert.match(await page.textContent("#asked-note"), /^This model samples the formula itself/);
  await close();
});

test("the start is chosen in words, steps go along, and weights without the moments of their data begin with noise", async () => {
  const { page, close } = await open(browser, server.url);
  const shown = () =>
    page.evaluate(() => ["start", "steps"].map((id) => document.getElementById(id).value).join());
  const note = () => page.textContent("#start-note");
  const query = () => new URL(page.url()).searchParams;
  assert.equal(await shown(), `600,${usual.steps}`);
  assert.match(await note(), /^Starts at t = 600 from a Gaussian .* decide almost nothing/);
  await page.selectOption("#start", "1000");
  assert.equal(await shown(), `1000,${usual.steps}`);
  assert.match(await note(), /^Starts from pure noise/);
  assert.deepEqual([query().get("t_start"), query().get("steps")], ["1000", String(usual.steps)]);
  await page.fill("#steps", "800");
  await page.selectOption("#start", "400");
  assert.equal(await shown(), "400,400", "a step for each time is the most");
  assert.deepEqual([query().get("t_start"), query().get("steps")], ["400", "400"]);

  await page.goto(`${server.url}?seed=7&t_start=610`);
  assert.equal(await shown(), `610,${usual.steps}`, "any start of an address is offered");
  await page.goto(`${server.url}?seed=7&atoms=6&steps=50`);
  assert.equal(await shown(), "600,50", "steps change steps alone");
  await page.goto(`${server.url}?seed=7&atoms=6&start=0&steps=50`);
  assert.equal(await shown(), "1000,50", "as links of before say it");
  await page.goto(`${server.url}?atoms=6&lock=1&seed=7`);
  assert.equal(await shown(), `600,${usual.steps}`);
  const plain = fastWeights({ moments: false });
  const file = join(top, "build/e2e/plain.safetensors");
  writeFileSync(file, plain.buffer);
  await page.setInputFiles("#own", plain);
  await page.waitForFunction(() => document.querySelector("#model").value === "own");
  assert.equal(await shown(), `1000,${usual.steps}`);
  assert.equal(await page.isDisabled("#start"), true);
  assert.match(await note(), /^These weights lack the moments of their data/);
  await accessible(page, "weights without moments");
  await generate(page);
  assert.equal(await page.textContent(".position"), `${usual.steps} / ${usual.steps}`);
  assert.match(await page.textContent("#command"), / --t-start 1000 /);
  assert.equal(
    (await text(page, "[data-format=xyz]")).text,
    runCommand(await page.textContent("#command"), { model: file }),
  );
  await page.selectOption("#model", "qm9-web");
  assert.equal(await shown(), `600,${usual.steps}`, "the defaults again");
  assert.equal(await page.isDisabled("#start"), false);
  assert.equal(query().get("t_start"), "600");
  await close();
});

test("weights of united atoms: hydrogens are there from the first frame, and the command makes the same bytes", async () => {
  const { page, close } = await open(browser, `${server.url}?steps=12`);
  const weights = fastWeights({ united: true });
  const file = join(top, "build/e2e/united.safetensors");
  writeFileSync(file, weights.buffer);
  await page.setInputFiles("#own", weights);
  await page.waitForFunction(() => document.querySelector("#model").value === "own");
  assert.deepEqual(
    await page.evaluate(() => [...document.querySelector("#atoms").options].map((o) => o.value)),
    ["0", "8", "9"],
  );
  const formulas = new Set();
  for (let seed = 1; seed < 7; seed++) {
    const formula = await generate(page, { seed });
    assert.ok(["C2H6O", "C2H4O2"].includes(formula), formula);
    formulas.add(formula);
  }
  assert.equal(formulas.size, 2);
  const command = await page.textContent("#command");
  assert.equal((await text(page, "[data-format=xyz]")).text, runCommand(command, { model: file }));
  await page.fill("#asked", "C2H4O2");
  await page.fill("#steps", "12");
  assert.equal(await generate(page), "C2H4O2");
  assert.match(await page.textContent("#stable"), /\b8 atoms/);
  await page.fill("#asked", "H2");
  await page.click("#generate");
  assert.match(await page.textContent("#error"), /do not add up to it/);
  await close();
});

test("the network before post-training: what was measured of it, that no gamma was learned, and the command's molecule", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=4&atoms=6&model=qm9-base`);
  assert.equal(await page.inputValue("#model"), "qm9-base");
  const measured = JSON.parse(readFileSync(join(top, "core/weights/qm9-base.json"), "utf8"))[0];
  assert.match(
    await page.textContent("#quality"),
    new RegExp(
      `^Of 1,000 molecules sampled with these settings, ${(100 * measured.stable_molecules).toFixed(1)}\\s% were stable`,
    ),
  );
  assert.equal(await page.textContent("#gamma-own"), "As trained (Haar)");
  assert.match(await page.textContent("#gamma-note"), /uniform over all rotations and reflections/);
  await generate(page);
  const command = await page.textContent("#command");
  assert.match(command, / --model core\/weights\/qm9-base\.safetensors /);
  assert.equal((await text(page, "[data-format=xyz]")).text, runCommand(command));
  await page.selectOption("#model", "qm9-web");
  assert.equal(await page.textContent("#gamma-own"), "Learned");
  assert.match(await page.textContent("#gamma-note"), /A small network f learned its distribution/);
  assert.match(await page.textContent("#gamma-facts"), /^A small network f has learned/);
  await close();
});

test("during a run other molecules can be looked at, and a file that is dropped has to wait", async () => {
  const { page, close } = await open(browser, `${server.url}?steps=20&atoms=6`);
  const caption = () => page.textContent("#caption");
  const first = await generate(page, { seed: 4 });
  await generate(page, { seed: 5, atoms: 9 });
  await page.fill("#steps", "300");
  await page.selectOption("#atoms", "24");
  await page.click("#generate");
  await page.waitForFunction(() =>
    document.querySelector("#caption").textContent.startsWith("24 atoms forming"),
  );
  await page.click("#earlier button:first-child");
  await page.waitForTimeout(200); // steps go on
  assert.equal(await page.isVisible("#cancel"), true, "the run goes on");
  assert.equal(await caption(), first);
  assert.equal(await page.textContent("#formula"), first);
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(["weights"], "late.safetensors"));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
  });
  assert.match(await page.textContent("#error"), /A run is in progress.*late\.safetensors/);
  await page.waitForSelector("#generate:not([hidden])");
  const third = await page.textContent("#formula");
  assert.equal(await caption(), third);
  assert.equal(await page.textContent(".position"), "300 / 300");
  assert.equal(await page.locator("#earlier button").count(), 3);
  await close();
});

test("a molecule of the gallery forms again by the model that made it, whatever is chosen", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=4&steps=20&atoms=6&n=2`);
  await page.click("#generate");
  await page.waitForFunction(() => document.querySelector("#page").textContent === "1–2 of 2");
  await page.waitForSelector("#generate:not([hidden])");
  await page.click(".gallery li:nth-child(2) .card");
  const formula = await page.textContent("#formula");
  await page.selectOption("#model", "qm9-base");
  await page.click("#replay");
  await page.waitForFunction(() => document.querySelector(".position").textContent === "20 / 20");
  await page.waitForSelector("#generate:not([hidden])");
  assert.equal(await page.textContent("#formula"), formula);
  assert.match(await page.textContent("#provenance"), /molecule 1,.*weights qm9-web/);
  await close();
});

test("the user's weights are used here and sent nowhere; a file that is none is refused", async () => {
  const { page, close } = await open(browser, `${server.url}?steps=20&atoms=6`);
  const sent = [];
  page.on(
    "request",
    (request) => (request.method() !== "GET" || request.postData()) && sent.push(request.url()),
  );
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(["not weights at all"], "notes.safetensors"));
    document.body.dispatchEvent(new DragEvent("dragover", { dataTransfer: data, bubbles: true }));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
  });
  await page.waitForSelector("#error:not([hidden])");
  assert.match(await page.textContent("#error"), /notes\.safetensors|weights/);
  assert.notEqual(await page.inputValue("#model"), "own");
  const formula = await generate(page, { seed: 4 });
  await page.setInputFiles("#own", {
    name: "mine.safetensors",
    mimeType: "application/octet-stream",
    buffer: readFileSync(weights),
  });
  await page.waitForFunction(() => document.querySelector("#model").value === "own");
  assert.match(await page.textContent("#quality"), /^Your own weights have not been measured/);
  assert.match(await page.textContent("#model-facts"), /a file of yours, mine\.safetensors/);
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.click(".own .link")]);
  assert.equal(await page.inputValue("#own"), "", "the same file can be chosen again");
  await chooser.setFiles([]);
  await page.fill("#count", "2");
  await page.click("#generate");
  await page.waitForFunction(() => document.querySelector("#page").textContent === "1–2 of 2");
  await page.waitForSelector("#generate:not([hidden])");
  await page.fill("#count", "1");
  assert.equal(await generate(page, { seed: 4 }), formula);
  assert.match(await page.textContent("#provenance"), /weights mine\.safetensors [0-9a-f]{12}$/);
  assert.deepEqual(sent, []);
  await close();
});

test("lessons and frames leave parts out", async () => {
  const { page, close } = await open(
    browser,
    `${server.url}?hide=settings,downloads,reproduce&steps=20&atoms=6`,
  );
  for (const id of ["#settings", ".downloads"]) assert.equal(await page.isVisible(id), false, id);
  assert.ok(await page.isVisible(".masthead"));
  await generate(page);
  assert.equal(await page.isVisible(".downloads"), false);
  assert.match(page.url(), /hide=settings/);
  await page.setViewportSize({ width: 640, height: 480 });
  await page.goto(`${server.url}?embed=1&hide=settings&steps=20&atoms=6`);
  for (const part of [".masthead", ".colophon", ".about", "#settings"])
    assert.equal(await page.isVisible(part), false, part);
  await generate(page);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 640);
  await page.screenshot({ path: join(screenshots, "embed.png") });
  await accessible(page, "a frame");
  await close();
});

for (const [name, options] of [
  ["desktop", {}],
  ["dark", { colorScheme: "dark" }],
  [
    "phone",
    { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
  ],
]) {
  test(`looked at and checked with axe: ${name}`, async () => {
    const { page, close } = await open(browser, server.url + fine, options);
    const shot = (what, more) =>
      page.screenshot({ path: join(screenshots, `${name}-${what}.png`), ...more });
    await page.waitForFunction(() =>
      document.querySelector("#caption").textContent.startsWith("Example, made earlier"),
    );
    await page.waitForTimeout(500);
    await shot("start");
    await accessible(page, "before the first run");
    await page.fill("#steps", "600");
    await page.click("#generate");
    await page.waitForFunction(() => document.querySelector("#bar").value > 0.4);
    await shot("running");
    await accessible(page, "a run");
    await page.waitForSelector("#result:not([hidden])");
    await generate(page, { seed: intro.seed, steps: intro.steps });
    await described(page);
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(500);
    await shot("result");
    await page.click("#relax");
    await page.waitForSelector("#overlay:not([hidden])");
    await shot("whole", { fullPage: true });
    await accessible(page, "a result");
    await page.fill("#count", "12");
    await page.selectOption("#atoms", "0");
    await page.click("#generate");
    await page.waitForSelector("#generate:not([hidden])");
    await page.locator("#batch").scrollIntoViewIfNeeded();
    await page.evaluate(() => document.querySelector("#batch").scrollIntoView());
    await page.waitForTimeout(500);
    await shot("batch");
    await accessible(page, "a small batch");
    const [content, width] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      innerWidth,
    ]);
    assert.equal(content, width, "nothing sticks out sideways");
    await close();
  });
}
