// The family tree of the explore page.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createServer } from "vite";

let vite;
const load = (path) => vite.ssrLoadModule(path);

before(async () => {
  vite = await createServer({ configFile: new URL("../../vite.config.js", import.meta.url).pathname, server: { middlewareMode: true, ws: false }, optimizeDeps: { noDiscovery: true }, logLevel: "error" });
});

after(() => vite.close());

const family = [
  { parent: 0, step: 60, seed: "17" },
  { parent: 1, step: 80, seed: "18446744073709551615" },
  { parent: 0, step: 30, seed: "4" },
  { parent: 0, step: 90, seed: "5" },
];

test("a family goes to the address and back, and what does not fit is refused", async () => {
  const { read, write } = await load("/src/explore/tree.ts");
  assert.equal(write(family), "0.60.17_1.80.18446744073709551615_0.30.4_0.90.5");
  assert.deepEqual(read(write(family), 100, 20), family);
  assert.deepEqual(read("", 100, 20), []);
  for (const bad of ["x", "0.60", "1.60.3", "0.100.3", "0.60.18446744073709551616", "0.60.1_1.60.2", "0.60.1_1.59.2", "0.-1.2", "0.60.1_"]) {
    assert.equal(read(bad, 100, 20), undefined, bad);
  }
  assert.equal(read(write(family), 100, 3), undefined);
});

test("the path to a node is what the engine and the command line take", async () => {
  const { earliest, path } = await load("/src/explore/tree.ts");
  assert.deepEqual(path(family, 0), []);
  assert.deepEqual(path(family, 2), [{ step: 60, seed: "17" }, { step: 80, seed: "18446744073709551615" }]);
  assert.deepEqual([earliest(family, 0), earliest(family, 2)], [0, 81]);
});

test("rows do not let branches cross", async () => {
  const { rows } = await load("/src/explore/tree.ts");
  assert.deepEqual(rows([]), [0]);
  assert.deepEqual(rows(family), [0, 2, 3, 4, 1]);
});

test("a pruned branch takes its children along", async () => {
  const { prune } = await load("/src/explore/tree.ts");
  assert.deepEqual(prune(family, 1), { family: [{ parent: 0, step: 30, seed: "4" }, { parent: 0, step: 90, seed: "5" }], numbers: [0, -1, -1, 1, 2] });
  assert.deepEqual(prune(family, 2).numbers, [0, 1, -1, 2, 3]);
});
