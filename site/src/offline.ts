// The service worker from the page's side: what works without network, and new versions.

import { models, wasm } from "virtual:model";
import { element } from "./dom.ts";

/** Must be the name in sw.js. */
const modelCache = "symdiff-model";

/** Registers the service worker, where there is one, and says in the footer what can be relied on. */
export async function startOffline(): Promise<void> {
  if (!import.meta.env.PROD) return;
  if (!("serviceWorker" in navigator)) return tell();
  try {
    const registration = await navigator.serviceWorker.register("./sw.js");
    watchUpdates(registration);
    await navigator.serviceWorker.ready;
  } catch {
    // Private windows and some settings forbid it: the page works, but only with network.
  }
  await tell();
}

/** Keeps the model's files, once one molecule has shown that they work: the weights and the build that this browser runs. */
export async function keepModel(simd: boolean, weights: string): Promise<void> {
  if (!navigator.serviceWorker?.controller) return;
  const urls = [simd ? wasm.simd : wasm.plain, weights];
  await Promise.allSettled(urls.map((url) => fetch(url).then((response) => response.arrayBuffer())));
  await tell();
}

/** Drops files that have turned out wrong. */
export async function dropModel(): Promise<void> {
  await globalThis.caches?.delete(modelCache);
}

async function tell(): Promise<void> {
  const page = !!navigator.serviceWorker?.controller;
  const has = async (url: string) => page && !!(await caches.match(url));
  const kept = (await has(models[0].url)) && ((await has(wasm.simd)) || (await has(wasm.plain)));
  element("offline").textContent = kept
    ? "Works offline: page and model are on this device."
    : page
      ? "The page is on this device; the model will be after the first molecule."
      : "Needs the network.";
}

function watchUpdates(registration: ServiceWorkerRegistration): void {
  const offer = () => {
    // Without a controller it is the first version, not a new one.
    if (registration.waiting && navigator.serviceWorker.controller) element("update").hidden = false;
  };
  offer();
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", offer));
  element("update-now").addEventListener("click", () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
    registration.waiting?.postMessage("activate");
  });
}
