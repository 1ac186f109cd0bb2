import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { modelCards } from "./cards.js";
import {
  contentSecurityPolicy,
  htmlPages,
  modelFiles,
  pageParts,
  plainStyles,
  serviceWorker,
  weightsIn,
} from "./plugins.js";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  root: path("."),
  base: "./", // any static host, any sub-path
  build: {
    rollupOptions: { input: htmlPages(path(".")) },
    outDir: path("../build/site"),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: "es2022",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  worker: { format: "es" },
  resolve: {
    alias: {
      "symdiff-mol/pool": path("../build/wasm/js/pool.js"),
      "symdiff-mol/start": path("../build/wasm/js/start.js"),
      "symdiff-mol": path("../build/wasm/js/index.js"),
      "intro.bin?url": `${path("../build/intro.bin")}?url`,
      "mmff94.json?url": `${path("node_modules/openchemlib/dist/resources.json")}?url`, // not among the package's exports
    },
  },
  server: { fs: { allow: [path("..")] } },
  plugins: [
    pageParts(path("parts"), path(".")),
    modelCards(weightsIn(path("../core/weights"), "qm9-web.safetensors"), path("..")),
    plainStyles(),
    contentSecurityPolicy(path("csp.txt")),
    modelFiles({
      simd: path("../build/wasm/symdiff.wasm"),
      plain: path("../build/wasm/symdiff-plain.wasm"),
      chemistry: path("node_modules/openchemlib/dist/openchemlib.js"),
      forceField: path("node_modules/openchemlib/dist/resources.json"),
      told: path("../build/told.json"),
      weights: process.env.SYMDIFF_WEIGHTS
        ? [process.env.SYMDIFF_WEIGHTS]
        : weightsIn(path("../core/weights"), "qm9-web.safetensors"),
    }),
    serviceWorker(path("src/sw.js"), path("public")),
  ],
});
