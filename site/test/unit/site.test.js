// Parts of the page that need no browser, compiled by Vite on the way.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { crc32 } from "node:zlib";
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

const limits = {
  sizes: Array.from({ length: 27 }, (_, i) => i + 3),
  minSteps: 20,
  maxSteps: 1000,
  defaults: { method: "dpm++2m-sde", t_start: 600, steps: 40 },
  compositionConditional: true,
  fragmentConditional: true,
};
/** Of weights without moments. */
const whole = { ...limits, defaults: { ...limits.defaults, t_start: 1000 } };
const defaults = {
  seed: "5",
  atoms: 0,
  formula: "",
  start: 600,
  steps: 40,
  method: "dpm++2m-sde",
  gamma: "learned",
};

test("a formula gets the notes that symdiff sample gives", async () => {
  const { advise } = await load("/src/generate/formula.ts");
  const { elements, sizes, heaviest, notes } = JSON.parse(
    readFileSync(new URL("../../../core/encoding/testdata/formulas.json", import.meta.url), "utf8"),
  );
  const heavy = Number(/^C(\d+)H/.exec(heaviest)[1]);
  for (const [formula, note] of Object.entries(notes))
    assert.equal(advise(formula, { elements, sizes, heavy })?.text ?? "", note, formula);
});

test("the address holds the settings, and refuses what is out of bounds", async () => {
  const { parseQuery, toQuery } = await load("/src/settings.ts");
  const settings = {
    seed: "18446744073709551615",
    atoms: 12,
    formula: "",
    start: 700,
    steps: 250,
    method: "ancestral",
    gamma: "haar",
  };
  for (const start of [700, 1000])
    assert.deepEqual(parseQuery(toQuery({ ...settings, start }, "?embed=1"), limits, defaults), {
      ...settings,
      start,
    });
  assert.equal(toQuery(defaults, ""), "?seed=5&t_start=600&steps=40&method=dpm%2B%2B2m-sde");
  assert.equal(
    toQuery(
      {
        seed: "1",
        atoms: 0,
        formula: "",
        start: 1000,
        steps: 50,
        method: "dpm++2m-sde",
        gamma: "learned",
      },
      "?embed=1&atoms=7&start=600&method=ddim&gamma=none",
    ),
    "?embed=1&method=dpm%2B%2B2m-sde&seed=1&t_start=1000&steps=50",
  );
  for (const query of [
    "",
    "?seed=-1&atoms=2&steps=9&method=euler&gamma=delta",
    "?seed=18446744073709551616&atoms=30&steps=1001",
    "?seed=1e3&atoms=x&steps=50.5",
    "?t_start=19",
    "?t_start=x&steps=2000",
    "?t_start=600&steps=601",
  ]) {
    assert.deepEqual(parseQuery(query, limits, defaults), defaults, query);
  }
});

test("Lipinski's rule counts limits that a molecule is beyond", async () => {
  const { csv, lipinski } = await load("/src/generate/filters.ts");
  const limits = { weight: 500, logP: 5, donors: 5, acceptors: 10 };
  assert.equal(lipinski({ weight: 180.16, logP: 1.3, donors: 1, acceptors: 4 }), 0, "aspirin");
  assert.equal(lipinski({ weight: 1202.6, logP: 3.3, donors: 5, acceptors: 23 }), 2, "ciclosporin");
  assert.equal(lipinski(limits), 0);
  for (const name of Object.keys(limits))
    assert.equal(lipinski({ ...limits, [name]: limits[name] + 0.5 }), 1, name);
  assert.equal(csv(["1", 'a "b"', "c,d"]), '1,"a ""b""","c,d"\n');
});

test("a formula stands in place of the number of atoms, with weights that take one", async () => {
  const { parseFormula, parseQuery, sampleOptions, toQuery } = await load("/src/settings.ts");
  const { command } = await load("/src/command.ts");
  const settings = { ...defaults, atoms: 9, formula: "C7H10O2" };
  assert.equal(
    toQuery(settings, ""),
    "?seed=5&formula=C7H10O2&t_start=600&steps=40&method=dpm%2B%2B2m-sde",
  );
  assert.deepEqual(parseQuery(toQuery(settings, ""), limits, defaults), {
    ...defaults,
    formula: "C7H10O2",
  });
  assert.deepEqual(
    parseQuery("?seed=5&formula=C7H10O2", { ...limits, compositionConditional: false }, defaults),
    defaults,
  );
  const { formula, atoms } = sampleOptions(settings);
  assert.deepEqual([formula, atoms], ["C7H10O2", undefined]);
  assert.match(
    command({ settings, first: 0, n: 1, out: "a.xyz" }),
    /--seed 5 --formula C7H10O2 --steps 40/,
  );
  for (const text of ["CH4", " C2H6O ", "HCN", "C10Cl2"])
    assert.equal(parseFormula(text), text.trim());
  assert.equal(parseFormula("C₂H₆O"), "C2H6O", "as it is copied from a text");
  for (const text of ["", "c7h10", "C0", "C7H10O2+", "C7 H10", "H-O", "7C", "C1234"])
    assert.equal(parseFormula(text), undefined, text);
});

test("a setting of the address does not change another, and links of before are read", async () => {
  const { parseQuery } = await load("/src/settings.ts");
  const fast = { ...limits, defaults: { ...limits.defaults, steps: 15, method: "dpm++2m" } };
  const read = (query, of = limits) => {
    const { start, steps, method } = parseQuery(query, of);
    return [start, steps, method];
  };
  assert.deepEqual(read("?seed=7"), [600, 40, "dpm++2m-sde"]);
  assert.deepEqual(read("?seed=7&steps=50"), [600, 50, "dpm++2m-sde"]);
  assert.deepEqual(read("?seed=7&method=ancestral"), [600, 40, "ancestral"]);
  assert.deepEqual(read("?seed=7", fast), [600, 15, "dpm++2m"]);
  assert.deepEqual(read("?seed=7&method=ancestral", fast), [600, 40, "ancestral"]);
  assert.deepEqual(read("?seed=7&method=ancestral&steps=20", fast), [600, 20, "ancestral"]);
  assert.deepEqual(read("?seed=7&t_start=500"), [500, 40, "dpm++2m-sde"]);
  assert.deepEqual(read("?seed=7&t_start=30"), [30, 30, "dpm++2m-sde"]);
  assert.deepEqual(read("?seed=7&t_start=1000"), [1000, 40, "dpm++2m-sde"]);
  assert.deepEqual(read("?seed=7&start=0&steps=50"), [1000, 50, "dpm++2m-sde"]);
  assert.deepEqual(read("?seed=7&start=500"), [500, 40, "dpm++2m-sde"]);
  assert.deepEqual(read("?seed=7", whole), [1000, 40, "dpm++2m-sde"]);
  assert.deepEqual(
    read("?seed=7&t_start=600&steps=25", whole),
    [1000, 25, "dpm++2m-sde"],
    "without moments all runs begin with noise",
  );
});

test("with other weights a default start stays one, and all else goes along as far as it can", async () => {
  const { carryOver, startAt } = await load("/src/settings.ts");
  assert.deepEqual(startAt(1000, { steps: 40 }), { start: 1000, steps: 40 });
  assert.deepEqual(startAt(400, { steps: 900 }), { start: 400, steps: 400 });
  const method = limits.defaults.method;
  const over = ([start, steps, by = method], from, to) => {
    const next = carryOver({ start, steps, method: by }, from, to);
    return [next.start, next.steps, next.method];
  };
  assert.deepEqual(over([600, 40], limits, whole), [1000, 40, method]);
  assert.deepEqual(over([1000, 40], whole, limits), [600, 40, method]);
  assert.deepEqual(over([700, 30], limits, whole), [1000, 30, method]);
  const fast = { ...limits, defaults: { ...limits.defaults, steps: 15, method: "dpm++2m" } };
  assert.deepEqual(over([600, 40], limits, fast), [600, 15, "dpm++2m"]);
  assert.deepEqual(over([600, 15, "dpm++2m"], fast, limits), [600, 40, method]);
  assert.deepEqual(over([600, 30], limits, fast), [600, 30, "dpm++2m"]);
  assert.deepEqual(over([600, 40, "ancestral"], fast, limits), [600, 40, "ancestral"]);
  const short = { ...limits, maxSteps: 200, defaults: { ...limits.defaults, t_start: 120 } };
  assert.deepEqual(over([600, 500], limits, short), [120, 120, method]);
  assert.deepEqual(over([1000, 500], limits, short), [200, 200, method]);
});

test("another sampler takes the steps that core takes by it", async () => {
  const { stepsOf, stochastic } = await load("/src/settings.ts");
  const fast = { ...limits, defaults: { ...limits.defaults, steps: 15, method: "dpm++2m" } };
  assert.equal(stepsOf("dpm++2m", fast), 15);
  assert.equal(stepsOf("ancestral", fast), 40);
  assert.equal(stepsOf("ancestral", { ...fast, defaults: { ...fast.defaults, t_start: 20 } }), 20);
  const { models } = await load("virtual:model");
  const silent = models.find(({ name }) => name === "qm9-base").defaults; // says no sampler of its own
  assert.deepEqual(stochastic, { method: silent.method, steps: silent.steps });
});

test("the page's default sampler is core's", async () => {
  const { defaults, limitsOf } = await load("/src/settings.ts");
  const { models } = await load("virtual:model");
  for (const model of models) {
    const {
      name,
      defaults: { method, t_start, steps },
      evaluation,
    } = model;
    assert.equal(defaults(limitsOf(model)).method, method, name);
    const measured = (run) =>
      run.method === method && run.start === t_start && run.steps === steps && !run.special;
    if (evaluation.length)
      assert.ok(evaluation.some(measured), `${name}: its default sampler was measured`);
  }
});

test("where kinds are drawn first, only sizes that the data have can be asked for", async () => {
  const { limitsOf } = await load("/src/settings.ts");
  const facts = { sizes: [3, 4, 6], timesteps: 1000, defaults: limits.defaults };
  assert.deepEqual(
    limitsOf({ ...facts, compositionConditional: true, fragmentConditional: true }).sizes,
    [3, 4, 6],
  );
  assert.deepEqual(
    limitsOf({ ...facts, compositionConditional: false, fragmentConditional: false }).sizes,
    [3, 4, 5, 6],
  );
});

test("whatever sizes a file states, some can be asked for, and none that core refuses", async () => {
  const { limitsOf } = await load("/src/settings.ts");
  const facts = { timesteps: 1000, defaults: limits.defaults, fragmentConditional: false };
  for (const compositionConditional of [false, true]) {
    for (const sizes of [[], [4096], [20, 5000]]) {
      const offered = limitsOf({ ...facts, sizes, compositionConditional }).sizes;
      assert.ok(
        offered.length > 0 && offered.length <= 1024 && offered.at(-1) <= 1024,
        `${sizes}: ${offered}`,
      );
    }
  }
});

test("a file that no page can hold is refused before it is read", async () => {
  const { Engine, ownFile } = await load("/src/engine.ts");
  const file = new File([], "huge.safetensors");
  Object.defineProperty(file, "size", { value: 2 ** 31 });
  await assert.rejects(
    Engine.load(ownFile(file)),
    (error) =>
      error.code === "weights" &&
      /huge\.safetensors has 2147.5 MB.*symdiff sample --model/.test(error.message),
  );
});

test("seeds are whole numbers of 64 bits, in their shortest form", async () => {
  const { parseSeed, randomSeed } = await load("/src/settings.ts");
  assert.equal(parseSeed(" 007 "), "7");
  for (const text of ["", "x", "-1", "1.5", "18446744073709551616", "123456789012345678901"])
    assert.equal(parseSeed(text), undefined, text);
  assert.equal(parseSeed(randomSeed()) === undefined, false);
});

test("numbers as people write them", async () => {
  const { megabytes, roughCount, seconds } = await load("/src/format.ts");
  assert.equal(megabytes(9_810_000), "9.8 MB");
  assert.deepEqual([roughCount(275_402), roughCount(5_240_000)], ["275 thousand", "5.2 million"]);
  assert.deepEqual([seconds(0), seconds(3.2), seconds(125)], ["1 s", "4 s", "2 min 5 s"]);
});

test("the meter shows the speed of the last two seconds", async () => {
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
  const frame = (step, x, scores, bonds) => ({
    step,
    steps: 10,
    atoms: 2,
    positions: new Float32Array([x, 0, 0, 0, 0, 0]),
    scores: new Float32Array(scores),
    bonds,
  });
  t.add(frame(0, 0, [0, 0, 0, 0], []));
  t.add({ ...frame(10, 2, [1, 0, 0, 1], [{ i: 0, j: 1, order: 2 }]), molecule: {} });
  const middle = t.pictureAt(0.5, light);
  assert.deepEqual(middle.balls[0].at, [1, 0, 0]);
  assert.equal(middle.sticks.length, 1);
  const end = t.pictureAt(1, light);
  assert.deepEqual(
    end.balls.map((b) => b.colour),
    [light.look("H").colour, light.look("C").colour],
  );
  assert.equal(end.sticks[0].order, 2);
  assert.ok(middle.sticks[0].radius < end.sticks[0].radius);
  assert.equal(t.pictureAt(0, light).sticks.length, 0);
  assert.deepEqual([t.stepAt(0.4), t.stepAt(0.6)], [0, 10]);
  assert.deepEqual(t.settled, [0, 1]);
  const xyz = t.toXYZ("seed=1").split("\n");
  assert.deepEqual(
    [xyz[1], xyz[5], xyz[6], xyz[7]],
    [
      "step=0 seed=1",
      "step=10 seed=1",
      "H 2.000000 0.000000 0.000000",
      "C 0.000000 0.000000 0.000000",
    ],
  );
});

test("the files that the pages name are in the repository", () => {
  const top = new URL("../../../", import.meta.url);
  const named = readdirSync(new URL("site/", top))
    .filter((file) => file.endsWith(".html"))
    .flatMap((file) => {
      const html = readFileSync(new URL(`site/${file}`, top), "utf8");
      return [...html.matchAll(/<code>((?:core|trainer|wasm|site)\/[^<]*)<\/code>/g)];
    })
    .map(([, path]) => path);
  assert.ok(named.length > 10);
  assert.deepEqual(
    named.filter((path) => !existsSync(new URL(path, top))),
    [],
  );
});

test("shares come with Wilson's interval, and core's key decides what is unique", async () => {
  const { Tally, wilson } = await load("/src/tally.ts");
  const { share, low, high } = wilson(429, 1000); // symdiff evaluate: 42.9 (39.9 to 46.0)
  assert.deepEqual(
    [share, low, high].map((x) => (100 * x).toFixed(1)),
    ["42.9", "39.9", "46.0"],
  );
  assert.deepEqual(
    [wilson(0, 0).low, wilson(0, 0).high, wilson(0, 5).low, wilson(5, 5).high],
    [0, 1, 0, 1],
  );
  const tally = new Tally();
  const add = (key, valid) => tally.add({ key, valid, stable: false, connected: true });
  assert.deepEqual(
    [add("a", true), add("a", true), add("b", false), add("c", true)],
    [true, false, false, true],
  );
  const { valid, unique, stable, connected } = tally.shares;
  assert.deepEqual(
    [valid, unique, stable, connected].map(({ count, of }) => `${count}/${of}`),
    ["3/4", "2/3", "0/4", "4/4"],
  );
});

test("the command line of a run names what differs from the command's own defaults, and quotes what a shell would read", async () => {
  const { command } = await load("/src/command.ts");
  const settings = {
    seed: "7",
    atoms: 0,
    formula: "",
    start: 600,
    steps: 50,
    method: "dpm++2m-sde",
    gamma: "learned",
  };
  assert.equal(
    command({ settings, first: 0, n: 1, out: "a.xyz" }),
    "symdiff sample --seed 7 --steps 50 --t-start 600 --method dpm++2m-sde --out a.xyz",
  );
  assert.equal(
    command({
      settings: { ...settings, atoms: 9, gamma: "haar" },
      first: 3,
      n: 4,
      model: "it's mine.safetensors",
      out: "a.sdf",
    }),
    "symdiff sample --seed 7 --count 4 --first 3 --atoms 9 --steps 50 --t-start 600 --method dpm++2m-sde --gamma haar --model 'it'\\''s mine.safetensors' --out a.sdf",
  );
});

test("superposition finds the turn and the distance that is left", async () => {
  const { superpose } = await load("/src/superposition.ts");
  const points = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 1, 1];
  const turned = points.flatMap((_, i) =>
    i % 3 ? [] : [5 - points[i + 1], points[i] - 2, points[i + 2] + 1],
  ); // a quarter turn about z, and a shift
  const { rmsd, moved } = superpose(points, turned);
  assert.ok(rmsd < 1e-9, String(rmsd));
  moved.forEach((x, i) => assert.ok(Math.abs(x - turned[i]) < 1e-9));
  const mirrored = points.map((x, i) => (i % 3 ? x : -x));
  assert.ok(superpose(points, mirrored).rmsd > 0.1, "a mirror image is not laid over by turning");
});

test("principal axes are a right-handed frame, along which points spread most, second most and least", async () => {
  const { principalAxes } = await load("/src/superposition.ts");
  const points = [0, 0, 0, 0, 0, 3, 0, 1.5, 1, 0.2, -1, 2]; // long along z, flat along x
  const [x, y, z] = principalAxes(points);
  const spread = (axis) => {
    const along = [0, 3, 6, 9].map((i) => axis.reduce((sum, v, k) => sum + v * points[i + k], 0));
    const mean = along.reduce((sum, v) => sum + v, 0) / 4;
    return along.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  };
  assert.ok(spread(x) > spread(y) && spread(y) > spread(z));
  const volume =
    x[0] * (y[1] * z[2] - y[2] * z[1]) -
    x[1] * (y[0] * z[2] - y[2] * z[0]) +
    x[2] * (y[0] * z[1] - y[1] * z[0]);
  assert.ok(Math.abs(volume - 1) < 1e-9, String(volume));
});

test("a text in a PNG is a chunk with its checksum, between header and data", async () => {
  const { withText } = await load("/src/generate/png.ts");
  const header = new Uint8Array(33).fill(1);
  const out = Buffer.from(
    await (await withText(new Blob([header, "rest"]), "Comment", "seed=42")).arrayBuffer(),
  );
  assert.equal(out.readUInt32BE(33), "Comment\0seed=42".length);
  assert.equal(out.subarray(37, -8).toString("latin1"), "tEXtComment\0seed=42");
  assert.equal(out.readUInt32BE(out.length - 8), crc32(out.subarray(37, -8)));
  assert.equal(out.subarray(-4).toString(), "rest");
});

test("the most atoms besides hydrogen of formulas, of united atoms too", async () => {
  const { heaviest } = await import("../../plugins.js");
  assert.equal(heaviest('{"C2H6O":5,"CHF3":1,"H2":9}'), 4);
  assert.equal(heaviest('{"O[CH3]2":5,"[CH]2[CH2]12Cl":1,"[CH4]":2}'), 15);
  assert.equal(heaviest(), 0);
});

test("the models of a folder are found at build time, the usual one first", async () => {
  const { weightsIn } = await import("../../plugins.js");
  const dir = mkdtempSync(join(tmpdir(), "symdiff-weights-"));
  for (const name of [
    "qm9-large.safetensors",
    "geom.safetensors",
    "qm9-web.safetensors",
    "qm9-web.json",
  ])
    writeFileSync(join(dir, name), "");
  assert.deepEqual(
    weightsIn(dir, "qm9-web.safetensors").map((path) => basename(path)),
    ["qm9-web.safetensors", "geom.safetensors", "qm9-large.safetensors"],
  );
  rmSync(dir, { recursive: true });
});

test("every embedded page leaves out what its address names", async () => {
  const { hiddenParts } = await load("/src/generate/parts.ts");
  assert.deepEqual([...hiddenParts("")], []);
  assert.deepEqual([...hiddenParts("?hide=settings,about")], ["settings", "about"]);
  assert.ok(
    hiddenParts("?embed=1&hide=settings").has("header") &&
      hiddenParts("?embed=1&hide=settings").has("settings"),
  );
});

test("a click finds the ball in front, or the nearest one within reach", async () => {
  const { ballAt } = await load("/src/view/scene.ts");
  const ball = (x, y, z) => ({ at: [x, y, z], radius: 0.4, colour: [1, 1, 1] });
  const scene = {
    balls: [ball(0, 0, -1), ball(0, 0, 1), ball(2, 0, 0)],
    sticks: [],
    distance: 12,
    extent: 3,
    fog: [1, 1, 1],
    accent: [1, 1, 1],
  };
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
  const {
    neg_log_snr: { polynomial_2: table },
  } = JSON.parse(
    readFileSync(new URL("../../../core/schedule/testdata/schedule.json", import.meta.url)),
  );
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
