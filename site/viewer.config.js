// Builds <symdiff-viewer> as one module of the npm package; the engine stays the package's own (see
// wasm/npm/build.js).

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  root: path("."),
  publicDir: false,
  build: {
    outDir: path("../build/viewer"),
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: false,
    lib: { entry: path("src/viewer/element.ts"), formats: ["es"], fileName: () => "viewer.js" },
    rollupOptions: {
      external: ["symdiff-mol", "symdiff-mol/qm9-web"],
      output: { paths: { "symdiff-mol": "./index.js", "symdiff-mol/qm9-web": "./qm9-web.js" } },
    },
  },
});
