// What the page is set to, and how it is written in the address.

import type { SampleOptions } from "symdiff-mol";
import { kernelOf, kernels, type Kernel } from "../kernel.ts";
import {
  gammas,
  parseQuery,
  sampleOptions,
  toQuery,
  wholeOf,
  withQuery,
  type Limits,
  type Settings,
} from "../settings.ts";
import { fromAngles, type Angles } from "./orthogonal.ts";

export interface State extends Omit<Settings, "gamma"> {
  kernel: Kernel;
  /** Of H, in whole degrees. */
  angles: Angles;
  /** Whether R0 is rotated along. */
  couple: boolean;
  /** Whether the second molecule is shown rotated back. */
  back: boolean;
  /** Runs on each side of the comparison of distributions. */
  runs: number;
}

/** Numbers of runs that are offered. */
export const runCounts = [8, 16, 32];

/** Of no special kind: quarter turns only swap coordinates, and hide even rounding. */
const byDefault: Angles = { x: 30, y: 40, z: 60, mirror: false };

export function parse(query: string, limits: Limits, defaults: Settings): State {
  const q = new URLSearchParams(query);
  const { gamma: _, ...settings } = parseQuery(query, limits, defaults);
  const angle = (key: "x" | "y" | "z", otherwise: number) => {
    const text = q.get(key) ?? "";
    return /^-?\d{1,3}$/.test(text) && Math.abs(Number(text)) <= 180 ? Number(text) : otherwise;
  };
  const given = ["x", "y", "z", "mirror"].some((key) => q.has(key));
  const otherwise = given ? { x: 0, y: 0, z: 0 } : byDefault;
  return {
    ...settings,
    kernel: kernelOf(q) ?? kernels[0],
    angles: {
      x: angle("x", otherwise.x),
      y: angle("y", otherwise.y),
      z: angle("z", otherwise.z),
      mirror: q.get("mirror") === "1",
    },
    couple: q.get("couple") !== "0",
    back: q.get("back") === "1",
    runs: wholeOf(q, "runs", 2, 64) ?? runCounts[0]!,
  };
}

export function write(
  { kernel, angles, couple, back, runs, ...settings }: State,
  query: string,
): string {
  const isDefault = (["x", "y", "z", "mirror"] as const).every(
    (key) => angles[key] === byDefault[key],
  );
  return withQuery(toQuery({ ...settings, gamma: gammas[0] }, query), {
    gamma: kernel === kernels[0] ? "" : kernel,
    order: "",
    x: isDefault ? "" : String(angles.x),
    y: isDefault ? "" : String(angles.y),
    z: isDefault ? "" : String(angles.z),
    mirror: angles.mirror ? "1" : "",
    couple: couple ? "" : "0",
    back: back ? "1" : "",
    runs: runs === runCounts[0] ? "" : String(runs),
  });
}

/** What the engine is asked for on the left; the right adds `rotated`. */
export function left({ kernel, ...settings }: State): SampleOptions {
  return { ...sampleOptions({ ...settings, gamma: gammas[0] }), gamma: kernel };
}

export function rotated({ angles, couple }: State): SampleOptions {
  return { rotate: fromAngles(angles), uncoupled: !couple };
}
