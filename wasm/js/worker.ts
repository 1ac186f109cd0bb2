// The worker: holds Go's WASM, the weights and the run in progress, and answers the messages of
// protocol.ts.

import "./wasm_exec.js";
import { sha256 } from "./sha256.js";
import { simdSupported } from "./simd.js";
import type {
  CalibrateMessage,
  CancelMessage,
  CoreInfo,
  CoreMolecule,
  CoreResult,
  EnergyMessage,
  ErrorCode,
  LoadMessage,
  ReadMessage,
  Request,
  Response as Reply,
  SampleMessage,
  WasmURLs,
} from "./protocol.js";

interface Failure {
  error: string;
  fatal?: boolean;
}

/**
 * The batch of a run: index of the first molecule, numbers of atoms, steps, and elements of the
 * type scores.
 */
interface Size {
  first: number;
  atoms: number[];
  steps: number;
  elements: number;
}

/** globalThis.symdiffCore, defined by wasm/main.go. */
interface Core {
  load(name: string, weights: Uint8Array): CoreInfo | Failure;
  start(options: string): Size | Failure;
  step(): { step: number; done: boolean } | Failure;
  frame(
    i: number,
    positions: Uint8Array,
    scores: Uint8Array,
    gamma: Uint8Array,
    predicted: Uint8Array | null,
  ): { step: number; bonds: Uint8Array<ArrayBuffer> } | Failure;
  calibrate(most: number): { done: boolean; best: number } | Failure;
  energy(
    x: Uint8Array,
    y: Uint8Array,
    width: number,
    permutations: number,
    seed: string,
  ): { energy: number; p: number } | Failure;
  read?(
    name: string,
    text: string,
  ):
    | {
        molecules: (Pick<CoreMolecule, "formula" | "elements" | "sdf"> & Raw)[];
        skipped: number;
        fault?: string;
      }
    | Failure;
  result(i: number, sha256: string): (Omit<CoreResult, "positions" | "bonds"> & Raw) | Failure;
}

/** Numbers as Go hands them over. */
interface Raw {
  positions: Uint8Array<ArrayBuffer>;
  bonds: Uint8Array<ArrayBuffer>;
}

interface WorkerScope {
  postMessage(message: Reply, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
  addEventListener(
    type: "unhandledrejection",
    listener: (event: PromiseRejectionEvent) => void,
  ): void;
  symdiffCore?: Core;
}

const scope = globalThis as unknown as WorkerScope;

class WorkerError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** Pages of 64 KiB that Go wants at once, and more. */
const PAGES = 1024;

let core: Core | undefined;
let memory: WebAssembly.Memory | undefined;
let weightsHash = "";
let current: { id: number; cancelled: boolean } | undefined;
/** The model on its way: what is asked for meanwhile waits. */
let loading: Promise<unknown> = Promise.resolve();

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case "load":
      void answer(data.id, (loading = load(data)) as Promise<void>);
      break;
    case "sample":
      if (current) current.cancelled = true;
      void answer(data.id, sample(data));
      break;
    case "calibrate":
      if (current) current.cancelled = true;
      void answer(data.id, calibrate(data));
      break;
    case "read":
      void answer(data.id, read(data));
      break;
    case "cancel":
      cancel(data);
      break;
    case "energy":
      void answer(data.id, energy(data));
      break;
    case "ping":
      scope.postMessage({ type: "pong" });
      break;
  }
};

scope.addEventListener("unhandledrejection", (event) => crash(text(event.reason)));

/** answer reports the failure of a request to whoever made it. */
async function answer(id: number, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    const code = error instanceof WorkerError ? error.code : scarce(error) ? "memory" : "worker";
    scope.postMessage({ type: "error", id, code, message: text(error) });
  }
}

function crash(message: string, code: ErrorCode = "worker"): void {
  scope.postMessage({ type: "crash", code, message });
}

/** Whether an error of the browser says that memory could not be had. */
function scarce(error: unknown): boolean {
  return error instanceof RangeError && /memory|alloc/i.test(error.message);
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * call unwraps a value from Go. After a panic the state of Go is unknown, so the whole worker is
 * given up; there is no value where the program has ended in the middle of the call.
 */
function call<T extends object>(value: T | Failure | undefined, code: ErrorCode): T {
  if (value === undefined)
    throw new WorkerError(
      full() ? "memory" : "worker",
      full() ? "no more memory could be had" : "the Go program has ended",
    );
  if (!("error" in value)) return value;
  if (value.fatal) crash(value.error);
  throw new WorkerError(code, value.error);
}

async function load(m: LoadMessage): Promise<void> {
  const simd = simdSupported();
  const [go, weights] = await Promise.all([
    startGo(m.wasm, simd),
    typeof m.weights === "string" ? download(m.id, m.weights, m.bytes) : new Uint8Array(m.weights),
  ]);
  const total = weights.byteLength;
  scope.postMessage({ type: "progress", id: m.id, stage: "check", loaded: total, total });
  weightsHash = await checkHash(weights, m.sha256);
  scope.postMessage({ type: "progress", id: m.id, stage: "start", loaded: total, total });
  const info = call(go.load(m.name, weights), "weights");
  core = go;
  scope.postMessage({
    type: "loaded",
    id: m.id,
    info,
    sha256: weightsHash,
    simd: simd && m.wasm.simd !== m.wasm.plain,
  });
}

async function startGo(urls: WasmURLs, simd: boolean): Promise<Core> {
  const url = simd ? urls.simd : urls.plain;
  if (url === undefined)
    throw new WorkerError(
      "wasm",
      "this browser has no WebAssembly SIMD, and there is no build without it",
    );
  const response = await get(url);
  const go = new Go();
  go.exit = () => {}; // it would warn in the console; whoever waits gets the error below
  let instance: WebAssembly.Instance;
  try {
    instance = await instantiate(response, go.importObject);
  } catch (error) {
    throw new WorkerError(scarce(error) ? "memory" : "wasm", `${url}: ${text(error)}`);
  }
  memory = instance.exports["mem"] as WebAssembly.Memory;
  go.run(instance).then(
    () =>
      full() ? crash("no more memory could be had", "memory") : crash("the Go program has exited"),
    (error: unknown) => crash(text(error)),
  );
  if (!scope.symdiffCore) throw new WorkerError("wasm", `${url}: not SymDiff's WebAssembly module`);
  return scope.symdiffCore;
}

/**
 * Whether Go's memory cannot grow any more: a Go program that finds it so ends without telling why.
 */
function full(): boolean {
  try {
    memory?.grow(PAGES);
    return false;
  } catch {
    return true;
  }
}

/**
 * Compiles while bytes arrive; a server that sends WASM under another MIME type costs that overlap
 * and nothing else.
 */
async function instantiate(
  response: globalThis.Response,
  imports: WebAssembly.Imports,
): Promise<WebAssembly.Instance> {
  const mime = response.headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  if (mime === "application/wasm" && "instantiateStreaming" in WebAssembly) {
    return (await WebAssembly.instantiateStreaming(response, imports)).instance;
  }
  return (await WebAssembly.instantiate(await response.arrayBuffer(), imports)).instance;
}

async function get(url: string): Promise<globalThis.Response> {
  let response: globalThis.Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new WorkerError("download", `${url}: ${text(error)}`);
  }
  if (!response.ok)
    throw new WorkerError(
      "download",
      `${url}: HTTP ${response.status}: put the file there, or pass its URL to SymDiff.load`,
    );
  return response;
}

/** Bytes to begin with where a file's size is unknown, and at most where others state it. */
const FIRST = 1 << 20;
const LARGEST_FIRST = 1 << 28;

/**
 * Reads a file with byte progress. `bytes` is its size where known: with Content-Encoding the
 * header has another number.
 */
async function download(id: number, url: string, bytes?: number): Promise<Uint8Array<ArrayBuffer>> {
  const response = await get(url);
  const encoded = response.headers.has("Content-Encoding");
  const total = bytes ?? (encoded ? 0 : Number(response.headers.get("Content-Length") ?? 0));
  let file = new Uint8Array(Math.min(total || FIRST, LARGEST_FIRST)); // the bytes go where they stay: the file is never there twice
  let loaded = 0;
  try {
    const reader = response.body!.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (loaded + value.byteLength > file.byteLength) {
        const larger = new Uint8Array(Math.max(2 * file.byteLength, loaded + value.byteLength));
        larger.set(file.subarray(0, loaded));
        file = larger;
      }
      file.set(value, loaded);
      loaded += value.byteLength;
      scope.postMessage({
        type: "progress",
        id,
        stage: "download",
        loaded,
        total: Math.max(total, loaded),
      });
    }
  } catch (error) {
    throw new WorkerError(
      scarce(error) ? "memory" : "download",
      `${url}: broke off after ${loaded} bytes (${text(error)})`,
    );
  }
  if (bytes !== undefined && loaded !== bytes) {
    throw new WorkerError("download", `${url}: ${loaded} bytes came, expected ${bytes}`);
  }
  return file.subarray(0, loaded);
}

/**
 * The SHA-256 of the weights, checked against the expected one. Pages that are not secure have no
 * crypto.subtle.
 */
async function checkHash(weights: Uint8Array<ArrayBuffer>, expected?: string): Promise<string> {
  const subtle = globalThis.crypto?.subtle;
  const hex = subtle ? hexadecimal(await subtle.digest("SHA-256", weights)) : sha256(weights);
  if (expected !== undefined && hex !== expected.toLowerCase()) {
    throw new WorkerError("hash", `the weights have SHA-256 ${hex}, expected ${expected}`);
  }
  return hex;
}

function hexadecimal(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** The core with its model, once that is there. */
async function loaded(): Promise<Core> {
  await loading.catch(() => {}); // whoever asked for it gets the error
  if (!core) throw new WorkerError("options", "no model is loaded");
  return core;
}

async function sample(m: SampleMessage): Promise<void> {
  const run = (current = { id: m.id, cancelled: false });
  const go = await loaded();
  if (run.cancelled) {
    scope.postMessage({ type: "cancelled", id: m.id, step: 0 });
    return;
  }
  const size = call(go.start(JSON.stringify(m.options)), "options");
  const { steps } = size;
  postFrames(go, m, size);
  for (let step = 1; step <= steps; step++) {
    await turn();
    if (run.cancelled) {
      scope.postMessage({ type: "cancelled", id: m.id, step: step - 1 });
      return;
    }
    call(go.step(), "worker");
    if (step < steps && step % m.every === 0) postFrames(go, m, size);
  }
  postFrames(go, m, size, true);
  if (current === run) current = undefined;
}

async function calibrate({ id, most }: CalibrateMessage): Promise<void> {
  const run = (current = { id, cancelled: false });
  const go = await loaded();
  let progress = call(go.calibrate(most), "options");
  while (!progress.done) {
    await turn();
    if (run.cancelled) break; // what is known so far is answer enough
    progress = call(go.calibrate(0), "worker");
  }
  scope.postMessage({ type: "calibrated", id, best: progress.best });
  if (current === run) current = undefined;
}

/** Compares two samples, in one go: those that a page can make take milliseconds. */
async function energy(m: EnergyMessage): Promise<void> {
  const go = await loaded();
  const view = (a: Float32Array<ArrayBuffer>) => new Uint8Array(a.buffer);
  const { energy, p } = call(
    go.energy(view(m.x), view(m.y), m.width, m.permutations, m.seed),
    "options",
  );
  scope.postMessage({ type: "energy", id: m.id, energy, p });
}

/** Whoever cancels is answered: by the run, when it has seen it, or here, where it has ended. */
function cancel({ id }: CancelMessage): void {
  if (current?.id === id) current.cancelled = true;
  else scope.postMessage({ type: "cancelled", id, step: 0 });
}

/**
 * Sends every molecule as it stands; at the end also the finished one with all that is known of it.
 */
function postFrames(go: Core, m: SampleMessage, size: Size, finished = false): void {
  for (let i = 0; i < size.atoms.length; i++) postFrame(go, m, i, size, finished);
}

function postFrame(
  go: Core,
  { id, detail }: SampleMessage,
  i: number,
  size: Size,
  finished: boolean,
): void {
  const { first, steps, elements } = size;
  const atoms = size.atoms[i]!;
  const positions = new Float32Array(atoms * 3);
  const scores = new Float32Array(atoms * elements);
  const gamma = new Float32Array(9);
  const predicted = detail ? new Float32Array(atoms * 3) : null;
  const view = (a: Float32Array<ArrayBuffer>) => new Uint8Array(a.buffer);
  const { step, bonds } = call(
    go.frame(i, view(positions), view(scores), view(gamma), predicted && view(predicted)),
    "worker",
  );
  const triples = new Uint16Array(bonds.buffer);
  const called = step > 0 && { gamma, ...(predicted && { predicted }) };
  const frame = {
    type: "frame",
    id,
    index: first + i,
    step,
    steps,
    atoms,
    positions,
    scores,
    bonds: triples,
    ...called,
  } as const;
  const transfer = [positions.buffer, scores.buffer, triples.buffer];
  if (!finished) {
    scope.postMessage(frame, transfer);
    return;
  }
  const r = call(go.result(i, weightsHash), "worker");
  scope.postMessage({ ...frame, result: { ...r, ...numbers(r) } }, transfer);
}

function numbers({ positions, bonds }: Raw) {
  return { positions: new Float64Array(positions.buffer), bonds: new Uint16Array(bonds.buffer) };
}

/** The program of a worker that only reads files. */
let reader: Promise<Core> | undefined;

async function read(m: ReadMessage): Promise<void> {
  const go = core ?? (await (reader ??= startGo(m.wasm, simdSupported())));
  if (!go.read)
    throw new WorkerError(
      "options",
      "this build of the WASM reads no files: take that of the npm package",
    );
  const { molecules, ...rest } = call(go.read(m.name, m.text), "file");
  scope.postMessage({
    type: "molecules",
    id: m.id,
    ...rest,
    molecules: molecules.map((r) => ({ ...r, ...numbers(r) })),
  });
}

const { port1, port2 } = new MessageChannel();
let resume: (() => void) | undefined;
port1.onmessage = () => resume?.();

/**
 * Lets waiting messages in, without the 4 ms that nested timers cost. A later call also releases an
 * earlier one.
 */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const earlier = resume;
    resume = () => {
      earlier?.();
      resume = undefined;
      resolve();
    };
    port2.postMessage(null);
  });
}
