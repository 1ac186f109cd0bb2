// Messages between the page's side (index.ts) and the worker (worker.ts).

import type { Molecule } from "./index.js";

/** What went wrong, for code that reacts to it; `message` is for people. */
export type ErrorCode =
  | "download" // a file could not be fetched, or came incomplete
  | "hash" // the weights are not the ones expected
  | "wasm" // WebAssembly is missing or the module does not start
  | "weights" // the weights file cannot be used
  | "options" // the settings of a run are wrong
  | "busy" // a run is in progress
  | "memory" // there is not enough of it
  | "file" // a file of molecules cannot be read
  | "fetch" // a file of molecules could not be fetched
  | "worker" // the worker died
  | "closed"; // the model was closed

/** Where the WASM lies: one URL, or one for each kind of browser. */
export interface WasmURLs {
  simd: string;
  plain?: string;
}

export interface LoadMessage {
  type: "load";
  id: number;
  wasm: WasmURLs;
  weights: string | ArrayBuffer;
  name: string;
  sha256?: string;
  bytes?: number;
}

/**
 * Options of a run, as core reads them from JSON (see options.ts): seeds beyond a number are text,
 * arrays plain.
 */
export type CoreOptions = Record<string, unknown> & { n: number };

export interface SampleMessage {
  type: "sample";
  id: number;
  options: CoreOptions;
  every: number;
  detail: boolean;
}

export interface CancelMessage {
  type: "cancel";
  id: number;
}

/** Parses a file of molecules; needs no weights. */
export interface ReadMessage {
  type: "read";
  id: number;
  wasm: WasmURLs;
  name: string;
  text: string;
}

/** Asks for a sign of life. */
interface PingMessage {
  type: "ping";
}

/** Asks for the batch of at most `most` molecules that this device samples fastest. */
export interface CalibrateMessage {
  type: "calibrate";
  id: number;
  most: number;
}

/** Two samples of vectors of one width, one after the other, to be compared. */
export interface EnergyMessage {
  type: "energy";
  id: number;
  x: Float32Array<ArrayBuffer>;
  y: Float32Array<ArrayBuffer>;
  width: number;
  permutations: number;
  seed: string;
}

export type Request =
  | LoadMessage
  | SampleMessage
  | CalibrateMessage
  | CancelMessage
  | EnergyMessage
  | ReadMessage
  | PingMessage;

export interface ProgressMessage {
  type: "progress";
  id: number;
  stage: "download" | "check" | "start";
  loaded: number;
  total: number;
}

export interface LoadedMessage {
  type: "loaded";
  id: number;
  info: CoreInfo;
  sha256: string;
  simd: boolean;
}

export interface FrameMessage {
  type: "frame";
  id: number;
  index: number;
  step: number;
  steps: number;
  atoms: number;
  positions: Float32Array<ArrayBuffer>;
  scores: Float32Array<ArrayBuffer>;
  bonds: Uint16Array<ArrayBuffer>;
  gamma?: Float32Array<ArrayBuffer>;
  predicted?: Float32Array<ArrayBuffer>;
  result?: CoreResult;
}

interface CalibratedMessage {
  type: "calibrated";
  id: number;
  best: number;
}

interface CancelledMessage {
  type: "cancelled";
  id: number;
  step: number;
}

interface ErrorMessage {
  type: "error";
  id: number;
  code: ErrorCode;
  message: string;
}

/** The worker is lost: everything pending fails. */
interface CrashMessage {
  type: "crash";
  code: ErrorCode;
  message: string;
}

interface EnergyResult {
  type: "energy";
  id: number;
  energy: number;
  p: number;
}

interface MoleculesMessage {
  type: "molecules";
  id: number;
  molecules: CoreMolecule[];
  /** Records that were skipped, and what was wrong with the first of them. */
  skipped: number;
  fault?: string;
}

interface PongMessage {
  type: "pong";
}

export type Response =
  | ProgressMessage
  | LoadedMessage
  | FrameMessage
  | CalibratedMessage
  | CancelledMessage
  | ErrorMessage
  | CrashMessage
  | EnergyResult
  | MoleculesMessage
  | PongMessage;

/** What core says about a model (wasm/main.go, describe). */
export interface CoreInfo {
  variant: string;
  elements: string[];
  histogram: Record<string, number>;
  timesteps: number;
  compositionConditional: boolean;
  fragmentConditional: boolean;
  defaults: { method: string; t_start: number; steps: number };
  parameters: number;
  metadata: Record<string, string>;
}

/**
 * What core says about a molecule (wasm/molecule.go, result): bonds are triples of atom, atom
 * and order.
 */
export interface CoreResult extends Omit<Molecule, "positions" | "bonds"> {
  positions: Float64Array<ArrayBuffer>;
  bonds: Uint16Array<ArrayBuffer>;
}

/** A molecule of a file (wasm/read.go). */
export type CoreMolecule = Pick<CoreResult, "formula" | "elements" | "positions" | "bonds" | "sdf">;
