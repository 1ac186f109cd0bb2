// The numbers of the symmetry page.

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

const close = (a, b, tolerance = 1e-12) =>
  Array.from(a).forEach((v, k) =>
    assert.ok(Math.abs(v - b[k]) <= tolerance, `${k}: ${v}, want ${b[k]}`),
  );

test("angles make an orthogonal matrix, and come back from it", async () => {
  const { determinant, fromAngles, identity, product, toAngles, transpose } = await load(
    "/src/symmetry/orthogonal.ts",
  );
  assert.deepEqual(fromAngles({ x: 0, y: 0, z: 0, mirror: false }), identity);
  assert.deepEqual(
    fromAngles({ x: 0, y: 0, z: 90, mirror: false }),
    [0, 1, 0, -1, 0, 0, 0, 0, 1],
    "x goes to y, exactly",
  );
  assert.deepEqual(fromAngles({ x: 0, y: 0, z: 0, mirror: true }), [-1, 0, 0, 0, 1, 0, 0, 0, 1]);
  for (const x of [-170, -30, 0, 45, 180]) {
    for (const y of [-90, -40, 0, 80, 90]) {
      for (const z of [-120, 0, 75]) {
        for (const mirror of [false, true]) {
          const h = fromAngles({ x, y, z, mirror });
          close(product(transpose(h), h), identity);
          close([determinant(h)], [mirror ? -1 : 1]);
          const again = toAngles(h);
          close(fromAngles(again), h, 1e-9);
          assert.equal(again.mirror, mirror);
        }
      }
    }
  }
});

test("rows are turned from the right", async () => {
  const { fromAngles, product, turn } = await load("/src/symmetry/orthogonal.ts");
  close(
    turn([1, 0, 0, 0, 2, 0], fromAngles({ x: 0, y: 0, z: 90, mirror: false })),
    [0, 1, 0, -2, 0, 0],
  );
  const [a, b] = [
    fromAngles({ x: 10, y: 20, z: 30, mirror: true }),
    fromAngles({ x: -50, y: 5, z: 0, mirror: false }),
  ];
  const x = [0.3, -1, 2];
  close(turn(turn(x, a), b), turn(x, product(a, b)));
});

test("the angle of a matrix, a reflection taken out", async () => {
  const { angle, fromAngles } = await load("/src/symmetry/orthogonal.ts");
  for (const degrees of [0, 30, 90, 180]) {
    const turned = fromAngles({ x: 0, y: degrees, z: 0, mirror: false });
    close([angle(turned)], [(degrees * Math.PI) / 180], 1e-7);
    close([angle(turned.map((v) => -v))], [(degrees * Math.PI) / 180], 1e-7);
  }
});

test("how far atoms are apart", async () => {
  const { deviation, mean } = await load("/src/symmetry/deviation.ts");
  const d = deviation([0, 0, 0, 3, 4, 1], [0, 0, 0, 0, 0, 1]);
  close([d.largest, d.rms, d.relative], [5, Math.sqrt(12.5), 5]);
  assert.deepEqual(deviation([1, 2, 3], [1, 2, 3]), { largest: 0, rms: 0, relative: 0 });
  close(
    mean([
      [1, 2, 3],
      [3, 2, 1],
    ]),
    [2, 2, 2],
  );
});

test("one run beyond the 5 % point is no proof", async () => {
  const { angleText } = await load("/src/symmetry/texts.ts");
  const small = Array.from({ length: 20 }, () => 0.1);
  const by = (kernel) => angleText(small, 10, kernel);
  for (const text of [by("haar"), by("learned")])
    assert.match(text, /^γ has a reflection in 10 of 20 .* fewer than one run in twenty /);
  assert.match(by("learned"), / So f probably prefers some directions\.$/);
  assert.match(by("haar"), / differs so much\.$/);
});

test("angles of Haar's measure fill their bins, others do not", async () => {
  const { bin, haarBelow, haarDensity, haarDistance } = await load("/src/symmetry/histogram.ts");
  close([haarBelow(0), haarBelow(Math.PI)], [0, 1]);
  close([(haarBelow(1.001) - haarBelow(0.999)) / 0.002], [haarDensity(1)], 1e-6);
  assert.deepEqual(bin([0, 0.1, 1.6, Math.PI], 2), [2, 2]);
  // Angles at the quantiles of the measure: found by bisection.
  const quantile = (p) => {
    let [a, b] = [0, Math.PI];
    while (b - a > 1e-12) {
      const m = (a + b) / 2;
      if (haarBelow(m) < p) a = m;
      else b = m;
    }
    return a;
  };
  const exact = Array.from({ length: 200 }, (_, i) => quantile((i + 0.5) / 200));
  close([haarDistance(exact)], [1 / 400], 1e-9);
  assert.ok(haarDistance(Array.from({ length: 200 }, (_, i) => (i / 200) * Math.PI)) > 0.15);
  assert.equal(haarDistance([0, 0]), 1);
});
