// The element <symdiff-viewer> on pages of all kinds, from the package as it is built.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { accessible } from "./axe.js";
import {
  downloadBytes,
  endAll,
  launch,
  launchKeeping,
  leaveAndReturn,
  open,
  screenshots,
  test,
  top,
} from "./browser.js";
import { staticServer } from "./static.js";

const water = "3\n\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n";
const hydrogen = "2\n\nH 0 0 0\nH 0.74 0 0\n";
const methane =
  "5\n\nC 0 0 0\nH 0.63 0.63 0.63\nH -0.63 -0.63 0.63\nH -0.63 0.63 -0.63\nH 0.63 -0.63 -0.63\n";
const salt = "8\n\nCl 0 0 0\nS 3 0 0\nP 6 0 0\nBr 9 0 0\nSi 0 3 0\nI 3 3 0\nNa 6 3 0\nB 9 3 0\n";
let browser;
let release;

before(async () => (browser = await launch()));
after(endAll);

const html = (body) =>
  `<!doctype html><html lang="en"><title>Test</title><link rel="icon" href="data:,"><script type="module" src="/viewer.js"></script><body><main><h1>Test</h1>${body}</main></body></html>`;

/** A page with this body; what is in `files` is served beside the package. */
async function onPage(t, body, { files = {}, browser: own = browser, ...options } = {}) {
  const server = await staticServer(join(top, "build/npm"), {
    files: {
      "/index.html": html(body),
      "/water.xyz": water,
      "/methane.xyz": methane,
      "/slow.xyz": () => new Promise((resolve) => (release = () => resolve(methane))),
      ...files,
    },
  });
  t.after(() => server.close());
  return { server, ...(await open(own, server.url, options)) };
}

const status = (id) =>
  `document.querySelector("#${id}").shadowRoot.querySelector(".status").textContent`;
const says = (page, id, text) => page.waitForFunction(`${status(id)} === ${JSON.stringify(text)}`);

/** Whether the picture of an element holds anything. */
const drawn = (page, id) =>
  page.waitForFunction((id) => {
    const canvas = document.querySelector(id).shadowRoot.querySelector("canvas");
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {
      willReadFrequently: true,
    });
    copy.drawImage(canvas, 0, 0);
    return copy
      .getImageData(0, 0, canvas.width, canvas.height)
      .data.some((v, i) => i % 4 === 3 && v > 0);
  }, `#${id}`);

const picture = (page, id) =>
  page.evaluate(
    (id) => document.querySelector(id).shadowRoot.querySelector("canvas").toDataURL(),
    `#${id}`,
  );

/** Waits until the picture is another one. */
const changes = (page, id, before) =>
  page.waitForFunction(
    ([id, before]) =>
      document.querySelector(id).shadowRoot.querySelector("canvas").toDataURL() !== before,
    [`#${id}`, before],
  );

/** Counts contexts of WebGL from here on. */
const counting = () => {
  window.contexts = new Set();
  const { getContext } = HTMLCanvasElement.prototype;
  HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    const context = getContext.call(this, kind, ...rest);
    if (kind === "webgl2" && context) window.contexts.add(context);
    return context;
  };
};

test("forty viewers draw with one context, and go on when others come and go", async (t) => {
  const server = await staticServer(join(top, "build/npm"), {
    files: {
      "/index.html": html(
        Array.from(
          { length: 40 },
          (_, k) =>
            `<symdiff-viewer id="v${k}" src="water.xyz" style="width:120px;height:120px;display:inline-block"></symdiff-viewer>`,
        ).join(""),
      ),
      "/water.xyz": water,
      "/empty.html": html(""),
    },
  });
  t.after(() => server.close());
  const { page, close } = await open(browser, `${server.url}empty.html`, {
    viewport: { width: 1400, height: 900 },
  });
  await page.addInitScript(counting);
  await page.goto(server.url);
  for (const k of [0, 20, 39]) (await says(page, `v${k}`, "H2O"), await drawn(page, `v${k}`));
  assert.equal(await page.evaluate(() => window.contexts.size), 1);
  await page.evaluate(async (text) => {
    for (let k = 0; k < 30; k++) {
      const viewer = document.createElement("symdiff-viewer");
      document.body.prepend(viewer);
      await viewer.show(text);
      viewer.remove();
    }
  }, water);
  const before = await picture(page, "v0");
  await page.focus("#v0 canvas");
  await page.keyboard.press("ArrowRight");
  await changes(page, "v0", before);
  await drawn(page, "v0");
  assert.equal(await page.evaluate(() => window.contexts.size), 1);
  assert.equal(await page.evaluate(() => [...window.contexts][0].isContextLost()), false);
  await close();
});

test("a lost context is replaced by Canvas 2D until it comes back", async (t) => {
  const { page, close, server } = await onPage(
    t,
    `<symdiff-viewer id="v" src="water.xyz"></symdiff-viewer>`,
  );
  await page.addInitScript(counting);
  await page.goto(server.url);
  await says(page, "v", "H2O");
  await drawn(page, "v");
  const before = await picture(page, "v");
  await page.evaluate(() => {
    window.loss = [...window.contexts][0].getExtension("WEBGL_lose_context");
    window.loss.loseContext();
  });
  await changes(page, "v", before);
  await drawn(page, "v");
  await page.evaluate(() => window.loss.restoreContext());
  await page.waitForFunction(
    ([before]) =>
      document.querySelector("#v").shadowRoot.querySelector("canvas").toDataURL() === before,
    [before],
  );
  await close();
});

for (const [how, style, width, height] of [
  ["a block", "display:block;width:300px;height:200px", 298, 200],
  ["an inline block with a size", "display:inline-block;width:260px;height:260px", 258, 260],
  ["a flexible item", "display:flex;width:300px;height:240px", 298, 240],
  ["a ratio of its sides", "height:auto;width:320px;aspect-ratio:4/3", 318, 240],
  ["nothing said", "", undefined, 360],
]) {
  test(`the element fills the box that CSS makes of it: ${how}`, async (t) => {
    const { page, close } = await onPage(
      t,
      `<style>symdiff-viewer{${style}}</style><symdiff-viewer id="v" src="water.xyz"></symdiff-viewer>`,
    );
    await says(page, "v", "H2O");
    await drawn(page, "v");
    const host = await page.locator("#v").boundingBox();
    const canvas = await page.locator("#v canvas").boundingBox();
    assert.ok(Math.abs(host.height - height) <= 2, `${host.height}`);
    if (width) assert.ok(Math.abs(canvas.width - width) <= 2, `${canvas.width}`);
    assert.ok(
      canvas.height > 0.5 * host.height && canvas.height < host.height,
      `${canvas.height} of ${host.height}`,
    );
    await close();
  });
}

test("an element in a hidden part of the page draws when that is shown", async (t) => {
  const { page, close } = await onPage(
    t,
    `<div id="tab" hidden><symdiff-viewer id="v" src="water.xyz"></symdiff-viewer></div>`,
  );
  await says(page, "v", "H2O");
  await page.evaluate(() => (document.querySelector("#tab").hidden = false));
  await drawn(page, "v");
  await close();
});

test("an element can be used before it is on the page", async (t) => {
  const { page, close } = await onPage(t, "");
  await page.waitForFunction(() => customElements.get("symdiff-viewer"));
  const result = await page.evaluate(async (text) => {
    const viewer = Object.assign(document.createElement("symdiff-viewer"), { id: "v" });
    const molecules = [];
    viewer.addEventListener("molecule", ({ detail }) => molecules.push(detail.formula));
    viewer.setAttribute("seed", "7");
    viewer.setAttribute("atoms", "9");
    viewer.setAttribute("steps", "2");
    viewer.setAttribute("representation", "stick");
    const made = await viewer.generate();
    viewer.removeAttribute("atoms");
    viewer.setAttribute("formula", "C2H6O");
    await viewer.generate();
    const shown = await viewer.show(text);
    document.body.append(viewer);
    return { made: made.formula, molecules, shown };
  }, water);
  assert.deepEqual(result, { made: result.molecules[0], molecules: result.molecules, shown: true });
  assert.equal(result.molecules[1], "C2H6O");
  await says(page, "v", "H2O");
  await drawn(page, "v");
  await close();
});

test("an element that is moved goes on as it is", async (t) => {
  const { page, server, close } = await onPage(
    t,
    `<section></section><symdiff-viewer id="v" src="water.xyz"></symdiff-viewer><symdiff-viewer id="g" seed="7" atoms="9" steps="40"></symdiff-viewer>`,
  );
  await says(page, "v", "H2O");
  const formula = await page.evaluate(async () => {
    const made = document.querySelector("#g").generate();
    document
      .querySelector("section")
      .append(document.querySelector("#v"), document.querySelector("#g"));
    return (await made)?.formula;
  });
  assert.match(formula, /^C/);
  await drawn(page, "v");
  assert.equal(server.asked.filter((name) => name === "/water.xyz").length, 1);
  await close();
});

test("the latest of what is asked for is shown, whatever comes first", async (t) => {
  const { page, close } = await onPage(
    t,
    `<symdiff-viewer id="v" src="slow.xyz"></symdiff-viewer>`,
  );
  await says(page, "v", "Fetching the file");
  await page.evaluate(() => document.querySelector("#v").setAttribute("src", "water.xyz"));
  await says(page, "v", "H2O");
  release();
  const shown = await page.evaluate(
    async ([one, other]) => {
      const viewer = document.querySelector("#v");
      return Promise.all([
        viewer.show(one),
        viewer.show(other),
        document.createElement("symdiff-viewer").show(one),
      ]);
    },
    [methane, hydrogen],
  );
  assert.deepEqual(shown, [false, true, true]);
  await says(page, "v", "H2");
  await close();
});

for (const when of ["a run", "a download"]) {
  test(`a page that is left during ${when} goes on when one comes back`, async (t) => {
    const keeping = await launchKeeping();
    t.after(() => keeping.close());
    const weights = readFileSync(join(top, "build/npm/qm9-web.safetensors"));
    let come;
    const waiting = new Promise((resolve) => (come = () => resolve(weights)));
    if (when === "a run") come();
    const { server, page, close } = await onPage(
      t,
      '<symdiff-viewer id="v" seed="7" steps="200"></symdiff-viewer>',
      {
        files: {
          "/other.html":
            '<!doctype html><title>Other</title><link rel="icon" href="data:,"><p>Other</p>',
          "/qm9-web.safetensors": () => waiting,
        },
        browser: keeping,
      },
    );
    await page.click("#v .bar button");
    if (when === "a run") await page.waitForFunction(`/^Step \\d+ of 200/.test(${status("v")})`);
    else while (!server.asked.includes("/qm9-web.safetensors")) await page.waitForTimeout(100);
    const kept = await leaveAndReturn(page, `${server.url}other.html`);
    come();
    t.diagnostic(kept ? "kept by Chromium" : "loaded anew by Chromium"); // as it does with a request under way, and where it has no time
    if (!kept) await page.click("#v .bar button");
    await page.waitForFunction(`/^C\\w*, /.test(${status("v")})`);
    await close();
  });
}

test("where something cannot be fetched, the error has its address and a code", async (t) => {
  const { page, close, server } = await onPage(t, `<symdiff-viewer id="v"></symdiff-viewer>`, {
    expected: /404|http:\/\/localhost:1|ERR_/,
  });
  const trouble = (src) =>
    page.evaluate(
      (src) =>
        new Promise((resolve) => {
          const viewer = document.querySelector("#v");
          viewer.addEventListener("trouble", ({ detail }) => resolve(detail), { once: true });
          viewer.setAttribute("src", src);
        }),
      src,
    );
  await page.waitForFunction(status("v"));
  assert.deepEqual(await trouble("nope.xyz"), {
    code: "fetch",
    message: `${server.url}nope.xyz: HTTP 404`,
  });
  const { code, message } = await trouble("http://localhost:1/a.xyz");
  assert.equal(code, "fetch");
  assert.match(message, /^http:\/\/localhost:1\/a\.xyz: .*CORS/);
  assert.equal((await trouble("http://")).message, 'src: "http://" is not a URL');
  await page.evaluate(() => document.querySelector("#v").setAttribute("seed", "seven"));
  const failure = await page.evaluate(() =>
    document
      .querySelector("#v")
      .generate()
      .catch(({ name, code, message }) => ({ name, code, message })),
  );
  assert.deepEqual(failure, {
    name: "SymDiffError",
    code: "options",
    message: 'seed: expected a whole number from 0, have "seven"',
  });
  await close();
});

test("the wheel scrolls the page, and zooms with Ctrl or after a click; swipes scroll until the picture is tapped", async (t) => {
  const { page, close } = await onPage(
    t,
    `<symdiff-viewer id="v" src="methane.xyz"></symdiff-viewer><div style="height:3000px"></div>`,
  );
  await says(page, "v", "CH4");
  await drawn(page, "v");
  const action = () =>
    page.evaluate(
      () =>
        getComputedStyle(document.querySelector("#v").shadowRoot.querySelector("canvas"))
          .touchAction,
    );
  const { x, y, width, height } = await page.locator("#v canvas").boundingBox();
  const over = () => page.mouse.move(x + 8, y + height / 2);
  await over();
  assert.equal(await action(), "pan-y");
  await page.mouse.wheel(0, 120);
  await page.waitForFunction(() => scrollY > 50);
  await page.evaluate(() => scrollTo(0, 0));
  await page.waitForTimeout(2500); // the hint is gone
  let before = await picture(page, "v");
  await over();
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -120);
  await page.keyboard.up("Control");
  await changes(page, "v", before);
  assert.equal(await page.evaluate(() => scrollY), 0);
  await page.mouse.click(x + 8, y + height / 2);
  assert.equal(await action(), "none");
  before = await picture(page, "v");
  await page.mouse.wheel(0, 120);
  await changes(page, "v", before);
  assert.equal(await page.evaluate(() => scrollY), 0);
  await page.mouse.move(x + width / 2, y + height + 150);
  assert.equal(await action(), "pan-y");
  await close();
});

test("the picture is as fine as the screen, also when it is moved to another", async (t) => {
  const { page, context, close } = await onPage(
    t,
    `<symdiff-viewer id="v" src="water.xyz"></symdiff-viewer>`,
  );
  await says(page, "v", "H2O");
  await drawn(page, "v");
  const width = () =>
    page.evaluate(() => document.querySelector("#v").shadowRoot.querySelector("canvas").width);
  const before = await width();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Emulation.setDeviceMetricsOverride", {
    width: 1280,
    height: 800,
    deviceScaleFactor: 2,
    mobile: false,
  });
  await page.emulateMedia({ reducedMotion: "no-preference" }); // emulation asks media queries only then
  await page.waitForFunction(
    (wanted) => document.querySelector("#v").shadowRoot.querySelector("canvas").width === wanted,
    2 * before,
  );
  await close();
});

test("atoms have names, and clicks measure", async (t) => {
  const { page, close } = await onPage(t, `<symdiff-viewer id="v"></symdiff-viewer>`);
  await page.waitForFunction(status("v"));
  await page.evaluate((text) => document.querySelector("#v").show(text), hydrogen);
  await drawn(page, "v");
  const { x, y, width, height } = await page.locator("#v canvas").boundingBox();
  const middle = [x + width / 2, y + height / 2];
  const left = [middle[0] - 20, middle[1]];
  const right = [middle[0] + 20, middle[1]];
  const before = await picture(page, "v");
  await page.mouse.move(...left);
  await changes(page, "v", before); // its name is written beside it
  await page.mouse.click(...left);
  await page.waitForFunction(`/^H[12]$/.test(${status("v")})`);
  await page.mouse.click(...right);
  await page.waitForFunction(`/^H[12]–H[12] 0\\.740 Å$/.test(${status("v")})`);
  await page.keyboard.press("Escape");
  await says(page, "v", "H2");
  await close();
});

test("the picture is drawn as asked, spins, and is saved without background at twice and four times its size", async (t) => {
  const { page, close } = await onPage(
    t,
    `<symdiff-viewer id="v" src="methane.xyz" style="width:400px;height:300px"></symdiff-viewer>`,
  );
  await says(page, "v", "CH4");
  await drawn(page, "v");
  const seen = new Set([await picture(page, "v")]);
  await page.click("#v .tools summary");
  await accessible(page, "symdiff-viewer");
  for (const how of ["stick", "space-filling"]) {
    const before = await picture(page, "v");
    await page.check(`#v input[value=${how}]`);
    await changes(page, "v", before);
    seen.add(await picture(page, "v"));
    assert.equal(await page.evaluate(() => document.querySelector("#v").representation), how);
  }
  assert.equal(seen.size, 3);
  const canvas = await page.locator("#v canvas").boundingBox();
  for (const scale of [2, 4]) {
    const { name, bytes } = await downloadBytes(
      page,
      `#v .tools-files button:nth-child(${scale / 2})`,
    );
    assert.equal(name, `CH4@${scale}x.png`);
    const [wide, high] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
    assert.ok(
      Math.abs(wide - scale * canvas.width) <= scale &&
        Math.abs(high - scale * canvas.height) <= scale,
      `${wide} × ${high}`,
    );
    assert.equal(bytes[25], 6, "with an alpha channel");
    const corner = await page.evaluate(
      async (url) => {
        const image = await createImageBitmap(await (await fetch(url)).blob());
        const context = new OffscreenCanvas(image.width, image.height).getContext("2d", {
          willReadFrequently: true,
        });
        context.drawImage(image, 0, 0);
        return [
          context.getImageData(0, 0, 1, 1).data[3],
          context.getImageData(image.width / 2, image.height / 2, 1, 1).data[3],
        ];
      },
      `data:image/png;base64,${bytes.toString("base64")}`,
    );
    assert.deepEqual(corner, [0, 255]);
  }
  const still = await picture(page, "v");
  await page.evaluate(() => document.querySelector("#v").setAttribute("spin", ""));
  await changes(page, "v", still);
  await page.evaluate(() => document.querySelector("#v").removeAttribute("spin"));
  await close();
});

test("files with charges and aromatic rings have their Lewis structure, as SDF and as XYZ", async (t) => {
  const records = readFileSync(join(top, "core/molecule/testdata/lewis.sdf"), "utf8")
    .split("$$$$\n")
    .filter(Boolean);
  const wanted = [
    "aspirin",
    "nitrobenzene",
    "betaine",
    "sulfonamide",
    "phosphate",
    "imidazolium",
    "thiophene",
    "penicillin",
    "chlorobenzene with bromine and iodine",
  ];
  const stated = records.map(parse).filter(({ name }) => wanted.includes(name));
  assert.equal(stated.length, wanted.length);
  const { page, close } = await onPage(t, `<symdiff-viewer id="v"></symdiff-viewer>`, {
    files: {
      "/drugs.sdf": stated.map(({ record }) => `${record}$$$$\n`).join(""),
      "/drugs.xyz": stated.map(toXYZ).join(""),
    },
  });
  await page.waitForFunction(status("v"));
  for (const name of ["drugs.sdf", "drugs.xyz"]) {
    const found = await page.evaluate(async (name) => {
      const [{ readMolecules }, { qm9Web }] = await Promise.all([
        import("/index.js"),
        import("/qm9-web.js"),
      ]);
      return readMolecules(await (await fetch(name)).text(), { ...qm9Web, name });
    }, name);
    found.forEach(({ bonds, sdf }, k) => {
      const want = stated[k];
      const text = `${name}, ${want.name}`;
      assert.deepEqual(
        bonds.map(({ i, j }) => [i, j]),
        want.bonds.map(([i, j]) => [i, j]),
        text,
      );
      const doubles = want.elements.map(() => 0);
      bonds.forEach(({ i, j, order }, b) => {
        const [, , type] = want.bonds[b];
        if (type !== 4) assert.equal(order, type, `${text}: bond ${i}-${j}`);
        else for (const atom of [i, j]) doubles[atom] += order - 1;
      });
      assert.ok(Math.max(...doubles) <= 1, `${text}: one double bond of an atom in a ring`);
      const read = parse(sdf);
      assert.deepEqual(
        read.bonds,
        bonds.map(({ i, j, order }) => [i, j, order]),
        text,
      );
      assert.deepEqual(read.charges, want.charges, text);
    });
  }
  await page.evaluate((text) => document.querySelector("#v").show(text, "a.sdf"), stated[7].record);
  await drawn(page, "v");
  await close();
});

/** What a V2000 record states. */
function parse(record) {
  const lines = record.split("\n");
  const [atoms, bonds] = [lines[3].slice(0, 3), lines[3].slice(3, 6)].map(Number);
  const rows = lines.slice(4, 4 + atoms);
  const numbers = (text) => text.match(/.../g).map(Number);
  return {
    record,
    name: lines[0],
    elements: rows.map((row) => row.slice(31, 34).trim()),
    positions: rows.map((row) => row.slice(0, 30)),
    bonds: lines
      .slice(4 + atoms, 4 + atoms + bonds)
      .map((row) => numbers(row.slice(0, 9)))
      .map(([i, j, order]) => [i - 1, j - 1, order]),
    charges: lines
      .filter((line) => line.startsWith("M  CHG"))
      .flatMap((line) =>
        line
          .slice(9)
          .match(/.{8}/g)
          .map((pair) => pair.trim().split(/ +/).map(Number)),
      ),
  };
}

function toXYZ({ elements, positions, charges }) {
  const rows = elements.map((symbol, i) => `${symbol} ${positions[i]}\n`);
  return `${elements.length}\ncharge=${charges.reduce((sum, [, q]) => sum + q, 0)}\n${rows.join("")}`;
}

test("elements beyond those of QM9 differ in colour and size", async (t) => {
  const { page, close } = await onPage(
    t,
    `<symdiff-viewer id="v" style="height:420px"></symdiff-viewer>`,
  );
  await page.waitForFunction(status("v"));
  await page.evaluate((text) => document.querySelector("#v").show(text), salt);
  await drawn(page, "v");
  await page.screenshot({ path: join(screenshots, "elements.png") });
  await close();
});

test("a picture can be printed, in light colours", async (t) => {
  const { page, close } = await onPage(
    t,
    `<symdiff-viewer id="v" src="water.xyz"></symdiff-viewer>`,
    { colorScheme: "dark" },
  );
  await says(page, "v", "H2O");
  await drawn(page, "v");
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  const share = await page.locator("#v .on-paper").evaluate((copy) => {
    const { data } = copy.getContext("2d").getImageData(0, 0, copy.width, copy.height);
    return data.filter((value, k) => k % 4 === 3 && value > 200).length / (data.length / 4);
  });
  assert.ok(share > 0.02, `${share}`);
  await page.evaluate(() =>
    document
      .querySelector("#v")
      .shadowRoot.querySelectorAll("[hidden]")
      .forEach((part) => (part.hidden = false)),
  );
  const controls = page.locator("#v :is(button, input, select, summary)").filter({ visible: true });
  assert.ok((await controls.count()) > 4);
  await page.emulateMedia({ media: "print" });
  assert.equal(await controls.count(), 0, "controls on paper");
  await page.emulateMedia({ media: "screen" });
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  assert.equal(await page.locator("#v .on-paper").count(), 0);
  await close();
});

test("the element fills the screen and goes back", async (t) => {
  const { page, close } = await onPage(
    t,
    `<symdiff-viewer id="v" src="water.xyz" style="width:300px;height:200px"></symdiff-viewer>`,
  );
  await says(page, "v", "H2O");
  await drawn(page, "v");
  await page.click('#v button[aria-label="Full screen"]');
  await page.waitForFunction(() => document.fullscreenElement?.id === "v");
  await page.waitForFunction(
    () => document.querySelector("#v").shadowRoot.querySelector("canvas").clientWidth > 600,
  );
  await drawn(page, "v");
  await page.click('#v button[aria-label="Full screen"]');
  await page.waitForFunction(
    () =>
      !document.fullscreenElement &&
      document.querySelector("#v").shadowRoot.querySelector("canvas").clientWidth < 400,
  );
  await close();
});
