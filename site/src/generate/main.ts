// The page: settings, one run at a time, and what is shown of it.

import "../trust.ts";
import { type Frame } from "symdiff";
import { announce, element } from "../dom.ts";
import { downloadBytes, Engine, loadingText, modelNamed, shipped } from "../engine.ts";
import { formulaNodes, megabytes, percent, roughCount } from "../format.ts";
import { dropModel, keepModel, startOffline } from "../offline.ts";
import { explain } from "../problems.ts";
import { progressText, run } from "../run.ts";
import { limitsOf, parseQuery, parseSeed, randomSeed, sampleOptions, toQuery, type Settings } from "../settings.ts";
import { Transport } from "../transport.ts";
import { Viewer } from "../view/viewer.ts";
import { ResultView, spoken } from "./result.ts";

const model = modelNamed(undefined);
const limits = limitsOf(model);

const form = element<HTMLFormElement>("form");
const generate = element<HTMLButtonElement>("generate");
const cancel = element<HTMLButtonElement>("cancel");
const seed = element<HTMLInputElement>("seed");
const fresh = element<HTMLInputElement>("fresh");
const atoms = element<HTMLSelectElement>("atoms");
const steps = element<HTMLInputElement>("steps");
const method = element<HTMLSelectElement>("method");
const bar = element<HTMLProgressElement>("bar");
const caption = element("caption");

const viewer = new Viewer(element("view"), "view-help", new URLSearchParams(location.search).get("renderer") === "2d");
const transport = new Transport(element("transport"), [viewer], element("stage"));
const result = new ResultView();

let engine: Engine | undefined;
let running: AbortController | undefined;
/** The seed of the latest run, to know whether the one in the field has been used. */
let usedSeed = "";
/** How much of the run screen readers have been told. */
let announcedQuarter = 0;

function setUp(): void {
  for (let n = limits.minAtoms; n <= limits.maxAtoms; n++) atoms.add(new Option(String(n), String(n)));
  steps.max = String(limits.maxSteps);
  write(parseQuery(location.search, limits));
  const size = megabytes(downloadBytes(shipped(model)));
  element("cost").textContent = `The first run downloads ${size}: the model, which then stays on this device.`;
  element("model-facts").textContent =
    `This model has ${roughCount(model.parameters)} parameters and was trained on QM9: real molecules of up to nine heavy atoms ` +
    `(carbon, nitrogen, oxygen, fluorine) and their hydrogens, ${limits.maxAtoms} atoms at most.`;
  element("model-quality").textContent = model.evaluation.map(quality).join(" ");
  element("renderer").hidden = viewer.kind === "webgl2";
  viewer.label = "Nothing yet";

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
  return { seed: parseSeed(seed.value) ?? seed.value, atoms: Number(atoms.value), steps: Number(steps.value), method: method.value as Settings["method"], gamma: "learned" };
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
  const { signal } = (running = new AbortController());
  enter();
  try {
    engine ??= await load(signal);
    const { molecule } = await run(engine, { ...sampleOptions(settings), signal }, {
      onStart(trajectory) {
        transport.open(trajectory);
        announce(`Generating ${trajectory.atoms} atoms in ${trajectory.steps} steps.`);
      },
      onFrame(frame, meter) {
        transport.grown();
        sampling(frame, progressText(frame, meter));
      },
    });
    result.show({ molecule, settings, sha256: engine.info.sha256 });
    announce(spoken(molecule));
    void keepModel(engine.info.simd, model.url);
  } catch (error) {
    await leaveFailed(error, signal);
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

async function load(signal: AbortSignal): Promise<Engine> {
  progress(0, "Fetching the model");
  announce("Fetching the model.");
  return Engine.load(shipped(model), { signal, onProgress: (p) => progress(p.loaded / p.total, loadingText(p)) });
}

function sampling({ step, steps, atoms, molecule }: Frame, text: string): void {
  progress(step / steps, text);
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

setUp();
