// Keep a part: atoms that stay, and molecules made around them.

import type { Frame, Molecule } from "symdiff-mol";
import { announce, element, make } from "../dom.ts";
import type { Meter } from "../meter.ts";
import { progressText, run } from "../run.ts";
import { save } from "../save.ts";
import type { Trajectory } from "../trajectory.ts";
import { caption, change, forgetRemakes, form, gallery, lab, leftViewer, limits, model, picks, select, session, show, showMolecule, shows, transport, weights } from "./page.ts";
import { half, heavy, partOf, readPart } from "./parts.ts";
import { keepText, measuredText, sessionText, type Remake } from "./remade.ts";
import { runOptions, type State } from "./state.ts";
import { showCommand } from "./command.ts";

export function listenToKeep(): void {
  picks.atom = pick;
  shows.push(showKeep);
  element("keep-note").textContent = keepText(model);
  element("measured").textContent = measuredText(model);
  for (const button of form.querySelectorAll<HTMLButtonElement>("[data-choose]")) {
    button.addEventListener("click", () => choose(button.dataset["choose"]!));
  }
  const set = (partial: Partial<State["keeping"]>) => change({ keeping: { ...lab.state.keeping, ...partial } });
  select("keep-n").addEventListener("change", () => set({ n: Number(select("keep-n").value) }));
  select("keep-size").addEventListener("change", () => set({ size: sizeOf(select("keep-size").value) }));
  select("keep-steps").addEventListener("change", () => set({ steps: Number(select("keep-steps").value) }));
  element("remake").addEventListener("click", () => void remake());
  gallery.onOpen = ({ molecule, trajectory, kept }) => {
    lab.rims = (atom) => atom < kept;
    transport.open(trajectory);
    caption("left", molecule);
    showCommand();
    announce(`Molecule ${molecule.formula}, ${molecule.stable ? "stable" : "not stable"}.`);
  };
  element("part").addEventListener("click", () => save("part.xyz", lab.part));
  element("all").addEventListener("click", () => save("remade.sdf", lab.remakes.map(({ molecule }) => molecule.sdf).join("")));
}

function sizeOf(value: string): State["keeping"]["size"] {
  return value === "formula" ? value : Number(value);
}

/** Atoms of the molecules that are to be made around a part of a molecule. */
function wantedSize(base: Molecule | undefined): number {
  const { size } = lab.state.keeping;
  return (size === "formula" ? 0 : size) || (base?.elements.length ?? 0);
}

/** A click on an atom of the base molecule; on a remade one it brings the base back. */
function pick(atom: number): void {
  if (session.running || !lab.made.has(lab.state.at)) return;
  if (gallery.open) {
    showMolecule();
    return;
  }
  const { atoms } = lab.state.keeping;
  setAtoms(atoms.includes(atom) ? atoms.filter((a) => a !== atom) : [...atoms, atom].sort((a, b) => a - b));
}

function choose(what: string): void {
  const base = lab.made.get(lab.state.at)?.molecule;
  if (!base) return;
  const { atoms } = lab.state.keeping;
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
  change({ keeping: { ...lab.state.keeping, atoms } });
  if (gallery.open) showMolecule();
  else {
    lab.rims = (atom) => lab.state.keeping.atoms.includes(atom);
    leftViewer.refresh();
  }
}

/** Chips of the atoms, what can be done, and what came of it. */
function showKeep(): void {
  const base = lab.made.get(lab.state.at)?.molecule;
  const { atoms, n } = lab.state.keeping;
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
  button.disabled = !limits.fragmentConditional || !base || atoms.length === 0 || rest < 1 || session.running;
  button.textContent = base && atoms.length && rest > 0 ? `Fix ${atoms.length}, generate ${rest}${n > 1 ? `, ${n} times` : ""}` : "Generate the rest";
  element("made-files").hidden = lab.remakes.length === 0;
  element("made-text").textContent = lab.remakes.length
    ? sessionText(lab.remakes.map(({ molecule }) => molecule), lab.everRemade)
    : "Nothing yet. Generate a molecule, choose atoms to fix, and generate the rest.";
}

function showSizes(atoms: number, kept: number): void {
  const sizes = select("keep-size");
  const wanted = ["formula", 0, ...limits.sizes.filter((size) => size > kept)] as const;
  if (sizes.options.length !== wanted.length) sizes.replaceChildren(...wanted.map((size) => new Option(String(size), String(size))));
  sizes.options[0]!.textContent = atoms ? `${atoms}, same formula` : "Same formula";
  sizes.options[1]!.textContent = atoms ? `${atoms}, any elements` : "As many, any elements";
  if (!wanted.some((size) => size === lab.state.keeping.size)) lab.state = { ...lab.state, keeping: { ...lab.state.keeping, size: "formula" } };
  sizes.value = String(lab.state.keeping.size);
}

/** Makes molecules around the chosen atoms, two at a time; pressed again, further ones. */
async function remake(): Promise<void> {
  const base = lab.made.get(lab.state.at);
  if (!base) return;
  const { keeping, run: settings } = lab.state;
  const file = partOf(base.molecule.xyz, keeping.atoms);
  if (file !== lab.part) forgetRemakes();
  lab.part = file;
  const before = new Set(lab.remakes.map(({ index }) => index));
  const waiting: number[] = [];
  for (let index = 0; waiting.length < keeping.n; index++) if (!before.has(index)) waiting.push(index);
  const { elements, positions } = readPart(file);
  const { branches: _, ...unbranched } = runOptions(settings);
  const options = {
    ...unbranched, seed: BigInt(keeping.seed), t_start: limits.defaults.t_start, steps: keeping.steps, method: limits.defaults.method,
    atoms: keeping.size === "formula" ? 0 : wantedSize(base.molecule), fragment: { elements, positions },
    formula: keeping.size === "formula" ? base.molecule.formula : "",
  };
  await session.work(async (signal) => {
    show();
    const pair = await session.pair(weights, signal);
    const total = waiting.length;
    let done = 0;
    const lane = async (sampler: typeof pair.engine | typeof pair.second, watch: boolean) => {
      for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
        const result = await run(sampler, { ...options, first: index, signal }, watch ? remakeWatcher(elements.length, () => done, total) : {});
        const one: Remake = { ...result, kept: elements.length, index };
        lab.remakes = [...lab.remakes, one].sort((a, b) => a.index - b.index);
        lab.everRemade.push(result.molecule);
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
  if (latest && lab.remakes.length > before.size) latest.click();
  else showMolecule();
}

function remakeWatcher(kept: number, done: () => number, total: number) {
  return {
    onStart(trajectory: Trajectory) {
      lab.rims = (atom) => atom < kept;
      transport.open(trajectory);
      caption("left", undefined, `${trajectory.atoms - kept} atoms forming around ${kept}`);
    },
    onFrame(frame: Frame, meter: Meter) {
      transport.grown();
      session.progress((done() + frame.step / frame.steps) / total, `${done()} of ${total} molecules; ${progressText(frame, meter).toLowerCase()}`);
    },
  };
}
