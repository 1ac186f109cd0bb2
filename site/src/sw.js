// Service worker: after the first visit the page opens without network, and after the first molecule so does the model.
// The build fills in the manifest: { version, page: [...], model: [...] }, names relative to this script.

const manifest = __MANIFEST__;
const pageCache = `symdiff-page-${manifest.version}`;
const modelCache = "symdiff-model"; // its files have hashes in their names and outlive versions of the page
const absolute = (name) => new URL(name, self.location.href).href;
const pageFiles = new Set(manifest.page.map(absolute));
const modelFiles = new Set(manifest.model.map(absolute));

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(pageCache).then((cache) => cache.addAll([...pageFiles].map((url) => new Request(url, { cache: "no-cache" })))),
  );
});

// A new version waits until no page of the old one is open, or until the reader asks for it: it never ends a run.
self.addEventListener("message", (event) => {
  if (event.data === "activate") self.skipWaiting();
});

self.addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([dropOldPages(), dropOldModels()]).then(() => self.clients.claim()));
});

async function dropOldPages() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith("symdiff-page-") && name !== pageCache);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function dropOldModels() {
  const cache = await caches.open(modelCache);
  const old = (await cache.keys()).filter((request) => !modelFiles.has(request.url));
  await Promise.all(old.map((request) => cache.delete(request)));
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const url = request.url.replace(/[?#].*$/, "").replace(/\/index\.html$/, "/");
  if (pageFiles.has(url)) event.respondWith(fromCache(pageCache, url, request));
  else if (modelFiles.has(url)) event.respondWith(fetchModel(url, event));
});

async function fromCache(name, url, request) {
  const cache = await caches.open(name);
  return (await cache.match(url)) ?? fetch(request);
}

async function fetchModel(url, event) {
  const cache = await caches.open(modelCache);
  const kept = await cache.match(url);
  if (kept) return kept;
  const response = await fetch(url, { cache: "no-cache" });
  // The page reads while the cache writes. A full disk costs only the copy.
  if (response.ok) event.waitUntil(cache.put(url, response.clone()).catch(() => {}));
  return response;
}
