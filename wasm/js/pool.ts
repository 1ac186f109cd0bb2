// Many molecules, by several workers that share one download.
//
//   const pool = await SymDiffPool.load({ wasm, weights, sha256 });
//   for await (const { index, molecule } of pool.generate({ n: 100, seed: 7, steps: 250 })) show(index, molecule);
//   pool.close();

import { SymDiff, SymDiffError, type LoadOptions, type Method, type ModelInfo, type Molecule } from "./index.js";

export interface PoolOptions extends LoadOptions {
  /** Number of workers; default: one per core but one, at most 4, and one where the device says that it has 2 GB or less. */
  workers?: number;
  /** A worker that says nothing for so many milliseconds during a run counts as dead; default 60,000. */
  patience?: number;
}

export interface ManyOptions {
  /** Number of molecules. */
  n: number;
  /** 0 to 2^64-1; default 0. */
  seed?: number | bigint;
  /** Index of the first molecule in the seed's stream; default 0. */
  first?: number;
  /** Number of atoms; default 0 draws each from the histogram of the training data. */
  atoms?: number;
  /** Denoising steps; default: the full schedule. */
  steps?: number;
  /** How a step is made; default: ancestral. */
  method?: Method;
  signal?: AbortSignal;
}

export interface Made {
  /** Which molecule of the seed's stream. */
  index: number;
  molecule: Molecule;
}

/** How often a molecule's worker may die before the run is given up. */
const MAX_DEATHS = 3;

/** A step this often tells that the worker lives. */
const HEARTBEAT = 10;

/** How many workers suit this device. */
export function defaultWorkers(): number {
  const { hardwareConcurrency = 2, deviceMemory = 8 } = (globalThis.navigator ?? {}) as { hardwareConcurrency?: number; deviceMemory?: number };
  return deviceMemory <= 2 ? 1 : Math.min(4, Math.max(1, hardwareConcurrency - 1));
}

/** A model in several workers. The molecules do not depend on their number. */
export class SymDiffPool {
  readonly info: ModelInfo;
  readonly workers: number;
  readonly #options: PoolOptions;
  readonly #weights: ArrayBuffer;
  readonly #idle: SymDiff[];
  #started = 1;
  #closed = false;

  private constructor(first: SymDiff, weights: ArrayBuffer, options: PoolOptions) {
    this.info = first.info;
    this.workers = Math.max(1, Math.floor(options.workers ?? defaultWorkers()));
    this.#options = options;
    this.#weights = weights;
    this.#idle = [first];
  }

  /** Fetches the weights once and starts the first worker; the others start when there is work for them. */
  static async load(options: PoolOptions): Promise<SymDiffPool> {
    const { weights: source, signal } = options;
    const weights = source instanceof ArrayBuffer ? source : await download(source, options);
    const first = await SymDiff.load({ ...options, weights: weights.slice(0) });
    if (signal?.aborted) first.close();
    signal?.throwIfAborted();
    return new SymDiffPool(first, weights, options);
  }

  /**
   * Generates n molecules, each as soon as it is made, in no particular order. Leaving the loop or aborting the signal stops all
   * workers. A molecule whose worker dies is given to another; after three deaths the run fails with what was made kept by the caller.
   */
  async *generate(options: ManyOptions): AsyncGenerator<Made, void> {
    const { n, first = 0, signal } = options;
    if (!Number.isSafeInteger(n) || n < 1) throw new SymDiffError("options", `n: expected a whole number from 1, have ${n}`);
    signal?.throwIfAborted();
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal!.reason);
    signal?.addEventListener("abort", onAbort);
    const waiting = Array.from({ length: n }, (_, i) => ({ index: first + i, deaths: 0 }));
    const made: Made[] = [];
    let failure: unknown;
    let wake = () => {};
    const lane = async () => {
      for (let job = waiting.shift(); job && !stop.signal.aborted; job = waiting.shift()) {
        try {
          made.push({ index: job.index, molecule: await this.#one(job.index, options, stop.signal) });
        } catch (error) {
          const died = error instanceof SymDiffError && error.code === "worker";
          if (!died || ++job.deaths >= MAX_DEATHS || stop.signal.aborted) {
            failure ??= error;
            stop.abort(error);
          } else waiting.push(job);
        }
        wake();
      }
    };
    const lanes = Array.from({ length: Math.min(this.workers, n) }, lane);
    let running = true;
    const all = Promise.all(lanes).then(() => { running = false; wake(); });
    try {
      for (;;) {
        const next = made.shift();
        if (next) yield next;
        else if (!running) break;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
      if (failure) throw failure;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      stop.abort();
      await all;
    }
  }

  /** Ends all workers. A run in progress fails. */
  close(): void {
    this.#closed = true;
    for (const model of this.#idle.splice(0)) model.close();
  }

  /** One molecule on a worker that is free, or on a fresh one. */
  async #one(index: number, options: ManyOptions, signal: AbortSignal): Promise<Molecule> {
    const { seed = 0, atoms = 0, steps = this.info.timesteps, method = "ancestral" } = options;
    const model = this.#idle.pop() ?? (await this.#start(signal));
    const { patience = 60_000 } = this.#options;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let silent = false;
    const listen = () => {
      clearTimeout(timer);
      timer = setTimeout(() => { silent = true; model.close(); }, patience);
    };
    try {
      listen();
      for await (const frame of model.sample({ seed, index, atoms, steps, method, every: HEARTBEAT, signal })) {
        listen();
        if (frame.molecule) {
          this.#release(model);
          return frame.molecule;
        }
      }
      throw new SymDiffError("worker", "the run ended without a molecule");
    } catch (error) {
      if (signal.aborted && !silent) this.#release(model);
      else model.close();
      throw silent ? new SymDiffError("worker", `the worker said nothing for ${patience} ms`) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  #release(model: SymDiff): void {
    if (this.#closed) model.close();
    else this.#idle.push(model);
  }

  #start(signal: AbortSignal): Promise<SymDiff> {
    if (this.#closed) throw new SymDiffError("closed", "the pool was closed");
    this.#started++;
    const { onProgress: _, ...options } = this.#options;
    return SymDiff.load({ ...options, weights: this.#weights.slice(0), signal });
  }

  /** How many workers were started so far, those that died included. */
  get started(): number {
    return this.#started;
  }
}

/** Reads a file with progress; rejects with a SymDiffError, or with the reason of the signal. */
export async function download(url: string | URL, options: Pick<LoadOptions, "bytes" | "signal" | "onProgress"> = {}): Promise<ArrayBuffer> {
  const fail = (reason: string) => new SymDiffError("download", `${String(url)}: ${reason}`);
  let response: Response;
  try {
    response = await fetch(url, options.signal ? { signal: options.signal } : {});
  } catch (error) {
    options.signal?.throwIfAborted();
    throw fail(error instanceof Error ? error.message : String(error));
  }
  if (!response.ok || !response.body) throw fail(`HTTP ${response.status}`);
  const total = options.bytes ?? Number(response.headers.get("Content-Length") ?? 0);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  try {
    const reader = response.body.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      chunks.push(next.value);
      loaded += next.value.byteLength;
      options.onProgress?.({ stage: "download", loaded, total: Math.max(total, loaded) });
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw fail(`broke off after ${loaded} bytes (${error instanceof Error ? error.message : String(error)})`);
  }
  return new Blob(chunks).arrayBuffer();
}
