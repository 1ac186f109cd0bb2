// The guided tour, on a molecule of the visitor's own.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before } from "node:test";
import { accessible } from "./axe.js";
import { endAll, launch, open, screenshots, serve, test, usual } from "./browser.js";

let server;
let browser;
before(async () => {
  server = await serve();
  browser = await launch();
});
after(endAll);

const heading = (page) => page.textContent("#tour-title");
const position = (page) => page.$eval("#transport .scrubber", (input) => input.value / input.max);

test("six steps from the first press to the symmetry page, by keys alone", async () => {
  const { page, close } = await open(browser, `${server.url}?seed=7&atoms=12&steps=50`);
  await page.focus("#tour");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".tour");
  assert.match(await page.textContent(".tour header"), /^Step 1 of 6/);
  assert.equal(await heading(page), await page.evaluate(() => document.activeElement.textContent));
  await accessible(page, "tour, before a molecule");
  await page.click("#generate");
  await page.waitForFunction(() =>
    /You have one: \w+\./.test(document.querySelector(".tour").textContent),
  );
  const titles = new Set();
  for (let step = 2; step <= 6; step++) {
    await page.getByRole("button", { name: "Next" }).press("Enter");
    assert.equal(new URL(page.url()).searchParams.get("tour"), String(step));
    titles.add(await heading(page));
    if (step === 2) assert.equal(await position(page), 0);
    if (step === 3) assert.ok(Math.abs((await position(page)) - 0.55) < 0.01);
    if (step === 4) assert.equal(await position(page), 1);
    if (step === 5)
      assert.match(
        await page.textContent(".tour"),
        /Yours is (not )?stable, (not )?connected, (not )?valid\./,
      );
    assert.ok(await page.isVisible(".tour-spot"));
    await accessible(page, `tour, step ${step}`);
    await page.screenshot({ path: join(screenshots, `tour-${step}.png`) });
  }
  assert.equal(titles.size, 5);
  await page.getByRole("button", { name: "Done" }).press("Enter");
  assert.equal(await page.isVisible(".tour"), false);
  assert.equal(await page.evaluate(() => document.activeElement.id), "tour");
  assert.deepEqual(Object.fromEntries(new URL(page.url()).searchParams), {
    seed: "7",
    atoms: "12",
    steps: "50",
    t_start: "600",
    method: usual.method,
  });
  await close();
});

test("an address leads into the tour, which waits for a molecule; Escape ends it, on a phone too", async () => {
  const options = {
    viewport: { width: 360, height: 740 },
    deviceScaleFactor: 2,
    hasTouch: true,
    isMobile: true,
  };
  const { page, close } = await open(
    browser,
    `${server.url}?seed=7&atoms=12&steps=50&tour=3`,
    options,
  );
  await page.waitForSelector(".tour");
  assert.match(await page.textContent(".tour"), /Step 3 of 6.*Press Generate first/);
  await page.click("#generate");
  await page.waitForFunction(() =>
    /middle of the run/.test(document.querySelector(".tour").textContent),
  );
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  await accessible(page, "tour on a phone");
  await page.screenshot({ path: join(screenshots, "tour-phone.png") });
  await page.evaluate(() => {
    const steps = document.querySelector("#steps");
    steps.value = steps.max;
    steps.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await page.click("#generate");
  await page.waitForSelector("#cancel:not([hidden])");
  await page.focus("#tour-title");
  await page.keyboard.press("Escape");
  assert.equal(await page.isVisible(".tour"), false);
  assert.equal(await page.isVisible("#cancel"), true, "the run goes on");
  await close();
});

test("a step out of bounds is the nearest one", async () => {
  for (const [asked, shown] of [
    ["99", 6],
    ["-1", 1],
    ["x", 1],
  ]) {
    const { page, close } = await open(browser, `${server.url}?tour=${asked}`);
    await page.waitForSelector(".tour");
    assert.match(await page.textContent(".tour header"), new RegExp(`^Step ${shown} of 6`));
    await close();
  }
});
