// Every page: no console error, nothing sticks out, links that lead somewhere, and axe; then what
// the pages for reading show.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { accessible } from "./axe.js";
import { endAll, launch, open, screenshots, serve, test, top } from "./browser.js";

let server;
let browser;
before(async () => {
  server = await serve();
  browser = await launch();
});
after(endAll);

const pages = readdirSync(join(top, "build/site")).filter((name) => name.endsWith(".html"));
const looks = {
  desktop: {},
  dark: { colorScheme: "dark" },
  narrow: { viewport: { width: 320, height: 640 } },
  forced: { forcedColors: "active" },
  phone: {
    viewport: { width: 360, height: 740 },
    deviceScaleFactor: 2,
    hasTouch: true,
    isMobile: true,
  },
};

for (const name of pages) {
  test(`${name}: axe on a desktop, in the dark, at 320 pixels, in forced colours and on a phone; links lead somewhere`, async () => {
    for (const [look, options] of Object.entries(looks)) {
      const { page, close } = await open(browser, server.url + name, options);
      await page.waitForFunction(() => document.fonts.status === "loaded");
      await accessible(page, `${name}, ${look}`);
      const [content, width] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        innerWidth,
      ]);
      assert.equal(content, width, `${name}, ${look}: nothing sticks out sideways`);
      await page.screenshot({
        path: join(screenshots, `${name.replace(".html", "")}-${look}.png`),
        fullPage: true,
      });
      if (look === "desktop") await linksLead(page);
      await close();
    }
  });
}

/** Links within the site must be there, and so must what they point at. */
async function linksLead(page) {
  const links = await page.$$eval("a[href]", (all) => [...new Set(all.map((a) => a.href))]);
  for (const link of links.filter((link) => link.startsWith(server.url))) {
    const answer = await fetch(link);
    assert.equal(answer.status, 200, link);
    const id = decodeURIComponent(new URL(link).hash.slice(1));
    if (id) assert.ok((await answer.text()).includes(`id="${id}"`), link);
  }
}

test("the model card shows what was measured", async () => {
  const { page, close } = await open(browser, `${server.url}model.html`);
  for (const name of ["qm9-web", "qm9-base"]) {
    const runs = JSON.parse(readFileSync(join(top, `core/weights/${name}.json`), "utf8"));
    const rows = await page.$$eval(`[data-measured='${name}'] tbody tr`, (all) =>
      all.map((row) => [...row.cells].map((cell) => cell.innerText.split("\n")[0])),
    );
    assert.deepEqual(
      rows.map((row) => row.slice(0, 4)),
      runs.map((run) => [
        `${run.method} from t = ${run.t_start}${run.joint ? ", joint" : ""}${run.formulas ? `, formulas ${run.formulas}` : ""}`,
        run.steps.toLocaleString("en"),
        run.molecules.toLocaleString("en"),
        `${(100 * run.stable_molecules).toFixed(1)} %`,
      ]),
    );
    assert.deepEqual(
      await page.$$eval(`[data-measured='${name}'] tbody tr:first-child td`, (cells) =>
        cells.map((cell) => cell.querySelector("small") !== null),
      ),
      [false, false, false, true, false, true, false, true],
      "intervals of shares of independent molecules alone",
    );
    assert.equal(
      new Set(rows.map((row) => row.slice(0, 2).join())).size,
      rows.length,
      `${name}: no two rows are named alike`,
    );
  }
  const card = await page.textContent("#qm9-web");
  for (const text of [/Use and limits/, /Fréchet distance of descriptors/])
    assert.match(card, text);
  assert.match(
    await page.getAttribute(".drawn svg", "aria-label"),
    /^Stable molecules against steps\. /,
  );
  await close();
});

test("how it works: the figures run the model and follow the reader", async () => {
  const { page, close } = await open(browser, `${server.url}how.html`);
  await page.waitForFunction(() =>
    /^Example, made earlier: \w+ forming/.test(document.querySelector("#noisy canvas").ariaLabel),
  );
  assert.match(
    await page.getAttribute("#noised canvas", "aria-label"),
    /with noise: molecule 0\.91, noise 0\.41$/,
  );
  assert.match(await page.textContent("#guess-run"), /downloads \d+\.\d MB/);
  await page.click("#guess-run");
  await page.waitForFunction(() =>
    /^Finished: /.test(document.querySelector("#status").textContent),
  );
  assert.match(
    await page.getAttribute("#guessed canvas", "aria-label"),
    /as the network expected it$/,
  );
  assert.match(
    await page.getAttribute("#noised canvas", "aria-label"),
    /with noise: molecule 0\.\d+, noise 0\.\d+$/,
  );
  await page.focus("#time");
  await page.keyboard.press("Home");
  assert.match(
    await page.getAttribute("#noised canvas", "aria-label"),
    /molecule 1\.00, noise 0\.00$/,
  );
  await page.fill("#angle", "90");
  assert.match(
    await page.textContent("#toy-panels"),
    /Plain: off by \d\.\d\d.*Symmetrised: rotates along/,
  );
  await accessible(page, "how.html after a run");
  await page.locator("#guess").screenshot({ path: join(screenshots, "how-guess.png") });
  await close();
});
