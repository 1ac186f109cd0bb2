// The page that explores: three tools around one run.

import "../trust.ts";
import type { Frame, Molecule } from "symdiff";
import { models, type Model } from "virtual:model";
import { announce, element, make } from "../dom.ts";
import { modelNamed, ownFile, shipped, type Weights } from "../engine.ts";
import { formulaNodes } from "../format.ts";
import { kernelFlags, kernelNames, kernels, kernelsOf, usualKernel, type Kernel } from "../kernel.ts";
import type { Meter } from "../meter.ts";
import { startOffline } from "../offline.ts";
import { progressText, run, type Run as Made } from "../run.ts";
import { save } from "../save.ts";
import { Session } from "../session.ts";
import { defaults, limitsOf, methods, parseSeed, randomSeed } from "../settings.ts";
import { Trajectory } from "../trajectory.ts";
import { Transport } from "../transport.ts";
import { Camera } from "../view/camera.ts";
import { Viewer } from "../view/viewer.ts";
import { FamilyView } from "./family.ts";
import { half, heavy, partOf, readPart } from "./parts.ts";
import { Gallery, marked, measuredText, sessionText, type Remake } from "./remade.ts";
import { mostBranches, parse, runOptions, toAddress, tools, type Other, type Run, type State, type Tool } from "./state.ts";
import { drawTable } from "./table.ts";
import { earliest, path, prune } from "./tree.ts";

const query = new URLSearchParams(location.search);
const model: Model = modelNamed(query.get("model") ?? undefined);
const weights = shipped(model);
const limits = limitsOf(model);
const kernel = usualKernel(model.variant);

let state: State = parse(location.search, limits, defaults(limits), kernel, model.name);

const camera = new Camera();
const plain = query.get("renderer") === "2d";
const leftViewer = new Viewer(element("view-left"), "view-help", plain, camera);
let rightViewer: Viewer | undefined; // made when two are compared: each takes a WebGL context

/** Atoms of the molecule on the left that have a rim. */
let rims: (atom: number) => boolean = () => false;
const leftScreen: Pick<Viewer, "show"> = { show: (source, patient) => leftViewer.show((palette) => marked(source(palette), rims), patient) };
const rightScreen: Pick<Viewer, "show"> = { show: (source, patient) => rightViewer?.show(source, patient) };
const transport = new Transport(element("transport"), [leftScreen, rightScreen], element("stage"));
const session = new Session(weights);
const familyView = new FamilyView(element("family"));
const gallery = new Gallery(element("made"));

/** Runs of the family that are made, by node. */
let made = new Map<number, Made>();
/** What was remade around the atoms at hand, and in the whole session. */
let remakes: Remake[] = [];
const everRemade: Molecule[] = [];
/** The atoms that `remakes` were made around, as a file. */
let part = "";
/** Weights that the reader has opened, by name. */
const own = new Map<string, Weights>();
let compared: { left?: Made; right?: Made } = {};

const form = element<HTMLFormElement>("form");
const seed = element<HTMLInputElement>("seed");
const select = (id: string) => element<HTMLSelectElement>(id);
const slider = (id: string) => element<HTMLInputElement>(id);
const methodNames: Record<(typeof methods)[number], string> = { "dpm++2m-sde": "SDE-DPM-Solver++", ancestral: "Ancestral", "dpm++2m": "DPM-Solver++" };

function setUp(): void {
  const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => new Option(String(from + i), String(from + i)));
  select("atoms").append(...numbers(limits.minAtoms, limits.maxAtoms));
  for (const id of ["method", "method2"]) for (const name of methods) select(id).add(new Option(methodNames[name], name));
  for (const name of kernels) for (const id of ["kernel", "kernel2"]) select(id).add(new Option(kernelNames[name], name));
  for (const option of select("kernel").options) option.disabled = !kernelsOf(model.variant).includes(option.value as Kernel);
  for (const { name } of models) {
    select("model").add(new Option(name, name, name === model.name, name === model.name));
    select("model2").add(new Option(name, name));
  }
  element("model-field").hidden = models.length < 2;
  slider("steps").max = slider("steps2").max = String(limits.maxSteps);
  offer("keep-n", state.keeping.n);
  offer("keep-steps", state.keeping.steps);
  offer("keep-resample", state.keeping.resample);
  if (!models.some(({ name }) => name === state.other.model)) state = { ...state, other: { ...state.other, model: model.name } };
  element("measured").textContent = measuredText(model);
  leftViewer.label = "Nothing yet";
  listen();
  showTool();
  show();
  void startOffline();
}

/** Makes sure that a select has a value which the address asks for. */
function offer(id: string, value: number): void {
  const options = [...select(id).options];
  if (!options.some((option) => option.value === String(value))) select(id).add(new Option(String(value), String(value)));
}

function listen(): void {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void generate();
  });
  for (const tool of tools) {
    const tab = element(`tab-${tool}`);
    tab.addEventListener("click", () => change({ tool }));
    tab.addEventListener("keydown", (event) => moveTab(event, tool));
  }
  seed.addEventListener("input", () => {
    const parsed = parseSeed(seed.value);
    seed.setAttribute("aria-invalid", String(parsed === undefined));
    if (parsed !== undefined && parsed !== state.run.seed) changeRun({ seed: parsed });
  });
  element("dice").addEventListener("click", () => changeRun({ seed: randomSeed() }));
  select("atoms").addEventListener("change", () => changeRun({ atoms: Number(select("atoms").value) }));
  slider("steps").addEventListener("input", () => changeRun({ steps: Number(slider("steps").value) }));
  select("method").addEventListener("change", () => changeRun({ method: select("method").value as Run["method"] }));
  select("kernel").addEventListener("change", () => changeRun({ kernel: select("kernel").value as Kernel }));
  select("model").addEventListener("change", () => {
    const url = new URL(location.href);
    url.searchParams.set("model", select("model").value);
    location.assign(url);
  });
  transport.onSeek = () => showStep();
  element("branch").addEventListener("click", () => void branch());
  familyView.onOpen = (node) => open(node);
  familyView.onPrune = (node) => cut(node);
  listenToKeep();
  listenToCompare();
  element("copy").addEventListener("click", () => void navigator.clipboard.writeText(element("command").textContent).then(() => announce("Copied.")));
}

function moveTab(event: KeyboardEvent, tool: Tool): void {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const next = tools[(tools.indexOf(tool) + by + tools.length) % tools.length]!;
  change({ tool: next });
  element(`tab-${next}`).focus();
}

/** A change of tool or of its settings. */
function change(partial: Partial<State>): void {
  const before = state.tool;
  state = { ...state, ...partial };
  if (state.tool !== before) {
    session.stop();
    showTool();
  }
  show();
}

/** Another run: what grew from the one before goes with it. */
function changeRun(partial: Partial<Run>): void {
  session.stop();
  state = { ...state, run: { ...state.run, ...partial }, family: [], at: 0, keeping: { ...state.keeping, atoms: [] } };
  made = new Map();
  compared = {};
  forgetRemakes();
  showNothing();
  show();
}

function keepAddress(): void {
  history.replaceState(null, "", toAddress(state, location.search, kernel, model.name));
}

// What is shown

function showTool(): void {
  for (const tool of tools) {
    const chosen = tool === state.tool;
    const tab = element(`tab-${tool}`);
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    element(`panel-${tool}`).hidden = !chosen;
    element(`below-${tool}`).hidden = !chosen;
  }
  const compares = state.tool === "compare";
  element("right").hidden = !compares;
  element("stage").classList.toggle("two", compares);
  if (compares && !rightViewer) rightViewer = new Viewer(element("view-right"), "view-help", plain, camera);
  if (rightViewer) {
    if (compares) camera.join(rightViewer);
    else camera.leave(rightViewer);
  }
  leftViewer.onPick = state.tool === "keep" ? (atom) => pick(atom) : undefined;
  showMolecule();
}

/** The molecule that the tool at hand is about, where there is one. */
function showMolecule(): void {
  rims = () => false;
  gallery.close();
  if (state.tool === "compare") {
    const { left, right } = compared;
    if (!left || !right) return showNothing();
    transport.open(left.trajectory, right.trajectory);
    caption("left", left.molecule);
    caption("right", right.molecule);
    return;
  }
  const shown = made.get(state.at);
  if (!shown) return showNothing();
  if (state.tool === "keep") rims = (atom) => state.keeping.atoms.includes(atom);
  transport.open(shown.trajectory);
  caption("left", shown.molecule);
}

function showNothing(): void {
  rims = () => false;
  transport.open();
  leftScreen.show(() => ({ balls: [], sticks: [] }));
  rightScreen.show(() => ({ balls: [], sticks: [] }));
  for (const side of ["left", "right"] as const) caption(side, undefined);
}

function caption(side: "left" | "right", molecule: Molecule | undefined, otherwise = "Nothing yet"): void {
  element(`caption-${side}`).replaceChildren(...(molecule ? formulaNodes(molecule.formula) : [otherwise]));
  const viewer = side === "left" ? leftViewer : rightViewer;
  if (viewer) viewer.label = molecule ? `Molecule ${molecule.formula}` : otherwise;
}

/** Writes the state into the address, the controls and what is below. */
function show(): void {
  keepAddress();
  const { run: settings, tool, other, keeping } = state;
  if (parseSeed(seed.value) !== settings.seed) seed.value = settings.seed;
  seed.setAttribute("aria-invalid", "false");
  select("atoms").value = String(settings.atoms);
  slider("steps").value = String(settings.steps);
  element("steps-value").textContent = String(settings.steps);
  select("method").value = settings.method;
  select("kernel").value = settings.kernel;
  slider("steps2").value = String(other.steps);
  element("steps2-value").textContent = String(other.steps);
  select("method2").value = other.method;
  select("kernel2").value = other.kernel;
  select("model2").value = other.model;
  select("keep-n").value = String(keeping.n);
  select("keep-steps").value = String(keeping.steps);
  select("keep-resample").value = String(keeping.resample);
  element("start").textContent = tool === "compare" ? "Generate both" : state.family.length && tool === "branch" && made.size === 0 ? `Generate all ${state.family.length + 1}` : "Generate";
  element("run-title").textContent = tool === "compare" ? "The left run; seed and atoms for both" : "The run";
  familyView.draw({ family: state.family, at: state.at, steps: settings.steps, made });
  element("family-text").textContent = familyText();
  showStep();
  showKeep();
  if (tool === "compare") drawComparison();
  showCommand();
}

function familyText(): string {
  const { family } = state;
  if (!made.size) return family.length ? `A tree of ${family.length + 1} molecules is in the address: press Generate to make them.` : "Generate a molecule to begin.";
  if (!family.length) return "One molecule so far: the line is its run, from noise on the left to the molecule on the right.";
  return "Each line is a run. Those that branch off early share little with their parent, those that branch off late nearly all.";
}

// Rewind and branch

/** The step that is shown, and what can be done from there. */
function showStep(): void {
  const step = shownStep();
  const ready = made.has(state.at) && state.tool === "branch";
  const from = earliest(state.family, state.at);
  const fits = step >= from && step < state.run.steps;
  const room = state.family.length < mostBranches;
  const button = element<HTMLButtonElement>("branch");
  button.textContent = ready && fits ? `Branch at step ${step}` : "Branch here";
  button.disabled = !ready || !fits || !room || session.running;
  element("branch-note").textContent = !ready
    ? ""
    : !room
      ? `A tree has ${mostBranches} branches at most: cut some off.`
      : step >= state.run.steps
        ? "The picture shows the end of the run: go back first."
        : fits
          ? ""
          : `This run is its own from step ${from} on only: before that, branch off its parent.`;
  familyView.step = made.has(state.at) ? step : -1;
}

function shownStep(): number {
  return made.get(state.at)?.trajectory.stepAt(transport.position) ?? 0;
}

async function branch(): Promise<void> {
  const step = shownStep();
  const n = Math.min(Number(select("branches").value), mostBranches - state.family.length);
  const fresh = Array.from({ length: n }, () => ({ parent: state.at, step, seed: randomSeed() }));
  const first = state.family.length + 1;
  state = { ...state, family: [...state.family, ...fresh], at: first };
  await grow(fresh.map((_, k) => first + k));
}

function open(node: number): void {
  change({ at: node, keeping: { ...state.keeping, atoms: [] } });
  if (made.has(node)) showMolecule();
  else if (session.has(weights)) void grow([node]);
  show();
}

function cut(node: number): void {
  session.stop();
  const { family, numbers } = prune(state.family, node);
  made = new Map([...made].flatMap(([old, run]) => (numbers[old]! >= 0 ? [[numbers[old]!, run] as const] : [])));
  const parent = state.family[node - 1]!.parent;
  const at = numbers[state.at]! >= 0 ? numbers[state.at]! : numbers[parent]!;
  state = { ...state, family, at };
  showMolecule();
  show();
}

/** Runs nodes of the family that are not made, two at a time, and shows one of them as it comes. */
async function grow(nodes: readonly number[]): Promise<boolean> {
  const { run: settings, family } = state;
  const whole = await session.work(async (signal) => {
    show();
    const pair = await session.pair(weights, signal);
    const waiting = nodes.filter((node) => !made.has(node));
    const total = waiting.length;
    const target = made;
    let watched: number | undefined;
    let done = 0;
    const lane = async (sampler: typeof pair.engine | typeof pair.second) => {
      for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
        const mine = node;
        watched ??= mine === state.at || total === 1 ? mine : undefined;
        const result = await run(sampler, { ...runOptions(settings, family, node), signal }, mine === watched ? watcher(done, total) : {});
        target.set(node, result);
        done++;
        session.progress(done / total, `${done} of ${total} molecules`);
        show();
        if (mine === watched) {
          caption("left", result.molecule);
          watched = undefined;
        }
      }
    };
    announce(total === 1 ? `Generating a molecule in ${settings.steps} steps.` : `Generating ${total} molecules.`);
    await Promise.all([lane(pair.engine), lane(pair.second)]);
    const last = made.get(state.at)?.molecule;
    if (last) announce(`Finished: ${last.formula}, ${last.stable ? "stable" : "not stable"}.`);
  });
  if (!whole) dropUnmade();
  if (!session.running) {
    showMolecule();
    show();
  }
  return whole;
}

/** After a cancel: branches that never came are not kept, those of an address are. */
function dropUnmade(): void {
  if (made.size === 0) return;
  for (let node = state.family.length; node > 0; node--) {
    if (made.has(node)) continue;
    const { family, numbers } = prune(state.family, node);
    if (numbers.length - 1 - family.length > 1) continue; // something made grows from it
    made = new Map([...made].map(([old, run]) => [numbers[old]!, run]));
    state = { ...state, family, at: Math.max(0, numbers[state.at] ?? 0) };
  }
}

/** Shows a run on the left as it comes. */
function watcher(done: number, total: number) {
  return {
    onStart(trajectory: Trajectory) {
      rims = () => false;
      transport.open(trajectory);
      caption("left", undefined, `${trajectory.atoms} atoms forming`);
    },
    onFrame(frame: Frame, meter: Meter) {
      transport.grown();
      if (total === 1) session.progress(frame.step / frame.steps, progressText(frame, meter));
      else session.progress((done + frame.step / frame.steps) / total, `${done} of ${total} molecules; ${progressText(frame, meter).toLowerCase()}`);
    },
  };
}

async function generate(): Promise<void> {
  if (parseSeed(seed.value) === undefined) {
    session.tell("The seed has to be a whole number below 2^64.", seed.value);
    seed.focus();
    return;
  }
  if (state.tool === "compare") return compare();
  if (state.tool === "branch") {
    const all = Array.from({ length: state.family.length + 1 }, (_, node) => node);
    if (all.every((node) => made.has(node))) changeRun({ seed: randomSeed() });
    await grow(Array.from({ length: state.family.length + 1 }, (_, node) => node));
    return;
  }
  if (made.has(state.at)) changeRun({ seed: randomSeed() });
  await grow([state.at]);
}

// Keep a part

function listenToKeep(): void {
  for (const button of form.querySelectorAll<HTMLButtonElement>("[data-choose]")) {
    button.addEventListener("click", () => choose(button.dataset["choose"]!));
  }
  const set = (partial: Partial<State["keeping"]>) => change({ keeping: { ...state.keeping, ...partial } });
  select("keep-n").addEventListener("change", () => set({ n: Number(select("keep-n").value) }));
  select("keep-size").addEventListener("change", () => set({ size: sizeOf(select("keep-size").value) }));
  select("keep-steps").addEventListener("change", () => set({ steps: Number(select("keep-steps").value) }));
  select("keep-resample").addEventListener("change", () => set({ resample: Number(select("keep-resample").value) }));
  element("remake").addEventListener("click", () => void remake());
  gallery.onOpen = ({ molecule, trajectory, kept }) => {
    rims = (atom) => atom < kept;
    transport.open(trajectory);
    caption("left", molecule);
    showCommand();
    announce(`Molecule ${molecule.formula}, ${molecule.stable ? "stable" : "not stable"}.`);
  };
  element("part").addEventListener("click", () => save("part.xyz", part));
  element("all").addEventListener("click", () => save("remade.sdf", remakes.map(({ molecule }) => molecule.sdf).join("")));
}

function sizeOf(value: string): State["keeping"]["size"] {
  return value === "formula" ? value : Number(value);
}

/** Atoms of the molecules that are to be made around a part of a molecule. */
function wantedSize(base: Molecule | undefined): number {
  const { size } = state.keeping;
  return (size === "formula" ? 0 : size) || (base?.elements.length ?? 0);
}

/** A click on an atom of the base molecule; on a remade one it brings the base back. */
function pick(atom: number): void {
  if (session.running || !made.has(state.at)) return;
  if (gallery.open) {
    showMolecule();
    return;
  }
  const { atoms } = state.keeping;
  setAtoms(atoms.includes(atom) ? atoms.filter((a) => a !== atom) : [...atoms, atom].sort((a, b) => a - b));
}

function choose(what: string): void {
  const base = made.get(state.at)?.molecule;
  if (!base) return;
  const { atoms } = state.keeping;
  const all = base.elements.map((_, i) => i);
  const chosen: Record<string, () => number[]> = {
    heavy: () => heavy(base.elements),
    half: () => half(base.positions),
    invert: () => all.filter((i) => !atoms.includes(i)),
    none: () => [],
  };
  setAtoms(chosen[what]!());
}

function setAtoms(atoms: number[]): void {
  change({ keeping: { ...state.keeping, atoms } });
  if (gallery.open) showMolecule();
  else {
    rims = (atom) => state.keeping.atoms.includes(atom);
    leftViewer.refresh();
  }
}

function forgetRemakes(): void {
  remakes = [];
  part = "";
  gallery.clear();
}

/** Chips of the atoms, what can be done, and what came of it. */
function showKeep(): void {
  const base = made.get(state.at)?.molecule;
  const { atoms, n } = state.keeping;
  const chips = element("chips");
  const names = base ? base.elements.map((symbol, i) => `${symbol}${i + 1}`) : [];
  if ([...chips.children].map((chip) => chip.textContent).join() !== names.join()) {
    chips.replaceChildren(
      ...names.map((name, i) => {
        const chip = make("button", { type: "button", className: "chip", textContent: name });
        chip.addEventListener("click", () => (gallery.open ? showMolecule() : undefined, pick(i)));
        return chip;
      }),
    );
  }
  [...chips.children].forEach((chip, i) => chip.setAttribute("aria-pressed", String(atoms.includes(i))));
  for (const button of form.querySelectorAll<HTMLButtonElement>("[data-choose]")) button.disabled = !base;
  showSizes(base?.elements.length ?? 0, atoms.length);
  const rest = wantedSize(base) - atoms.length;
  const button = element<HTMLButtonElement>("remake");
  button.disabled = !base || atoms.length === 0 || rest < 1 || session.running;
  button.textContent = base && atoms.length && rest > 0 ? `Keep ${atoms.length}, remake ${rest}${n > 1 ? `, ${n} times` : ""}` : "Remake the rest";
  element("made-files").hidden = remakes.length === 0;
  element("made-text").textContent = remakes.length
    ? sessionText(remakes.map(({ molecule }) => molecule), everRemade)
    : "Nothing yet. Generate a molecule, choose atoms, and remake the rest.";
}

function showSizes(atoms: number, kept: number): void {
  const sizes = select("keep-size");
  const wanted = ["formula", 0, ...Array.from({ length: limits.maxAtoms }, (_, i) => i + 1).filter((size) => size > kept && size >= limits.minAtoms)] as const;
  if (sizes.options.length !== wanted.length) sizes.replaceChildren(...wanted.map((size) => new Option(String(size), String(size))));
  sizes.options[0]!.textContent = atoms ? `${atoms}, same formula` : "Same formula";
  sizes.options[1]!.textContent = atoms ? `${atoms} of any kinds` : "As many, any kinds";
  if (!wanted.some((size) => size === state.keeping.size)) state = { ...state, keeping: { ...state.keeping, size: "formula" } };
  sizes.value = String(state.keeping.size);
}

/** Makes molecules around the chosen atoms, two at a time; pressed again, further ones. */
async function remake(): Promise<void> {
  const base = made.get(state.at);
  if (!base) return;
  const { keeping, run: settings } = state;
  const file = partOf(base.molecule.xyz, keeping.atoms);
  if (file !== part) forgetRemakes();
  part = file;
  const before = new Set(remakes.map(({ index }) => index));
  const waiting: number[] = [];
  for (let index = 0; waiting.length < keeping.n; index++) if (!before.has(index)) waiting.push(index);
  const { elements, positions } = readPart(file);
  const { branch: _, ...unbranched } = runOptions(settings);
  const options = {
    ...unbranched, seed: BigInt(keeping.seed), atoms: wantedSize(base.molecule), steps: keeping.steps,
    method: "ancestral" as const, keep: { elements, positions }, resample: keeping.resample,
    ...(keeping.size === "formula" && { formula: base.molecule.formula }),
  };
  await session.work(async (signal) => {
    show();
    const pair = await session.pair(weights, signal);
    const total = waiting.length;
    let done = 0;
    const lane = async (sampler: typeof pair.engine | typeof pair.second, watch: boolean) => {
      for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
        const result = await run(sampler, { ...options, index, signal }, watch ? remakeWatcher(elements.length, () => done, total) : {});
        const one: Remake = { ...result, kept: elements.length, index };
        remakes = [...remakes, one].sort((a, b) => a.index - b.index);
        everRemade.push(result.molecule);
        done++;
        gallery.add(one);
        showKeep();
        session.progress(done / total, `${done} of ${total} molecules`);
      }
    };
    announce(`Making ${total} molecules around ${elements.length} atoms.`);
    await Promise.all([lane(pair.engine, true), lane(pair.second, false)]);
    announce(element("made-text").textContent);
  });
  if (session.running) return;
  show();
  const latest = element("made").querySelector<HTMLButtonElement>("li:last-child button");
  if (latest && remakes.length > before.size) latest.click();
  else showMolecule();
}

function remakeWatcher(kept: number, done: () => number, total: number) {
  return {
    onStart(trajectory: Trajectory) {
      rims = (atom) => atom < kept;
      transport.open(trajectory);
      caption("left", undefined, `${trajectory.atoms - kept} atoms forming around ${kept}`);
    },
    onFrame(frame: Frame, meter: Meter) {
      transport.grown();
      session.progress((done() + frame.step / frame.steps) / total, `${done()} of ${total} molecules; ${progressText(frame, meter).toLowerCase()}`);
    },
  };
}

// Compare

function listenToCompare(): void {
  const set = (partial: Partial<Other>) => {
    session.stop();
    compared = {};
    change({ other: { ...state.other, ...partial } });
    showMolecule();
  };
  slider("steps2").addEventListener("input", () => set({ steps: Number(slider("steps2").value) }));
  select("method2").addEventListener("change", () => set({ method: select("method2").value as Other["method"] }));
  select("kernel2").addEventListener("change", () => set({ kernel: select("kernel2").value as Kernel }));
  select("model2").addEventListener("change", () => set({ model: select("model2").value }));
  element<HTMLInputElement>("file2").addEventListener("change", (event) => {
    const file = (event.target as HTMLInputElement).files?.[0];
    if (!file) return;
    if (!own.has(file.name)) select("model2").add(new Option(`${file.name} (yours)`, file.name));
    own.set(file.name, ownFile(file));
    set({ model: file.name });
  });
}

function otherWeights(): Weights {
  return own.get(state.other.model) ?? (state.other.model === model.name ? weights : shippedOnce(state.other.model));
}

const others = new Map<string, Weights>();
/** The same object every time: the session knows models by it. */
function shippedOnce(name: string): Weights {
  if (!others.has(name)) others.set(name, shipped(modelNamed(name)));
  return others.get(name)!;
}

async function compare(): Promise<void> {
  const { run: settings, other } = state;
  compared = {};
  const whole = await session.work(async (signal) => {
    show();
    const pair = await session.pair(weights, signal);
    const theirs = otherWeights();
    const second = theirs === weights ? pair.second : (await session.pair(theirs, signal)).second;
    const opened: Trajectory[] = [];
    const watch = (side: 0 | 1) => ({
      onStart(trajectory: Trajectory) {
        opened[side] = trajectory;
        caption(side ? "right" : "left", undefined, `${trajectory.atoms} atoms forming`);
        if (opened[0] && opened[1]) transport.open(opened[0], opened[1]);
      },
      onFrame(frame: Frame, meter: Meter) {
        if (opened[0] && opened[1]) transport.grown();
        if (side === 0) session.progress(frame.step / frame.steps, progressText(frame, meter));
      },
    });
    announce("Generating two molecules from the same noise.");
    const right = { ...settings, ...other };
    const [a, b] = await Promise.all([
      run(pair.engine, { ...runOptions(settings), signal }, watch(0)),
      run(second, { ...runOptions(right), signal }, watch(1)),
    ]);
    compared = { left: a, right: b };
    announce(`Finished: ${a.molecule.formula} on the left, ${b.molecule.formula} on the right.`);
  });
  if (session.running) return;
  if (whole) show();
  showMolecule();
}

function drawComparison(): void {
  const side = (settings: Omit<Run, "seed" | "atoms">, name: string, run: Made | undefined) => ({
    settings, model: name, ...(run && { molecule: run.molecule, seconds: settings.steps / run.rate }),
  });
  drawTable(element("table"), side(state.run, model.name, compared.left), side(state.other, state.other.model, compared.right));
}

// The command line

function showCommand(): void {
  const { run: settings, tool, family, at, keeping, other } = state;
  const base = (r: Omit<Run, "atoms">, size: number) => [`symdiff sample --seed ${r.seed}`, ...(size ? [`--atoms ${size}`] : []), `--steps ${r.steps} --method ${r.method}`, ...kernelFlags(r.kernel)];
  const modelFlag = (name: string) => (name === models[0].name ? [] : [`--model ${own.has(name) ? name : `${name}.safetensors`}`]);
  let words = [...base(settings, settings.atoms), ...path(family, tool === "compare" ? 0 : at).map(({ step, seed }) => `--branch ${step}:${seed}`), ...modelFlag(model.name)];
  let note = "This molecule on the command line";
  if (tool === "keep" && gallery.open && part) {
    const { molecule, index } = gallery.open;
    words = [
      `symdiff sample --keep part.xyz --seed ${keeping.seed}`, ...(index ? [`--first ${index}`] : []),
      `${keeping.size === "formula" ? `--formula ${molecule.formula}` : `--atoms ${molecule.elements.length}`} --steps ${keeping.steps} --resample ${keeping.resample}`, ...kernelFlags(settings.kernel), ...modelFlag(model.name),
    ];
    note = "This molecule on the command line, beside part.xyz";
  } else if (tool === "compare") {
    words = [...base({ ...settings, ...other }, settings.atoms), ...modelFlag(other.model)];
    note = "The right molecule on the command line";
  }
  element("command-note").textContent = note;
  element("command").textContent = words.join(" ");
}

setUp();
