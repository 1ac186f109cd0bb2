// Rewind and branch: new noise from a step on, and the family that grows so.

import type { Frame } from "symdiff-mol";
import { announce, element } from "../dom.ts";
import type { Meter } from "../meter.ts";
import { progressText, run } from "../run.ts";
import { drawsNoise, methodNames, randomSeed, stochastic } from "../settings.ts";
import type { Trajectory } from "../trajectory.ts";
import {
  caption,
  change,
  familyView,
  lab,
  select,
  session,
  show,
  showMolecule,
  shows,
  transport,
  weights,
} from "./page.ts";
import { mostBranches, runOptions } from "./state.ts";
import { earliest, prune } from "./tree.ts";

export function listenToBranch(): void {
  transport.onSeek = () => showStep();
  element("branch").addEventListener("click", () => void branch());
  familyView.onOpen = (node) => open(node);
  familyView.onPrune = (node) => cut(node);
  shows.push(showFamily);
}

function showFamily(): void {
  const { family, at, run: settings } = lab.state;
  familyView.draw({ family, at, steps: settings.steps, made: lab.made });
  element("family-text").textContent = familyText();
  showStep();
}

function familyText(): string {
  const { family } = lab.state;
  if (!lab.made.size && session.running) return "The first run is in progress.";
  if (!lab.made.size)
    return family.length
      ? `This link is a tree of ${family.length + 1} molecules. Press Generate to make them.`
      : "The molecule above is an example, made earlier. Press Generate for a molecule of your own, and branch it.";
  if (!family.length)
    return "There is one molecule so far. The line is its run, from noise on the left to the molecule on the right.";
  return "Each line is a run. A branch at an early step shares little with its parent. A branch at a late step shares nearly all.";
}

/** The step that is shown, and what can be done from there. */
function showStep(): void {
  const step = shownStep();
  const ready = lab.made.has(lab.state.at) && lab.state.tool === "branch";
  const from = earliest(lab.state.family, lab.state.at);
  const fits = step >= from && step < lab.state.run.steps;
  const room = lab.state.family.length < mostBranches;
  const button = element<HTMLButtonElement>("branch");
  button.textContent = ready && fits ? `Branch at step ${step}` : "Branch here";
  button.disabled = !ready || !fits || !room || session.running;
  element("branch-note").textContent = !ready
    ? ""
    : !room
      ? `A tree has at most ${mostBranches} branches. Remove some first.`
      : step >= lab.state.run.steps
        ? "The slider is at the end of the run. Move it to an earlier step."
        : fits
          ? drawsNoise(lab.state.run.method)
            ? ""
            : `${methodNames[lab.state.run.method]} draws no noise at a step, so that branches differ little. Choose ${methodNames[stochastic.method]} for others.`
          : `Up to step ${from - 1} this run is the same as its parent. Branch the parent there.`;
  familyView.step = lab.made.has(lab.state.at) ? step : -1;
}

function shownStep(): number {
  return lab.made.get(lab.state.at)?.trajectory.stepAt(transport.position) ?? 0;
}

async function branch(): Promise<void> {
  const step = shownStep();
  const n = Math.min(Number(select("branches").value), mostBranches - lab.state.family.length);
  const fresh = Array.from({ length: n }, () => ({
    parent: lab.state.at,
    step,
    seed: randomSeed(),
  }));
  const first = lab.state.family.length + 1;
  lab.state = { ...lab.state, family: [...lab.state.family, ...fresh], at: first };
  await grow(fresh.map((_, k) => first + k));
}

function open(node: number): void {
  change({ at: node, keeping: { ...lab.state.keeping, atoms: [] } });
  if (lab.made.has(node)) showMolecule();
  else if (session.has(weights)) void grow([node]);
  show();
}

function cut(node: number): void {
  session.stop();
  const { family, numbers } = prune(lab.state.family, node);
  lab.made = new Map(
    [...lab.made].flatMap(([old, run]) =>
      numbers[old]! >= 0 ? [[numbers[old]!, run] as const] : [],
    ),
  );
  const parent = lab.state.family[node - 1]!.parent;
  const at = numbers[lab.state.at]! >= 0 ? numbers[lab.state.at]! : numbers[parent]!;
  lab.state = { ...lab.state, family, at };
  showMolecule();
  show();
}

/** Runs nodes of the family that are not made, two at a time, and shows one of them as it comes. */
export async function grow(nodes: readonly number[]): Promise<boolean> {
  const { run: settings, family } = lab.state;
  const whole = await session.work(async (signal) => {
    show();
    const pair = await session.pair(weights, signal);
    const waiting = nodes.filter((node) => !lab.made.has(node));
    const total = waiting.length;
    const target = lab.made;
    let watched: number | undefined;
    let done = 0;
    const lane = async (sampler: typeof pair.engine | typeof pair.second) => {
      for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
        const mine = node;
        watched ??= mine === lab.state.at || total === 1 ? mine : undefined;
        const result = await run(
          sampler,
          { ...runOptions(settings, family, node), signal },
          mine === watched ? watcher(done, total) : {},
        );
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
    announce(
      total === 1
        ? `Generating a molecule in ${settings.steps} steps.`
        : `Generating ${total} molecules.`,
    );
    await Promise.all([lane(pair.engine), lane(pair.second)]);
    const last = lab.made.get(lab.state.at)?.molecule;
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
  if (lab.made.size === 0) return;
  for (let node = lab.state.family.length; node > 0; node--) {
    if (lab.made.has(node)) continue;
    const { family, numbers } = prune(lab.state.family, node);
    if (numbers.length - 1 - family.length > 1) continue; // something lab.made grows from it
    lab.made = new Map([...lab.made].map(([old, run]) => [numbers[old]!, run]));
    lab.state = { ...lab.state, family, at: Math.max(0, numbers[lab.state.at] ?? 0) };
  }
}

/** Shows a run on the left as it comes. */
function watcher(done: number, total: number) {
  return {
    onStart(trajectory: Trajectory) {
      lab.rims = () => false;
      transport.open(trajectory);
      caption("left", undefined, `${trajectory.atoms} atoms forming`);
    },
    onFrame(frame: Frame, meter: Meter) {
      transport.grown();
      if (total === 1) session.progress(frame.step / frame.steps, progressText(frame, meter));
      else
        session.progress(
          (done + frame.step / frame.steps) / total,
          `${done} of ${total} molecules; ${progressText(frame, meter).toLowerCase()}`,
        );
    },
  };
}
