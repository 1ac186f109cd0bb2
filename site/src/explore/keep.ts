// Keep a part: atoms that stay, and molecules made around them.

import type { Frame, SampleOptions } from "symdiff-mol";
import { announce, element, make } from "../dom.ts";
import type { Meter } from "../meter.ts";
import { progressText, run } from "../run.ts";
import { save } from "../save.ts";
import type { Trajectory } from "../trajectory.ts";
import {
  base,
  caption,
  change,
  forgetRemakes,
  form,
  gallery,
  lab,
  leftViewer,
  limits,
  model,
  picks,
  select,
  session,
  show,
  showMolecule,
  shows,
  transport,
  weights,
  type Base,
} from "./page.ts";
import { half, heavy, partOf, readPart } from "./parts.ts";
import { keepText, likeText, measuredText, sessionText, type Remake } from "./remade.ts";
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
  const set = (partial: Partial<State["keeping"]>) =>
    change({ keeping: { ...lab.state.keeping, ...partial } });
  select("keep-n").addEventListener("change", () => set({ n: Number(select("keep-n").value) }));
  select("keep-size").addEventListener("change", () =>
    set({ size: sizeOf(select("keep-size").value) }),
  );
  select("keep-steps").addEventListener("change", () =>
    set({ steps: Number(select("keep-steps").value) }),
  );
  for (const share of likeShares)
    select("like-t").add(
      new Option(
        `${likeNames[share]} (t = ${timeOf(share)})`,
        String(timeOf(share)),
        share === 0.4,
        share === 0.4,
      ),
    );
  element("remake").addEventListener("click", () => void remake(0));
  element("like").addEventListener("click", () => void remake(Number(select("like-t").value)));
  gallery.onOpen = ({ molecule, trajectory, kept }) => {
    lab.rims = (atom) => atom < kept;
    transport.open(trajectory);
    caption("left", molecule);
    showCommand();
    announce(`Molecule ${molecule.formula}, ${molecule.stable ? "stable" : "not stable"}.`);
  };
  element("part").addEventListener("click", () =>
    save(lab.noised ? "molecule.xyz" : "part.xyz", lab.part),
  );
  element("all").addEventListener("click", () =>
    save("remade.sdf", lab.remakes.map(({ molecule }) => molecule.sdf).join("")),
  );
}

/** Shares of the noise schedule that a molecule is noised to, to make others like it. */
const likeShares = [0.3, 0.4, 0.5] as const;
const likeNames: Record<(typeof likeShares)[number], string> = {
  0.3: "little",
  0.4: "medium",
  0.5: "much",
};
const timeOf = (share: number) => Math.round(share * limits.maxSteps);

function sizeOf(value: string): State["keeping"]["size"] {
  return value === "formula" ? value : Number(value);
}

/** Atoms of the molecules that are to be made around a part of a molecule. */
function wantedSize(base: Base["molecule"] | undefined): number {
  const { size } = lab.state.keeping;
  return (size === "formula" ? 0 : size) || (base?.elements.length ?? 0);
}

/** A click on an atom of the base molecule; on a remade one it brings the base back. */
function pick(atom: number): void {
  if (session.running || !base()) return;
  if (gallery.open) {
    showMolecule();
    return;
  }
  const { atoms } = lab.state.keeping;
  setAtoms(
    atoms.includes(atom) ? atoms.filter((a) => a !== atom) : [...atoms, atom].sort((a, b) => a - b),
  );
}

function choose(what: string): void {
  const molecule = base()?.molecule;
  if (!molecule) return;
  const { atoms } = lab.state.keeping;
  const all = molecule.elements.map((_, i) => i);
  const chosen: Record<string, () => number[]> = {
    heavy: () => heavy(molecule.elements),
    half: () => half(molecule.elements, molecule.positions),
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
  const molecule = base()?.molecule;
  const { atoms, n } = lab.state.keeping;
  const chips = element("chips");
  const names = molecule ? molecule.elements.map((symbol, i) => `${symbol}${i + 1}`) : [];
  if ([...chips.children].map((chip) => chip.textContent).join() !== names.join()) {
    chips.replaceChildren(
      ...names.map((name, i) => {
        const chip = make("button", { type: "button", className: "chip", textContent: name });
        chip.addEventListener("click", () => (gallery.open ? showMolecule() : undefined, pick(i)));
        return chip;
      }),
    );
  }
  [...chips.children].forEach((chip, i) =>
    chip.setAttribute("aria-pressed", String(atoms.includes(i))),
  );
  for (const button of form.querySelectorAll<HTMLButtonElement>("[data-choose]"))
    button.disabled = !molecule;
  showSizes(molecule?.elements.length ?? 0, atoms.length);
  const rest = wantedSize(molecule) - atoms.length;
  const button = element<HTMLButtonElement>("remake");
  button.disabled =
    !limits.fragmentConditional || !molecule || atoms.length === 0 || rest < 1 || session.running;
  const like = element<HTMLButtonElement>("like");
  like.disabled = !molecule || session.running;
  like.textContent = n > 1 ? `Generate ${n} similar ones` : "Generate a similar one";
  element("part").textContent = lab.noised
    ? "Download the original (XYZ)"
    : "Download the fixed atoms (XYZ)";
  button.textContent =
    molecule && atoms.length && rest > 0
      ? `Fix ${atoms.length}, generate ${rest}${n > 1 ? `, ${n} times` : ""}`
      : "Generate the rest";
  element("made-files").hidden = lab.remakes.length === 0;
  element("made-text").textContent = lab.remakes.length
    ? lab.noised
      ? likeText(
          lab.remakes.map((one) => one.molecule),
          lab.noised,
        )
      : sessionText(
          lab.remakes.map((one) => one.molecule),
          lab.everRemade,
        )
    : "Generate a molecule, choose atoms to fix, and generate the rest.";
}

function showSizes(atoms: number, kept: number): void {
  const sizes = select("keep-size");
  const wanted = ["formula", 0, ...limits.sizes.filter((size) => size > kept)] as const;
  if (sizes.options.length !== wanted.length)
    sizes.replaceChildren(...wanted.map((size) => new Option(String(size), String(size))));
  sizes.options[0]!.textContent = atoms ? `${atoms}, same formula` : "Same formula";
  sizes.options[1]!.textContent = atoms ? `${atoms}, any elements` : "Same number, any elements";
  if (!wanted.some((size) => size === lab.state.keeping.size))
    lab.state = { ...lab.state, keeping: { ...lab.state.keeping, size: "formula" } };
  sizes.value = String(lab.state.keeping.size);
}

/**
 * Makes molecules around the chosen atoms, or with `noised` from the whole molecule noised to that
 * time, two at a time; pressed again, further ones.
 */
async function remake(noised: number): Promise<void> {
  const molecule = base()?.molecule;
  if (!molecule) return;
  const { keeping, run: settings } = lab.state;
  const file = partOf(molecule.xyz, noised ? molecule.elements.map((_, i) => i) : keeping.atoms);
  if (file !== lab.part || noised !== lab.noised) forgetRemakes();
  Object.assign(lab, { part: file, noised });
  const before = new Set(lab.remakes.map(({ index }) => index));
  const waiting: number[] = [];
  for (let index = 0; waiting.length < keeping.n; index++)
    if (!before.has(index)) waiting.push(index);
  const part = readPart(file);
  const kept = noised ? 0 : part.elements.length;
  const { branches: _, ...unbranched } = runOptions(settings);
  const byDefault = {
    ...unbranched,
    seed: BigInt(keeping.seed),
    steps: keeping.steps,
    method: limits.defaults.method,
  };
  const formula = keeping.size === "formula" ? molecule.formula : "";
  const options: SampleOptions = noised
    ? {
        ...byDefault,
        atoms: 0,
        formula: "",
        t_start: noised,
        steps: Math.min(noised, keeping.steps),
        from: part,
      }
    : {
        ...byDefault,
        atoms: formula ? 0 : wantedSize(molecule),
        formula,
        t_start: limits.defaults.t_start,
        fragment: part,
      };
  await session.work(async (signal) => {
    show();
    const pair = await session.pair(weights, signal);
    const total = waiting.length;
    let done = 0;
    const lane = async (sampler: typeof pair.engine | typeof pair.second, watch: boolean) => {
      for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
        const result = await run(
          sampler,
          { ...options, first: index, signal },
          watch ? remakeWatcher(kept, () => done, total) : {},
        );
        const one: Remake = { ...result, kept, index };
        lab.remakes = [...lab.remakes, one].sort((a, b) => a.index - b.index);
        lab.everRemade.push(result.molecule);
        done++;
        gallery.add(one);
        showKeep();
        session.progress(done / total, `${done} of ${total} molecules`);
      }
    };
    announce(`Generating ${total} molecules${kept ? ` around ${kept} atoms` : ""}.`);
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
      caption(
        "left",
        undefined,
        kept
          ? `${trajectory.atoms - kept} atoms forming around ${kept}`
          : `${trajectory.atoms} atoms forming`,
      );
    },
    onFrame(frame: Frame, meter: Meter) {
      transport.grown();
      session.progress(
        (done() + frame.step / frame.steps) / total,
        `${done()} of ${total} molecules; ${progressText(frame, meter).toLowerCase()}`,
      );
    },
  };
}
