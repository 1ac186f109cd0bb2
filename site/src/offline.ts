// The service worker from the page's side: what works without network, and new versions.

import { simdSupported } from "symdiff-mol";
import { models, wasm } from "virtual:model";
import { announce, element } from "./dom.ts";
import { megabytes } from "./format.ts";

/** Must be the name in sw.js. */
const keptCache = "symdiff-model";

/** A large file that is kept on request, as sw.js describes it. */
interface Kept {
  url: string;
  part: "model" | "chemistry";
  /** As it is sent, compressed where that pays. */
  bytes: number;
}

let controlled = false;
let trouble = "";

/**
 * Registers the service worker, where there is one, and says in the footer what can be relied on.
 */
export async function startOffline(): Promise<void> {
  if (!import.meta.env.PROD) return;
  element("keep").addEventListener("click", () => void keepAll());
  try {
    const registration = await navigator.serviceWorker.register("./sw.js");
    watchUpdates(registration);
    await ready(registration);
  } catch {
    // Private windows and some settings forbid it, and a full disk: the page works, but only with
    // network.
  }
  controlled = workers()?.controller != null;
  await tell();
}

/**
 * Service workers, where the page may have any: not in a frame that its sandbox leaves without an
 * origin.
 */
function workers(): ServiceWorkerContainer | undefined {
  try {
    return navigator.serviceWorker;
  } catch {
    return undefined;
  }
}

/** Resolves when the worker controls the page, rejects when it could not be installed. */
function ready(registration: ServiceWorkerRegistration): Promise<unknown> {
  const failed = new Promise((_, reject) => {
    const worker = registration.installing;
    worker?.addEventListener(
      "statechange",
      () => worker.state === "redundant" && reject(new Error("not installed")),
    );
  });
  const claimed = new Promise<void>((resolve) => {
    if (navigator.serviceWorker.controller) resolve();
    else
      navigator.serviceWorker.addEventListener("controllerchange", () => resolve(), { once: true });
  });
  return Promise.race([navigator.serviceWorker.ready.then(() => claimed), failed]);
}

/**
 * Keeps a model's files, once one molecule has shown that they work: the weights and the build that
 * this browser runs.
 */
export async function keepModel(simd: boolean, weights: string): Promise<void> {
  if (!controlled) return;
  const urls = [simd ? wasm.simd : wasm.plain, weights];
  await Promise.allSettled(
    urls.map((url) => fetch(url).then((response) => response.arrayBuffer())),
  );
  await tell();
}

/** Drops files that have turned out wrong. */
export async function dropModel(): Promise<void> {
  try {
    await globalThis.caches?.delete(keptCache);
  } catch {
    // a frame without an origin has no caches, and so nothing to drop
  }
  if (controlled) await tell();
}

/** Fetches and keeps everything that the pages may need, and shows how far it is. */
async function keepAll(): Promise<void> {
  const button = element<HTMLButtonElement>("keep");
  button.disabled = true;
  trouble = "";
  try {
    void navigator.storage?.persist?.();
    const missing = await absent();
    const total = sum(missing);
    let done = 0;
    for (const file of missing) {
      element("offline").textContent = `Keeping: ${megabytes(done)} of ${megabytes(total)}.`;
      await keep(file);
      done += file.bytes;
    }
  } catch (error) {
    trouble = explainKeeping(error);
  }
  button.disabled = false;
  await tell();
  announce(element("offline").textContent ?? "");
}

async function keep({ url }: Kept): Promise<void> {
  const response = await fetch(url, { cache: "reload" });
  if (!response.ok) throw new TypeError(`HTTP ${response.status}`);
  const type = response.headers.get("Content-Type") ?? "application/octet-stream";
  const body = await response.arrayBuffer();
  const expected = models.find((model) => absolute(model.url) === url)?.sha256;
  if (expected && (await sha256(body)) !== expected)
    throw new TypeError("the weights that arrived do not belong to this version of the page");
  const cache = await caches.open(keptCache);
  await cache.put(url, new Response(body, { headers: { "Content-Type": type } }));
}

function explainKeeping(error: unknown): string {
  if (error instanceof DOMException && error.name === "QuotaExceededError") {
    return "This device has not enough free space to keep everything. Free some space, or allow this site more, and try again. Online, the page works as before.";
  }
  return `The page could not fetch everything (${error instanceof Error ? error.message : String(error)}). Try again with a better connection.`;
}

async function sha256(data: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The large files that this browser would need and has not. */
async function absent(): Promise<Kept[]> {
  const other = absolute(simdSupported() ? wasm.plain : wasm.simd);
  const files = (await ask<Kept[]>(navigator.serviceWorker.controller!, "kept")).filter(
    ({ url }) => url !== other,
  );
  const cache = await caches.open(keptCache);
  const there = await Promise.all(files.map(async ({ url }) => !!(await cache.match(url))));
  return files.filter((_, i) => !there[i]);
}

/**
 * The sign in the footer. It says no more than what is true: what is looked up in the cache each
 * time.
 */
async function tell(): Promise<void> {
  const button = element("keep");
  const missing = controlled ? await absent() : [];
  button.hidden = !missing.length;
  button.textContent = `Keep everything for use offline (${megabytes(sum(missing))})`;
  element("offline").textContent = trouble || sign(missing);
}

function sign(missing: Kept[]): string {
  if (!controlled) return "Works only online.";
  if (!missing.length) return "Works offline: everything is on this device.";
  const gone = new Set(missing.map(({ url }) => url));
  const here = models.filter(({ url }) => !gone.has(absolute(url)));
  if (!here.length || missing.some(({ url }) => url.endsWith(".wasm")))
    return "The page is on this device. The model is saved when it first runs.";
  const parts = new Set(
    missing.map(({ part }) => (part === "model" ? "the other models" : "the chemistry tools")),
  );
  const only = here.includes(models[0])
    ? ""
    : ` with ${here.map(({ name }) => name).join(" and ")}`;
  return `Works offline${only}. Not on this device yet: ${[...parts].join(" and ")}.`;
}

function watchUpdates(registration: ServiceWorkerRegistration): void {
  const offer = () => {
    // Without a controller it is the first version, not a new one.
    if (registration.waiting && navigator.serviceWorker.controller)
      element("update").hidden = false;
  };
  offer();
  registration.addEventListener("updatefound", () =>
    registration.installing?.addEventListener("statechange", offer),
  );
  element("update-now").addEventListener("click", async () => {
    if (!registration.waiting) return;
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), {
      once: true,
    });
    const others = await ask<number>(registration.waiting, "activate");
    const text = `${others} other ${others === 1 ? "tab has" : "tabs have"} this site open. A run may be in progress there. Close ${others === 1 ? "it" : "them"} and press Reload again.`;
    element("update").querySelector("p")!.textContent = text;
  });
}

function ask<T>(worker: ServiceWorker, question: string): Promise<T> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data as T);
    worker.postMessage(question, [port2]);
  });
}

const absolute = (url: string) => new URL(url, document.baseURI).href;

const sum = (files: Kept[]) => files.reduce((total, { bytes }) => total + bytes, 0);
