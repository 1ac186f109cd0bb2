// What the page says.

import type { Molecule } from "symdiff-mol";
import { countText } from "../tally.ts";
import { deviation, type Deviation } from "./deviation.ts";
import { haarDistance } from "./histogram.ts";
import type { Kernel } from "../kernel.ts";
import type { State } from "./state.ts";

/**
 * Below this the molecules are the same but for rounding, Å. Of 100 coupled runs of the usual sampler the median is off by 2e-5 and the
 * worst by 0.002; runs that part are off by fifty times as much or more. Few steps from T amplify rounding further.
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

/** Symmetric run by run where the noise of gamma is coupled, and in distribution where it is not. */
function symmetric({ kernel }: State): boolean {
  return kernel === "paper" || kernel === "haar";
}

export function verdict({ largest }: Deviation, left: Molecule, right: Molecule, state: State): Verdict {
  const same = left.elements.every((element, i) => element === right.elements[i]);
  if (largest < rounding && same) return { good: true, text: "The same molecule, turned" };
  if (symmetric(state) && !state.couple) return { text: left.formula === right.formula ? "Two draws, close to each other" : "Two draws" };
  if (left.formula !== right.formula) return { good: false, text: `Another molecule: ${right.formula}, not ${left.formula}` };
  return { good: false, text: largest < 0.3 ? "Not quite the same molecule" : "Another arrangement of atoms" };
}

const explanations: Record<Kernel, string> = {
  paper:
    "At every step R₀ is drawn blindly and f, a small network, refines it: γ = R₀\u2009·\u2009f(R₀⁻¹x). On the right R₀ is turned along with the noise, so R₀⁻¹x is the same on both sides, and so is everything the transformer sees. Nothing is left to differ but rounding, a millionth of a bond's length, which the steps amplify.",
  released:
    "The code published with the paper composes γ the other way round, f(R₀⁻¹x)\u2009·\u2009R₀⁻¹. Turning R₀ along does not cancel H then: the transformer sees differently turned atoms on the two sides, its answers differ, and the runs part at the first step. The published models were trained this way. Between distributions the difference is smaller, and a few runs may not show it.",
  haar: "γ is R₀ alone, drawn from all rotations and reflections alike (SymDiff-H). Nothing about γ is learned here, and it is just as symmetric: turned along, R₀ shows the transformer the same atoms on both sides.",
  none: "γ is off. The transformer sees the atoms as they lie, and it treats different directions differently: turned noise becomes a different molecule, by a little or altogether. These weights were trained with γ around them, so they have seen all directions; that alone does not make a network symmetric.",
};

const uncoupled =
  "R₀ is drawn alike on both sides and not turned along, so each side sees its atoms from another direction. The two molecules are then two draws and may differ, though the model is symmetric: its symmetry is one of distributions, which the third box compares.";

export function explanation(state: State): string {
  return !state.couple && symmetric(state) ? uncoupled : explanations[state.kernel];
}

/** What the angles of a run say beside Haar's measure. The 5 % point of Kolmogorov's test is 1.358/√n. */
export function angleText(angles: readonly number[], reflections: number, kernel: Kernel): string {
  if (kernel === "none") return "γ is the identity at every step: no angle but 0°.";
  const n = angles.length;
  const distance = haarDistance(angles);
  const far = distance > 1.358 / Math.sqrt(n);
  return `A reflection in ${countText(reflections, n)} steps. Largest difference to Haar's distribution ${distance.toFixed(2)}: ${
    far ? "more than chance allows" : "what chance allows"
  } with ${n} angles${kernel === "haar" ? "" : far ? "; f prefers some directions" : "; f's preferences do not show in one run"}.`;
}

export function spreadVerdict(p: number, permutations: number): Verdict {
  return p > 0.05 ? { good: true, text: "No sign of a difference" } : { good: false, text: p <= 1 / (permutations + 1) ? "Two different distributions" : "Probably different distributions" };
}

/** Where a side has no spread, one point stands for all of its molecules. */
function oneMolecule(sample: readonly Molecule[]): boolean {
  return sample.every((m) => deviation(m.positions, sample[0]!.positions).largest < alike);
}

export function spreadText(left: readonly Molecule[], right: readonly Molecule[], energy: number, p: number, permutations: number): string {
  const stable = (sample: readonly Molecule[]) => countText(sample.filter((m) => m.stable).length, sample.length);
  const single = oneMolecule(left) && oneMolecule(right) ? `Without chance all ${left.length} on each side are one molecule. ` : "";
  return `${single}Energy distance ${number(energy)} Å; ${p <= 1 / (permutations + 1) ? "none" : `${(100 * p).toFixed(p < 0.1 ? 1 : 0)} %`} of ${permutations} random divisions of the same molecules ${p <= 1 / (permutations + 1) ? "gives" : "give"} as much. Stable: ${stable(left)} from x, ${stable(right)} from x\u2009·\u2009H.`;
}
