// Runs the compiled worker in a thread of Node, which has no worker scope of the web.

import { parentPort } from "node:worker_threads";

globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
globalThis.addEventListener = (type, listener) =>
  process.on("unhandledRejection", (reason) => listener({ type, reason }));

// Node hands out up to a thousand messages of one port before it looks at another; browsers take
// turns.
globalThis.MessageChannel = class {
  port1 = {};
  port2 = { postMessage: () => setImmediate(() => this.port1.onmessage({})) };
};

await import("../../build/wasm/js/worker.js");
parentPort.on("message", (data) => globalThis.onmessage({ data })); // the port waits until someone listens
