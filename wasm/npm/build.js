// Puts the npm package together in build/npm: the compiled modules, both WASM builds, the viewer,
// the weights and a module that knows their URLs. Run by `make npm` after the modules and the WASM
// are built.

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const top = fileURLToPath(new URL("../..", import.meta.url));
const out = join(top, "build/npm");
const weights = join(top, "core/weights/qm9-web.safetensors");

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const modules = join(top, "build/wasm/js");
for (const file of [
  ...readdirSync(modules)
    .filter((name) => /\.(js|d\.ts)$/.test(name))
    .map((name) => join(modules, name)),
  ...["symdiff.wasm", "symdiff-plain.wasm"].map((name) => join(top, "build/package", name)),
  join(top, "build/viewer/viewer.js"),
  weights,
  join(top, "LICENSE"),
  join(top, "trainer/notice/NOTICE"),
  ...["package.json", "README.md", "viewer.d.ts", "react.d.ts"].map((name) =>
    join(top, "wasm/npm", name),
  ),
]) {
  copyFileSync(file, join(out, basename(file)));
}
// TypeScript before 5.7 has no generic arrays of numbers; later ones take the plain name for any
// buffer.
for (const file of readdirSync(out).filter((name) => name.endsWith(".d.ts"))) {
  const types = readFileSync(join(out, file), "utf8");
  writeFileSync(join(out, file), types.replace(/\b(\w+Array)<ArrayBuffer>/g, "$1"));
}

writeFileSync(join(out, "react.js"), "export {};\n"); // its types are all

const data = readFileSync(weights);
const sha256 = createHash("sha256").update(data).digest("hex");
writeFileSync(
  join(out, "qm9-web.js"),
  `// Where the files of this package lie, and what the weights must be.
export const qm9Web = {
  wasm: { simd: new URL("./symdiff.wasm", import.meta.url), plain: new URL("./symdiff-plain.wasm", import.meta.url) },
  weights: new URL("./qm9-web.safetensors", import.meta.url),
  sha256: "${sha256}",
  bytes: ${data.length},
};
`,
);
writeFileSync(
  join(out, "qm9-web.d.ts"),
  `/** Options of SymDiff.load and SymDiffPool.load for the model of this package: URLs of WASM and weights, SHA-256 and size of the weights. */
export declare const qm9Web: {
  wasm: { simd: URL; plain: URL };
  weights: URL;
  sha256: string;
  bytes: number;
};
`,
);
