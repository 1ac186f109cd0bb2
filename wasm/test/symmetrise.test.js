// A denoiser in JavaScript, made equivariant by the real WASM.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Symmetriser } from "../../build/wasm/js/symmetrise.js";

const engine = await Symmetriser.load(
  readFileSync(new URL("../../build/wasm/symdiff.wasm", import.meta.url)),
);
const features = 1;
const z = Float32Array.from([1, 0, 0, 0.5, -1, 0.5, 0, -0.5, 0, -0.5, 0, 0.25]);
/** Each value by itself: as little equivariant as can be. */
const crooked = (z, t) => z.map((v, i) => Math.sin(v * (1 + (i % 3))) + t);
/** A turn about the third axis, then a reflection. */
const turn = [0.6, 0.8, 0, -0.8, 0.6, 0, 0, 0, -1];

const turned = (z) => {
  const out = Float32Array.from(z);
  for (let a = 0; a < z.length; a += 4)
    for (let k = 0; k < 3; k++)
      out[a + k] = z[a] * turn[k] + z[a + 1] * turn[3 + k] + z[a + 2] * turn[6 + k];
  return out;
};
const largest = (a, b) => Math.max(...a.map((v, i) => Math.abs(v - b[i])));

test("a callback becomes equivariant", () => {
  const net = engine.symmetrise({ features }, crooked);
  for (const call of [0, 1, 2]) {
    const { eps, gamma } = net(z, 0.3, { seed: 5n, call });
    const coupled = net(turned(z), 0.3, { seed: 5n, call, turn });
    assert.ok(largest(coupled.eps, turned(eps)) < 1e-6);
    assert.equal(gamma.length, 9);
  }
  assert.ok(
    largest(crooked(turned(z), 0.3), turned(crooked(z, 0.3))) > 0.1,
    "the callback itself is not",
  );
  assert.notDeepEqual(net(z, 0.3, { seed: 5 }).gamma, net(z, 0.3, { seed: 6 }).gamma);
});

test("under a subgroup C keeps to it", () => {
  const { gamma } = engine.symmetrise({ features, group: { axis: [0, 0, 1] } }, crooked)(z, 0.3);
  assert.deepEqual(
    [gamma[2], gamma[5], gamma[6], gamma[7], gamma[8]].map(Math.abs),
    [0, 0, 0, 0, 1],
  );
});

test("failures are SymDiffErrors", async () => {
  await assert.rejects(Symmetriser.load(new Uint8Array(4)), { name: "SymDiffError", code: "wasm" });
  await assert.rejects(Symmetriser.load("http://localhost:1/a.wasm"), {
    name: "SymDiffError",
    code: "download",
    message: /^http:\/\/localhost:1\/a.wasm: /,
  });
  assert.throws(() => engine.symmetrise({ features: 2 }, crooked)(z, 0.3), {
    name: "SymDiffError",
    code: "options",
  });
});

test("failures are reported", () => {
  const thrown = new Error("mine");
  assert.throws(
    () =>
      engine.symmetrise({ features }, () => {
        throw thrown;
      })(z, 0.3),
    (error) => error === thrown,
  );
  assert.throws(() => engine.symmetrise({ features }, () => [1])(z, 0.3), /gave 1 values, not 12/);
  assert.throws(() => engine.symmetrise({ features: 2 }, crooked)(z, 0.3), /no \(n, 3\+features\)/);
  assert.throws(
    () => engine.symmetrise({ features, group: "U(1)" }, crooked)(z, 0.3),
    /group: "U\(1\)"/,
  );
  assert.throws(() => engine.symmetrise({ features }, crooked)(z, 0.3, { seed: -1 }), /seed/);
  assert.throws(
    () => engine.symmetrise({ features }, crooked)(z.with(5, NaN), 0.3),
    /value 5 of z is not finite/,
  );
  assert.throws(
    () => engine.symmetrise({ features }, (z) => z.map(() => Infinity))(z, 0.3),
    /gave a value that is not finite/,
  );
  assert.throws(
    () => engine.symmetrise({ features }, crooked)(z, 0.3, { turn: turn.with(0, 2) }),
    /not orthogonal/,
  );
  assert.throws(
    () => engine.symmetrise({ features }, crooked)(new Float32Array(4 * 1025), 0.3),
    /1025 atoms/,
  );
});
