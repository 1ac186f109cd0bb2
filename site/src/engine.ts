// The models that a page runs: where their weights come from, and the workers that hold them.

import {
  SymDiff,
  SymDiffError,
  type Frame,
  type ModelInfo,
  type Progress,
  type SampleOptions,
} from "symdiff-mol";
import { download, SymDiffPool } from "symdiff-mol/pool";
import { models, wasm, wasmBytes, type Model } from "virtual:model";
import { megabytes } from "./format.ts";

/**
 * Weights that can be loaded: shipped with the page, or a file of the reader's, which stays on the
 * device.
 */
export interface Weights {
  name: string;
  source: string | File;
  bytes: number;
  /** Known for shipped weights only, and then checked. */
  sha256?: string;
}

interface Loading {
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

export function shipped({ name, url, bytes, sha256 }: Model): Weights {
  return { name, source: url, bytes, sha256 };
}

/**
 * The file of a shipped model in the repository; none for the default one, which the command line
 * has built in.
 */
export function shippedFile(name: string): string | undefined {
  return name === models[0].name ? undefined : `core/weights/${name}.safetensors`;
}

/** The shipped model of a name, or the default. */
export function modelNamed(name: string | undefined): Model {
  return models.find((model) => model.name === name) ?? models[0];
}

export function ownFile(file: File): Weights {
  return { name: file.name, source: file, bytes: file.size };
}

/** Bytes that a first visit fetches to run these weights. */
export function downloadBytes(weights: Weights): number {
  return wasmBytes + (weights.source instanceof File ? 0 : weights.bytes);
}

/**
 * One model: its weights in memory once, and workers made from them as they are needed. Loading
 * shares one download.
 */
export class Engine {
  readonly weights: Weights;
  readonly #data: ArrayBuffer;
  #first: SymDiff;
  readonly #others: SymDiff[] = [];
  #pool: SymDiffPool | undefined;

  private constructor(weights: Weights, data: ArrayBuffer, first: SymDiff) {
    this.weights = weights;
    this.#data = data;
    this.#first = first;
  }

  /** Fetches, checks and starts. Rejects with a SymDiffError, or with the reason of the signal. */
  static async load(weights: Weights, loading: Loading = {}): Promise<Engine> {
    if (typeof WebAssembly !== "object")
      throw new SymDiffError("wasm", "WebAssembly is missing or switched off");
    const { source, bytes } = weights;
    const data =
      source instanceof File ? await read(source) : await download(source, { bytes, ...loading });
    return new Engine(weights, data, await SymDiff.load(options(weights, data, loading)));
  }

  get info(): ModelInfo {
    return this.#first.info;
  }

  /**
   * Frames of one molecule, on the first worker: one such run at a time, and none beside a run of
   * the pool.
   */
  async *sample(options: SampleOptions): AsyncGenerator<Frame, void> {
    if (this.#first.closed)
      this.#first = await this.another(options.signal ? { signal: options.signal } : {}); // the pool has lost it
    yield* this.#first.sample(options);
  }

  /**
   * A further worker with the same model, for runs beside the first. The engine ends it with the
   * first.
   */
  async another(loading: Loading = {}): Promise<SymDiff> {
    const model = await SymDiff.load(options(this.weights, this.#data, loading));
    this.#others.push(model);
    return model;
  }

  /** Workers for many molecules, the first worker among them; they stay for the next batch. */
  get pool(): SymDiffPool {
    return (this.#pool ??= SymDiffPool.around(
      this.#first,
      this.#data,
      options(this.weights, this.#data, {}),
    ));
  }

  close(): void {
    this.#pool?.close();
    for (const model of [this.#first, ...this.#others]) model.close();
  }
}

/** What a browser holds in one piece. */
const MOST_BYTES = 2 ** 31 - 1;

/** The bytes of a file, or an error that says why a page cannot have them and what can. */
async function read(file: File): Promise<ArrayBuffer> {
  const command = `In a terminal: symdiff sample --model ${JSON.stringify(file.name)}`;
  if (file.size > MOST_BYTES)
    throw new SymDiffError(
      "weights",
      `${file.name} has ${megabytes(file.size)}, and a page can hold ${megabytes(MOST_BYTES)}. ${command}`,
    );
  try {
    return await file.arrayBuffer();
  } catch (error) {
    throw new SymDiffError(
      "weights",
      `${file.name} (${megabytes(file.size)}) could not be read: ${String(error)}. Choose it again, or close other pages. ${command}`,
    );
  }
}

function options(weights: Weights, data: ArrayBuffer, loading: Loading) {
  return {
    wasm,
    weights: data,
    name: weights.name,
    ...(weights.sha256 !== undefined && { sha256: weights.sha256 }),
    ...loading,
  };
}

/** What a progress bar says while an engine loads. */
export function loadingText({ stage, loaded, total }: Progress): string {
  const texts = {
    download: `Fetching the model: ${megabytes(loaded)} of ${megabytes(total)}`,
    check: "Checking the model",
    start: "Starting the model",
  };
  return texts[stage];
}
