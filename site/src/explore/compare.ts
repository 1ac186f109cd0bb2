// Compare: two runs from the same noise, side by side.

import type { Frame, ModelInfo } from "symdiff-mol";
import { announce, element, onFile } from "../dom.ts";
import { modelNamed, ownFile, shipped, type Weights } from "../engine.ts";
import type { Kernel } from "../kernel.ts";
import type { Meter } from "../meter.ts";
import { progressText, run, type Run as Made } from "../run.ts";
import { startAt } from "../settings.ts";
import { startNote } from "../start.ts";
import type { Trajectory } from "../trajectory.ts";
import { own } from "./command.ts";
import {
  caption,
  change,
  lab,
  limits,
  model,
  select,
  session,
  show,
  showMolecule,
  shows,
  slider,
  transport,
  weights,
} from "./page.ts";
import { runOptions, type Other, type Run } from "./state.ts";
import { drawTable } from "./table.ts";

const others = new Map<string, Weights>();

export function listenToCompare(): void {
  shows.push(drawComparison);
  const set = (partial: Partial<Other>) => {
    session.stop();
    lab.compared = {};
    element("start2-note").textContent = "";
    change({ other: { ...lab.state.other, ...partial } });
    showMolecule();
  };
  select("from2").addEventListener("change", () =>
    set(startAt(Number(select("from2").value), lab.state.other)),
  );
  slider("steps2").addEventListener("input", () => set({ steps: Number(slider("steps2").value) }));
  select("method2").addEventListener("change", () =>
    set({ method: select("method2").value as Other["method"] }),
  );
  select("kernel2").addEventListener("change", () =>
    set({ kernel: select("kernel2").value as Kernel }),
  );
  select("model2").addEventListener("change", () => set({ model: select("model2").value }));
  onFile(element<HTMLInputElement>("file2"), (file) => {
    if (!own.has(file.name)) select("model2").add(new Option(`${file.name} (yours)`, file.name));
    own.set(file.name, ownFile(file));
    set({ model: file.name });
  });
}

function otherWeights(): Weights {
  return (
    own.get(lab.state.other.model) ??
    (lab.state.other.model === model.name ? weights : shippedOnce(lab.state.other.model))
  );
}

/** The same object every time: the session knows models by it. */
function shippedOnce(name: string): Weights {
  if (!others.has(name)) others.set(name, shipped(modelNamed(name)));
  return others.get(name)!;
}

export async function compare(): Promise<void> {
  const { run: settings } = lab.state;
  lab.compared = {};
  const whole = await session.work(async (signal) => {
    show();
    const pair = await session.pair(weights, signal);
    const theirs = otherWeights();
    const { engine, second } = theirs === weights ? pair : await session.pair(theirs, signal);
    startAsTheyCan(engine.info);
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
    const right = { ...settings, ...lab.state.other };
    const [a, b] = await Promise.all([
      run(pair.engine, { ...runOptions(settings), signal }, watch(0)),
      run(second, { ...runOptions(right), signal }, watch(1)),
    ]);
    lab.compared = { left: a, right: b };
    announce(`Finished: ${a.molecule.formula} on the left, ${b.molecule.formula} on the right.`);
  });
  if (session.running) return;
  if (whole) show();
  showMolecule();
}

/** Weights without moments of their data begin with noise, whatever was chosen. */
function startAsTheyCan({ defaults, timesteps }: ModelInfo): void {
  const { other } = lab.state;
  if (defaults.t_start < timesteps || other.start === timesteps) return;
  lab.state = { ...lab.state, other: { ...other, ...startAt(timesteps, other) } };
  show();
  element("start2-note").textContent = startNote(timesteps, {
    ...limits,
    maxSteps: timesteps,
    defaults,
  });
}

function drawComparison(): void {
  const side = (
    settings: Omit<Run, "seed" | "atoms" | "formula">,
    name: string,
    run: Made | undefined,
  ) => ({
    settings,
    model: name,
    ...(run && { molecule: run.molecule, seconds: settings.steps / run.rate }),
  });
  drawTable(
    element("table"),
    side(lab.state.run, model.name, lab.compared.left),
    side(lab.state.other, lab.state.other.model, lab.compared.right),
  );
}
