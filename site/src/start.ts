// Where a run starts, as a choice of the form: late, or with pure noise.

import type { Limits } from "./settings.ts";

/** Starts that are offered, as shares of the schedule. */
const offered = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4];

/** Fills a select with the starts that the weights allow, this one among them, and chooses it. */
export function offerStarts(select: HTMLSelectElement, start: number, { minSteps, maxSteps: last, usual }: Limits): void {
  const late = usual.start ? [start, ...offered.map((share) => Math.round(share * last))].filter((t) => t >= minSteps && t < last) : [];
  const times = [...new Set(late)].sort((a, b) => b - a);
  select.replaceChildren(new Option(`t = ${last}, noise`, "0"), ...times.map((t) => new Option(`t = ${t}`, String(t))));
  select.value = String(start);
  select.disabled = !usual.start;
}

/** What a start does, in words. */
export function startNote(start: number, { maxSteps: last, usual }: Limits): string {
  if (!usual.start) return `These weights do not tell the moments of their data: runs begin with pure noise, at t = ${last}.`;
  if (!start) return `Begins with pure noise, at the end of the schedule, and makes every step.`;
  const before = start < usual.start ? "" : ", in which next to nothing is decided,";
  return `Begins at t = ${start} with Gaussian noise that has the mean and the spread of the data there: the steps before${before} are left out.`;
}
