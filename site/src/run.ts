// One run from noise to molecule, kept as a trajectory.

import type { Frame, Molecule, SampleOptions } from "symdiff-mol";
import { seconds } from "./format.ts";
import { Meter } from "./meter.ts";
import { Trajectory } from "./trajectory.ts";

/** Frames kept of a run: enough for smooth playing. */
const framesKept = 250;

interface Watcher {
  /** The noise is there; frames are added to the trajectory from now on. */
  onStart?: (trajectory: Trajectory) => void;
  onFrame?: (frame: Frame, meter: Meter) => void;
}

export interface Run {
  trajectory: Trajectory;
  molecule: Molecule;
  /** Steps per second, the whole run. */
  rate: number;
}

/** What can sample: an Engine, or a SymDiff. */
export interface Sampler {
  readonly info: { elements: string[] };
  sample(options: SampleOptions): AsyncIterableIterator<Frame>;
}

/**
 * Runs to the end and keeps about 250 frames, the first and the last among them; all, where the
 * steps are left to core.
 */
export async function run(
  sampler: Sampler,
  options: SampleOptions,
  { onStart, onFrame }: Watcher = {},
): Promise<Run> {
  const meter = new Meter();
  const began = performance.now();
  let trajectory: Trajectory | undefined;
  for await (const frame of sampler.sample({
    every: Math.max(1, Math.round((options.steps ?? 0) / framesKept)),
    ...options,
  })) {
    meter.add(frame.step, performance.now());
    const fresh = !trajectory;
    trajectory ??= new Trajectory(sampler.info.elements, frame.atoms, frame.steps);
    trajectory.add(frame);
    if (fresh) onStart?.(trajectory);
    onFrame?.(frame, meter);
    if (frame.molecule)
      return {
        trajectory,
        molecule: frame.molecule,
        rate: (1000 * frame.steps) / (performance.now() - began),
      };
  }
  throw new Error("no molecule came");
}

/** Step 120 of 250, 300 steps/s, 1 s left. */
export function progressText({ step, steps }: Frame, meter: Meter): string {
  const rate = meter.rate;
  const speed = rate
    ? `, ${Math.round(rate)} steps/s, ${seconds(meter.left(steps) ?? 0)} left`
    : "";
  return `Step ${step} of ${steps}${speed}`;
}
