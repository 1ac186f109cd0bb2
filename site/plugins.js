// Vite plugins of the site: what the build puts into the page that is written nowhere by hand.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { outside } from "./links.js";

/** The policy of the server (csp.txt) as a meta element, for hosts that set no headers. */
export function contentSecurityPolicy(file) {
  return {
    name: "symdiff:csp",
    apply: "build",
    transformIndexHtml: () => [
      {
        tag: "meta",
        attrs: {
          "http-equiv": "Content-Security-Policy",
          content: readFileSync(file, "utf8").trim(),
        },
        injectTo: "head-prepend",
      },
    ],
  };
}

/**
 * Style sheets are fetched without CORS: a page whose scripts may not be fetched says so in its
 * own style.
 */
export function plainStyles() {
  return {
    name: "symdiff:styles",
    transformIndexHtml: {
      order: "post",
      handler: (html) =>
        html.replaceAll('<link rel="stylesheet" crossorigin', '<link rel="stylesheet"'),
    },
  };
}

/** The site's pages in the order of the navigation; those that are not written yet are left out. */
const navigation = [
  ["index", "Generate"],
  ["symmetry", "Symmetry"],
  ["explore", "Explore"],
  ["how", "How it works"],
  ["model", "Model card"],
];

/** Every HTML file of a folder, as the build's entry points. */
export function htmlPages(dir) {
  return readdirSync(dir)
    .filter((name) => name.endsWith(".html"))
    .map((name) => join(dir, name));
}

/**
 * What all pages share: `<!-- part: head -->` becomes parts/head.html, and so on; {{paper}} and the
 * like become addresses (links.js).
 */
export function pageParts(dir, pages) {
  const part = (name) => readFileSync(join(dir, `${name}.html`), "utf8").trim();
  const links = (page) =>
    navigation
      .filter(([name]) => existsSync(join(pages, `${name}.html`)))
      .map(([name, title]) => {
        const current = name === page ? ' aria-current="page"' : "";
        return `<li><a href="./${name === "index" ? "" : `${name}.html`}"${current}>${title}</a></li>`;
      });
  return {
    name: "symdiff:parts",
    transformIndexHtml: {
      order: "pre",
      handler: (html, { filename }) => {
        const said = {
          ...outside,
          title: html.match(/<title>(.*)<\/title>/)[1],
          description: html.match(/<meta name="description" content="(.*)" \/>/)[1],
        };
        return html
          .replace(/<!-- part: (\w+) -->/g, (_, name) => part(name))
          .replace("<!-- navigation -->", links(basename(filename, ".html")).join(""))
          .replace(/\{\{(\w+)\}\}/g, (_, name) => said[name]);
      },
    },
  };
}

/**
 * The module virtual:model: URLs of the WASM builds, and of every model its URL, hash, size, what
 * its header says, and what core does with it (`elements`, `sizes`, `defaults`,
 * `compositionConditional`, `fragmentConditional`, written by intro.js).
 */
export function modelFiles({ simd, plain, weights, told, chemistry, forceField }) {
  const id = "virtual:model";
  return {
    name: "symdiff:model",
    resolveId: (source) => (source === id ? "\0" + id : undefined),
    load(source) {
      if (source !== "\0" + id) return undefined;
      for (const [file, how] of [
        [simd, "make wasm"],
        [plain, "make wasm"],
        [told, "node site/intro.js"],
        ...weights.map((file) => [file, "see the README"]),
      ]) {
        if (!existsSync(file)) throw new Error(`${file} is missing (${how})`);
        this.addWatchFile(file);
      }
      const all = JSON.parse(readFileSync(told, "utf8"));
      const facts = (file) => {
        const known = factsOf(file);
        const ofCore = all[known.sha256];
        if (!ofCore) throw new Error(`${told} does not know ${file}: run node site/intro.js`);
        return { ...known, ...ofCore };
      };
      const url = (name, file) => `import ${name} from ${JSON.stringify(file + "?url")};\n`;
      return `${url("simd", simd)}${url("plain", plain)}${weights.map((file, i) => url(`weights${i}`, file)).join("")}
export const wasm = { simd, plain };
export const wasmBytes = ${gzipSync(readFileSync(simd), { level: 9 }).length};
export const chemistryBytes = ${gzipSync(readFileSync(chemistry), { level: 9 }).length};
export const forceFieldBytes = ${gzipSync(readFileSync(forceField), { level: 9 }).length};
export const models = [${weights.map((file, i) => `{ url: weights${i}, ...${JSON.stringify(facts(file))} }`)}];`;
    },
  };
}

/** The weights in a folder, the page's default model first. */
export function weightsIn(dir, first) {
  const rank = (name) => Number(name !== first);
  return readdirSync(dir)
    .filter((name) => name.endsWith(".safetensors"))
    .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
    .map((name) => join(dir, name));
}

function factsOf(file) {
  const data = readFileSync(file);
  const sha256 = createHash("sha256").update(data).digest("hex");
  return {
    name: basename(file, ".safetensors"),
    sha256,
    bytes: data.length,
    evaluation: readEvaluation(file.replace(/\.safetensors$/, ".json"), sha256),
    keep: measuredOf(file, "keep", sha256).tasks ?? [],
    branches: measuredOf(file, "branches", sha256).branches ?? [],
    inputVariance: varianceOf(measuredOf(file, "gamma", sha256)),
    ...readHeader(data),
  };
}

/** The header of a safetensors file: eight bytes of length, JSON, tensors. */
export function headerOf(data) {
  return JSON.parse(data.subarray(8, 8 + Number(data.readBigUInt64LE(0))).toString());
}

function readHeader(data) {
  const { __metadata__: metadata = {}, ...tensors } = headerOf(data);
  const size = ({ shape }) => shape.reduce((a, b) => a * b, 1);
  const isScale = (name) => name.endsWith("_scale") && tensors[name.slice(0, -6)]?.dtype === "I8"; // of integers, not a parameter
  return {
    parameters: Object.entries(tensors).reduce(
      (sum, [name, t]) => sum + (isScale(name) ? 0 : size(t)),
      0,
    ),
    heavy: heaviest(metadata.compositions),
    timesteps: JSON.parse(metadata.schedule).timesteps,
    variant: metadata.kind,
  };
}

/**
 * Most atoms other than hydrogen among the formulas of the training data, such as C2H6O, or
 * O[CH3]2 of united atoms.
 */
export function heaviest(compositions = "{}") {
  const heavy = (formula) =>
    [...formula.matchAll(/\[?([A-Z][a-z]?)(?:H\d*\])?(\d*)/g)].reduce(
      (sum, [, symbol, n]) => sum + (symbol === "H" ? 0 : Number(n || 1)),
      0,
    );
  return Math.max(0, ...Object.keys(JSON.parse(compositions)).map(heavy));
}

/**
 * What `make evaluate-keep`, `make evaluate-branches` or `make evaluate-gamma` measured of these
 * weights; nothing where it measured others, or none.
 */
function measuredOf(weights, what, sha256) {
  const file = weights.replace(/\.safetensors$/, `.${what}.json`);
  if (!existsSync(file)) return {};
  const measured = JSON.parse(readFileSync(file, "utf8"));
  return measured.model_sha256 === sha256 ? measured : {};
}

/** The input variance of a measurement by `make evaluate-gamma`, to a millionth. */
function varianceOf({ molecules, rows = [] }) {
  const short = (value) => Number(value.toFixed(6));
  return rows.map(({ kernel, t, input_variance, input_variance_error }) => ({
    gamma: kernel,
    t,
    mean: short(input_variance),
    error: short(input_variance_error),
    molecules,
  }));
}

/**
 * What `make evaluate-model` measured of these weights; nothing where it measured others, or none.
 */
function readEvaluation(file, sha256) {
  if (!existsSync(file)) return [];
  return JSON.parse(readFileSync(file, "utf8"))
    .filter((run) => run.model_sha256 === sha256)
    .map((run) => ({
      method: run.method ?? "ancestral",
      steps: run.steps,
      start: run.t_start,
      special: run.joint ? "joint" : run.formulas ? `formulas ${run.formulas}` : "",
      molecules: run.molecules,
      stableAtoms: run.stable_atoms,
      stable: run.stable_molecules,
      valid: run.valid,
      connected: run.connected,
      unique: run.unique_among_valid,
    }));
}

/** Files of the page above this size are not fetched at once: they are the chemistry tools. */
const large = 150e3;

/** Writes sw.js with the list of files it keeps and a version that changes with any of them. */
export function serviceWorker(source, publicDir) {
  return {
    name: "symdiff:service-worker",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const hash = createHash("sha256");
      const page = [];
      const kept = [];
      const add = (name, content) => {
        const model = /\.(wasm|safetensors)$/.test(name);
        if (model || content.length > large)
          kept.push({ name, part: model ? "model" : "chemistry", bytes: sentBytes(content) });
        else page.push(name === "index.html" ? "./" : name);
        hash.update(name).update(model ? "" : content); // a model file's name holds its hash
      };
      for (const name of Object.keys(bundle).sort())
        add(name, bundle[name].code ?? bundle[name].source);
      for (const name of readdirSync(publicDir)
        .filter((name) => name !== "preview.png")
        .sort())
        add(name, readFileSync(join(publicDir, name)));
      const manifest = { version: hash.digest("hex").slice(0, 12), page, kept };
      const code = readFileSync(source, "utf8").replace("__MANIFEST__", JSON.stringify(manifest));
      this.emitFile({ type: "asset", fileName: "sw.js", source: code });
    },
  };
}

/** Bytes on the way: compressed where that pays, as site.go has it. */
function sentBytes(content) {
  const bytes = Buffer.byteLength(content);
  const zipped = gzipSync(content, { level: 9 }).length;
  return zipped < 0.9 * bytes ? zipped : bytes;
}
