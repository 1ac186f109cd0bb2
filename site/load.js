// Loads modules of the page's source in Node, for scripts that measure what the page does.

import { fileURLToPath } from "node:url";
import { createServer } from "vite";

/** The exports of modules, by their paths from the folder of this file. */
export async function load(...paths) {
  const vite = await createServer({
    configFile: false,
    root: fileURLToPath(new URL(".", import.meta.url)),
    server: { middlewareMode: true, ws: false },
    optimizeDeps: { noDiscovery: true },
    logLevel: "error",
  });
  try {
    return Object.assign({}, ...(await Promise.all(paths.map((path) => vite.ssrLoadModule(path)))));
  } finally {
    await vite.close();
  }
}
