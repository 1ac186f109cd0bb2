// The pages wherever they are opened: in a frame, without WebGL, on a phone, on another screen,
// with a wheel and with a finger.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before } from "node:test";
import { Molecule } from "openchemlib";
import { accessible } from "./axe.js";
import {
  endAll,
  fastWeights,
  generate,
  launch,
  open,
  screenshots,
  serve,
  test,
  top,
} from "./browser.js";
import { staticServer } from "./static.js";

let server;
let browser;
before(async () => {
  server = await serve();
  browser = await launch();
});
after(endAll);

const phone = {
  viewport: { width: 360, height: 740 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
};

/** Weights that are fast and good for nothing: most of what they make is broken. */
async function takeFast(page) {
  await page.setInputFiles("#own", fastWeights());
  await page.waitForFunction(() => document.querySelector("#model").value === "own");
}

/** Share of an element that lies within the window. */
const visible = (page, selector) =>
  page.locator(selector).evaluate((element) => {
    const { top, bottom, height } = element.getBoundingClientRect();
    return Math.max(0, Math.min(bottom, innerHeight) - Math.max(top, 0)) / height;
  });

for (const sandbox of ["allow-scripts allow-same-origin", "allow-scripts"]) {
  test(`in a frame with no forms, sandbox="${sandbox}", a click and Enter generate`, async () => {
    const frame = (src) =>
      `<iframe sandbox="${sandbox}" src="${server.url}${src}" width="640" height="480"></iframe>`;
    const lesson = `<!doctype html><title>A lesson</title><link rel="icon" href="data:,">${frame("?embed=1&seed=3&atoms=6&steps=20")}${frame("symmetry.html?seed=3&atoms=6&steps=20")}`;
    const outer = createServer((_, answer) =>
      answer.setHeader("Content-Type", "text/html").end(lesson),
    ).listen(0);
    const { page, close } = await open(browser, "about:blank", { expected: /^request to/ });
    await page.goto(`http://localhost:${outer.address().port}/`);
    const [main, symmetry] = page.frames().slice(1);
    await main.click("#generate");
    await main.waitForSelector("#result:not([hidden])");
    await main.fill("#seed", "4");
    await main.press("#seed", "Enter");
    await main.waitForFunction(() =>
      /^Seed 4,/.test(document.querySelector("#provenance").textContent),
    );
    await symmetry.click("#start");
    await symmetry.waitForFunction(() => /Å/.test(document.querySelector("#largest").textContent));
    await main.waitForFunction(() =>
      /openchemlib/.test(document.querySelector("#chemistry-note").textContent),
    ); // another worker
    await main.fill("#count", "3");
    await main.click("#generate");
    await main.waitForFunction(() => document.querySelectorAll(".gallery .card").length === 3);
    await close();
    outer.close();
  });
}

/**
 * A frame of the page on a site that is of the page's own origin, or of another; resolves to the
 * frame.
 */
async function framed(t, page, sandbox, sameOrigin, address) {
  const headers = { "Access-Control-Allow-Origin": "*" };
  const site = await staticServer(join(top, "build/site"), {
    headers,
    files: { "/lesson.html": () => lesson },
  });
  const iframe = `<iframe title="SymDiff" sandbox="${sandbox}" src="${site.url}${address}" width="700" height="700"></iframe>`;
  const lesson = `<!doctype html><html lang="en"><title>A lesson</title><link rel="icon" href="data:,"><main><h1>A lesson</h1>${iframe}</main>`;
  const other = await staticServer(top, { files: { "/lesson.html": lesson } });
  t.after(() => (site.close(), other.close()));
  await page.goto(`${sameOrigin ? site.url : other.url}lesson.html`);
  return { frame: page.frames()[1], url: site.url };
}

for (const [sandbox, sameOrigin, told] of [
  ["allow-scripts allow-same-origin", true, true],
  ["allow-scripts", true, false],
  ["allow-scripts allow-same-origin", false, false],
]) {
  const where = `sandbox="${sandbox}" on ${sameOrigin ? "its own" : "another"} site`;
  test(`a frame that may download nothing shows its files: ${where}`, async (t) => {
    const { page, close } = await open(browser, "about:blank", {
      expected:
        /^request to|Download is disallowed|can escape its sandboxing|Clipboard API has been/,
    });
    const { frame, url } = await framed(
      t,
      page,
      sandbox,
      sameOrigin,
      "?embed=1&seed=3&atoms=6&steps=20",
    );
    page.on("download", () => assert.fail("a download from such a frame"));
    await frame.click("#generate");
    await frame.waitForSelector("#result:not([hidden])");
    const shown = async (selector) => {
      await frame.click(selector);
      if (!told) await frame.click(".offer >> text=Show the file");
      return frame.waitForSelector("dialog[open]");
    };
    let dialog = await shown("[data-format=xyz]");
    assert.match(await dialog.$eval("textarea", (area) => area.value), /^6\n.*seed=3/);
    assert.match(
      await dialog.$eval("a", (link) => link.href),
      new RegExp(`^${url}\\?seed=3&atoms=6&(?!.*embed)`),
    );
    await frame.click("dialog button >> text=Copy");
    await frame.waitForSelector("dialog [role=status] >> text=/Copied|Selected/");
    if (sameOrigin) await accessible(page, where); // axe cannot look into the other frame
    await frame.click("dialog button >> text=Close");
    await frame.waitForSelector("dialog", { state: "detached" });
    for (const [selector, what] of [
      ["[data-format=png]", "img"],
      ["[data-format=webm]", "video"],
    ]) {
      dialog = await shown(selector);
      await frame.waitForFunction((what) => {
        // the picture or the film has come
        const made = document.querySelector(`dialog ${what}`);
        return (made.naturalWidth ?? made.videoWidth) > 0;
      }, what);
      await page.screenshot({ path: join(screenshots, `frame-${what}.png`) });
      await frame.click("dialog button >> text=Close");
    }
    await close();
  });
}

test("a frame that may download does, and shows nothing where it is known to", async (t) => {
  const { page, close } = await open(browser, "about:blank", {
    expected: /^request to|can escape its sandboxing/,
  });
  for (const sameOrigin of [true, false]) {
    const { frame } = await framed(
      t,
      page,
      "allow-scripts allow-same-origin allow-downloads",
      sameOrigin,
      "?embed=1&seed=3&atoms=6&steps=20",
    );
    await frame.click("#generate");
    await frame.waitForSelector("#result:not([hidden])");
    await Promise.all([page.waitForEvent("download"), frame.click("[data-format=xyz]")]);
    assert.equal(await frame.locator("dialog").count(), 0);
    assert.equal(await frame.locator(".offer").count(), sameOrigin ? 0 : 1);
  }
  await close();
});

test("in a sandbox without allow-same-origin, from a host that does not allow it, the page says why and where it is", async () => {
  const host = await staticServer(join(top, "build/site"));
  const { page, context } = await open(browser, "about:blank", { expected: /./ });
  const lesson = await staticServer(top, {
    files: {
      "/index.html": `<!doctype html><iframe sandbox="allow-scripts" src="${host.url}?embed=1&seed=3" width="640" height="480"></iframe>`,
    },
  });
  await page.goto(lesson.url);
  const frame = page.frames()[1];
  await frame.waitForSelector("#no-scripts");
  const text = await frame.textContent("#no-scripts");
  assert.match(
    text,
    /scripts of this page could not be loaded.*sandbox without allow-same-origin.*Access-Control-Allow-Origin: \*/,
  );
  assert.ok(text.includes(`${host.url}?embed=1&seed=3`), text);
  assert.equal(
    await frame.locator("#no-scripts a").getAttribute("href"),
    `${host.url}?embed=1&seed=3`,
  );
  assert.notEqual(
    await frame.locator("#no-scripts").evaluate((box) => getComputedStyle(box).paddingTop),
    "0px",
    "with styles",
  );
  await context.close();
  host.close();
  lesson.close();
});

for (const [width, height] of [
  [1440, 900],
  [1280, 800],
  [1920, 1080],
  [1000, 700],
  [390, 740],
]) {
  test(`a molecule of the gallery is shown where it can be seen: ${width} × ${height}`, async () => {
    const { page, close } = await open(browser, `${server.url}?seed=2&n=12&steps=20`, {
      viewport: { width, height },
    });
    await takeFast(page);
    await page.click("#generate");
    await page.waitForSelector("#generate:not([hidden])");
    await page.click(".gallery li:nth-child(12) .card");
    await page.waitForFunction(
      () => document.querySelector("#view canvas").getBoundingClientRect().top >= 0,
    );
    assert.ok((await visible(page, "#view canvas")) > 0.9, "the picture");
    if (width > 860) assert.equal(await visible(page, "#formula"), 1, "the formula");
    await page.locator("#gallery").scrollIntoViewIfNeeded();
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.click(".gallery li:nth-child(12) .card");
    await page.waitForFunction(
      () => document.querySelector("#view canvas").getBoundingClientRect().top >= 0,
    );
    assert.equal(await page.isVisible("#transport"), false, "one frame has no trajectory to play");
    await close();
  });
}

test("weight and formula are of the same molecule, and hydrogens that the drawing adds are counted", async () => {
  const { page, close } = await open(browser, `${server.url}?t_start=1000&steps=20`);
  await takeFast(page);
  const mass = { C: 12.011, H: 1.008, N: 14.007, O: 15.999, F: 18.998 };
  const hydrogens = (formula) => {
    const h = /H(\d*)/.exec(formula);
    return h ? Number(h[1] || 1) : 0;
  };
  const usual = "Drawing, SMILES and properties by openchemlib.";
  const adding = (n) =>
    `Drawing, SMILES, logP and TPSA by openchemlib. It adds ${n === 1 ? "a hydrogen that is" : `${n} hydrogens that are`} missing in this molecule.`;
  const seen = new Set();
  for (let seed = 1; seen.size < 3; seed++) {
    assert.ok(seed < 40, `of none, one and several missing hydrogens only ${[...seen]} were seen`);
    const formula = await generate(page, { seed });
    await page.waitForFunction(() =>
      /openchemlib/.test(document.querySelector("#chemistry-note").textContent),
    );
    const weight = [...formula.matchAll(/([A-Z])(\d*)/g)].reduce(
      (sum, [, e, n]) => sum + mass[e] * Number(n || 1),
      0,
    );
    assert.ok(
      Math.abs(parseFloat(await page.textContent("#weight")) - weight) < 0.05,
      `${formula}: ${await page.textContent("#weight")}`,
    );
    const added =
      hydrogens(
        Molecule.fromSmiles(await page.textContent("#smiles")).getMolecularFormula().formula,
      ) - hydrogens(formula);
    assert.equal(
      await page.textContent("#chemistry-note"),
      added ? adding(added) : usual,
      `seed ${seed}, ${formula}`,
    );
    seen.add(Math.min(2, added));
  }
  await close();
});

test("without WebGL the hints stand below each other", async () => {
  const plain = await launch(["--disable-3d-apis"]);
  const { page, close } = await open(plain, server.url, { expected: /WebGL|GroupMarker/ });
  await page.waitForSelector("#renderer:not([hidden])");
  const [one, two] = await page.$$eval(".hint > p", (all) =>
    all.map((p) => p.getBoundingClientRect().toJSON()),
  );
  assert.ok(two.top >= one.bottom, `${two.top} is below ${one.bottom}`);
  await page.screenshot({ path: join(screenshots, "without-webgl.png") });
  await close();
});

test("legend, hints and tools stand apart, however wide the window is", async () => {
  const { page, close } = await open(browser, server.url);
  await page.waitForSelector(".legend li");
  for (const width of [320, 390, 721, 768, 860, 1000]) {
    await page.setViewportSize({ width, height: 800 });
    const boxes = await page.$$eval(".legend, .hint, .tools, .transport", (all) =>
      all
        .filter((part) => part.checkVisibility())
        .map((part) => part.getBoundingClientRect().toJSON()),
    );
    assert.ok(boxes.length >= 3, `${width}`);
    for (const [k, a] of boxes.entries())
      for (const b of boxes.slice(k + 1))
        assert.ok(
          a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top,
          `${width}: ${JSON.stringify([a, b])}`,
        );
  }
  await close();
});

test("a wheel over the picture scrolls the page; with Ctrl, or after a click, it zooms", async () => {
  const { page, close } = await open(browser, server.url);
  await page.waitForFunction(() =>
    document.querySelector("#caption").textContent.startsWith("Example, made earlier"),
  );
  const box = await page.locator("#view canvas").boundingBox();
  const scrolled = () => page.evaluate(() => scrollY);
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.wheel(0, 200);
  await page.waitForFunction(() => scrollY > 100);
  await page.evaluate(() => scrollTo(0, 0));
  const picture = async () => (await page.locator("#view canvas").screenshot()).toString("base64");
  const far = await picture();
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -200);
  await page.keyboard.up("Control");
  await page.waitForTimeout(300);
  assert.equal(await scrolled(), 0);
  const near = await picture();
  assert.notEqual(near, far);
  await page.mouse.click(box.x + 20, box.y + box.height / 2);
  await page.mouse.wheel(0, 200);
  await page.waitForTimeout(300);
  assert.equal(await scrolled(), 0);
  assert.notEqual(await picture(), near);
  await close();
});

test("a wheel over the picture in a frame scrolls the page around it", async () => {
  const around = `<!doctype html><title>A lesson</title><link rel="icon" href="data:,"><iframe src="${server.url}?embed=1" width="640" height="480"></iframe><p style="height:3000px">`;
  const outer = createServer((_, answer) =>
    answer.setHeader("Content-Type", "text/html").end(around),
  ).listen(0);
  const { page, close } = await open(browser, "about:blank", { expected: /^request to/ });
  await page.goto(`http://localhost:${outer.address().port}/`);
  const box = await page.frames()[1].locator("#view canvas").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const scrolled = () => page.evaluate(() => scrollY > 100);
  for (let k = 0; k < 20 && !(await scrolled()); k++) {
    await page.mouse.wheel(0, 200);
    await page.waitForTimeout(300);
  }
  assert.ok(await scrolled());
  await close();
  outer.close();
});

test("a finger that swipes up on the picture scrolls the page", async () => {
  const { page, context, close } = await open(browser, server.url, phone);
  const box = await page.locator("#view canvas").boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height - 40];
  const devtools = await context.newCDPSession(page);
  const touch = (type, ...touchPoints) =>
    devtools.send("Input.dispatchTouchEvent", { type, touchPoints });
  await touch("touchStart", { x, y });
  for (let k = 1; k <= 10; k++) await touch("touchMove", { x, y: y - 20 * k });
  await touch("touchEnd");
  await page.waitForFunction(() => scrollY > 100);
  await close();
});

test("on a screen of another resolution the picture is drawn anew", async () => {
  const { page, context, close } = await open(browser, server.url);
  await page.waitForFunction(() =>
    document.querySelector("#caption").textContent.startsWith("Example, made earlier"),
  );
  const width = () => page.$eval("#view canvas", (canvas) => canvas.width);
  const before = await width();
  const devtools = await context.newCDPSession(page);
  for (const deviceScaleFactor of [2, 1]) {
    await devtools.send("Emulation.setDeviceMetricsOverride", {
      width: 1280,
      height: 800,
      deviceScaleFactor,
      mobile: false,
    });
    await page.emulateMedia({
      reducedMotion: deviceScaleFactor === 1 ? "reduce" : "no-preference",
    }); // emulation asks media queries only then
    await page.waitForFunction(
      (wanted) => Math.abs(document.querySelector("#view canvas").width - wanted) <= 1,
      before * deviceScaleFactor,
    );
  }
  await close();
});

test("tables of the model card use the room there is, and on a phone the link of the page is in sight", async () => {
  const wide = await open(browser, `${server.url}model.html`, {
    viewport: { width: 1440, height: 900 },
  });
  const cut = await wide.page.$$eval(".scroll:has(table)", (all) =>
    all
      .filter((box) => box.scrollWidth > box.clientWidth)
      .map((box) => `${box.scrollWidth} in ${box.clientWidth}`),
  );
  assert.deepEqual(cut, []);
  await wide.close();
  const small = await open(browser, `${server.url}model.html`, phone);
  const { left, right } = await small.page.$eval("nav [aria-current]", (link) =>
    link.getBoundingClientRect().toJSON(),
  );
  assert.ok(left >= 0 && right < 361, `from ${left} to ${right}`);
  await small.close();
});

for (const colorScheme of ["light", "dark"]) {
  test(`on paper the picture is there, in light colours: ${colorScheme}`, async () => {
    const { page, close } = await open(browser, `${server.url}?seed=7&atoms=12`, { colorScheme });
    await generate(page);
    await page.waitForFunction(() =>
      /openchemlib/.test(document.querySelector("#chemistry-note").textContent),
    );
    const pdf = await page.pdf({
      path: join(screenshots, `print-${colorScheme}.pdf`),
      format: "A4",
    });
    assert.match(pdf.toString("latin1"), /\/Subtype \/Image\s[^>]*\/Width 1600/, "the picture");
    await page.emulateMedia({ media: "print", colorScheme });
    await page.setViewportSize({ width: 720, height: 1000 });
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    await accessible(page, "on paper");
    assert.equal(
      await page.evaluate(() => getComputedStyle(document.body).color),
      "rgb(18, 23, 26)",
    );
    const drawn = await page.$eval("#view .on-paper", (copy) => {
      const { data } = copy.getContext("2d").getImageData(0, 0, copy.width, copy.height);
      return data.filter((value, k) => k % 4 === 3 && value > 200).length / (data.length / 4);
    });
    assert.ok(drawn > 0.02, `${drawn} of the picture is drawn`);
    await page.screenshot({ path: join(screenshots, `print-${colorScheme}.png`), fullPage: true });
    await page.evaluate(() => dispatchEvent(new Event("afterprint")));
    assert.equal(
      await page.locator(".on-paper:visible").count(),
      1,
      "the structural formula alone",
    );
    await close();
  });
}

for (const [address, pictures, results] of [
  ["how.html", ["#noisy", "#noised"], "h1, h2, #curves svg, .slider output, .question"],
  [
    "symmetry.html",
    ["#view-left", "#view-right"],
    "h1, .caption, .card h2, .card svg, #explained, #verdict, #command",
  ],
  ["explore.html", ["#view-left"], "h1, #caption-left, #family-text, #command"],
]) {
  test(`${address}: pictures that were never in sight are whole on paper`, async () => {
    const { page, close } = await open(browser, server.url + address, {
      viewport: { width: 1280, height: 200 },
    });
    for (const id of pictures)
      await page.waitForFunction(
        (id) => !/^Nothing/.test(document.querySelector(`${id} canvas`).ariaLabel),
        id,
      );
    await page.emulateMedia({ media: "print" });
    for (const id of pictures) {
      const copy = await page.waitForSelector(`${id} .on-paper`);
      const [share, cut] = await copy.evaluate((copy) => {
        const { width, height } = copy;
        const { data } = copy.getContext("2d").getImageData(0, 0, width, height);
        const painted = data.filter((value, k) => k % 4 === 3 && value > 200);
        const edge = [...data.subarray(0, 4 * width), ...data.subarray(-4 * width)].filter(
          (value, k) => k % 4 === 3 && value > 200,
        );
        return [painted.length / (width * height), edge.length];
      });
      assert.ok(share > 0.01, `${share} of ${id} is drawn`);
      assert.equal(cut, 0, `${id} is cut off`);
    }
    await page.setViewportSize({ width: 720, height: 1000 });
    assert.equal(
      await page.locator(results).filter({ visible: true }).count(),
      await page.locator(results).count(),
      "the results",
    );
    for (const [wide, room] of await page.$$eval("#command", (all) =>
      all.map((code) => [code.scrollWidth, code.clientWidth]),
    )) {
      assert.ok(wide <= room, `the command has ${wide} of ${room} px`);
    }
    await page.screenshot({
      path: join(screenshots, `print-${address.replace(".html", "")}.png`),
      fullPage: true,
    });
    await page.emulateMedia({ media: "screen" });
    await page.waitForFunction(() => !document.querySelector("canvas.on-paper"));
    await close();
  });
}

test("no page has a control on paper, whatever is open", async () => {
  const controls =
    ":is(input, select, textarea, progress, fieldset, label:not(.slider), button:not(.card, .node)):visible";
  for (const address of readdirSync(join(top, "build/site")).filter((name) =>
    name.endsWith(".html"),
  )) {
    const { page, close } = await open(browser, server.url + address, {
      viewport: { width: 720, height: 1000 },
      advanced: false,
    });
    await page.waitForSelector("#offline"); // its scripts have begun
    await page.emulateMedia({ media: "print" });
    assert.equal(
      await page.locator("details:not([open])").filter({ visible: true }).count(),
      0,
      `${address}: closed details`,
    );
    await page.evaluate(() => {
      for (const part of document.querySelectorAll("[hidden]")) part.hidden = false;
      for (const part of document.querySelectorAll("details")) part.open = true;
    });
    const printed = await page
      .locator(controls)
      .evaluateAll((all) => all.map((control) => control.outerHTML.slice(0, 80)));
    assert.deepEqual(printed, [], address);
    await page.emulateMedia({ media: "screen" });
    assert.ok(
      (await page.locator(controls).count()) > 0,
      `${address}: on the screen there are controls`,
    );
    await close();
  }
});

test("over plain http within a house the page generates, and copies", async () => {
  const lan = await launch(["--host-resolver-rules=MAP page.lan 127.0.0.1"]);
  const { port } = new URL(server.url);
  const { page, close } = await open(lan, `http://page.lan:${port}/?seed=42&atoms=14`);
  assert.equal(await page.evaluate(() => isSecureContext), false);
  await generate(page);
  assert.match(await page.textContent("#provenance"), /^Seed 42, .* weights qm9-web [0-9a-f]{12}$/);
  const pasted = async (press) => {
    await press();
    await page.evaluate(() =>
      document.body.prepend(Object.assign(document.createElement("textarea"), { id: "pasted" })),
    );
    await page.focus("#pasted");
    await page.keyboard.press("Control+V");
    return page.inputValue("#pasted");
  };
  assert.match(
    await pasted(() =>
      page
        .click("#copy-link >> text=Copy link")
        .then(() => page.waitForSelector("#copy-link >> text=Copied")),
    ),
    /seed=42/,
  );
  await page.goto(`http://page.lan:${port}/symmetry.html`);
  assert.match(
    await pasted(() =>
      page.click("#copy").then(() => page.waitForSelector("#status >> text=Copied")),
    ),
    /^symdiff /,
  );
  await page.evaluate(() => (document.execCommand = () => false)); // as where a policy forbids it
  await page.click("#copy");
  assert.equal(await page.textContent("#status"), "Selected.");
  await page.goto(`http://page.lan:${port}/?seed=42&atoms=14`);
  await generate(page);
  await page.evaluate(() => (document.execCommand = () => false));
  await page.click("#copy-link");
  assert.match(await page.inputValue("dialog textarea"), /seed=42/);
  await close();
});
