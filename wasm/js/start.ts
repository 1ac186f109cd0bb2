// Starts the worker of the package, wherever the package lies.

import { SymDiffError, textOf } from "./error.js";

/** The worker's script, beside this module. Where a bundler has moved it, `new Worker(new URL(...))` below is what finds it. */
function beside(): URL {
  return new URL(/* webpackIgnore: true */ /* @vite-ignore */ "./worker.js", import.meta.url);
}

const cure =
  "worker.js, wasm_exec.js, simd.js and sha256.js of the package have to lie beside the module that starts it. With esbuild or plain Rollup copy them " +
  'there; with Vite\'s development server set optimizeDeps: { exclude: ["symdiff-mol"] }; or make the worker yourself, by the option `worker`';

/** What to do where the script of the worker cannot be fetched. */
export function scriptMissing(own: boolean): string {
  if (own) return "the script of the worker that the option `worker` made could not be fetched";
  return `${beside().href}, the worker's script, could not be fetched: ${cure}`;
}

/** Whether the package comes from another origin than the page, as from a CDN: browsers start no worker from there. */
function foreign(): boolean {
  const { protocol, origin } = beside();
  return /^https?:$/.test(protocol) && globalThis.location !== undefined && origin !== globalThis.location.origin;
}

export function startWorker(): Worker {
  if (typeof Worker !== "function") {
    const node = "process" in globalThis ? ": Node has none; Bun, Deno and the command `symdiff sample` generate without a page" : "";
    throw new SymDiffError("worker", `there is no Worker here${node}. The option \`worker\` may make one`);
  }
  try {
    if (foreign()) return importing(beside().href);
    return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  } catch (error) {
    throw new SymDiffError("worker", `${beside().href}, the worker, was refused (${textOf(error)}): ${refused()}`);
  }
}

function refused(): string {
  if (foreign()) return "a page that uses the package from another origin has to allow `worker-src blob:` in its policy, or make the worker itself, by the option `worker`";
  return "the page's policy has to allow `worker-src 'self'`; where Trusted Types are enforced, make the worker yourself, by the option `worker`";
}

/** A worker of the page's own origin that does nothing but import a script of another, which has to allow that (CORS). */
function importing(script: string): Worker {
  const url = URL.createObjectURL(new Blob([`import ${JSON.stringify(script)};`], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // by then it is fetched
  return worker;
}
