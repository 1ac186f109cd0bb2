// Vite plugins of the site: what the build puts into the page that is written nowhere by hand.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** The policy of the server (csp.txt) as a meta element, for hosts that set no headers. */
export function contentSecurityPolicy(file) {
  return {
    name: "symdiff:csp",
    apply: "build",
    transformIndexHtml: () => [
      {
        tag: "meta",
        attrs: { "http-equiv": "Content-Security-Policy", content: readFileSync(file, "utf8").trim() },
        injectTo: "head-prepend",
      },
    ],
  };
}

/** The module virtual:model: URLs of WASM and weights, the weights' hash and size, and what their header says. */
export function modelFiles({ simd, plain, weights }) {
  const id = "virtual:model";
  return {
    name: "symdiff:model",
    resolveId: (source) => (source === id ? "\0" + id : undefined),
    load(source) {
      if (source !== "\0" + id) return undefined;
      for (const [file, how] of [[simd, "make wasm"], [plain, "make wasm"], [weights, "see the README"]]) {
        if (!existsSync(file)) throw new Error(`${file} is missing (${how})`);
        this.addWatchFile(file);
      }
      const data = readFileSync(weights);
      const sha256 = createHash("sha256").update(data).digest("hex");
      const facts = {
        sha256,
        evaluation: readEvaluation(weights.replace(/\.safetensors$/, ".json"), sha256),
        bytes: data.length,
        wasmBytes: gzipSync(readFileSync(simd)).length,
        ...readHeader(data),
      };
      return `import simd from ${JSON.stringify(simd + "?url")};
import plain from ${JSON.stringify(plain + "?url")};
import weights from ${JSON.stringify(weights + "?url")};
export default { wasm: { simd, plain }, weights, ...${JSON.stringify(facts)} };`;
    },
  };
}

/** Facts from a safetensors header: eight bytes of length, JSON, tensors. */
function readHeader(data) {
  const header = JSON.parse(data.subarray(8, 8 + Number(data.readBigUInt64LE(0))).toString());
  const { __metadata__: metadata = {}, ...tensors } = header;
  const size = ({ shape }) => shape.reduce((a, b) => a * b, 1);
  return {
    parameters: Object.values(tensors).reduce((sum, t) => sum + size(t), 0),
    elements: JSON.parse(metadata.elements),
    sizes: Object.keys(JSON.parse(metadata.histogram)).map(Number).sort((a, b) => a - b),
    timesteps: JSON.parse(metadata.schedule).timesteps,
    variant: metadata.kind,
  };
}

/** What `make evaluate-model` measured of these weights; nothing where it measured others, or none. */
function readEvaluation(file, sha256) {
  if (!existsSync(file)) return [];
  return JSON.parse(readFileSync(file, "utf8"))
    .filter((run) => run.model_sha256 === sha256)
    .map((run) => ({ method: run.method ?? "ancestral", steps: run.steps, molecules: run.molecules, stableAtoms: run.stable_atoms, stable: run.stable_molecules, valid: run.valid }));
}

/** Writes sw.js with the list of files it keeps and a version that changes with any of them. */
export function serviceWorker(source, publicDir) {
  return {
    name: "symdiff:service-worker",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const hash = createHash("sha256");
      const page = [];
      const model = [];
      const add = (name, content) => {
        const isModel = /\.(wasm|safetensors)$/.test(name);
        (isModel ? model : page).push(name === "index.html" ? "./" : name);
        hash.update(name).update(isModel ? "" : content); // a model file's name holds its hash
      };
      for (const name of Object.keys(bundle).sort()) add(name, bundle[name].code ?? bundle[name].source);
      for (const name of readdirSync(publicDir).sort()) add(name, readFileSync(join(publicDir, name)));
      const manifest = { version: hash.digest("hex").slice(0, 12), page, model };
      const code = readFileSync(source, "utf8").replace("__MANIFEST__", JSON.stringify(manifest));
      this.emitFile({ type: "asset", fileName: "sw.js", source: code });
    },
  };
}
