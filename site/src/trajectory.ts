// The frames of a run, and the picture at any moment between two of them.

import type { Frame, Molecule } from "symdiff-mol";
import { blend, type Palette } from "./view/colours.ts";
import { stickRadius } from "./view/compose.ts";
import type { Ball, Stick, Vec3 } from "./view/scene.ts";

/**
 * Sharpness of the mixture of kinds: with it a finished atom, score 1 against 0, is 98 % of its
 * kind.
 */
const sharpness = 5;

interface Moment {
  step: number;
  positions: Float32Array;
  /** (atoms, elements), each row sums to 1. */
  weights: Float32Array;
  /** Order and presence, 0 to 1, of each pair that has had a bond lately. */
  bonds: Map<number, { order: number; presence: number }>;
  /** Atoms of a finished molecule that are not stable. */
  wrong: number[];
}

/** Balls and sticks in the molecule's own coordinates. */
export interface Picture {
  balls: Ball[];
  sticks: (Stick & { order: number })[];
  /** The likeliest element of each ball, for its name; without, balls have none. */
  symbols?: string[];
  /** Balls that break the rules of valence. */
  wrong?: number[];
}

type Needed = "step" | "positions" | "scores" | "bonds";

/**
 * What a trajectory needs of a frame. With a molecule it is the finished one: kinds are certain
 * then, and bonds all there.
 */
interface Still extends Pick<Frame, Needed>, Partial<Omit<Frame, Needed | "molecule">> {
  molecule?: unknown;
}

export class Trajectory {
  readonly elements: readonly string[];
  readonly #moments: Moment[] = [];
  /** The pairs with a bond in each frame. */
  readonly #pairs: number[][] = [];
  readonly atoms: number;
  readonly steps: number;
  finished = false;

  constructor(elements: readonly string[], atoms: number, steps: number) {
    this.elements = elements;
    this.atoms = atoms;
    this.steps = steps;
  }

  get length(): number {
    return this.#moments.length;
  }

  /** The trajectory of a molecule that is only known finished: one frame. */
  static of(molecule: Molecule, elements: readonly string[], steps: number): Trajectory {
    const still = new Trajectory(elements, molecule.elements.length, steps);
    const scores = molecule.elements.flatMap((symbol) => elements.map((e) => Number(e === symbol)));
    still.add({
      step: steps,
      positions: Float32Array.from(molecule.positions),
      scores: Float32Array.from(scores),
      bonds: molecule.bonds,
      molecule,
    });
    return still;
  }

  add({ step, positions, scores, bonds: present, molecule }: Still): void {
    const final = !!molecule;
    const last = this.#moments.at(-1);
    const ease = final ? 1 : 0.35; // bonds of the noise flicker: let them come and go slowly
    const bonds: Moment["bonds"] = new Map();
    for (const [pair, { order, presence }] of last?.bonds ?? []) {
      if (presence * (1 - ease) > 0.02) bonds.set(pair, { order, presence: presence * (1 - ease) });
    }
    for (const { i, j, order } of present) {
      const pair = i * this.atoms + j;
      bonds.set(pair, { order, presence: (bonds.get(pair)?.presence ?? 0) + ease });
    }
    this.#pairs.push(present.map(({ i, j }) => i * this.atoms + j));
    const { stableAtoms = [] } = (molecule ?? {}) as Partial<Molecule>;
    const wrong = stableAtoms.flatMap((stable, i) => (stable ? [] : [i]));
    this.#moments.push({ step, positions, weights: this.#weights(scores, final), bonds, wrong });
    this.finished ||= final;
  }

  /** Where the atoms of the finished molecule are: (atoms, 3), Å. */
  get goal(): Float32Array | undefined {
    return this.finished ? this.#moments.at(-1)?.positions : undefined;
  }

  /**
   * The share of the newest frame's bonds that each frame has, 0 to 1: how far the molecule had
   * come.
   */
  get settled(): number[] {
    const newest = new Set(this.#pairs.at(-1));
    return this.#pairs.map(
      (pairs) => pairs.filter((pair) => newest.has(pair)).length / Math.max(1, newest.size),
    );
  }

  /**
   * All frames, one after the other, as XYZ: an atom goes by its likeliest kind, and every comment
   * ends in the given one.
   */
  toXYZ(comment: string): string {
    const n = this.elements.length;
    return this.#moments
      .map(({ step, positions, weights }) => {
        const rows = Array.from({ length: this.atoms }, (_, i) => {
          const row = weights.subarray(i * n, (i + 1) * n);
          const place = [0, 1, 2].map((k) => positions[3 * i + k]!.toFixed(6)).join(" ");
          return `${this.elements[row.indexOf(Math.max(...row))]} ${place}\n`;
        });
        return `${this.atoms}\nstep=${step} ${comment}\n${rows.join("")}`;
      })
      .join("");
  }

  #weights(scores: Float32Array, finished: boolean): Float32Array {
    const n = this.elements.length;
    const weights = new Float32Array(scores.length);
    // Noise has larger scores than finished types have: measured against their size it stays a
    // mixture.
    const size = Math.sqrt(scores.reduce((sum, v) => sum + v * v, 0) / scores.length);
    const k = sharpness * Math.min(1, Math.sqrt(1 / n) / size);
    for (let row = 0; row < scores.length; row += n) {
      const logits = scores.subarray(row, row + n);
      const top = Math.max(...logits);
      const shares = logits.map((v) => (finished ? Number(v === top) : Math.exp(k * (v - top))));
      const sum = shares.reduce((a, b) => a + b, 0);
      shares.forEach((v, e) => (weights[row + e] = v / sum));
    }
    return weights;
  }

  /** The step shown at a position, which counts frames from 0 and may lie between two. */
  stepAt(position: number): number {
    return this.#moments[Math.round(position)]?.step ?? 0;
  }

  pictureAt(position: number, palette: Palette): Picture {
    const k = Math.min(Math.floor(position), this.#moments.length - 1);
    const a = this.#moments[k]!;
    const b = this.#moments[Math.min(k + 1, this.#moments.length - 1)]!;
    const u = position - k;
    const mix = (x: Float32Array, y: Float32Array, i: number) => x[i]! * (1 - u) + y[i]! * u;
    const n = this.elements.length;
    const balls: Ball[] = [];
    const symbols: string[] = [];
    for (let i = 0; i < this.atoms; i++) {
      const weights = this.elements.map((_, e) => mix(a.weights, b.weights, i * n + e));
      const at: Vec3 = [0, 1, 2].map((c) => mix(a.positions, b.positions, 3 * i + c)) as Vec3;
      balls.push({ at, ...blend(palette, this.elements, weights, 0) });
      symbols.push(this.elements[weights.indexOf(Math.max(...weights))]!);
    }
    return { balls, sticks: this.#sticks(a, b, u, balls), symbols, wrong: u ? [] : a.wrong };
  }

  #sticks(a: Moment, b: Moment, u: number, balls: Ball[]): Picture["sticks"] {
    const sticks: Picture["sticks"] = [];
    for (const pair of new Set([...a.bonds.keys(), ...b.bonds.keys()])) {
      const from = a.bonds.get(pair);
      const to = b.bonds.get(pair);
      const presence = (from?.presence ?? 0) * (1 - u) + (to?.presence ?? 0) * u;
      if (presence < 0.05) continue;
      const [one, other] = [balls[Math.floor(pair / this.atoms)]!, balls[pair % this.atoms]!];
      sticks.push({
        from: one.at,
        to: other.at,
        radius: stickRadius * presence,
        colours: [one.colour, other.colour],
        ends: [one.radius, other.radius],
        order: (u < 0.5 ? from : to)?.order ?? from?.order ?? 1,
      });
    }
    return sticks;
  }
}
