// The npm package as a stranger gets it: packed, installed into a copy of the example, and used as
// its README has it: without a bundler, with Vite, webpack and esbuild, from another origin, in
// Node, and by TypeScript.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import * as esbuild from "esbuild";
import * as vite from "vite";
import webpack from "webpack";
import { accessible } from "./axe.js";
import { endAll, launch, open, screenshots, test, top, usual } from "./browser.js";
import { block, copied, holdsInNode, oldest, pack, prose, usage } from "./packed.js";
import { staticServer } from "./static.js";

const folder = mkdtempSync(join(tmpdir(), "symdiff-example-"));
let browser;
let made;

before(async () => {
  cpSync(join(top, "wasm/example"), folder, {
    recursive: true,
    filter: (name) => !name.includes("node_modules"),
  });
  const filename = pack(folder);
  const { devDependencies: _, ...manifest } = JSON.parse(
    readFileSync(join(folder, "package.json"), "utf8"),
  ); // Vite is this test's own
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ ...manifest, dependencies: { "symdiff-mol": `file:${filename}` } }),
  );
  execFileSync("npm", ["install", "--offline"], { cwd: folder, stdio: "pipe" });
  mkdirSync(join(folder, "node_modules/@types"), { recursive: true });
  symlinkSync(
    join(top, "site/node_modules/@types/react"),
    join(folder, "node_modules/@types/react"),
  );
  browser = await launch();
});

after(async () => {
  await endAll();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Opens the example, presses its button and returns the file; every way of serving it has to give
 * the same.
 */
async function molecule(url) {
  const { page, close } = await open(browser, url);
  await page.click("#generate");
  await page.waitForFunction(
    () =>
      document.querySelector("#file").textContent ||
      document.querySelector("#status").textContent.includes("Error"),
  );
  const [status, file] = [await page.textContent("#status"), await page.textContent("#file")];
  await close();
  assert.match(status, /^[A-Z]\w+, (not )?stable, (connected|in pieces)$/);
  assert.match(
    file,
    new RegExp(`^\\d+\\n.*seed=7 .*steps=${usual.steps} method=${usual.pattern} t_start=600 `),
  );
  assert.equal(file, (made ??= file));
}

test("the element shows files and trajectories, generates, and says what is wrong with a file", async () => {
  const server = await staticServer(folder);
  const methane = readFileSync(join(top, "core/molecule/testdata/small.xyz"), "utf8");
  writeFileSync(join(folder, "small.xyz"), methane);
  const { page, close } = await open(browser, `${server.url}viewer.html`);
  const inside = (id, selector) => page.locator(`#${id} ${selector}`);
  await page.waitForFunction(
    () =>
      document.querySelector("#water").shadowRoot?.querySelector(".status").textContent === "H2O",
  );
  assert.equal(await inside("water", "canvas").getAttribute("aria-label"), "Molecule H2O");
  assert.equal(await inside("water", ".position").textContent(), "2 / 2");
  await inside("water", ".scrubber").press("Home");
  assert.equal(await inside("water", ".position").textContent(), "0 / 2");

  assert.match(await inside("made", ".status").textContent(), /fetched first: \d+\.\d MB/);
  const event = page.evaluate(
    () =>
      new Promise((resolve) =>
        document.addEventListener("molecule", ({ detail }) => resolve(detail.formula)),
      ),
  );
  await inside("made", ".bar button").click();
  const formula = await event;
  await page.waitForFunction(
    (formula) =>
      document
        .querySelector("#made")
        .shadowRoot.querySelector(".status")
        .textContent.startsWith(`${formula}, `),
    formula,
  );
  await accessible(page, "symdiff-viewer");
  await page.screenshot({ path: join(screenshots, "viewer-element.png"), fullPage: true });

  const trouble = (text, name) =>
    page.evaluate(
      ([text, name]) =>
        new Promise((resolve) => {
          const water = document.querySelector("#water");
          water.addEventListener("trouble", ({ detail }) => resolve(detail), { once: true });
          water.show(text, name).catch(() => {});
        }),
      [text, name],
    );
  assert.deepEqual(await trouble("3\n\nO 0 0 0\n", "bad.xyz"), {
    code: "file",
    message: "bad.xyz:4: molecule 1: file ends, want atom 2 of 3",
  });
  const good = "1\n\nH 0 0 0\n";
  await page.evaluate(
    (text) => document.querySelector("#water").show(text, "some.xyz"),
    `${good}2\n\nH 0 0 0\nH 0 0 x\n${good}`,
  );
  assert.match(
    await inside("water", ".status").textContent(),
    /^H; 1 of 3 records skipped, the first: some\.xyz:\d+: molecule 2: /,
  );
  assert.match((await trouble("999999999\n\n", "huge.xyz")).message, /^huge\.xyz/);
  assert.match(await inside("water", ".status").textContent(), /could not be read/);
  await page.evaluate(() => document.querySelector("#water").setAttribute("src", "small.xyz"));
  await page.waitForFunction(() =>
    /first of \d+ molecules$/.test(
      document.querySelector("#water").shadowRoot.querySelector(".status").textContent,
    ),
  );
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
  const server = await vite.createServer({
    root: folder,
    logLevel: "error",
    server: { host: "localhost", port: 0 },
  });
  await server.listen();
  await molecule(server.resolvedUrls.local[0]);
  await server.close();
});

/** What every bundler is given: the README's code as it stands, and the element. */
const main = `${usage}
generate(7).then(({ formula }) => (document.title = formula), (error) => (document.title = String(error)));
`;
const element = '<symdiff-viewer id="v">2\n\nH 0 0 0\nH 0.74 0 0</symdiff-viewer>';
const html = (head) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title></title><link rel="icon" href="data:,">${head}</head><body>${element}</body></html>`;

/** A folder for one way of using the package, beside its node_modules. */
function project(name, files) {
  const dir = join(folder, name);
  mkdirSync(join(dir, "dist"), { recursive: true });
  for (const [file, text] of Object.entries({ "main.js": main, ...files }))
    writeFileSync(join(dir, file), text);
  return dir;
}

/**
 * The policy that the README gives, and nothing else but the icon of the tests; with `more` in
 * every directive and `script` in that of scripts.
 */
function policy(more = "", script = "") {
  const directives = [...prose(/\*\*Content security policy\*\*: [^;]*/).matchAll(/`([^`]+)`/g)];
  assert.equal(directives.length, 3);
  return {
    "Content-Security-Policy": [
      "default-src 'none'",
      "img-src data:",
      ...directives.map(
        ([, text]) => `${text} ${more} ${text.startsWith("script-src") ? script : ""}`,
      ),
    ].join("; "),
  };
}

/**
 * Serves a folder the page of which generates a molecule and has an element, and waits for both.
 */
async function works(dir, headers) {
  const server = await staticServer(dir, { headers });
  await shows(server.url);
  server.close();
}

async function shows(url) {
  const { page, close } = await open(browser, url);
  await page.waitForFunction(() => document.title);
  assert.match(await page.title(), /^C\d/);
  await page.waitForFunction(
    () => document.querySelector("#v").shadowRoot?.querySelector(".status").textContent === "H2",
  );
  await close();
}

test("the README's code runs as built by Vite with its default target", async () => {
  const dir = project("vite", {
    "index.html": html('<script type="module" src="./main.js"></script>'),
  });
  await vite.build({ root: dir, configFile: false, base: "./", logLevel: "error" });
  await works(join(dir, "dist"));
});

test("the README's code runs in Vite's development server without settings", async () => {
  const dir = project("vite-dev", {
    "index.html": html('<script type="module" src="./main.js"></script>'),
  });
  const server = await vite.createServer({
    root: dir,
    configFile: false,
    logLevel: "error",
    server: { host: "localhost", port: 0, fs: { allow: [folder] } },
  });
  await server.listen();
  await shows(server.resolvedUrls.local[0]);
  await server.close();
});

test("the README's code runs as built by webpack", async () => {
  const dir = project("webpack", {});
  const stats = await new Promise((resolve, reject) =>
    webpack(
      {
        mode: "production",
        context: dir,
        entry: "./main.js",
        output: { path: join(dir, "dist") },
        performance: { hints: false },
      },
      (error, stats) => (error ? reject(error) : resolve(stats)),
    ),
  );
  assert.deepEqual(stats.toJson({ all: false, errors: true, warnings: true }), {
    errors: [],
    warnings: [],
  });
  writeFileSync(join(dir, "dist/index.html"), html('<script defer src="main.js"></script>'));
  assert.doesNotMatch(
    readFileSync(join(dir, "dist/main.js"), "utf8"),
    /file:\/\//,
    "no path of the machine that built it",
  );
  await works(join(dir, "dist"));
});

test("the README's code runs as built by esbuild, with the files that the README has copied", async () => {
  const dir = project("esbuild", {});
  await esbuild.build({
    entryPoints: [join(dir, "main.js")],
    bundle: true,
    format: "esm",
    outfile: join(dir, "dist/main.js"),
    logLevel: "error",
  });
  for (const file of copied)
    copyFileSync(join(folder, "node_modules/symdiff-mol", file), join(dir, "dist", file));
  writeFileSync(
    join(dir, "dist/index.html"),
    html('<script type="module" src="main.js"></script>'),
  );
  await works(join(dir, "dist"), policy());
  for (const file of ["worker.js", "symdiff.wasm"]) {
    // the error names what was forgotten
    rmSync(join(dir, "dist", file));
    const server = await staticServer(join(dir, "dist"));
    const { page, close } = await open(browser, server.url, { expected: /404/ });
    await page.waitForFunction(() => document.title);
    const title = await page.title();
    assert.ok(title.startsWith("SymDiffError: ") && title.includes(`${server.url}${file}`), title);
    await close();
    server.close();
    copyFileSync(join(folder, "node_modules/symdiff-mol", file), join(dir, "dist", file));
  }
});

test("the README's code runs on a plain page with its import map", async () => {
  const map = block("html", "importmap");
  writeFileSync(
    join(folder, "index.html"),
    html(`${map}<script type="module" src="./plain.js"></script>`),
  );
  writeFileSync(join(folder, "plain.js"), main);
  await works(
    folder,
    policy(
      "",
      `'sha256-${createHash("sha256")
        .update(map.match(/>([^]*)<\/script>/)[1])
        .digest("base64")}'`,
    ),
  );
});

for (const [where, scheme, framed] of [
  ["a page", "blob:"],
  ["a frame without an origin", "data:", true],
]) {
  test(`one tag brings the element from another origin into ${where}, by the README's policy`, async (t) => {
    const cdn = await staticServer(join(folder, "node_modules/symdiff-mol"), {
      headers: { "Access-Control-Allow-Origin": "*" },
    });
    const snippet = block("html", "cdn.jsdelivr").replace(
      /https:\/\/cdn\.jsdelivr\.net\/npm\/symdiff-mol@[\d.]+\//,
      cdn.url,
    );
    assert.ok(snippet.includes(cdn.url));
    const dir = project("cdn", {
      "index.html": html("").replace(
        element,
        snippet.replace("<symdiff-viewer", '<symdiff-viewer steps="20"'),
      ),
    });
    const server = await staticServer(dir, { headers: policy(`${scheme} ${cdn.url}`) });
    const frame = await staticServer(dir, {
      files: {
        "/index.html": html("").replace(
          element,
          `<iframe sandbox="allow-scripts" src="${server.url}" width="600" height="500"></iframe>`,
        ),
      },
    });
    t.after(() => [cdn, server, frame].forEach((each) => each.close()));
    const { page, close } = await open(browser, framed ? frame.url : server.url, {
      expected: new RegExp(`^request to (${cdn.url}|${server.url})`),
    });
    const inner = framed ? page.frames()[1] : page;
    await inner.waitForSelector("symdiff-viewer .bar button");
    const made = inner.evaluate(
      () =>
        new Promise((resolve) => {
          for (const type of ["molecule", "trouble"])
            document.addEventListener(type, ({ detail }) =>
              resolve(detail.formula ?? detail.message),
            );
        }),
    );
    await inner.click("symdiff-viewer .bar button");
    assert.match(await made, /^C\d/);
    await close();
  });
}

test("where Trusted Types are enforced, a page that makes the worker generates", async (t) => {
  const script = `import { SymDiff } from "./index.js";
    import { qm9Web } from "./qm9-web.js";
    import "./viewer.js";
    const trusted = trustedTypes.createPolicy("test", { createScriptURL: (url) => url });
    const worker = () => new Worker(trusted.createScriptURL("worker.js"), { type: "module" });
    const say = (text) => (document.title += \`\${text},\`);
    await SymDiff.load(qm9Web).catch(({ code }) => say(code));
    const model = await SymDiff.load({ ...qm9Web, worker });
    say((await model.generate({ seed: 7 })).formula);
    const viewer = document.querySelector("symdiff-viewer");
    viewer.model = { ...qm9Web, worker };
    say((await viewer.generate()).formula);`;
  const server = await staticServer(join(folder, "node_modules/symdiff-mol"), {
    files: {
      "/index.html": html('<script type="module" src="main.js"></script>').replace(
        element,
        '<symdiff-viewer seed="7"></symdiff-viewer>',
      ),
      "/main.js": script,
    },
    headers: { "Content-Security-Policy": "require-trusted-types-for 'script'" },
  });
  t.after(() => server.close());
  const { page, close } = await open(browser, server.url, {
    expected: /require-trusted-types|TrustedScriptURL/,
  });
  await page.waitForFunction(() => document.title.split(",").length > 3);
  assert.match(await page.title(), /^worker,(C\w+),\1,$/);
  await close();
});

test("a page whose policy forbids the worker gets an error that says so", async () => {
  const dir = project("policy", {
    "index.html": html(
      `<meta http-equiv="Content-Security-Policy" content="worker-src 'none'">${block("html", "importmap").replaceAll("./node_modules", "/node_modules")}<script type="module" src="./main.js"></script>`,
    ),
  });
  const server = await staticServer(dir, {
    files: Object.fromEntries(
      [
        "index.js",
        "qm9-web.js",
        "viewer.js",
        "error.js",
        "start.js",
        "bytes.js",
        "simd.js",
        "watch.js",
        "protocol.js",
      ].map((name) => [
        `/node_modules/symdiff-mol/${name}`,
        readFileSync(join(folder, "node_modules/symdiff-mol", name)),
      ]),
    ),
  });
  const { page, close } = await open(browser, server.url, {
    expected: /Content Security Policy|CSP|worker/,
  });
  await page.waitForFunction(() => document.title);
  assert.match(await page.title(), /^SymDiffError: .*worker\.js/);
  await close();
  server.close();
});

test("every module can be imported in Node, and what needs a browser says so", () =>
  holdsInNode(folder));

const typescripts = () => {
  const site = createRequire(join(top, "site/package.json"));
  const attw = createRequire(
    createRequire(site.resolve("@arethetypeswrong/cli/package.json")).resolve(
      "@arethetypeswrong/core",
    ),
  );
  assert.ok(
    attw("typescript").version.startsWith(`${oldest.typescript}.`),
    attw("typescript").version,
  );
  return [
    ["the newest TypeScript", join(top, "site/node_modules/typescript/bin/tsc")],
    ["the oldest TypeScript", attw.resolve("typescript/bin/tsc")],
  ];
};

const consumer = `
import { readMolecules, SymDiff, SymDiffError, type Frame, type Molecule } from "symdiff-mol";
import { SymDiffPool } from "symdiff-mol/pool";
import { qm9Web } from "symdiff-mol/qm9-web";
import type {} from "symdiff-mol/react";
import { Symmetriser } from "symdiff-mol/symmetrise";
import { SymDiffViewer } from "symdiff-mol/viewer";

export async function run(bytes: Uint8Array): Promise<Molecule[]> {
  const model = await SymDiff.load({ ...qm9Web, weights: bytes });
  for await (const frame of model.sample({ seed: 7n, atoms: 18 })) draw(frame);
  // @ts-expect-error seeds are numbers
  await model.generate({ seed: "7" });
  const pool = await SymDiffPool.load(qm9Web);
  for await (const { molecule } of pool.generate({ n: 3 })) console.log(molecule.formula);
  const net = (await Symmetriser.load(qm9Web.wasm.plain)).symmetrise({ features: 1 }, (z) => z);
  console.log(net(new Float32Array(4), 0.5).eps[0]);
  console.log((await readMolecules("", qm9Web))[0]?.formula);
  return [];
}

function draw({ positions, bonds }: Frame): number {
  return positions[0]! + bonds.length;
}

const viewer: SymDiffViewer = document.querySelector("symdiff-viewer")!;
viewer.addEventListener("molecule", ({ detail }) => console.log(detail.formula.length));
viewer.addEventListener("trouble", ({ detail: { code, message } }) => console.log(code === "fetch", message.length));
viewer.addEventListener("click", (event) => console.log(event.clientX));
viewer.representation = "space-filling";
viewer.show("").catch((error: unknown) => console.log(error instanceof SymDiffError && error.code === "file"));

export const good = <symdiff-viewer seed={7n} atoms="18" representation="stick" spin onmolecule={({ detail }) => console.log(detail.formula)} ref={(v) => void v?.generate()} />;
// @ts-expect-error there is no such representation
export const bad = <symdiff-viewer representation="cartoon" />;
`;

for (const [how, settings] of [
  ["bundler", { module: "esnext", moduleResolution: "bundler" }],
  ["node16", { module: "node16", moduleResolution: "node16" }],
]) {
  test(`types hold without skipLibCheck, resolved as by ${how}, in the oldest TypeScript and the newest`, () => {
    const dir = project(`types-${how}`, { "main.js": "" });
    writeFileSync(join(dir, "package.json"), '{ "type": "module" }');
    writeFileSync(join(dir, "consumer.tsx"), consumer);
    const compilerOptions = {
      ...settings,
      target: "es2022",
      lib: ["es2022", "dom", "dom.iterable"],
      jsx: "react-jsx",
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      types: [],
    };
    writeFileSync(
      join(dir, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["consumer.tsx"] }),
    );
    for (const [name, tsc] of typescripts()) {
      try {
        execFileSync(process.execPath, [tsc, "-p", dir], { encoding: "utf8", stdio: "pipe" });
      } catch ({ stdout, stderr }) {
        assert.fail(`${name}: ${stdout}${stderr}`);
      }
    }
  });
}
