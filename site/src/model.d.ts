declare module "virtual:model" {
  import type { ModelInfo } from "symdiff-mol";

  /** What plugins.js finds out about a weights file at build time. */
  export interface Model {
    /** Name of the file without its extension, such as qm9-web. */
    name: string;
    url: string;
    sha256: string;
    bytes: number;
    parameters: number;
    elements: string[];
    /** Numbers of atoms that the training data has, from low to high. */
    sizes: number[];
    /**
     * Most atoms other than hydrogen that the training data have in one molecule; 0 where the
     * weights do not tell.
     */
    heavy: number;
    timesteps: number;
    /** The options that core takes with these weights where nothing else is asked for. */
    defaults: ModelInfo["defaults"];
    /** Whether core gives them the types of the atoms (ModelInfo). */
    compositionConditional: boolean;
    /** Whether core gives them parts that are kept (ModelInfo). */
    fragmentConditional: boolean;
    variant: string;
    /**
     * How much the network's input varies under a gamma (`make evaluate-gamma`); empty where that
     * was not measured.
     */
    inputVariance: InputVariance[];
    /** Samples of these weights that were measured, as fractions of 1; empty where none were. */
    evaluation: Measured[];
    /**
     * How often molecules came out well around parts that were kept (`make evaluate-keep`); empty
     * where that was not measured.
     */
    keep: Kept[];
    /**
     * How many molecules keep all their bonds when they branch at a step (`make
     * evaluate-branches`); empty where that was not measured.
     */
    branches: { step: number; molecules: number; kept: number }[];
  }
  export interface InputVariance {
    gamma: "learned" | "haar";
    /** Share of the schedule. */
    t: number;
    /**
     * Over molecules of the validation data: 0 for a canonical orientation, 1 under the Haar
     * measure.
     */
    mean: number;
    /** The standard error of the mean. */
    error: number;
    molecules: number;
  }
  export interface Kept {
    /** What was kept: all atoms but hydrogens, or one half. */
    task: "heavy" | "half";
    steps: number;
    /** Molecules that parts were taken of, and how often each was remade. */
    bases: number;
    each: number;
    molecules: number;
    /** How many of them are stable and in one piece. */
    well: number;
  }
  export interface Measured {
    method: string;
    steps: number;
    /** Time that the run started from. */
    start: number;
    /**
     * How the formulas came, where not by the default: "joint", with the positions, or "formulas
     * learned".
     */
    special: string;
    molecules: number;
    stableAtoms: number;
    stable: number;
    valid: number;
    connected: number;
    /** Among the valid. */
    unique: number;
  }
  export const wasm: { simd: string; plain: string };
  /** Size of the SIMD build as it is sent, compressed. */
  export const wasmBytes: number;
  /** Size of openchemlib as it is sent, compressed. */
  export const chemistryBytes: number;
  /** Size of the parameters of MMFF94, likewise. */
  export const forceFieldBytes: number;
  /** The shipped models; the first is the default. */
  export const models: [Model, ...Model[]];
}

declare module "intro.bin?url" {
  const url: string;
  export default url;
}

declare module "mmff94.json?url" {
  const url: string;
  export default url;
}
