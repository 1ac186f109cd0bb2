// SymDiff in JavaScript: molecules from a diffusion model, sampled by WebAssembly in a worker.
//
//   const model = await SymDiff.load({ wasm: "symdiff.wasm", weights: "qm9-web.safetensors" });
//   for await (const frame of model.sample({ seed: 7 })) draw(frame.positions, frame.molecule);
//   model.close();

import type {
  CoreOptions,
  CoreResult,
  ErrorCode,
  FrameMessage,
  LoadedMessage,
  LoadMessage,
  ProgressMessage,
  Request,
  Response,
  WasmURLs,
} from "./protocol.js";
import type { Options } from "./options.js";
import { bytesOf } from "./bytes.js";
import { seedText, SymDiffError, textOf, whole } from "./error.js";
import { scriptMissing, startWorker } from "./start.js";
import { Watch } from "./watch.js";

export { simdSupported } from "./simd.js";
export { SymDiffError };
export type { ErrorCode };
export type { Atoms, Branch, Gamma, Method, Options } from "./options.js";

export interface LoadOptions {
  /** URL of symdiff.wasm, or the builds: the worker takes `plain` where the browser has no SIMD. */
  wasm: string | URL | { simd: string | URL; plain?: string | URL };
  /**
   * URL of a safetensors file, or its bytes (for instance of a dropped file), which stay the
   * caller's. They are needed again where a worker had to be ended to cancel a run.
   */
  weights: string | URL | ArrayBuffer | ArrayBufferView;
  /** What messages call the weights; default: the name in the URL. */
  name?: string;
  /** Expected SHA-256 of the weights, hexadecimal. Checked before they are used. */
  sha256?: string;
  /** Size of the weights in bytes, for progress behind a compressing server. Checked as well. */
  bytes?: number;
  /** What it throws, load rejects with. */
  onProgress?: (progress: Progress) => void;
  /** Aborting ends the download and the worker. */
  signal?: AbortSignal;
  /**
   * A worker that owes an answer and gives no sign of life for so many milliseconds counts as dead;
   * default 30,000.
   */
  patience?: number;
  /** Makes the worker, where a bundler or a Trusted Types policy wants it done its own way. */
  worker?: () => Worker;
}

export interface Progress {
  /** download: bytes arrive; check: SHA-256; start: weights are unpacked. */
  stage: "download" | "check" | "start";
  loaded: number;
  /** 0 while unknown. */
  total: number;
}

export interface ModelInfo {
  /** symdiff (learned gamma), symdiff-h (Haar only), dit or egnn. */
  variant: string;
  /** Element symbols, in the order of the type scores. */
  elements: string[];
  /** Number of training molecules by number of atoms. */
  histogram: Map<number, number>;
  /** Steps of the full noise schedule. */
  timesteps: number;
  /** The options of a run that leaves them open, which depend on the model. */
  defaults: Required<Pick<Options, "method" | "t_start" | "steps">>;
  /**
   * Whether the network is given the types of the atoms: those of a `formula`, or of a composition
   * drawn from the training data.
   */
  compositionConditional: boolean;
  /** Whether the network is given the fixed atoms of a `fragment`. */
  fragmentConditional: boolean;
  /** Number of learned parameters. */
  parameters: number;
  /** The header of the weights file. */
  metadata: Record<string, string>;
  /** SHA-256 of the weights, hexadecimal. */
  sha256: string;
  /** Whether the SIMD build runs. */
  simd: boolean;
}

/** What to sample (see options.ts), and which frames come. */
export interface SampleOptions extends Omit<Options, "n"> {
  /** Frames also carry `predicted`; default false. */
  detail?: boolean;
  /**
   * A frame after every so many steps; default 1. The noise at the start and the result always
   * come.
   */
  every?: number;
  signal?: AbortSignal;
}

/**
 * Several molecules of a seed, made together in one worker: each is the molecule that it would be
 * alone.
 */
export interface BatchOptions extends SampleOptions {
  /** Number of molecules, 1 to 256. */
  n: number;
}

export interface Bond {
  i: number;
  j: number;
  order: number;
}

export interface Frame {
  /** Which molecule of the seed's stream. */
  index: number;
  /** Steps done, 0 to steps. */
  step: number;
  steps: number;
  atoms: number;
  /** (atoms, 3), row by row, Å. */
  positions: Float32Array;
  /**
   * (atoms, elements): 1 for the type that an atom has, 0 for others, and anything in between and
   * beyond on the way.
   */
  scores: Float32Array;
  /** Bonds between the likeliest types at these distances. */
  bonds: Bond[];
  /**
   * The nine numbers, by rows, of the matrix C that the molecule was rotated by in the last call of
   * the network: x·C. From step 1 on.
   */
  gamma?: Float32Array;
  /**
   * (atoms, 3), Å: where the last call of the network saw the finished atoms. With `detail`, from
   * step 1 on.
   */
  predicted?: Float32Array;
  /** With the last frame only. */
  molecule?: Molecule;
}

export interface Molecule {
  /** In Hill order, such as C6H6O. */
  formula: string;
  elements: string[];
  /** (atoms, 3), row by row, Å. */
  positions: Float64Array;
  bonds: Bond[];
  /** Whether every atom's bond orders add up to a usual valence. */
  stable: boolean;
  stableAtoms: boolean[];
  /** Whether bonds connect all atoms. */
  connected: boolean;
  /** Number of connected pieces. */
  fragments: number;
  /**
   * Whether the largest piece is a molecule by the rules of valence, implicit hydrogens allowed.
   */
  valid: boolean;
  /** Why not, where not. */
  reason: string;
  /**
   * The same for molecules whose largest pieces have the same graph: what `symdiff evaluate` counts
   * as unique.
   */
  key: string;
  /** Files, as text; empty where the molecule does not fit into the format's columns. */
  xyz: string;
  sdf: string;
  pdb: string;
}

interface Pending {
  message(message: Response): void;
  fail(error: Error): void;
}

/** A loaded model. It owns a worker: close() frees it. */
export class SymDiff {
  readonly info: ModelInfo;
  readonly #link: Link;
  #run: Run | undefined;
  #closed = false;

  private constructor(link: Link, loaded: LoadedMessage) {
    this.#link = link;
    const { histogram, defaults, ...info } = loaded.info;
    const counts = Object.entries(histogram).map(([n, count]) => [Number(n), count] as const);
    counts.sort(([a], [b]) => a - b);
    this.info = {
      ...info,
      defaults: defaults as ModelInfo["defaults"],
      histogram: new Map(counts),
      sha256: loaded.sha256,
      simd: loaded.simd,
    };
  }

  /**
   * Starts a worker, fetches and checks everything. Rejects with a SymDiffError, or with the
   * signal's reason.
   */
  static async load(options: LoadOptions): Promise<SymDiff> {
    const { signal } = options;
    signal?.throwIfAborted();
    const link = new Link(options.worker, options.patience);
    const onAbort = () => link.close(signal!.reason as Error);
    signal?.addEventListener("abort", onAbort);
    try {
      return new SymDiff(link, await requestLoad(link, options));
    } catch (error) {
      link.close(error as Error);
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /**
   * Samples one molecule. Frames come as they are made; the last carries the molecule. Leaving the
   * loop or aborting the signal stops the worker within one step, or a second: where a step takes
   * longer the worker is ended, and the next run starts another. One run at a time: another begins
   * when this one has ended or been cancelled.
   */
  sample(options: SampleOptions = {}): AsyncIterableIterator<Frame> {
    return this.#start({ ...options, n: 1 });
  }

  /**
   * Samples several molecules together, which is faster than one after the other (see bestBatch).
   * Frames come for every molecule in turn; the last of each carries it. Leaving the loop or
   * aborting the signal stops the worker as with `sample`.
   */
  sampleBatch(options: BatchOptions): AsyncIterableIterator<Frame> {
    return this.#start(options);
  }

  /**
   * Finds how many molecules at a time this device samples fastest, 1 to `most`, by four steps of
   * 1, 2, 4, ... of them.
   */
  bestBatch({ most = 16, signal }: { most?: number; signal?: AbortSignal } = {}): Promise<number> {
    if (this.#run && !this.#run.ended)
      throw new SymDiffError("busy", "a run is in progress: cancel it first");
    signal?.throwIfAborted();
    return requestCalibration(this.#link, Number(whole("most", most)) || 1, signal);
  }

  #start(options: BatchOptions): Run {
    if (this.#run && !this.#run.ended)
      throw new SymDiffError("busy", "a run is in progress: cancel it first");
    return (this.#run = new Run(this.#link, options));
  }

  /** Samples one molecule and returns it, without frames on the way. */
  async generate(options: Omit<SampleOptions, "every"> = {}): Promise<Molecule> {
    for await (const frame of this.sample({ ...options, every: Infinity })) {
      if (frame.molecule) return frame.molecule;
    }
    throw new SymDiffError("worker", "the run ended without a molecule");
  }

  /**
   * Tests whether two samples of vectors, such as positions of molecules of one size, come from one
   * distribution: their energy distance, and the share of permutations of the pooled sample whose
   * distance is at least as large.
   */
  energyTest(
    x: readonly ArrayLike<number>[],
    y: readonly ArrayLike<number>[],
    permutations = 999,
    seed: number | bigint = 0,
  ): Promise<{ energy: number; p: number }> {
    const link = this.#link;
    return new Promise((resolve, reject) => {
      const width = x[0]?.length ?? 0;
      if ([...x, ...y].some((v) => v.length !== width))
        throw new SymDiffError("options", `energy test: want vectors of ${width} values all`);
      const flat = (sample: readonly ArrayLike<number>[]) =>
        Float32Array.from(sample.flatMap((v) => Array.from(v)));
      const id = link.open({
        message(m) {
          if (m.type === "energy") resolve({ energy: m.energy, p: m.p });
          else if (m.type === "error") reject(new SymDiffError(m.code, m.message));
          link.settle(id);
        },
        fail: reject,
      });
      link.send({
        type: "energy",
        id,
        x: flat(x),
        y: flat(y),
        width,
        permutations: Number(whole("permutations", permutations)),
        seed: seedText("seed", seed),
      });
    });
  }

  /** Ends the worker and frees its memory. A run in progress fails. */
  close(): void {
    this.#closed = true;
    this.#link.close(new SymDiffError("closed", "the model was closed"));
  }

  /** Whether close() was called. */
  get closed(): boolean {
    return this.#closed;
  }
}

/** How long a worker may take to leave a run that was cancelled, ms. */
const LEAVE = 1000;

/** A request that is under way; `request` is what was sent, to be sent again to another worker. */
interface Open extends Pending {
  request?: Request;
}

/**
 * One end of the messages to a worker: it hands replies to whoever waits and tells everyone when
 * the worker is lost.
 */
class Link {
  readonly #make: (() => Worker) | undefined;
  /** None after one was ended, until there is something to do. */
  #worker: Worker | undefined;
  /** What gives a worker its model. */
  #load: Omit<LoadMessage, "id"> | undefined;
  readonly #pending = new Map<number, Open>();
  #next = 1;
  #dead: Error | undefined;
  #spoke = false;
  readonly #watch: Watch;

  /** `make` is the option `worker`. */
  constructor(make: (() => Worker) | undefined, patience = 30_000) {
    if (typeof WebAssembly !== "object")
      throw new SymDiffError("wasm", "WebAssembly is missing or switched off");
    if (!(patience > 0))
      throw new SymDiffError(
        "options",
        `patience: expected milliseconds above 0, have ${patience}`,
      );
    this.#make = make;
    const lost = () =>
      this.close(new SymDiffError("worker", `the worker said nothing for ${patience} ms`));
    this.#watch = new Watch(patience, () => this.send({ type: "ping" }), lost);
    this.#worker = this.#start();
  }

  #start(): Worker {
    const worker = this.#make?.() ?? startWorker();
    worker.onmessage = ({ data }: MessageEvent<Response>) => {
      if (worker !== this.#worker) return;
      this.#spoke = true;
      this.#watch.heard();
      if (data.type === "crash")
        this.close(new SymDiffError(data.code, `the worker has failed: ${data.message}`));
      else if (data.type !== "pong") this.#hand(data, data.id);
    };
    worker.onerror = (event) => {
      event.preventDefault?.();
      if (worker !== this.#worker) return;
      const missing = !this.#spoke && !event.message; // the event of a script that could not be fetched says nothing
      this.close(
        missing
          ? new SymDiffError("download", scriptMissing(this.#make !== undefined))
          : new SymDiffError("worker", `the worker has failed: ${event.message}`),
      );
    };
    worker.onmessageerror = () =>
      this.close(new SymDiffError("worker", "a message from the worker could not be read"));
    return worker;
  }

  /**
   * Gives a reply to who waits for it. What a callback of the caller throws there fails the
   * request.
   */
  #hand(reply: Response, id: number): void {
    const pending = this.#pending.get(id);
    try {
      pending?.message(reply);
    } catch (error) {
      this.settle(id);
      pending!.fail(error as Error);
    }
  }

  /** Registers a request and returns its number, to be sent with it. */
  open(pending: Pending, id = this.#next++): number {
    if (this.#dead) pending.fail(this.#dead);
    else {
      this.#pending.set(id, pending);
      this.#watch.start();
    }
    return id;
  }

  settle(id: number): void {
    this.#pending.delete(id);
    if (!this.#pending.size) this.#watch.stop();
  }

  send(request: Request): void {
    if (this.#dead) return;
    if (request.type === "load") this.#load = request;
    const open =
      "id" in request && request.type !== "cancel" ? this.#pending.get(request.id) : undefined;
    if (open) open.request = request;
    if (!this.#worker) {
      this.#again(); // which sends all that is open
      return;
    }
    try {
      this.#worker.postMessage(request);
    } catch (error) {
      if ("id" in request) this.settle(request.id);
      throw new SymDiffError(
        "options",
        `${request.type}: what was given cannot be handed to the worker: ${textOf(error)}`,
      );
    }
  }

  /**
   * Asks the worker to leave a request. One that does not within a second is ended: a step of a
   * large network may take longer.
   */
  cancel(id: number): void {
    if (this.#dead) return;
    const timer = setTimeout(() => this.#abandon(), LEAVE);
    const fail = () => {
      clearTimeout(timer);
      this.settle(id);
    };
    const message = (m: Response) => {
      if (m.type === "cancelled" || m.type === "calibrated" || m.type === "error") fail();
    };
    this.open({ message, fail }, id);
    this.send({ type: "cancel", id });
  }

  /** Ends a worker that is not heard any more. What was asked of it since, another one is asked. */
  #abandon(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const [id, { request, fail }] of this.#pending) {
      if (request) continue;
      fail(new SymDiffError("worker", "the worker was ended")); // it left what it was to leave
      this.settle(id);
    }
    if (this.#pending.size) this.#again();
  }

  /**
   * Another worker for one that was ended: it is given the model, and what is open, in the order
   * that it came.
   */
  #again(): void {
    const waiting = [...this.#pending.values()];
    const id = this.open({
      message: (m) => {
        if (m.type === "error") this.close(new SymDiffError(m.code, m.message));
        else if (m.type === "loaded") this.settle(id);
      },
      fail() {},
    });
    try {
      this.#worker = this.#start();
      this.#worker.postMessage({ ...this.#load, id });
      for (const { request } of waiting) if (request) this.#worker.postMessage(request);
    } catch (error) {
      this.close(
        new SymDiffError(
          "worker",
          `after a run was cancelled: no other worker could be given the model: ${textOf(error)}`,
        ),
      );
    }
  }

  /** Ends the worker; everything pending, and everything later, fails with the error. */
  close(error: Error): void {
    if (this.#dead) return;
    this.#dead = error;
    this.#watch.stop();
    this.#worker?.terminate();
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of waiting) pending.fail(error);
  }
}

function requestLoad(link: Link, options: LoadOptions): Promise<LoadedMessage> {
  return new Promise((resolve, reject) => {
    const id = link.open({
      message(m) {
        if (m.type === "progress") report(m, options.onProgress);
        else if (m.type === "loaded") resolve(m);
        else if (m.type === "error") reject(new SymDiffError(m.code, m.message));
        if (m.type !== "progress") link.settle(id);
      },
      fail: reject,
    });
    const bytes = bytesOf(options.weights, options.name);
    const url = bytes ? undefined : absolute("weights", options.weights as string | URL);
    link.send({
      type: "load",
      id,
      wasm: wasmURLs(options.wasm),
      weights: bytes ?? url!,
      name: options.name ?? url?.split("/").pop() ?? "weights",
      ...(options.sha256 !== undefined && { sha256: options.sha256 }),
      ...(options.bytes !== undefined && { bytes: options.bytes }),
    });
  });
}

/** A molecule of a file; several of an XYZ file make a trajectory. */
export type MoleculeOfFile = Pick<Molecule, "formula" | "elements" | "positions" | "bonds" | "sdf">;

/** Records of a file that were at fault and skipped. */
export interface Skipped {
  /** How many. */
  records: number;
  /** Of how many records of the file. */
  of: number;
  /** What was wrong with the first of them, with file, line and record. */
  first: string;
}

export interface ReadOptions extends Pick<LoadOptions, "wasm" | "worker" | "patience"> {
  /** Called once, before the molecules come, where records were skipped. */
  onSkipped?: (skipped: Skipped) => void;
  /**
   * Name of the file, for messages; .sdf and .mol are read as SDF, all else as XYZ. Default:
   * molecule.xyz.
   */
  name?: string;
}

/**
 * Reads a file of molecules by core's own rules, in a worker that all files share and that ends
 * soon after the last. Bonds, orders and charges are those of the Lewis structure for the charge
 * that the file states, found from the distances, and `sdf` has them all. Where hydrogens are
 * missing bonds are those of the file. Needs no weights. A record at fault is skipped (see
 * onSkipped); rejects where none is good.
 */
export async function readMolecules(
  text: string,
  { wasm, worker, patience, onSkipped, name = "molecule.xyz" }: ReadOptions,
): Promise<MoleculeOfFile[]> {
  const urls = wasmURLs(wasm);
  const reader = readerFor(urls, worker, patience);
  reader.users++;
  try {
    return await new Promise((resolve, reject) => {
      const id = reader.link.open({
        message(m) {
          if (m.type === "molecules") {
            const { molecules, skipped, fault = "" } = m;
            if (skipped)
              onSkipped?.({ records: skipped, of: skipped + molecules.length, first: fault });
            resolve(molecules.map((molecule) => ({ ...molecule, bonds: toBonds(molecule.bonds) })));
          } else if (m.type === "error") reject(new SymDiffError(m.code, m.message));
          reader.link.settle(id);
        },
        fail: reject,
      });
      reader.link.send({ type: "read", id, wasm: urls, name, text });
    });
  } catch (error) {
    if (error instanceof SymDiffError && error.code !== "file") readers.delete(reader.key); // the next begins anew
    throw error;
  } finally {
    if (!--reader.users) setTimeout(() => !reader.users && endReader(reader), worker ? 0 : IDLE);
  }
}

interface Reader {
  key: string;
  link: Link;
  /** Files that it reads now. */
  users: number;
}

/** How long a worker that reads files waits for another, ms. */
const IDLE = 1000;

const readers = new Map<string, Reader>();

/** The worker of such WASM that reads files; one that the caller has made is used once. */
function readerFor(
  urls: WasmURLs,
  worker: LoadOptions["worker"],
  patience: number | undefined,
): Reader {
  const key = worker ? "" : JSON.stringify([urls, patience]);
  const reader = readers.get(key) ?? { key, link: new Link(worker, patience), users: 0 };
  if (key) readers.set(key, reader);
  return reader;
}

function endReader(reader: Reader): void {
  if (readers.get(reader.key) === reader) readers.delete(reader.key);
  reader.link.close(new SymDiffError("closed", "the file was read"));
}

function requestCalibration(link: Link, most: number, signal?: AbortSignal): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    let id = 0;
    const end = () => {
      link.settle(id);
      signal?.removeEventListener("abort", onAbort);
    };
    const fail = (error: Error) => {
      end();
      reject(error);
    };
    const onAbort = () => {
      fail(signal!.reason as Error);
      link.cancel(id);
    };
    const message = (m: Response) => {
      if (m.type === "error") return fail(new SymDiffError(m.code, m.message));
      if (m.type === "calibrated") resolve(m.best);
      end();
    };
    id = link.open({ message, fail });
    signal?.addEventListener("abort", onAbort);
    link.send({ type: "calibrate", id, most });
  });
}

function report(
  { stage, loaded, total }: ProgressMessage,
  onProgress: LoadOptions["onProgress"],
): void {
  onProgress?.({ stage, loaded, total });
}

function wasmURLs(wasm: LoadOptions["wasm"]): WasmURLs {
  if (typeof wasm === "string" || wasm instanceof URL) return { simd: absolute("wasm", wasm) };
  const { simd, plain } = wasm ?? {};
  return { simd: absolute("wasm", simd), ...(plain && { plain: absolute("wasm.plain", plain) }) };
}

/** The worker resolves URLs against its own script, the caller means its page. */
function absolute(name: string, url: string | URL): string {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  if (url !== undefined && url !== null) {
    try {
      return new URL(url, base).href;
    } catch {
      // reported below
    }
  }
  throw new SymDiffError(
    "options",
    `${name}: ${JSON.stringify(url) ?? "undefined"} is not a URL${base ? "" : ", and there is no page to resolve it against: give an absolute one"}`,
  );
}

type Waiter = { resolve(result: IteratorResult<Frame>): void; reject(error: Error): void };

/**
 * The frames of one run, of one or several molecules: a queue between the worker, which does not
 * wait, and the loop, which may.
 */
class Run implements AsyncIterableIterator<Frame> {
  ended = false;
  readonly #link: Link;
  readonly #id: number;
  readonly #frames: Frame[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.#cancel(this.#signal!.reason as Error);
  #error: Error | undefined;
  #unfinished: number;

  constructor(link: Link, options: BatchOptions) {
    const settings = coreOptions(options);
    const every =
      options.every === Infinity ? Infinity : Number(whole("every", options.every ?? 1));
    this.#link = link;
    this.#unfinished = settings.n;
    this.#signal = options.signal;
    this.#id = link.open({ message: (m) => this.#receive(m), fail: (error) => this.#end(error) });
    if (this.#signal?.aborted) {
      this.#end(this.#signal.reason as Error);
      return;
    }
    this.#signal?.addEventListener("abort", this.#onAbort);
    link.send({
      type: "sample",
      id: this.#id,
      options: settings,
      every: Math.max(1, every),
      detail: options.detail ?? false,
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Frame>> {
    const frame = this.#frames.shift();
    if (frame) return Promise.resolve({ done: false, value: frame });
    if (this.#error) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Called when a loop is left early. */
  return(): Promise<IteratorResult<Frame>> {
    this.#cancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  #receive(m: Response): void {
    if (m.type === "error") this.#end(new SymDiffError(m.code, m.message));
    else if (m.type === "frame") {
      const frame = toFrame(m);
      const waiter = this.#waiters.shift();
      if (waiter) waiter.resolve({ done: false, value: frame });
      else this.#frames.push(frame);
      if (frame.molecule && --this.#unfinished === 0) this.#end();
    }
  }

  /**
   * Tells the worker to stop, drops frames not yet read and ends, with an error where one is given.
   */
  #cancel(error?: Error): void {
    const running = !this.ended;
    this.#frames.length = 0;
    this.#error = undefined;
    this.#end(error);
    if (running) this.#link.cancel(this.#id);
  }

  #end(error?: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.#link.settle(this.#id);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    const waiters = this.#waiters.splice(0);
    if (error && !waiters.length) this.#error = error;
    for (const waiter of waiters) {
      if (error) waiter.reject(error);
      else waiter.resolve({ done: true, value: undefined });
    }
  }
}

/** The options as core reads them, in JSON. What it can judge, it judges. */
function coreOptions({ detail: _, every: __, signal: ___, ...options }: BatchOptions): CoreOptions {
  if (!(options.n >= 1))
    throw new SymDiffError("options", `n: expected a whole number from 1, have ${options.n}`); // 0 is core's default, not none
  return plain("options", options) as CoreOptions;
}

/** A value as JSON has it: seeds as text, typed arrays as arrays; what is undefined is left out. */
function plain(name: string, value: unknown): unknown {
  if (name === "seed") return seedText(name, value as number | bigint);
  if (typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))) {
    throw new SymDiffError("options", `${name}: expected a number, have ${value}`); // which JSON would not keep
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value) || ArrayBuffer.isView(value))
    return Array.from(value as ArrayLike<unknown>, (v) => plain(name, v));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, v]) => (v === undefined ? [] : [[key, plain(key, v)]])),
  );
}

function toFrame({ type: _, id: __, bonds, result, ...rest }: FrameMessage): Frame {
  const frame = { ...rest, bonds: toBonds(bonds) };
  return result ? { ...frame, molecule: toMolecule(result) } : frame;
}

function toMolecule(result: CoreResult): Molecule {
  return { ...result, bonds: toBonds(result.bonds) };
}

function toBonds(triples: Uint16Array): Bond[] {
  return Array.from({ length: triples.length / 3 }, (_, k) => ({
    i: triples[3 * k]!,
    j: triples[3 * k + 1]!,
    order: triples[3 * k + 2]!,
  }));
}
