// Parts of the page that need no browser, compiled by Vite on the way.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { createServer } from "vite";

let vite;
const load = (path) => vite.ssrLoadModule(path);

before(async () => {
  vite = await createServer({ configFile: new URL("../../vite.config.js", import.meta.url).pathname, server: { middlewareMode: true, ws: false }, optimizeDeps: { noDiscovery: true }, logLevel: "error" });
});

after(() => vite.close());

const limits = { minAtoms: 3, maxAtoms: 29, minSteps: 20, maxSteps: 1000 };
const defaults = { seed: "5", atoms: 0, steps: 1000, method: "dpm++2m-sde", gamma: "learned" };

test("the address holds the settings, and refuses what is out of bounds", async () => {
  const { parseQuery, toQuery } = await load("/src/settings.ts");
  const settings = { seed: "18446744073709551615", atoms: 12, steps: 250, method: "ancestral", gamma: "haar" };
  assert.deepEqual(parseQuery(toQuery(settings, "?embed=1"), limits, defaults), settings);
  assert.equal(toQuery({ seed: "1", atoms: 0, steps: 50, method: "dpm++2m-sde", gamma: "learned" }, "?embed=1&atoms=7&method=ddim&gamma=none"), "?embed=1&seed=1&steps=50");
  for (const query of ["", "?seed=-1&atoms=2&steps=9&method=euler&gamma=delta", "?seed=18446744073709551616&atoms=30&steps=1001", "?seed=1e3&atoms=x&steps=50.5"]) {
    assert.deepEqual(parseQuery(query, limits, defaults), defaults, query);
  }
});

test("seeds are whole numbers of 64 bits, in their shortest form", async () => {
  const { parseSeed, randomSeed } = await load("/src/settings.ts");
  assert.equal(parseSeed(" 007 "), "7");
  for (const text of ["", "x", "-1", "1.5", "18446744073709551616", "123456789012345678901"]) assert.equal(parseSeed(text), undefined, text);
  assert.equal(parseSeed(randomSeed()) === undefined, false);
});

test("numbers as people write them", async () => {
  const { megabytes, roughCount, seconds } = await load("/src/format.ts");
  assert.equal(megabytes(9_810_000), "9.8 MB");
  assert.deepEqual([roughCount(275_402), roughCount(5_240_000)], ["275 thousand", "5.2 million"]);
  assert.deepEqual([seconds(0), seconds(3.2), seconds(125)], ["1 s", "4 s", "2 min 5 s"]);
});

test("the meter tells the speed of the last two seconds", async () => {
  const { Meter } = await load("/src/meter.ts");
  const meter = new Meter();
  assert.equal(meter.rate, undefined);
  for (let s = 0; s <= 40; s++) meter.add(s * (s < 20 ? 1 : 10), s * 100);
  assert.equal(Math.round(meter.rate), 100);
  assert.equal(Math.round(meter.left(500)), 1);
});

test("a trajectory mixes frames, colours and bonds", async () => {
  const { Trajectory } = await load("/src/trajectory.ts");
  const { light } = await load("/src/view/colours.ts");
  const t = new Trajectory(["H", "C"], 2, 10);
  const frame = (step, x, scores, bonds) => ({ step, steps: 10, atoms: 2, positions: new Float32Array([x, 0, 0, 0, 0, 0]), scores: new Float32Array(scores), bonds });
  t.add(frame(0, 0, [0, 0, 0, 0], []));
  t.add({ ...frame(10, 2, [1, 0, 0, 1], [{ i: 0, j: 1, order: 2 }]), molecule: {} });
  const middle = t.pictureAt(0.5, light);
  assert.deepEqual(middle.balls[0].at, [1, 0, 0]);
  assert.equal(middle.sticks.length, 1);
  const end = t.pictureAt(1, light);
  assert.deepEqual(end.balls.map((b) => b.colour), [light.looks.H.colour, light.looks.C.colour]);
  assert.equal(end.sticks[0].order, 2);
  assert.ok(middle.sticks[0].radius < end.sticks[0].radius);
  assert.equal(t.pictureAt(0, light).sticks.length, 0);
  assert.deepEqual([t.stepAt(0.4), t.stepAt(0.6)], [0, 10]);
});

test("a click finds the ball in front, or the nearest one within reach", async () => {
  const { ballAt } = await load("/src/view/scene.ts");
  const ball = (x, y, z) => ({ at: [x, y, z], radius: 0.4, colour: [1, 1, 1] });
  const scene = { balls: [ball(0, 0, -1), ball(0, 0, 1), ball(2, 0, 0)], sticks: [], distance: 12, extent: 3, fog: [1, 1, 1], accent: [1, 1, 1] };
  const at = (x, y) => ballAt(scene, 400, 300, x, y, 10);
  assert.equal(at(200, 150), 1);
  const right = 200 + (2 * 150) / Math.tan(0.26) / 12;
  assert.equal(at(right, 150), 2);
  assert.equal(at(right + 0.4 * 47 + 8, 150), 2);
  assert.equal(at(right + 0.4 * 47 + 15, 150), -1);
  assert.equal(at(200, 290), -1);
});

test("package-lock.json names no registry host", () => {
  const lock = JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url)));
  for (const [name, entry] of Object.entries(lock.packages)) {
    assert.equal(entry.resolved, undefined, name);
    if (name) assert.match(entry.integrity, /^sha512-/, name);
  }
});

test("the schedule drawn on the page is core's, and the toy shows what it says", async () => {
  const { alphaAt } = await load("/src/how/schedule.ts");
  const { toy, symmetrised, failure } = await load("/src/how/symmetrised.ts");
  const { neg_log_snr: { polynomial_2: table } } = JSON.parse(readFileSync(new URL("../../../core/schedule/testdata/schedule.json", import.meta.url)));
  const T = table.length - 1;
  for (const t of [1, T / 4, T / 2, (3 * T) / 4]) {
    const alpha2 = 1 / (1 + Math.exp(table[t]));
    assert.ok(Math.abs(alphaAt(t / T) ** 2 - alpha2) < 1e-4, `t = ${t}`);
  }
  for (const angle of [0.6, 2, 4]) {
    assert.ok(failure(toy, toy, angle) > 0.1);
    assert.ok(failure(symmetrised(2.1), symmetrised(2.1 + angle), angle) < 1e-12);
  }
});
