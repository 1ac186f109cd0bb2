// Where a run starts, as a choice of the form: late, or with pure noise.

import type { Limits } from "./settings.ts";

/** Starts that are offered, as shares of the schedule. */
const offered = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4];

/** Fills a select with the starts that the weights allow, this one among them, and chooses it. */
export function offerStarts(
  select: HTMLSelectElement,
  start: number,
  { minSteps, maxSteps: last, defaults }: Limits,
): void {
  const late =
    defaults.t_start < last
      ? [start, ...offered.map((share) => Math.round(share * last))].filter(
          (t) => t >= minSteps && t < last,
        )
      : [];
  const times = [...new Set(late)].sort((a, b) => b - a);
  select.replaceChildren(
    new Option(`t = ${last}, noise`, String(last)),
    ...times.map((t) => new Option(`t = ${t}`, String(t))),
  );
  select.value = String(start);
  select.disabled = defaults.t_start === last;
}

/** What a start does, in words. */
export function startNote(start: number, { maxSteps: last, defaults }: Limits): string {
  if (defaults.t_start === last)
    return `These weights lack the moments of their data. Runs start from pure noise, at t = ${last}.`;
  if (start === last) return `Starts from pure noise, at the end of the noise schedule.`;
  const before =
    start < defaults.t_start
      ? "It skips the steps before."
      : "It skips the steps before, which decide almost nothing.";
  return `Starts at t = ${start} from a Gaussian with the mean and spread of the noised data. ${before}`;
}
