// The page: settings, one run at a time, and what is shown of it.

import "./trust.ts";
import { SymDiff, type Frame, type Molecule, type Progress } from "symdiff";
import model from "virtual:model";
import { element } from "./dom.ts";
import { formulaNodes, megabytes, percent, roughCount, seconds } from "./format.ts";
import { Meter } from "./meter.ts";
import { dropModel, keepModel, startOffline } from "./offline.ts";
import { Player } from "./player.ts";
import { explain } from "./problems.ts";
import { ResultView, spoken } from "./result.ts";
import { methods, parseQuery, parseSeed, randomSeed, toQuery, type Limits, type Settings } from "./settings.ts";
import { noiseCloud, Trajectory } from "./trajectory.ts";
import { Viewer } from "./view/viewer.ts";

/** Frames kept of a run: enough for smooth playing. */
const framesKept = 250;

const limits: Limits = {
  minAtoms: model.sizes[0]!,
  maxAtoms: model.sizes.at(-1)!,
  minSteps: 20,
  maxSteps: model.timesteps,
};

const form = element<HTMLFormElement>("form");
const generate = element<HTMLButtonElement>("generate");
const cancel = element<HTMLButtonElement>("cancel");
const seed = element<HTMLInputElement>("seed");
const fresh = element<HTMLInputElement>("fresh");
const atoms = element<HTMLSelectElement>("atoms");
const steps = element<HTMLInputElement>("steps");
const method = element<HTMLSelectElement>("method");
const bar = element<HTMLProgressElement>("bar");
const status = element("status");
const caption = element("caption");

const viewer = new Viewer(element("view"), "view-help", new URLSearchParams(location.search).get("renderer") === "2d");
const player = new Player(viewer);
const result = new ResultView();

let engine: SymDiff | undefined;
let running: AbortController | undefined;
/** The seed of the latest run, to know whether the one in the field has been used. */
let usedSeed = "";
/** How much of the run screen readers have been told. */
let announcedQuarter = 0;

/** By the model's card about as good as any setting with the usual sampler, and fast. */
const usualSteps = 100;

function setUp(): void {
  for (let n = limits.minAtoms; n <= limits.maxAtoms; n++) atoms.add(new Option(String(n), String(n)));
  steps.max = String(limits.maxSteps);
  write(parseQuery(location.search, limits, { seed: randomSeed(), atoms: 0, steps: Math.min(usualSteps, limits.maxSteps), method: methods[0] }));
  const size = megabytes(model.bytes + model.wasmBytes);
  element("cost").textContent = `The first run downloads ${size}: the model, which then stays on this device.`;
  element("model-facts").textContent =
    `This model has ${roughCount(model.parameters)} parameters and was trained on QM9: real molecules of up to nine heavy atoms ` +
    `(carbon, nitrogen, oxygen, fluorine) and their hydrogens, ${limits.maxAtoms} atoms at most.`;
  element("model-quality").textContent = model.evaluation.map(quality).join(" ");
  element("renderer").hidden = viewer.kind === "webgl2";
  viewer.label = "Random noise";
  player.open(noiseCloud(model.elements, 18));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void press();
  });
  cancel.addEventListener("click", () => running?.abort());
  seed.addEventListener("input", () => seed.setAttribute("aria-invalid", String(parseSeed(seed.value) === undefined)));
  element("dice").addEventListener("click", () => write({ ...read(), seed: randomSeed() }));
  steps.addEventListener("input", () => write(read()));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") running?.abort();
  });
  void startOffline();
}

/** A sentence on one measured setting. */
function quality(run: (typeof model.evaluation)[number]): string {
  return `Of ${run.molecules.toLocaleString("en")} molecules made in ${run.steps} steps (${run.method}), ${percent(run.stable)} were stable (${percent(run.stableAtoms)} of their atoms) and ${percent(run.valid)} valid.`;
}

function read(): Settings {
  return { seed: parseSeed(seed.value) ?? seed.value, atoms: Number(atoms.value), steps: Number(steps.value), method: method.value as Settings["method"] };
}

function write(settings: Settings): void {
  seed.value = settings.seed;
  seed.setAttribute("aria-invalid", "false");
  atoms.value = String(settings.atoms);
  steps.value = String(settings.steps);
  method.value = settings.method;
  element("steps-value").textContent = steps.value;
}

/** One press of Generate, from settings to result, failure or cancel. */
async function press(): Promise<void> {
  if (running) return;
  if (fresh.checked && seed.value === usedSeed) write({ ...read(), seed: randomSeed() });
  const settings = read();
  if (parseSeed(settings.seed) === undefined) {
    fail("The seed has to be a whole number below 2^64.", settings.seed);
    seed.focus();
    return;
  }
  usedSeed = settings.seed;
  history.replaceState(null, "", toQuery(settings, location.search));
  const run = (running = new AbortController());
  enter();
  try {
    engine ??= await load(run.signal);
    const molecule = await sample(engine, settings, run.signal);
    result.show({ molecule, settings, sha256: engine.info.sha256 });
    announce(spoken(molecule));
    void keepModel(engine.info.simd);
  } catch (error) {
    await leaveFailed(error, run.signal);
  } finally {
    running = undefined;
    leave();
  }
}

function enter(): void {
  generate.hidden = true;
  cancel.hidden = false;
  cancel.focus({ preventScroll: true });
  element("cost").hidden = true;
  element("progress").hidden = false;
  element<HTMLFieldSetElement>("settings").disabled = true;
  element("error").hidden = true;
  element<HTMLButtonElement>("update-now").disabled = true;
  result.hide();
}

function leave(): void {
  const focused = document.activeElement === cancel || document.activeElement === document.body;
  generate.hidden = false;
  cancel.hidden = true;
  element("progress").hidden = true;
  element<HTMLFieldSetElement>("settings").disabled = false;
  element<HTMLButtonElement>("update-now").disabled = false;
  if (focused) generate.focus({ preventScroll: true });
}

async function leaveFailed(error: unknown, signal: AbortSignal): Promise<void> {
  if (signal.aborted) {
    announce("Cancelled.");
    caption.textContent = engine ? "Cancelled" : caption.textContent;
    element("cost").hidden = !!engine;
    return;
  }
  const { advice, detail } = explain(error);
  fail(advice, detail);
  const code = (error as { code?: string }).code;
  if (code === "options") return;
  engine?.close();
  engine = undefined;
  if (code === "hash") await dropModel();
}

function fail(advice: string, detail: string): void {
  const box = element("error");
  const text = document.createElement("p");
  const small = document.createElement("p");
  text.textContent = advice;
  small.textContent = detail;
  small.className = "note";
  box.replaceChildren(text, small);
  box.hidden = false;
}

async function load(signal: AbortSignal): Promise<SymDiff> {
  progress(0, "Fetching the model");
  announce("Fetching the model.");
  const { wasm, weights, sha256, bytes } = model;
  return SymDiff.load({ wasm, weights, sha256, bytes, signal, onProgress: loading });
}

function loading({ stage, loaded, total }: Progress): void {
  const texts = {
    download: `Fetching the model: ${megabytes(loaded)} of ${megabytes(total)}`,
    check: "Checking the model",
    start: "Starting the model",
  };
  progress(loaded / total, texts[stage]);
}

async function sample(engine: SymDiff, { seed, atoms, steps, method }: Settings, signal: AbortSignal): Promise<Molecule> {
  const every = Math.max(1, Math.round(steps / framesKept));
  const meter = new Meter();
  let trajectory: Trajectory | undefined;
  for await (const frame of engine.sample({ seed: BigInt(seed), atoms, steps, method, every, signal })) {
    meter.add(frame.step, performance.now());
    if (!trajectory) {
      trajectory = new Trajectory(engine.info.elements, frame.atoms, frame.steps);
      trajectory.add(frame);
      player.open(trajectory);
      announce(`Generating ${frame.atoms} atoms in ${frame.steps} steps.`);
    } else {
      trajectory.add(frame);
      player.grown();
    }
    sampling(frame, meter);
    if (frame.molecule) return frame.molecule;
  }
  throw new Error("no molecule came");
}

function sampling({ step, steps, atoms, molecule }: Frame, meter: Meter): void {
  const rate = meter.rate;
  const speed = rate ? `, ${Math.round(rate)} steps/s, ${seconds(meter.left(steps) ?? 0)} left` : "";
  progress(step / steps, `Step ${step} of ${steps}${speed}`);
  if (molecule) caption.replaceChildren(...formulaNodes(molecule.formula));
  else caption.textContent = `${atoms} atoms forming`;
  viewer.label = molecule ? `Molecule ${molecule.formula}` : `${atoms} atoms forming, step ${step} of ${steps}`;
  const quarter = Math.floor((4 * step) / steps);
  if (!molecule && quarter > announcedQuarter) announce(`${25 * quarter} % done.`);
  announcedQuarter = quarter;
}

function progress(share: number, text: string): void {
  bar.value = Number.isFinite(share) ? share : 0;
  element("progress-text").textContent = text;
}

/** For screen readers: few and whole sentences. */
function announce(text: string): void {
  status.textContent = text;
}

setUp();
