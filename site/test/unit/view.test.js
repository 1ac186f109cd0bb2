// The view without a canvas: measures, colours, and where one looks from.

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

const near = (a, b, tolerance = 1e-6) =>
  assert.ok(Math.abs(a - b) < tolerance, `${a}, expected ${b}`);

test("distances, angles and torsions are those of the field", async () => {
  const { angle, distance, measured, torsion } = await load("/src/view/measure.ts");
  near(distance([0, 0, 0], [1, 2, 2]), 3);
  near(angle([1, 1, 1], [0, 0, 0], [-1, -1, 1]), 109.4712206);
  near(angle([1, 0, 0], [0, 0, 0], [2, 0, 0]), 0);
  // Looking from b to c, along -z: d lies a quarter turn clockwise of a.
  const [a, b, c] = [
    [0, 1, 0],
    [0, 0, 0],
    [0, 0, -1.5],
  ];
  near(torsion(a, b, c, [1, 0, -1.5]), 90);
  near(torsion(a, b, c, [-1, 0, -1.5]), -90);
  near(torsion(a, b, c, [0, 1, -1.5]), 0);
  near(Math.abs(torsion(a, b, c, [0, -1, -1.5])), 180);
  assert.equal(
    measured(
      [
        [0, 0, 0],
        [1.5401, 0, 0],
      ],
      ["C1", "C2"],
    ),
    "C1–C2 1.540 Å",
  );
  assert.equal(measured([a, b, c, [-1, 0, -1.5]], ["H1", "C2", "C3", "O4"]), "H1–C2–C3–O4 −90.0°");
  assert.equal(measured([[0, 0, 0]], ["C1"]), "C1");
  assert.equal(measured([], []), "");
});

test("every element has a colour and a radius, and those of organic chemistry differ", async () => {
  const { elementOf } = await load("/src/view/elements.ts");
  const { dark, light } = await load("/src/view/colours.ts");
  assert.deepEqual(elementOf("C"), { colour: 0x909090, radius: 1.7 });
  assert.deepEqual(elementOf("Og"), { colour: 0xeb0026, radius: 2 });
  const common = ["H", "B", "C", "N", "O", "F", "Na", "Si", "P", "S", "Cl", "Br", "I"];
  for (const palette of [light, dark]) {
    common.forEach((one, i) =>
      common.slice(i + 1).forEach((other) => {
        const [p, q] = [palette.look(one).colour, palette.look(other).colour];
        assert.ok(Math.hypot(...p.map((v, k) => v - q[k])) > 0.08, `${one} and ${other}`);
      }),
    );
    assert.ok(
      palette.look("I").radius > palette.look("Cl").radius &&
        palette.look("Cl").radius > palette.look("H").radius,
    );
  }
});

test("a camera that faces a molecule shows its broad side without mirroring it", async () => {
  const media = { matches: true, addEventListener: () => {} };
  globalThis.matchMedia ??= () => media;
  const { Camera } = await load("/src/view/camera.ts");
  const sheet = Float32Array.from([0, 0, 4, 0, 0, -4, 0, 2, 0, 0, -2, 0, 0.1, 0, 0]); // lies across x
  const camera = new Camera();
  camera.face(sheet);
  const rows = [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ].map((p) => camera.place(p));
  const [x, y, z] = rows;
  near(
    x[0] * (y[1] * z[2] - y[2] * z[1]) -
      x[1] * (y[0] * z[2] - y[2] * z[0]) +
      x[2] * (y[0] * z[1] - y[1] * z[0]),
    1,
    1e-5,
  );
  assert.ok(Math.abs(camera.place([1, 0, 0])[2]) > 0.85, "the thin side points at the reader");
  assert.ok(Math.abs(camera.place([0, 0, 1])[0]) > 0.85, "the long side lies across");
  camera.turn(2, 1);
  const before = camera.place([0, 0, 1]);
  camera.face(sheet, true); // at once, for a reader who wants no motion
  camera.follow(16);
  assert.notDeepEqual(camera.place([0, 0, 1]), before);
  assert.ok(Math.abs(camera.place([1, 0, 0])[2]) > 0.85);
});

test("a finished molecule shows which atoms are wrong, and one that forms does not", async () => {
  const { Trajectory } = await load("/src/trajectory.ts");
  const { light } = await load("/src/view/colours.ts");
  const frame = {
    positions: new Float32Array(6),
    scores: Float32Array.from([1, 0, 0, 1]),
    bonds: [],
  };
  const trajectory = new Trajectory(["H", "C"], 2, 1);
  trajectory.add({ step: 0, ...frame });
  trajectory.add({ step: 1, ...frame, molecule: { stableAtoms: [true, false] } });
  assert.deepEqual(
    [0, 0.5, 1].map((at) => trajectory.pictureAt(at, light).wrong),
    [[], [], [1]],
  );
  assert.deepEqual(trajectory.pictureAt(1, light).symbols, ["H", "C"]);
});
