// The plainest static server there is, of several folders under one address.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const types = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/**
 * Serves a folder, and files that are given by their path as text or as functions that answer.
 * `headers` go with every answer. Resolves to the server's URL, the paths that were asked for, and
 * a way to end it.
 */
export async function staticServer(dir, { files = {}, headers = {} } = {}) {
  const asked = [];
  const server = createServer(async (request, response) => {
    const name = new URL(request.url, "http://x").pathname.replace(/\/$/, "/index.html");
    asked.push(name);
    try {
      const made = files[name];
      const body =
        typeof made === "function" ? await made() : (made ?? readFileSync(join(dir, name)));
      response
        .writeHead(200, {
          "Content-Type": types[extname(name)] ?? "application/octet-stream",
          ...headers,
        })
        .end(body);
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  return {
    url: `http://localhost:${server.address().port}/`,
    asked,
    close: () => (server.closeAllConnections(), server.close()),
  };
}
