// What openchemlib says of a molecule, asked of its worker, which starts with the first question.

import { workerAnywhere } from "symdiff-mol/start";

/**
 * Names and numbers. Where hydrogens are missing, they are counted in, but for the weight: that is
 * of the formula.
 */
export interface Properties {
  smiles: string;
  /** g/mol. */
  weight: number;
  logP: number;
  /** Å². */
  tpsa: number;
  /** N and O with a hydrogen, and all N and O. */
  donors: number;
  acceptors: number;
  rotatableBonds: number;
}

/** With a drawing. */
export interface Sheet extends Properties {
  /** Hydrogens that had to be added. */
  added: number;
  /** SVG. */
  drawing: string;
}

export interface Relaxed {
  /** kcal/mol. */
  before: number;
  after: number;
  /** (atoms, 3), Å. */
  positions: Float64Array<ArrayBuffer>;
}

/** A molecule with its hydrogens in 3D. */
export interface Placed {
  /** In Hill order. */
  formula: string;
  elements: string[];
  /** (atoms, 3), Å. */
  positions: number[];
  bonds: { i: number; j: number; order: number }[];
  charge: number;
  /** Whether openchemlib has made the positions, since the text has none or lacks hydrogens. */
  made: boolean;
}

export interface Question {
  id: number;
  kind: "describe" | "measure" | "relax" | "place";
  /** One, or of measure any number; of place SMILES or a MOL file. */
  sdf: string[];
}

export interface Answer {
  id: number;
  result?: Sheet | Relaxed | Placed | (Properties | undefined)[];
  error?: string;
}

interface Waiting {
  resolve(result: never): void;
  reject(error: Error): void;
}

export class Chemistry {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  describe(sdf: string): Promise<Sheet> {
    return this.#ask<Sheet>("describe", [sdf]);
  }

  /** The properties of each; undefined where openchemlib finds none. */
  measure(sdf: string[]): Promise<(Properties | undefined)[]> {
    return this.#ask<(Properties | undefined)[]>("measure", sdf);
  }

  /**
   * The molecule of a SMILES, or the first of a MOL or SDF file; one without positions, or without
   * hydrogens, gets them.
   */
  place(text: string): Promise<Placed> {
    return this.#ask<Placed>("place", [text]);
  }

  /** The nearest minimum of MMFF94. Rejects where the force field does not know the atoms. */
  relax(sdf: string): Promise<Relaxed> {
    return this.#ask<Relaxed>("relax", [sdf]);
  }

  #ask<T>(kind: Question["kind"], sdf: string[]): Promise<T> {
    const worker = (this.#worker ??= this.#start());
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, kind, sdf } satisfies Question);
    });
  }

  #start(): Worker {
    const worker = workerAnywhere(
      () => new Worker(new URL("./chemistry.worker.ts", import.meta.url), { type: "module" }),
    );
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.error !== undefined) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data.result as never);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error(event.message || "openchemlib could not be fetched"));
    };
    return worker;
  }

  /** Gives the worker up: the next question starts another. */
  #fail(error: Error): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}
