// Starts the worker of the package, wherever the package lies.

import { SymDiffError, textOf } from "./error.js";

const make = () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" });

/** What stands in for Worker while an address is asked for. */
interface Recorded {
  url: string;
}

/**
 * The address of the script that `make` starts. It is asked of `make` itself: bundlers put the
 * address into `new Worker(new URL(...))` and nowhere else.
 */
function scriptOf(make: () => Worker): URL | undefined {
  const real = globalThis.Worker;
  try {
    globalThis.Worker = class {
      readonly url: string;
      constructor(url: string | URL) {
        this.url = String(url);
      }
    } as unknown as typeof Worker;
    return new URL((make() as unknown as Recorded).url, globalThis.document?.baseURI);
  } catch {
    return undefined; // what it was will come to light when the worker is started
  } finally {
    globalThis.Worker = real;
  }
}

const cure =
  "worker.js, wasm_exec.js, simd.js and sha256.js of the package have to lie beside the module that starts it. With esbuild or plain Rollup copy them " +
  'there; with Vite\'s development server set optimizeDeps: { exclude: ["symdiff-mol"] }; or make the worker yourself, by the option `worker`';

/**
 * Whether this page has no origin, as in a frame whose sandbox lacks allow-same-origin: to it every
 * server is another origin.
 */
function opaque(): boolean {
  return globalThis.origin === "null";
}

/** What to do where the script of the worker cannot be fetched. */
export function scriptMissing(own: boolean): string {
  if (own) return "the script of the worker that the option `worker` made could not be fetched";
  const script = scriptOf(make);
  const permission =
    script && foreign(script)
      ? `its server has to send the header Access-Control-Allow-Origin: *${opaque() ? ", since this frame is in a sandbox without allow-same-origin" : ""}; and `
      : "";
  return `${script?.href ?? "worker.js"}, the worker's script, could not be fetched: ${permission}${cure}`;
}

/**
 * Whether a script is of another origin than the page, as from a CDN: browsers start no worker from
 * there.
 */
function foreign({ protocol, origin }: URL): boolean {
  return (
    /^https?:$/.test(protocol) && globalThis.origin !== undefined && origin !== globalThis.origin
  );
}

export function startWorker(): Worker {
  if (typeof Worker !== "function") {
    const node =
      "process" in globalThis
        ? ": Node has none; Bun, Deno and the command `symdiff sample` generate without a page"
        : "";
    throw new SymDiffError(
      "worker",
      `there is no Worker here${node}. The option \`worker\` may make one`,
    );
  }
  try {
    return workerAnywhere(make);
  } catch (error) {
    const script = scriptOf(make);
    throw new SymDiffError(
      "worker",
      `${script?.href ?? "worker.js"}, the worker, was refused (${textOf(error)}): ${refused(script)}`,
    );
  }
}

function refused(script: URL | undefined): string {
  if (script && foreign(script))
    return `a page that uses the package from another origin has to allow \`worker-src ${opaque() ? "data:" : "blob:"}\` in its policy, or make the worker itself, by the option \`worker\``;
  return "the page's policy has to allow `worker-src 'self'`; where Trusted Types are enforced, make the worker yourself, by the option `worker`";
}

/**
 * The worker that `make` makes, by `new Worker(new URL("...", import.meta.url), { type: "module"
 * })`; where its script is of another origin, a worker of the page's own origin that does nothing
 * but import the script. Its server has to allow that (CORS).
 */
export function workerAnywhere(make: () => Worker): Worker {
  const script = scriptOf(make);
  if (!script || !foreign(script)) return make();
  const code = `import ${JSON.stringify(script.href)};`;
  // In a page without an origin Chromium starts no module from a blob.
  if (opaque())
    return new Worker(`data:text/javascript,${encodeURIComponent(code)}`, { type: "module" });
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // by then it is fetched
  return worker;
}
