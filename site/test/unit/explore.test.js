// The family tree of the explore page.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createServer } from "vite";

let vite;
const load = (path) => vite.ssrLoadModule(path);

before(async () => {
  vite = await createServer({
    configFile: new URL("../../vite.config.js", import.meta.url).pathname,
    server: { middlewareMode: true, ws: false },
    optimizeDeps: { noDiscovery: true },
    logLevel: "error",
  });
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
  for (const bad of [
    "x",
    "0.60",
    "1.60.3",
    "0.100.3",
    "0.60.18446744073709551616",
    "0.60.1_1.60.2",
    "0.60.1_1.59.2",
    "0.-1.2",
    "0.60.1_",
  ]) {
    assert.equal(read(bad, 100, 20), undefined, bad);
  }
  assert.equal(read(write(family), 100, 3), undefined);
});

test("the path to a node is what the engine and the command line take", async () => {
  const { earliest, path } = await load("/src/explore/tree.ts");
  assert.deepEqual(path(family, 0), []);
  assert.deepEqual(path(family, 2), [
    { step: 60, seed: "17" },
    { step: 80, seed: "18446744073709551615" },
  ]);
  assert.deepEqual([earliest(family, 0), earliest(family, 2)], [0, 81]);
});

test("rows do not let branches cross", async () => {
  const { rows } = await load("/src/explore/tree.ts");
  assert.deepEqual(rows([]), [0]);
  assert.deepEqual(rows(family), [0, 2, 3, 4, 1]);
});

test("a pruned branch takes its children along", async () => {
  const { prune } = await load("/src/explore/tree.ts");
  assert.deepEqual(prune(family, 1), {
    family: [
      { parent: 0, step: 30, seed: "4" },
      { parent: 0, step: 90, seed: "5" },
    ],
    numbers: [0, -1, -1, 1, 2],
  });
  assert.deepEqual(prune(family, 2).numbers, [0, 1, -1, 2, 3]);
});

test("parts of a molecule: heavy atoms, a half, lines of its file, atoms as text", async () => {
  const { half, heavy, partOf, readAtoms, readPart, writeAtoms } =
    await load("/src/explore/parts.ts");
  assert.deepEqual(heavy(["C", "H", "O", "H"]), [0, 2]);
  assert.deepEqual(
    half(["C", "N", "C", "O", "C"], [-1, 0, 0, 5, 0, 0, 4, 1, 0, -8, 0, 0, 0, 0, 1]),
    [0, 3, 4],
    "around atom 3, the outermost",
  );
  assert.deepEqual(
    half(
      ["C", "H", "C", "H", "H", "C"],
      [-3, 0, 0, -4, 0, 0, -1.5, 0, 0, -1.4, 1, 0, 0.5, 1, 0, 1, 0, 0],
    ),
    [0, 1, 2, 3],
    "the hydrogens of its atoms, and no others",
  );
  const xyz = "3\nseed=1\nC 0.123456789012345 0 0\nH 1 2 3\nO -1.5 0 0.25\n";
  assert.equal(partOf(xyz, [0, 2]), "2\npart\nC 0.123456789012345 0 0\nO -1.5 0 0.25\n");
  assert.deepEqual(readPart(partOf(xyz, [0, 2])), {
    elements: ["C", "O"],
    positions: [0.123456789012345, 0, 0, -1.5, 0, 0.25],
  });
  for (const atoms of [[], [3], [0, 1, 2, 3, 7], [1, 3, 4, 9, 10, 11]])
    assert.deepEqual(readAtoms(writeAtoms(atoms)), atoms);
  assert.equal(writeAtoms([0, 1, 2, 3, 7]), "0-3,7");
  for (const bad of ["x", "3,1", "4-2", "1,,2", "-1", "1-"])
    assert.deepEqual(readAtoms(bad), [], bad);
});

test("the hint says where the choice falls as measured, for the run that it was measured for", async () => {
  const { branchHint } = await load("/src/explore/tree.ts");
  const {
    models: [model],
  } = await load("virtual:model");
  const { stochastic } = await load("/src/settings.ts");
  const start = model.defaults.t_start;
  const { steps, method } = stochastic;
  const told = branchHint(model, { start, steps, method });
  for (const { step, molecules, kept } of model.branches)
    assert.match(told, new RegExp(`step ${step}, ${kept} `), `${molecules} molecules`);
  assert.ok(model.branches.length > 1 && !told.includes("undefined"), told);
  assert.doesNotMatch(branchHint(model, { start, steps: steps + 1, method }), /\d/);
  assert.doesNotMatch(branchHint({ ...model, branches: [] }, { start, steps, method }), /\d/);
});
