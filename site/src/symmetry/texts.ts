// What the page says.

import type { Molecule } from "symdiff-mol";
import type { InputVariance } from "virtual:model";
import { countText } from "../tally.ts";
import { deviation, type Deviation } from "./deviation.ts";
import { haarDistance } from "./histogram.ts";
import type { Kernel } from "../kernel.ts";
import type { State } from "./state.ts";

/**
 * Below this the molecules are the same but for rounding, Å. Of 24 coupled runs of the default
 * sampler (seeds 1 to 24) the median is off by
 * 2e-6 and the worst by 0.01. Fewer steps amplify rounding further.
 */
const rounding = 2e-2;

/** Below this the molecules of a side have no spread, Å. */
const alike = 5e-5;

/** 3.1e-6 as 3.1 × 10⁻⁶, 0.0123 as 0.012. */
export function number(value: number): string {
  if (value === 0) return "0";
  const power = Math.floor(Math.log10(value));
  if (power >= -2) return value.toPrecision(2);
  const digits = String(power).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]!));
  return `${(value / 10 ** power).toFixed(1)} × 10${digits}`;
}

export interface Verdict {
  /** Neither, where nothing was promised. */
  good?: boolean;
  text: string;
}

/**
 * Symmetric run by run where the noise of gamma is coupled, and in distribution where it is not.
 */
function symmetric({ kernel }: State): boolean {
  return kernel === "learned" || kernel === "haar";
}

export function verdict(
  { largest }: Deviation,
  left: Molecule,
  right: Molecule,
  state: State,
): Verdict {
  const same = left.elements.every((element, i) => element === right.elements[i]);
  if (largest < rounding && same) return { good: true, text: "The same molecule, rotated" };
  if (symmetric(state) && !state.couple)
    return {
      text: left.formula === right.formula ? "Two samples, close to each other" : "Two samples",
    };
  if (left.formula !== right.formula)
    return { good: false, text: `Another molecule: ${right.formula}, not ${left.formula}` };
  return {
    good: false,
    text: largest < 0.3 ? "Not quite the same molecule" : "Another arrangement of atoms",
  };
}

const explanations: Record<Kernel, string> = {
  learned:
    "At each step R₀ is drawn from the Haar measure, and a small network f rotates it further: γ = R₀\u2009·\u2009f(R₀⁻¹x). On the right, R₀ is rotated with the noise. So R₀⁻¹x is the same on both sides, and the transformer gets the same input. Only rounding differs, and the steps amplify it.",
  released:
    "The code published with the paper composes γ in the other order, f(R₀⁻¹x)\u2009·\u2009R₀⁻¹. Rotating R₀ does not cancel H then. The transformer gets differently rotated atoms on the two sides, its outputs differ, and the runs part at the first step. The published models were trained this way. The two distributions differ less, and a few runs may not show it.",
  haar: "γ is R₀ alone, uniform over all rotations and reflections (SymDiff-H). It is as symmetric as a learned γ. With R₀ rotated as well, the transformer gets the same input on both sides.",
  none: "γ is off. The transformer gets the atoms as they are, and it treats different directions differently. So rotated noise gives another molecule. The network was trained with γ and has seen all directions. That alone does not make it equivariant.",
};

const uncoupled =
  "R₀ is the same on both sides and not rotated with the noise, so each side sees its atoms from another direction. The two molecules are two samples and may differ. The model is still symmetric, as a distribution. The last box compares the distributions.";

export function explanation(state: State): string {
  return !state.couple && symmetric(state) ? uncoupled : explanations[state.kernel];
}

/**
 * What the angles of a run say beside Haar's measure. The 5 % point of Kolmogorov's test is
 * 1.358/√n: one run in twenty is beyond it under the Haar measure too.
 */
export function angleText(angles: readonly number[], reflections: number, kernel: Kernel): string {
  if (kernel === "none") return "γ is the identity at every step. All angles are 0°.";
  const n = angles.length;
  const distance = haarDistance(angles);
  const far = distance > 1.358 / Math.sqrt(n);
  return `γ has a reflection in ${countText(reflections, n)} steps. The distribution of the ${n} angles differs from the Haar measure by at most ${distance.toFixed(2)}. ${
    far
      ? "By chance alone, fewer than one run in twenty differs so much."
      : "Chance alone gives as much."
  }${kernel === "haar" ? "" : far ? " So f probably prefers some directions." : " One run is too short to show what f prefers."}`;
}

/** What the meter says of what was measured under a kernel, nothing or something. */
export function varianceText(variances: readonly InputVariance[], kernel: Kernel): string {
  const meaning: Record<Kernel, string> = {
    learned: variances.length ? "f has learned to rotate copies towards one orientation." : "",
    released: "",
    haar: "It is 1 by definition. The Haar measure rotates the molecule at random in each call.",
    none: "It is 1 by definition. Without γ, the transformer sees each rotated copy as it lies.",
  };
  const told = variances
    .map(({ t, mean, error }) => `${mean.toFixed(2)} ± ${error.toFixed(2)} at t = ${t} T`)
    .join(", ");
  const measured = variances.length
    ? `Measured: ${told} (mean ± standard error over ${variances[0]!.molecules} validation molecules).`
    : "";
  return (
    (kernel === "learned"
      ? `${measured} ${meaning[kernel]}`
      : `${meaning[kernel]} ${measured}`
    ).trim() || "Not measured for this γ."
  );
}

export function spreadVerdict(p: number, permutations: number): Verdict {
  return p > 0.05
    ? { good: true, text: "No sign of a difference" }
    : {
        good: false,
        text:
          p <= 1 / (permutations + 1)
            ? "Two different distributions"
            : "Probably different distributions",
      };
}

/** Where a side has no spread, one point stands for all of its molecules. */
function oneMolecule(sample: readonly Molecule[]): boolean {
  return sample.every((m) => deviation(m.positions, sample[0]!.positions).largest < alike);
}

export function spreadText(
  left: readonly Molecule[],
  right: readonly Molecule[],
  energy: number,
  p: number,
  permutations: number,
): string {
  const stable = (sample: readonly Molecule[]) =>
    countText(sample.filter((m) => m.stable).length, sample.length);
  const single =
    oneMolecule(left) && oneMolecule(right)
      ? `Nothing is random here, so all ${left.length} molecules of a side are the same. `
      : "";
  return `${single}The energy distance is ${number(energy)} Å. ${p <= 1 / (permutations + 1) ? "None" : `${(100 * p).toFixed(p < 0.1 ? 1 : 0)} %`} of ${permutations} random divisions of the molecules ${p <= 1 / (permutations + 1) ? "gives" : "give"} as large a distance. Stable: ${stable(left)} from x, ${stable(right)} from x\u2009·\u2009H.`;
}
