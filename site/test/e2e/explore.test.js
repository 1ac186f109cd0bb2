// The page that explores: branches of a run, parts that are kept, two runs compared.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import AxeBuilder from "@axe-core/playwright";
import {
  build,
  endAll,
  fastWeights,
  launch,
  open,
  screenshots,
  serve,
  test,
  top,
} from "./browser.js";

let server;
let browser;
const program = join(top, "build/e2e/symdiff");

before(async () => {
  server = await serve();
  browser = await launch();
  build(program, "./trainer/cmd/symdiff");
});

after(endAll);

/**
 * Drawn without WebGL but for the screenshots: software WebGL would take the time that the model
 * needs.
 */
const address = (query, renderer = "2d") =>
  `${server.url}explore.html?${query}&renderer=${renderer}`;

async function idle(page) {
  await page.waitForFunction(() => document.querySelector("#cancel").hidden);
}

/** Presses the button and waits for the end of the run, however short it is. */
async function generate(page) {
  const ended = page.evaluate(
    () =>
      new Promise((resolve) => {
        const cancel = document.querySelector("#cancel");
        new MutationObserver(() => cancel.hidden && resolve()).observe(cancel, {
          attributeFilter: ["hidden"],
        });
      }),
  );
  await page.click("#start");
  await ended;
}

async function axe(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(" | ")}`),
    [],
  );
}

/** Runs the command that the page shows; returns the XYZ file that it makes. */
async function native(page) {
  const words = (await page.textContent("#command")).split(" ");
  const out = join(top, "build/e2e/explore.xyz");
  execFileSync(program, [...words.slice(1), "--out", out, "--quiet"], {
    cwd: join(top, "build/e2e"),
  });
  return readFileSync(out, "utf8");
}

/** Goes to a frame of the trajectory by keys. */
async function seek(page, frames) {
  await page.focus(".scrubber");
  await page.keyboard.press("Home");
  for (let i = 0; i < Math.floor(frames / 10); i++) await page.keyboard.press("Shift+ArrowRight");
  for (let i = 0; i < frames % 10; i++) await page.keyboard.press("ArrowRight");
}

const names = (page) => page.locator(".node .name").allTextContents();

test("a run branches off where one goes back to; the tree is in the address and its molecules on the command line", async () => {
  const { page, close } = await open(browser, address("seed=6&atoms=10&steps=20"));
  assert.match(await page.textContent("#cost"), /downloads the model \(\d+\.\d MB\)/);
  await generate(page);
  assert.equal(
    await page.isDisabled("#branch"),
    true,
    "at the end of a run nothing is left to change",
  );
  assert.match(
    await page.textContent("#branch-note"),
    /at the end of the run\. Move it to an earlier step/,
  );
  await seek(page, 12);
  assert.equal(await page.textContent("#branch"), "Branch at step 12");
  await page.selectOption("#branches", "2");
  await page.click("#branch");
  await page.waitForFunction(
    () =>
      document.querySelectorAll(".node").length === 3 && document.querySelector("#cancel").hidden,
  );
  assert.match(await page.textContent("#family"), /From step 12, (all|\d+ of \d+) bonds kept/);
  assert.match(page.url(), /tree=0\.12\.\d+_0\.12\.\d+&at=1$/);

  await seek(page, 5);
  assert.equal(await page.isDisabled("#branch"), true);
  assert.match(
    await page.textContent("#branch-note"),
    /^Up to step 12 this run is the same as its parent/,
  );
  await seek(page, 16);
  await page.selectOption("#branches", "1");
  await page.click("#branch");
  await page.waitForFunction(
    () =>
      document.querySelectorAll(".node").length === 4 && document.querySelector("#cancel").hidden,
  );
  assert.match(page.url(), /_1\.16\.\d+&at=3/);
  await axe(page);
  const grandchild = await page.textContent("#caption-left");
  const command = await page.textContent("#command");
  assert.match(command, /--set branches=12:\d+,16:\d+$/);
  const xyz = await native(page);
  assert.ok(xyz.includes(`formula=${grandchild} `), xyz.split("\n")[1]);

  const all = await names(page);
  await page.reload(); // the model is on this device by now, and the tree of the address is made again by itself
  await page.waitForFunction(
    () =>
      document.querySelectorAll(".node .name").length === 4 &&
      !document.querySelector("#family").textContent.includes("Not made yet"),
  );
  await page.waitForSelector("#cancel[hidden]", { state: "attached" });
  assert.deepEqual(await names(page), all, "the address brings back the whole tree");
  assert.equal(await page.textContent("#caption-left"), grandchild);

  await page.click(".node >> nth=0");
  assert.equal(await page.textContent("#caption-left"), all[0]);
  assert.doesNotMatch(page.url(), /at=/);
  await page.click(".prune >> nth=0");
  assert.ok((await page.locator(".node").count()) < 4);
  await close();
});

test("atoms are kept by click, by chip and by key, and the rest is remade as the command line does it", async () => {
  const { page, close } = await open(
    browser,
    address("tool=keep&seed=6&atoms=10&steps=20&ksteps=20&n=1"),
  );
  assert.match(await page.textContent("#panel-keep"), /The model was trained with fixed atoms/);
  await generate(page);
  await axe(page);
  assert.equal(await page.isDisabled("#remake"), true);
  await page.click("[data-choose=heavy]");
  const pressed = () => page.locator(".chip[aria-pressed=true]").allTextContents();
  assert.deepEqual(
    (await pressed()).filter((name) => name.startsWith("H")),
    [],
  );
  assert.ok((await pressed()).length > 0);
  await page.click("[data-choose=none]");
  await page.focus(".chip");
  await page.keyboard.press("Space");
  assert.equal((await pressed()).length, 1);
  // An atom in the picture: somewhere near the middle there is one.
  const box = await page.locator("#view-left canvas").boundingBox();
  const before = await pressed();
  for (const [dx, dy] of [
    [0, 0],
    [30, 0],
    [-30, 0],
    [0, 30],
    [0, -30],
    [60, 20],
    [-60, -20],
    [60, -40],
    [-60, 40],
    [100, 0],
    [-100, 0],
  ]) {
    await page.mouse.click(box.x + box.width / 2 + dx, box.y + box.height / 2 + dy);
    if (String(await pressed()) !== String(before)) break;
  }
  assert.notDeepEqual(await pressed(), before, "a click chooses an atom");
  await page.click("[data-choose=half]");
  assert.equal((await pressed()).length, 5);
  assert.equal(await page.textContent("#remake"), "Fix 5, generate 5");
  assert.match(page.url(), /keep=[\d,-]+(&|%)/);

  await page.click("#remake");
  await page.waitForFunction(
    () =>
      document.querySelectorAll("#made li").length === 1 &&
      document.querySelector("#cancel").hidden,
  );
  await page.selectOption("#keep-n", "4");
  await page.click("#remake");
  await page.waitForFunction(
    () =>
      document.querySelectorAll("#made li").length === 5 &&
      document.querySelector("#cancel").hidden,
  );
  assert.match(
    await page.textContent("#made-text"),
    /With these atoms fixed, \d of 5 \(\d+ to \d+ %\) are stable and in one piece\./,
  );
  await axe(page);

  await page.click("#made li:last-child button");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#part")]);
  const part = readFileSync(await download.path(), "utf8");
  assert.equal(part.split("\n")[0], "5");
  writeFileSync(join(top, "build/e2e/part.xyz"), part);
  assert.match(
    await page.textContent("#command"),
    /--fragment part\.xyz --seed 1 --first 4 --formula \w+ --steps 20/,
  );
  const made = await page.textContent("#caption-left");
  assert.ok((await native(page)).includes(`formula=${made} `));
  const [all] = await Promise.all([page.waitForEvent("download"), page.click("#all")]);
  assert.equal(readFileSync(await all.path(), "utf8").split("$$$$").length - 1, 5);

  await page.click(".chip >> nth=0"); // the base molecule again, and another part
  await page.selectOption("#keep-n", "1");
  await page.click("#remake");
  await page.waitForFunction(
    () =>
      document.querySelectorAll("#made li").length === 1 &&
      document.querySelector("#cancel").hidden,
  );
  assert.match(await page.textContent("#made-text"), /over all choices of atoms: \d of 6/);
  await close();
});

test("the user's molecule is taken as SMILES or file, its atoms fixed, and others made like it, as the command line does it", async () => {
  const { page, close } = await open(browser, address("tool=keep&steps=20&ksteps=20&n=1"));
  await page.click("#own summary");
  const take = async (text) => {
    await page.fill("#own-text", text);
    await page.click("#own-use");
    await page.waitForFunction(
      () => !/^$|^Reading/.test(document.querySelector("#own-note").textContent),
    );
    return page.textContent("#own-note");
  };
  assert.equal(await take(" "), "Paste a molecule first.");
  assert.match(await take("C1CC"), /^This cannot be used: SmilesParser: dangling ring closure/);
  assert.match(await take("what is this"), /^This cannot be used: /);
  assert.equal(await take("CCCl"), "This model knows H, C, N, O and F. It does not know Cl.");
  assert.equal(
    await take("C".repeat(12)),
    "It has 38 atoms with its hydrogens. This model generates at most 29.",
  );
  assert.equal(
    await take("C.O"),
    "This cannot be used: it is 2 molecules, and the page takes one.",
  );
  assert.equal(
    await take("C[NH3+]"),
    "It has the charge +1. This model generates neutral molecules.",
  );
  assert.equal(
    await take("C(C)(C)(C)(C)C"),
    "This cannot be used: C1 has more bonds than its element allows.",
  );
  assert.equal(await page.isDisabled("#remake"), true);

  assert.match(await take("CC1CC1O"), /^openchemlib has placed its atoms in 3D\./);
  assert.equal(await page.textContent("#caption-left"), "C4H8O");
  assert.equal(await page.locator(".chip").count(), 13);
  assert.equal(await page.locator(".chip[aria-pressed=true]").count(), 5);
  assert.doesNotMatch(page.url(), /keep=/);
  await axe(page);
  const finished = (n) =>
    page.waitForFunction(
      (n) =>
        document.querySelectorAll("#made li").length === n &&
        document.querySelector("#cancel").hidden,
      n,
    );
  await page.click("#remake");
  await finished(1);
  await page.click("#made button");
  const file = async (selector) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
    const text = readFileSync(await download.path(), "utf8");
    writeFileSync(join(top, "build/e2e", download.suggestedFilename()), text);
    return text;
  };
  assert.match(await file("#part"), /^5\npart\nC /);
  assert.match(
    await page.textContent("#command"),
    /--fragment part\.xyz --seed 1 --atoms 17 --steps 20/,
  );
  assert.ok((await native(page)).includes(`formula=${await page.textContent("#caption-left")} `));

  const row = (x, y, symbol) =>
    `${[x, y, 0.5].map((v) => v.toFixed(4).padStart(10)).join("")} ${symbol}   0  0  0  0  0  0  0  0  0  0  0  0\n`;
  const water = (z) =>
    `water\n\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n${row(0, 0, "O")}${row(0.76, 0.59, "H").replace("0.5000", z)}${row(-0.76, 0.59, "H")}  1  2  1  0\n  1  3  1  0\nM  END\n$$$$\n`;
  for (const [z, said] of [
    ["0.6000", /^The positions are those of the file\./],
    ["0.5000", /^openchemlib has placed/],
  ]) {
    // a flat one is a drawing
    await page.fill("#own-text", "");
    await page.setInputFiles("#own-file", {
      name: "water.sdf",
      mimeType: "chemical/x-mdl-sdfile",
      buffer: Buffer.from(water(z)),
    });
    await page.waitForFunction(
      (said) => new RegExp(said).test(document.querySelector("#own-note").textContent),
      said.source,
    );
    assert.equal(await page.textContent("#caption-left"), "H2O");
  }
  await page.click("#tab-branch");
  const drag = (event) =>
    page.evaluate((event) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["CCO"], "ethanol.smi"));
      document.body.dispatchEvent(
        new DragEvent(event, { dataTransfer, bubbles: true, cancelable: true }),
      );
      return document.body.dataset.drop;
    }, event);
  assert.match(await drag("dragover"), /^Drop a molecule/);
  assert.equal(await drag("drop"), undefined);
  await page.waitForFunction(() => document.querySelector("#caption-left").textContent === "C2H6O");
  assert.equal(await page.getAttribute("#tab-keep", "aria-selected"), "true");
  await take("CC1CC1O");
  assert.equal(await page.textContent("#like"), "Generate a similar one");
  await page.selectOption("#like-t", "300");
  await page.click("#like");
  await finished(1);
  await page.click("#made button");
  assert.match(
    await page.textContent("#made-text"),
    /^The molecule was noised to t = 300 and denoised anew\. \d of 1/,
  );
  assert.match(await file("#part"), /^13\n/);
  assert.match(
    await page.textContent("#command"),
    /--from molecule\.xyz --t-start 300 --seed 1 --steps 20/,
  );
  assert.ok((await native(page)).includes(`formula=${await page.textContent("#caption-left")} `));
  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator("#own").scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(screenshots, "phone-own.png") });
  const [content, width] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    innerWidth,
  ]);
  assert.equal(content, width, "nothing sticks out sideways");
  await page.click("#start"); // a run of the page's own again
  await page.waitForFunction(
    () =>
      document.querySelector("#cancel").hidden &&
      document.querySelectorAll("#made li").length === 0,
  );
  await close();
});

test("two runs from the same noise are compared", async () => {
  const { page, close } = await open(
    browser,
    address("tool=compare&seed=3&atoms=12&steps=40&steps2=40"),
  );
  await generate(page);
  assert.match(
    await page.textContent("tfoot"),
    /12 of 12 atoms have the same element\. (\d+) of \1 bonds of the left molecule .* 0\.00 Å apart/,
    "the same settings give the same molecule",
  );
  await page.fill("#steps2", "10");
  assert.equal(
    await page
      .locator("tbody tr.differs th")
      .allTextContents()
      .then((t) => t.join()),
    "Steps",
  );
  await page.selectOption("#from2", "500");
  assert.equal(
    await page
      .locator("tbody tr.differs th")
      .allTextContents()
      .then((t) => t.join()),
    "Start,Steps",
  );
  await page.selectOption("#method2", "ancestral");
  await page.selectOption("#kernel2", "haar");
  await generate(page);
  assert.match(await page.textContent("tfoot"), /of 12 atoms have the same element/);
  assert.match(page.url(), /tool=compare&.*steps2=10.*start2=500&method2=ancestral&gamma2=haar/);
  assert.equal(await page.textContent("#position, .position"), "40 / 40");
  const right = await page.textContent("#caption-right");
  assert.ok((await native(page)).includes(`formula=${right} `));
  await axe(page);
  await page.setInputFiles("#file2", {
    name: "mine.safetensors",
    mimeType: "application/octet-stream",
    buffer: readFileSync(join(top, "core/weights/qm9-web.safetensors")),
  });
  assert.equal(await page.inputValue("#model2"), "mine.safetensors");
  await generate(page);
  assert.equal(await page.textContent("#caption-right"), right, "the same weights from a file");
  await page.setInputFiles("#file2", fastWeights({ moments: false }));
  await generate(page);
  assert.equal(await page.inputValue("#from2"), "1000", "without moments a run begins with noise");
  assert.match(await page.textContent("#start2-note"), /lack the moments/);
  await page.setInputFiles("#file2", {
    name: "bad.safetensors",
    mimeType: "application/octet-stream",
    buffer: Buffer.from("not weights at all"),
  });
  await page.click("#start");
  await page.waitForSelector("#error:not([hidden])");
  assert.match(await page.textContent("#error"), /weights could not be used/);
  await page.focus("[role=tab][aria-selected=true]");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.getAttribute("#tab-branch", "aria-selected"), "true");
  assert.equal(await page.isVisible("#view-right"), false);
  await close();
});

test("cancel stops within a step and keeps what was made", async () => {
  const { page, close } = await open(browser, address("seed=6&atoms=20&steps=20"));
  await generate(page);
  await seek(page, 10);
  await page.click("#branch");
  await page.waitForFunction(
    () =>
      document.querySelectorAll(".node").length === 2 && document.querySelector("#cancel").hidden,
  );
  const all = await names(page);
  await page.click("#tab-keep");
  await page.click("[data-choose=heavy]");
  await page.selectOption("#keep-steps", "100");
  await page.selectOption("#keep-n", "16");
  await page.click("#remake");
  await page.waitForFunction(() =>
    /step [1-9]/.test(document.querySelector("#progress-text").textContent),
  );
  await page.keyboard.press("Escape");
  await idle(page);
  assert.equal(await page.textContent("#status"), "Cancelled.");
  await page.click("#tab-branch");
  assert.deepEqual(await names(page), all);
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
  test(`screenshots: explore, ${name}`, async () => {
    const { page, close } = await open(
      browser,
      address("seed=3&atoms=16&steps=50&tree=0.30.5_0.40.6_1.35.7_0.10.8&at=3&ksteps=20", "webgl"),
      options,
    );
    const shot = async (what) => {
      await page.waitForTimeout(200);
      await page.screenshot({
        path: join(screenshots, `explore-${what}-${name}.png`),
        fullPage: true,
      });
      const [content, width] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        innerWidth,
      ]);
      assert.equal(content, width, "nothing sticks out sideways");
    };
    await generate(page);
    await shot("branch");
    const cut = await page.$$eval(
      ".node .origin",
      (all) =>
        all.filter((part) => {
          const { bottom, height } = part.getBoundingClientRect();
          const room = part.parentElement.getBoundingClientRect().bottom;
          return !height || bottom > room || part.scrollWidth > part.clientWidth;
        }).length,
    );
    assert.equal(cut, 0, "what a branch has kept is shown in full");
    await page.click("#tab-keep");
    await page.click("[data-choose=heavy]");
    await page.click("#remake");
    await page.waitForFunction(
      () =>
        document.querySelectorAll("#made li").length === 4 &&
        document.querySelector("#cancel").hidden,
    );
    await shot("keep");
    await page.click("#tab-compare");
    await generate(page);
    await shot("compare");
    await close();
  });
}
