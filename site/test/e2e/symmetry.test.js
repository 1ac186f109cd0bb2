// The symmetry page: the same molecule turned, and how it fails where it must.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import AxeBuilder from "@axe-core/playwright";
import { build, endAll, launch, open, screenshots, serve, test, top } from "./browser.js";

let server;
let browser;

before(async () => {
  server = await serve();
  browser = await launch();
});

after(endAll);

/**
 * Drawn without WebGL but for the screenshots: software WebGL would take the time that the model
 * needs.
 */
const address = (query, renderer = "2d") =>
  `${server.url}symmetry.html?${query}&renderer=${renderer}`;
const number = (text) =>
  Number(
    text
      .replace(" Å", "")
      .replace(
        / × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/,
        (_, e) => `e${[...e].map((c) => (c === "⁻" ? "-" : "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c))).join("")}`,
      ),
  );
const off = async (page) => number(await page.textContent("#largest"));

async function finished(page) {
  await page.waitForFunction(
    () =>
      document.querySelector("#largest").textContent !== "–" &&
      document.querySelector("#cancel").hidden,
  );
}

async function generate(page) {
  await page.click("#start");
  await finished(page);
}

/** Makes a change, after which both runs begin by themselves. */
async function change(page, selector, how = "click") {
  const begun = page.evaluate(
    () =>
      new Promise((resolve) => {
        const largest = document.querySelector("#largest");
        new MutationObserver(() => largest.textContent === "–" && resolve()).observe(largest, {
          childList: true,
          characterData: true,
          subtree: true,
        });
      }),
  );
  await page[how](selector);
  await begun;
  await finished(page);
}

async function axe(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(" | ")}`),
    [],
  );
}

test("coupled, the turned noise gives the same molecule turned; in the other order, without gamma or uncoupled it does not", async () => {
  const { page, close } = await open(browser, address("seed=4&atoms=12&t_start=600&steps=20"));
  assert.match(await page.textContent("#cost"), /downloads the model \(\d+\.\d MB\)/);
  await axe(page);
  await generate(page);
  const first = await off(page);
  assert.ok(first > 0 && first < 1e-3, `${first} Å`);
  assert.equal(await page.textContent("#verdict"), "The same molecule, rotated");
  assert.match(
    await page.textContent("#status"),
    /The same molecule, rotated\. An atom is off by .* ångström/,
  );
  assert.match(await page.getAttribute("#error-chart svg", "aria-label"), /to .* Å at step 20/);
  assert.match(await page.textContent("#caption-left"), /^From x: (.*)$/);
  assert.equal(
    (await page.textContent("#caption-left")).split(": ")[1],
    (await page.textContent("#caption-right")).split(": ")[1],
  );
  await page.setViewportSize({ width: 390, height: 844 });
  assert.deepEqual(
    await page.$$eval("#stage .caption", (list) =>
      list.map(({ clientHeight }) => clientHeight < 30),
    ),
    [true, true],
    "one line on a phone",
  );
  await page.setViewportSize({ width: 1280, height: 800 });
  assert.match(
    await page.textContent("#angle-verdict"),
    /has a reflection in \d+ of 20 \(\d+ to \d+ %\) steps/,
  );
  await axe(page);

  await change(page, "[value=released]");
  assert.ok((await off(page)) > 0.02, "released");
  assert.match(page.url(), /gamma=released/);
  assert.match(await page.textContent("#explained"), /in the other order/);
  await change(page, "[value=none]");
  assert.ok((await off(page)) > 0.02, "none");
  assert.equal(await page.isDisabled("#couple"), true);
  assert.match(await page.textContent("#angle-verdict"), /identity/);
  await change(page, "[value=haar]");
  assert.ok((await off(page)) < 1e-3, "haar");
  await change(page, "#couple");
  assert.ok((await off(page)) > 0.02, "uncoupled");
  assert.equal(await page.getAttribute("#verdict", "class"), "verdict ", "nothing was promised");
  assert.match(page.url(), /couple=0/);
  await close();
});

test("the noise is turned by sliders, presets and the pointer, before and after the model is there, and the address keeps it", async () => {
  const { page, close } = await open(browser, address("seed=6&atoms=9&t_start=600&steps=20&z=10"));
  const picture = async () => {
    const { x, y, width, height } = await page.locator("#view-right canvas").boundingBox();
    return page.screenshot({
      clip: { x: x + 2, y: y + 50, width: width - 4, height: height - 120 },
    });
  };
  const before = await picture();
  await page.focus("#x");
  for (let i = 0; i < 30; i++) await page.keyboard.press("ArrowRight");
  assert.match(page.url(), /z=10.*x=30&y=0/);
  assert.equal(await page.textContent("#x-value"), "30°");
  assert.notDeepEqual(await picture(), before, "the noise turns as the slider does");
  await page.click("[data-preset=mirror]");
  assert.match(page.url(), /mirror=1/);
  const box = await page.locator("#gizmo svg").boundingBox();
  await page.mouse.move(box.x + 50, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + 80, box.y + 70, { steps: 4 });
  await page.mouse.up();
  assert.equal(await page.isChecked("#mirror"), true, "a drag turns and does not mirror");
  assert.notEqual(await page.textContent("#y-value"), "0°");
  await generate(page);
  assert.ok((await off(page)) < 1e-3);
  const apart = await page.textContent("#apart");
  await page.reload();
  await generate(page);
  assert.equal(await page.textContent("#apart"), apart, "the address brings back both runs");
  await change(page, "[data-preset=quarter]");
  assert.equal(await off(page), 0, "a quarter turn swaps coordinates: not even rounding differs");
  await page.check("#back");
  assert.match(await page.textContent("#caption-right"), /rotated back/);
  assert.match(page.url(), /back=1/);
  await close();
});

test("the command makes the molecule on the right", async () => {
  const { page, close } = await open(
    browser,
    address("seed=11&atoms=8&t_start=600&steps=20&x=25&y=-40&mirror=1&order=released&couple=0"),
  );
  await generate(page);
  const right = (await page.textContent("#caption-right")).split(": ")[1];
  const words = (await page.textContent("#command")).split(" ");
  assert.ok(words.includes("--t-start"));
  const program = join(top, "build/e2e/symdiff");
  const out = join(top, "build/e2e/turned.xyz");
  build(program, "./trainer/cmd/symdiff");
  execFileSync(program, [...words.slice(1), "--out", out], { cwd: top });
  const text = readFileSync(out, "utf8");
  assert.match(text, new RegExp(`formula="?${right}"?`));
  assert.match(text, /uncoupled=true/);
  await close();
});

test("uncoupled, the distributions of gamma agree, and without gamma they do not", async () => {
  const { page, close } = await open(browser, address("seed=4&atoms=9&steps=20"));
  const draw = async () => {
    await page.click("#compare");
    await page.waitForFunction(() => document.querySelector("#spread-text").textContent !== "");
    return page.textContent("#spread-text");
  };
  assert.match(
    await draw(),
    /energy distance .* of 999 random divisions .*Stable: \d of 8 \(\d+ to \d+ %\) from x/,
  );
  assert.equal(await page.locator("#plane-chart .sample").count(), 16);
  // By chance it would say so once in a thousand times.
  assert.notEqual(await page.textContent("#spread-verdict"), "Two different distributions");
  await change(page, "[value=none]");
  assert.match(await draw(), /all 8 molecules of a side are the same.*None of 999/);
  assert.equal(await page.textContent("#spread-verdict"), "Two different distributions");
  await close();
});

test("cancel stops both runs, by Escape too, and a failure says what to do", async () => {
  const { page, close } = await open(browser, address("seed=2&atoms=24&steps=20"), {
    expected: /boom/,
  });
  await generate(page);
  await page.click("#more summary");
  await page.fill("#steps", "1000");
  await page.waitForSelector("#cancel:not([hidden])");
  await page.waitForFunction(() =>
    /^Step \d/.test(document.querySelector("#progress-text").textContent),
  );
  await page.keyboard.press("Escape");
  await page.waitForSelector("#start:not([hidden])");
  assert.equal(await page.textContent("#status"), "Cancelled.");
  await page.fill("#seed", "12x");
  await page.click("#start");
  assert.match(await page.textContent("#error"), /seed has to be a whole number/);
  await page.fill("#seed", "12");
  await page.waitForFunction(
    () =>
      /^Step \d/.test(document.querySelector("#progress-text").textContent) &&
      !document.querySelector("#cancel").hidden,
  );
  await page.workers()[1].evaluate(
    () =>
      void setTimeout(() => {
        throw new Error("boom");
      }),
  );
  await page.waitForFunction(() =>
    /stopped unexpectedly.*boom/.test(document.querySelector("#error").textContent),
  );
  await axe(page);
  await page.fill("#steps", "20");
  await generate(page);
  assert.equal(await page.isVisible("#error"), false);
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
  test(`screenshots: symmetry, ${name}`, async () => {
    const { page, close } = await open(
      browser,
      address("seed=3&atoms=16&steps=25", "webgl"),
      options,
    );
    await generate(page);
    await page.screenshot({ path: join(screenshots, `symmetry-${name}.png`), fullPage: true });
    const [content, width] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      innerWidth,
    ]);
    assert.equal(content, width, "nothing sticks out sideways");
    await close();
  });
}

test("the meter has the input variances that were measured, with their errors", async () => {
  const models = readdirSync(join(top, "core/weights")).filter((file) =>
    file.endsWith(".gamma.json"),
  );
  assert.ok(models.length > 0);
  for (const file of models) {
    const { rows, molecules } = JSON.parse(readFileSync(join(top, "core/weights", file), "utf8"));
    const of = (gamma) => rows.filter(({ kernel }) => kernel === gamma);
    const mean = (gamma) =>
      of(gamma).reduce((sum, { input_variance }) => sum + input_variance, 0) / of(gamma).length;
    const { page, close } = await open(
      browser,
      address(`model=${file.replace(".gamma.json", "")}`),
    );
    for (const gamma of ["learned", "haar"]) {
      await page.check(`input[name=kernel][value=${gamma}]`);
      const text = await page.textContent("#variance-text");
      const told = of(gamma).map(
        ({ t, input_variance: v, input_variance_error: e }) =>
          `${v.toFixed(2)} ± ${e.toFixed(2)} at t = ${t} T`,
      );
      assert.ok(
        told.length > 0 &&
          text.includes(
            `${told.join(", ")} (mean ± standard error over ${molecules} validation molecules)`,
          ),
        `${file}, ${gamma}: ${text}`,
      );
      assert.equal(
        text.includes("f has learned to rotate"),
        gamma === "learned" && mean("learned") < 0.9,
        text,
      );
      const widths = await page
        .locator("#variance-chart rect")
        .evaluateAll((all) => all.map((bar) => bar.getBBox().width));
      const errors = await page
        .locator("#variance-chart .error")
        .evaluateAll((all) => all.map((mark) => mark.getBBox().width / 2));
      const whole = await page
        .locator("#variance-chart .rule")
        .evaluateAll((all) => all.at(-1).x1.baseVal.value - all[0].x1.baseVal.value);
      of(gamma).forEach(({ input_variance, input_variance_error }, k) => {
        assert.ok(
          Math.abs(widths[k] / whole - input_variance) < 2e-3,
          `${file}, ${gamma}: bar ${k} is ${widths[k]} of ${whole}`,
        );
        assert.ok(
          Math.abs(errors[k] / whole - input_variance_error) < 2e-3,
          `${file}, ${gamma}: error ${k} is ${errors[k]} of ${whole}`,
        );
      });
    }
    await page.check("input[name=kernel][value=released]");
    assert.equal(await page.textContent("#variance-text"), "Not measured for this γ.");
    assert.equal(await page.locator("#variance-chart svg").count(), 0);
    await close();
  }
});
