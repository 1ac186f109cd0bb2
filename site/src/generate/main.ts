// The page that generates: an order at a time, and what is shown of it.

import "../trust.ts";
import "../masthead.ts";
import type { Frame } from "symdiff-mol";
import { chemistryBytes, models, type Model } from "virtual:model";
import { announce, element, make, onPress } from "../dom.ts";
import {
  downloadBytes,
  Engine,
  loadingText,
  shipped,
  shippedFile,
  type Weights,
} from "../engine.ts";
import { formulaNodes, percent, roughCount } from "../format.ts";
import { dropModel, keepModel, startOffline } from "../offline.ts";
import { explain } from "../problems.ts";
import { progressText, run } from "../run.ts";
import { sampleOptions } from "../settings.ts";
import { learnsGamma } from "../kernel.ts";
import { kept, mayBegin } from "../link.ts";
import { Trajectory } from "../trajectory.ts";
import { Transport } from "../transport.ts";
import { css, light } from "../view/colours.ts";
import { Tools } from "../view/tools.ts";
import { Viewer } from "../view/viewer.ts";
import { Batch } from "./batch.ts";
import { Chemistry } from "./chemistry.ts";
import { Controls, costText, type Order } from "./controls.ts";
import type { Item } from "./gallery.ts";
import { Earlier } from "./earlier.ts";
import { loadIntro } from "./intro.ts";
import type { Origin, Outcome } from "./outcome.ts";
import { hideParts } from "./parts.ts";
import { ResultView, spoken } from "./result.ts";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
/** Where the panel stands below the picture, and not beside it (generate.css). */
const narrow = matchMedia("(max-width: 860px)");

const generate = element<HTMLButtonElement>("generate");
const cancel = element<HTMLButtonElement>("cancel");
const bar = element<HTMLProgressElement>("bar");
const caption = element("caption");

hideParts(location.search);
const viewer = new Viewer(
  element("view"),
  "view-help",
  new URLSearchParams(location.search).get("renderer") === "2d",
);
const transport = new Transport(element("transport"), [viewer], element("stage"));
const tools = make("div");
element("view").append(tools);
new Tools(tools, viewer, {
  stage: element("stage"),
  fileName: () => caption.textContent.replace(/\W+/g, "-") || "molecule",
  onError: (error) => fail(String(error), ""),
});
viewer.onMeasure = announce;
const controls = new Controls();
const chemistry = new Chemistry();
const result = new ResultView(viewer, transport, chemistry);
const batch = new Batch(open, chemistry);

const earlier = new Earlier((outcome) => show(outcome));

let engine: Engine | undefined;
/** The engine that starts before anyone waits for it. */
let early: Promise<Engine | undefined> | undefined;
/** Stops the molecule that warmedUp makes. */
const warming = new AbortController();
let running: AbortController | undefined;
/** How much of the run has been announced to screen readers. */
let announcedQuarter = 0;
/** Whether the stage shows a molecule that is not finished, and not another one meanwhile. */
let unfinished = false;

function setUp(): void {
  void tellCost();
  tellModel();
  element("renderer").hidden = viewer.kind === "webgl2";
  controls.onChange = () => {
    void tellCost();
    tellModel();
  };
  controls.onFile = (weights) => void tryOwn(weights);
  onPress(generate, document.querySelector<HTMLElement>(".panel")!, () => void press());
  element("replay").addEventListener("click", replay);
  for (const button of [cancel, element("batch-cancel")])
    button.addEventListener("click", () => running?.abort());
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) running?.abort();
  });
  element("tour").addEventListener("click", (event) => {
    event.preventDefault();
    void startTour(1);
  });
  element("to-batch").addEventListener("click", () => {
    lookAt(element("batch"));
    batch.focus();
  });
  const tour = new URLSearchParams(location.search).get("tour");
  if (tour !== null) void startTour(Number(tour));
  void begin(tour === null);
  void startOffline();
}

async function startTour(step: number): Promise<void> {
  const { openTour } = await import("../tour/tour.ts");
  openTour(step);
}

/** The weights that the page describes. */
let told: Weights["source"] | undefined;

/** Describes the weights that are chosen: their elements, and what is known of them. */
function tellModel(): void {
  const { source, name } = controls.weights;
  if (source === told) return;
  told = source;
  const own = typeof source !== "string";
  element("model-facts").replaceChildren(
    ...(own
      ? [`The model is a file of yours, ${name}. It has not been measured.`]
      : facts(controls.model)),
  );
  const paper = "The paper learns the distribution of γ with a small network f.";
  element("gamma-facts").textContent = own
    ? paper
    : learnsGamma(controls.model)
      ? "A small network f has learned the distribution of γ."
      : `${paper} This model was trained without f, and γ is uniform (the Haar measure).`;
  element("legend").replaceChildren(
    ...controls.known.elements.map((symbol) => {
      const item = make("li", {}, symbol);
      item.style.setProperty("--look", css(light.look(symbol).colour));
      return item;
    }),
  );
}

/** What the model is and how well it does, in numbers that were measured. */
function facts({ parameters, sizes, heavy, evaluation, defaults }: Model): (string | Node)[] {
  const measured = evaluation.find(
    ({ method, start, steps, special }) =>
      method === defaults.method &&
      start === defaults.t_start &&
      steps === defaults.steps &&
      !special,
  );
  const limits = heavy
    ? `with at most ${heavy} atoms of carbon, nitrogen, oxygen and fluorine`
    : "";
  return [
    `The model has ${roughCount(parameters)} parameters. It was trained on QM9: small molecules ${limits}, and at most ${sizes.at(-1)} atoms with their hydrogens. ` +
      "A computer enumerated them; most were never made. ",
    ...(measured
      ? [
          `Of ${measured.molecules.toLocaleString("en")} molecules sampled with the default settings, ${percent(measured.stable)} were stable (`,
          make("a", { href: "./model.html" }, "model card"),
          ").",
        ]
      : []),
  ];
}

/** A link with a seed makes its molecule; otherwise the page shows the one that came with it. */
async function begin(byItself: boolean): Promise<void> {
  const { source } = controls.weights;
  if (
    byItself &&
    controls.linked &&
    controls.single &&
    typeof source === "string" &&
    (await mayBegin(element("stage"), source))
  ) {
    if (!running && !result.shown) await press();
    return;
  }
  await showIntro();
  requestIdle(() => void startEarly());
}

const requestIdle = window.requestIdleCallback ?? ((task: () => void) => setTimeout(task));

/**
 * A model that is on this device starts while the page is idle: nothing is fetched. It makes a
 * molecule that nobody sees, so that the browser has compiled what a run takes.
 */
async function startEarly(): Promise<void> {
  const { weights } = controls;
  const { source } = weights;
  if (typeof source !== "string" || !(await kept(source))) return;
  await mayBegin(element("stage"), source);
  if (running || engine || controls.weights.source !== source) return;
  early = warmedUp(weights).catch(() => undefined); // Generate tries again, and reports
}

async function warmedUp(weights: Weights): Promise<Engine> {
  const ready = await Engine.load(weights);
  const unseen = ready.sample({ every: Infinity, signal: warming.signal });
  try {
    for await (const _ of unseen);
  } catch {
    // Generate has stopped it, or it failed: then Generate tries again and reports the error
  }
  return ready;
}

/** The trajectory that came with the page. */
async function showIntro(): Promise<void> {
  viewer.label = "No molecule yet";
  try {
    const { trajectory, formula } = await loadIntro();
    if (running || result.shown) return;
    caption.replaceChildren("Example, made earlier: ", ...formulaNodes(formula));
    viewer.label = `Example, made earlier: ${formula} forming from noise`;
    transport.open(trajectory);
    if (calm.matches) return;
    transport.seek(0);
    transport.play(true);
  } catch {
    caption.textContent = "Press Generate for a first molecule";
  }
}

/** What the next run would fetch; nothing where it is on this device. */
async function tellCost(): Promise<void> {
  const wanted = controls.weights;
  const { source } = wanted;
  element("cost").textContent = costText(downloadBytes(wanted), chemistryBytes);
  const here =
    engine?.weights.source === source || (typeof source === "string" && (await kept(source)));
  if (!running && source === controls.weights.source) element("cost").hidden = here;
}

/** One press of Generate, from settings to result, failure or cancel. */
async function press(): Promise<void> {
  if (running) return;
  const order = controls.order();
  if ("fault" in order) {
    fail(order.fault, "");
    order.field.focus();
    return;
  }
  if (order.count === 1) result.hide();
  await work(async (signal) => {
    const ready = await load(order.weights, signal);
    const origin = { settings: order.settings, weights: weightsOf(ready) };
    if (order.count > 1) await many(ready, origin, order, signal);
    else await one(ready, origin, order.index, signal);
    if (typeof order.weights.source === "string")
      void keepModel(ready.info.simd, order.weights.source);
  });
}

/** Loads the reader's weights, so that a wrong file is reported at once. */
async function tryOwn(weights: Weights): Promise<void> {
  if (running) {
    fail("A run is in progress. Cancel it first, then choose the file.", weights.name);
    return;
  }
  await work(async (signal) => {
    const { info } = await load(weights, signal);
    controls.accept(weights, { ...info, sizes: [...info.histogram.keys()] });
    announce(`${weights.name} is loaded.`);
  });
}

async function work(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const { signal } = (running = new AbortController());
  enter();
  try {
    await task(signal);
  } catch (error) {
    await leaveFailed(error, signal);
  } finally {
    running = undefined;
    leave();
  }
}

async function load(weights: Weights, signal: AbortSignal): Promise<Engine> {
  warming.abort();
  engine ??= await early;
  early = undefined;
  if (engine?.weights.source === weights.source) return engine;
  progress(0, "Fetching the model");
  announce("Fetching the model.");
  const ready = await Engine.load(weights, {
    signal,
    onProgress: (p) => progress(p.loaded / p.total, loadingText(p)),
  });
  engine?.close();
  return (engine = ready);
}

function weightsOf({ weights, info }: Engine): Origin["weights"] {
  const { name } = weights;
  if (typeof weights.source !== "string") return { name, sha256: info.sha256, path: name };
  const path = shippedFile(name);
  return { name, sha256: info.sha256, ...(path && { path }) };
}

/** Molecule `index` of the seed's stream, with its whole trajectory. */
async function one(
  sampler: Engine,
  origin: Origin,
  index: number,
  signal: AbortSignal,
): Promise<void> {
  result.hide();
  caption.textContent = "";
  const { trajectory, molecule } = await run(
    sampler,
    { ...sampleOptions(origin.settings), first: index, signal },
    {
      onStart(started) {
        unfinished = true;
        transport.open(started);
        announce(`Generating ${started.atoms} atoms in ${started.steps} steps.`);
      },
      onFrame(frame, meter) {
        transport.grown();
        sampling(frame, progressText(frame, meter));
      },
    },
  );
  const outcome = { ...origin, molecule, index, trajectory };
  if (unfinished) showOutcome(outcome);
  else show(outcome);
}

async function many(
  sampler: Engine,
  origin: Origin,
  { count }: Order,
  signal: AbortSignal,
): Promise<void> {
  announce(`Generating ${count} molecules.`);
  const section = element("batch");
  const stop = element("batch-cancel");
  section.hidden = stop.hidden = false;
  lookAt(section);
  try {
    await batch.run(sampler, origin, count, { signal, onProgress: progress });
  } finally {
    stop.hidden = true;
  }
  announce(batch.spoken);
}

function lookAt(part: HTMLElement): void {
  part.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth" });
}

/** A molecule of the gallery: finished, as the batch has kept it. */
function open({ molecule, index }: Item, origin: Origin): void {
  if (result.shown?.molecule !== molecule) {
    const elements = engine?.info.elements ?? [...new Set(molecule.elements)];
    const trajectory = Trajectory.of(molecule, elements, origin.settings.steps);
    show({ ...origin, molecule, index, trajectory });
  }
  element("to-batch").hidden = false;
  lookAt(narrow.matches ? element("stage") : element("main"));
}

/** The molecule that is shown, once more, with all its steps. */
function replay(): void {
  const shown = result.shown;
  if (!shown || running) return;
  void work(async (signal) => {
    const made = models.find(({ sha256 }) => sha256 === shown.weights.sha256);
    const ready = await load(made ? shipped(made) : controls.weights, signal);
    if (ready.info.sha256 === shown.weights.sha256) await one(ready, shown, shown.index, signal);
    else
      fail(
        "Another model is chosen.",
        `${shown.weights.name} made this molecule. Choose that model first.`,
      );
  });
}

/** A molecule that was made before. */
function show(outcome: Outcome): void {
  transport.open(outcome.trajectory);
  showOutcome(outcome);
}

function showOutcome(outcome: Outcome): void {
  unfinished = false;
  caption.replaceChildren(...formulaNodes(outcome.molecule.formula));
  viewer.label = `Molecule ${outcome.molecule.formula}`;
  result.show(outcome);
  earlier.add(outcome);
  announce(spoken(outcome.molecule));
}

function sampling({ step, steps, atoms, molecule }: Frame, text: string): void {
  progress(step / steps, text);
  if (molecule) return;
  if (unfinished) {
    caption.textContent = `${atoms} atoms forming`;
    viewer.label = `${atoms} atoms forming, step ${step} of ${steps}`;
  }
  const quarter = Math.floor((4 * step) / steps);
  if (quarter > announcedQuarter) announce(`${25 * quarter} % done.`);
  announcedQuarter = quarter;
}

function enter(): void {
  generate.hidden = true;
  cancel.hidden = false;
  cancel.focus({ preventScroll: true });
  element("cost").hidden = true;
  element("progress").hidden = false;
  element("error").hidden = true;
  element("to-batch").hidden = true;
  element<HTMLButtonElement>("update-now").disabled = true;
  element<HTMLButtonElement>("replay").disabled = true;
  controls.disabled = true;
}

function leave(): void {
  const focused = document.activeElement === cancel || document.activeElement === document.body;
  generate.hidden = false;
  cancel.hidden = true;
  element("progress").hidden = true;
  element<HTMLButtonElement>("update-now").disabled = false;
  element<HTMLButtonElement>("replay").disabled = false;
  controls.disabled = false;
  void tellCost();
  if (focused) generate.focus({ preventScroll: true });
}

async function leaveFailed(error: unknown, signal: AbortSignal): Promise<void> {
  if (signal.aborted) {
    if (!result.shown) {
      if (earlier.latest) show(earlier.latest);
      else if (unfinished) caption.textContent = "Cancelled";
    }
    announce("Cancelled.");
    return;
  }
  const { advice, detail } = explain(error);
  fail(advice, detail);
  const code = (error as { code?: string }).code;
  if (code === "options" || code === "weights") return;
  engine?.close();
  engine = undefined;
  if (code === "hash") await dropModel();
}

function fail(advice: string, detail: string): void {
  const box = element("error");
  box.replaceChildren(
    make("p", {}, advice),
    ...(detail ? [make("p", { className: "note" }, detail)] : []),
  );
  box.hidden = false;
}

function progress(share: number, text: string): void {
  bar.value = Number.isFinite(share) ? share : 0;
  element("progress-text").textContent = text;
}

setUp();
