// Workers for tests: a thread of Node with the real WASM, and a puppet that says what a test wants.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Worker } from "node:worker_threads";

export const weightsFile = new URL("../../core/weights/qm9-web.safetensors", import.meta.url);
const wasmFiles = { simd: "symdiff.wasm", plain: "symdiff-plain.wasm" };

/** A thread dressed as a Worker of the web. */
export function threadWorker() {
  const thread = new Worker(new URL("node-worker.js", import.meta.url));
  const worker = {
    onmessage: null,
    onerror: null,
    onmessageerror: null,
    postMessage: (message, transfer) => thread.postMessage(message, transfer),
    terminate: () => void thread.terminate(),
    thread,
  };
  thread.on("message", (data) => worker.onmessage?.({ data }));
  thread.on("error", (error) => worker.onerror?.({ message: error.message }));
  return worker;
}

/** A worker that records what it is sent and answers on command. */
export class Puppet {
  sent = [];
  terminated = false;

  postMessage(message) {
    this.sent.push(message);
    if (message.type === "load" && this.loads !== false) {
      const info = {
        variant: "symdiff",
        elements: ["H", "C"],
        histogram: { 20: 2, 9: 5 },
        timesteps: 10,
        defaults: { method: "dpm++2m-sde", t_start: 6, steps: 6 },
        compositionConditional: false,
        fragmentConditional: false,
        parameters: 3,
        metadata: {},
      };
      queueMicrotask(() =>
        this.say({ type: "loaded", id: message.id, info, sha256: "ab", simd: true }),
      );
    }
  }

  say(message) {
    this.onmessage({ data: message });
  }

  /** Sends a frame of the latest run. */
  frame(step, result) {
    const {
      id,
      options: { steps },
    } = this.sent.findLast((m) => m.type === "sample");
    const positions = new Float32Array(3);
    const scores = new Float32Array([1, 0]);
    this.say({
      type: "frame",
      id,
      step,
      steps,
      atoms: 1,
      positions,
      scores,
      bonds: new Uint16Array(0),
      ...(result && { result }),
    });
  }

  terminate() {
    this.terminated = true;
  }
}

/** A server of WASM and weights; `answer` may change any reply. */
export async function fileServer(answer = (path, reply) => reply) {
  const server = createServer((request, response) => {
    const path = request.url.slice(1);
    const known = {
      ...Object.fromEntries(
        Object.values(wasmFiles).map((f) => [f, new URL(`../../build/wasm/${f}`, import.meta.url)]),
      ),
      weights: weightsFile,
    };
    const reply = answer(
      path,
      known[path]
        ? {
            status: 200,
            mime: path.endsWith(".wasm") ? "application/wasm" : "application/octet-stream",
            body: readFileSync(known[path]),
          }
        : { status: 404, mime: "text/plain", body: "not found" },
    );
    response.writeHead(reply.status, {
      "Content-Type": reply.mime,
      ...(reply.headers ?? { "Content-Length": reply.length ?? reply.body.length }),
    });
    response.end(reply.body);
    if (reply.length) response.destroy();
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  const base = `http://localhost:${server.address().port}/`;
  return {
    wasm: { simd: base + wasmFiles.simd, plain: base + wasmFiles.plain },
    weights: base + "weights",
    base,
    close: () => (server.closeAllConnections(), server.close()),
  };
}
