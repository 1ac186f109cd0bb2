// What the tools of the page share: the state, the molecule on the stage, and what follows from a
// change.

import type { Molecule } from "symdiff-mol";
import { models, type Model } from "virtual:model";
import { showAtoms } from "../atoms.ts";
import { element, writeAddress } from "../dom.ts";
import { modelNamed, shipped, type Weights } from "../engine.ts";
import { formulaNodes } from "../format.ts";
import { loadIntro, type Intro } from "../generate/intro.ts";
import { defaultKernel, type Kernel } from "../kernel.ts";
import type { Run as Made } from "../run.ts";
import type { Trajectory } from "../trajectory.ts";
import { Session } from "../session.ts";
import { defaults, limitsOf, noisy, parseSeed } from "../settings.ts";
import { offerStarts, startNote } from "../start.ts";
import { Transport } from "../transport.ts";
import { Camera } from "../view/camera.ts";
import { Viewer } from "../view/viewer.ts";
import { FamilyView } from "./family.ts";
import { Gallery, marked, type Remake } from "./remade.ts";
import { kernelName } from "./table.ts";
import { parse, toAddress, tools, type Run, type State } from "./state.ts";

const query = new URLSearchParams(location.search);
export const model: Model = modelNamed(query.get("model") ?? undefined);
export const weights: Weights = shipped(model);
export const limits = noisy(limitsOf(model));
const kernel = defaultKernel(model.variant);

/** The molecule whose atoms are fixed. */
export interface Base {
  molecule: Pick<Molecule, "formula" | "elements" | "positions" | "bonds" | "xyz">;
  trajectory: Trajectory;
}

interface Lab {
  state: State;
  /**
   * A molecule of the reader's own, in whose place the tool that fixes atoms is about the run's.
   */
  own: Base | undefined;
  /** Runs of the family that are made, by node. */
  made: Map<number, Made>;
  /** What was remade around the atoms at hand, by index; and in the whole session. */
  remakes: Remake[];
  everRemade: Molecule[];
  /** The atoms that `remakes` were made around, or the molecule that they are like, as a file. */
  part: string;
  /** The time that these were noised to, 0 where atoms were fixed. */
  noised: number;
  compared: { left?: Made; right?: Made };
  /** Atoms of the molecule on the left that have a rim. */
  rims: (atom: number) => boolean;
}

export const lab: Lab = {
  state: parse(location.search, limits, defaults(limits), kernel, model.name),
  own: undefined,
  made: new Map(),
  remakes: [],
  everRemade: [],
  part: "",
  noised: 0,
  compared: {},
  rims: () => false,
};

/** The molecule that the tool at hand is about, where there is one. */
export function base(): Base | undefined {
  return (lab.state.tool === "keep" ? lab.own : undefined) ?? lab.made.get(lab.state.at);
}

/** What the tools show after every change, and do with a click on an atom. */
export const shows: (() => void)[] = [];
export const picks = { atom: (_: number): void => {} };

const camera = new Camera();
const plain = query.get("renderer") === "2d";
export const leftViewer = new Viewer(element("view-left"), "view-help", plain, camera);
let rightViewer: Viewer | undefined; // made when two are compared: each takes a WebGL context
const leftScreen: Pick<Viewer, "show" | "open" | "face"> = {
  show: (source, patient) =>
    leftViewer.show((palette) => marked(source(palette), lab.rims), patient),
  open: (points) => leftViewer.open(points),
  face: (points, slowly) => leftViewer.face(points, slowly),
};
const rightScreen: Pick<Viewer, "show"> = {
  show: (source, patient) => rightViewer?.show(source, patient),
};
export const transport = new Transport(
  element("transport"),
  [leftScreen, rightScreen],
  element("stage"),
);
export const session = new Session(weights);
export const familyView = new FamilyView(element("family"));
export const gallery = new Gallery(element("made"));

export const form = element("form");
export const seed = element<HTMLInputElement>("seed");
export const select = (id: string) => element<HTMLSelectElement>(id);
export const slider = (id: string) => element<HTMLInputElement>(id);

/** A change of tool or of its settings. */
export function change(partial: Partial<State>): void {
  const before = lab.state.tool;
  lab.state = { ...lab.state, ...partial };
  if (lab.state.tool !== before) {
    session.stop();
    showTool();
  }
  show();
}

/** Another run: what grew from the one before goes with it. */
export function changeRun(partial: Partial<Run>): void {
  session.stop();
  lab.state = {
    ...lab.state,
    run: { ...lab.state.run, ...partial },
    family: [],
    at: 0,
    keeping: { ...lab.state.keeping, atoms: [] },
  };
  lab.own = undefined;
  lab.made = new Map();
  lab.compared = {};
  forgetRemakes();
  showNothing();
  show();
}

function keepAddress(): void {
  const { state, own } = lab; // atoms of a molecule that no seed makes are no part of an address
  writeAddress(
    toAddress(
      own ? { ...state, keeping: { ...state.keeping, atoms: [] } } : state,
      location.search,
      kernel,
      model.name,
    ),
  );
}

export function showTool(): void {
  for (const tool of tools) {
    const chosen = tool === lab.state.tool;
    const tab = element(`tab-${tool}`);
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    element(`panel-${tool}`).hidden = !chosen;
    element(`below-${tool}`).hidden = !chosen;
  }
  const compares = lab.state.tool === "compare";
  element("right").hidden = !compares;
  element("stage").classList.toggle("two", compares);
  if (compares && !rightViewer)
    rightViewer = new Viewer(element("view-right"), "view-help", plain, camera);
  if (rightViewer) {
    if (compares) camera.join(rightViewer);
    else camera.leave(rightViewer);
  }
  leftViewer.onPick = lab.state.tool === "keep" ? (atom) => picks.atom(atom) : undefined;
  showMolecule();
}

/** Shows the molecule that the tool at hand is about. */
export function showMolecule(): void {
  lab.rims = () => false;
  gallery.close();
  if (lab.state.tool === "compare") {
    const { left, right } = lab.compared;
    if (!left || !right) return showNothing();
    transport.open(left.trajectory, right.trajectory);
    caption("left", left.molecule);
    caption("right", right.molecule);
    return;
  }
  const shown = base();
  if (!shown) return showNothing();
  if (lab.state.tool === "keep") lab.rims = (atom) => lab.state.keeping.atoms.includes(atom);
  transport.open(shown.trajectory);
  caption("left", shown.molecule);
}

/** The molecule that came with the page, to have something to see before the first run. */
let example: Intro | undefined;

export async function showExample(): Promise<void> {
  example = await loadIntro();
  if (!session.running && !lab.made.size && lab.state.tool !== "compare") showNothing();
}

/** Before a run: the example, or two empty pictures to compare. */
function showNothing(): void {
  lab.rims = () => false;
  if (example && lab.state.tool !== "compare") {
    transport.open(example.trajectory);
    element("caption-left").replaceChildren(
      "Example, made earlier: ",
      ...formulaNodes(example.formula),
    );
    leftViewer.label = `Example, made earlier: ${example.formula} forming from noise`;
    return;
  }
  transport.open();
  leftScreen.show(() => ({ balls: [], sticks: [] }));
  rightScreen.show(() => ({ balls: [], sticks: [] }));
  for (const side of ["left", "right"] as const)
    caption(
      side,
      undefined,
      lab.state.tool === "compare" ? "Not run yet: press Generate both" : undefined,
    );
}

export function caption(
  side: "left" | "right",
  molecule: Pick<Molecule, "formula"> | undefined,
  otherwise = "No molecule yet",
): void {
  element(`caption-${side}`).replaceChildren(
    ...(molecule ? formulaNodes(molecule.formula) : [otherwise]),
  );
  const viewer = side === "left" ? leftViewer : rightViewer;
  if (viewer) viewer.label = molecule ? `Molecule ${molecule.formula}` : otherwise;
}

/** Writes the state into the address, the controls and what is below. */
export function show(): void {
  keepAddress();
  const { run: settings, tool, other, keeping } = lab.state;
  if (parseSeed(seed.value) !== settings.seed) seed.value = settings.seed;
  seed.setAttribute("aria-invalid", "false");
  showAtoms(select("atoms"), settings);
  offerStarts(select("from"), settings.start, limits);
  element("start-note").textContent = startNote(settings.start, limits);
  slider("steps").max = String(settings.start);
  slider("steps").value = String(settings.steps);
  element("steps-value").textContent = String(settings.steps);
  select("method").value = settings.method;
  nameKernels("kernel", model);
  select("kernel").value = settings.kernel;
  offerStarts(select("from2"), other.start, limits);
  slider("steps2").max = String(other.start);
  slider("steps2").value = String(other.steps);
  element("steps2-value").textContent = String(other.steps);
  select("method2").value = other.method;
  nameKernels(
    "kernel2",
    models.find(({ name }) => name === other.model),
  );
  select("kernel2").value = other.kernel;
  select("model2").value = other.model;
  select("keep-n").value = String(keeping.n);
  select("keep-steps").value = String(keeping.steps);
  element("start").textContent =
    tool === "compare"
      ? "Generate both"
      : lab.state.family.length && tool === "branch" && lab.made.size === 0
        ? `Generate all ${lab.state.family.length + 1}`
        : "Generate a molecule";
  element("run-title").textContent =
    tool === "compare" ? "The left run; seed and atoms for both" : "The run";
  for (const also of shows) also();
}

function nameKernels(id: string, of: Model | undefined): void {
  for (const option of select(id).options)
    option.textContent = kernelName(option.value as Kernel, of);
}

export function forgetRemakes(): void {
  lab.remakes = [];
  lab.part = "";
  gallery.clear();
}
