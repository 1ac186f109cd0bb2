// Counts of many molecules, with their uncertainty.

import type { Molecule } from "symdiff-mol";

export interface Share {
  count: number;
  of: number;
  /** count/of; 0 of none. */
  share: number;
  /** 95 % interval. */
  low: number;
  high: number;
}

/**
 * What is counted, as `symdiff evaluate` counts it: the verdicts are core's. Unique is meant among
 * the valid.
 */
export class Tally {
  #molecules = 0;
  #valid = 0;
  #stable = 0;
  #connected = 0;
  readonly #keys = new Set<string>();

  /** Counts a molecule in; true where it is valid and the first of its kind. */
  add(molecule: Pick<Molecule, "valid" | "stable" | "connected" | "key">): boolean {
    const before = this.#keys.size;
    this.#molecules++;
    this.#valid += Number(molecule.valid);
    this.#stable += Number(molecule.stable);
    this.#connected += Number(molecule.connected);
    if (molecule.valid) this.#keys.add(molecule.key);
    return this.#keys.size > before;
  }

  get molecules(): number {
    return this.#molecules;
  }

  get shares(): Record<"valid" | "stable" | "connected" | "unique", Share> {
    return {
      stable: wilson(this.#stable, this.#molecules),
      valid: wilson(this.#valid, this.#molecules),
      connected: wilson(this.#connected, this.#molecules),
      unique: wilson(this.#keys.size, this.#valid),
    };
  }
}

/** 3 of 8 (14 to 69 %). */
export function countText(count: number, of: number): string {
  const { low, high } = wilson(count, of);
  return `${count} of ${of} (${Math.round(100 * low)} to ${Math.round(100 * high)} %)`;
}

/** Wilson's score interval at 95 %: (p + z²/2n ± z·√(p(1-p)/n + z²/4n²)) / (1 + z²/n). */
export function wilson(count: number, of: number): Share {
  if (!of) return { count, of, share: 0, low: 0, high: 1 };
  const z = 1.959964;
  const p = count / of;
  const middle = p + (z * z) / (2 * of);
  const half = z * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of));
  const whole = 1 + (z * z) / of;
  return {
    count,
    of,
    share: p,
    low: Math.max(0, (middle - half) / whole),
    high: Math.min(1, (middle + half) / whole),
  };
}
