// Service worker: after the first visit the pages open without network; large files are kept once
// they were used, or all of them when the reader asks for it (offline.ts). The build fills in the
// manifest: { version, page: [name], kept: [{ name, part, bytes }] }, names relative to this
// script.

const manifest = __MANIFEST__;
const pageCache = `symdiff-page-${manifest.version}`;
const keptCache = "symdiff-model"; // its files have hashes in their names and outlive versions of the page
const absolute = (name) => new URL(name, self.location.href).href;
const pageFiles = new Set(manifest.page.map(absolute));
const keptFiles = new Set(manifest.kept.map(({ name }) => absolute(name)));

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(pageCache)
      .then((cache) =>
        cache.addAll([...pageFiles].map((url) => new Request(url, { cache: "no-cache" }))),
      ),
  );
});

self.addEventListener("message", (event) => {
  if (event.data === "activate") event.waitUntil(activate(event.ports[0]));
  if (event.data === "kept")
    event.ports[0].postMessage(
      manifest.kept.map((file) => ({ ...file, url: absolute(file.name) })),
    );
});

// A new version waits until no page of the old one is open, or until the reader asks for it in the
// only one: it never ends a run.
async function activate(port) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const pages = windows.filter(({ url }) => url.startsWith(self.registration.scope));
  if (pages.length > 1) port.postMessage(pages.length - 1);
  else await self.skipWaiting();
}

self.addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([dropOldPages(), dropOldFiles()]).then(() => self.clients.claim()));
});

async function dropOldPages() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith("symdiff-page-") && name !== pageCache);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function dropOldFiles() {
  const cache = await caches.open(keptCache);
  const old = (await cache.keys()).filter((request) => !keptFiles.has(request.url));
  await Promise.all(old.map((request) => cache.delete(request)));
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || request.cache === "reload") return; // what is fetched to be kept is checked before
  const url = request.url.replace(/[?#].*$/, "").replace(/\/index\.html$/, "/");
  if (pageFiles.has(url)) event.respondWith(fromCache(pageCache, url, request));
  else if (keptFiles.has(url)) event.respondWith(fetchKept(url, event));
});

async function fromCache(name, url, request) {
  const cache = await caches.open(name);
  return (await cache.match(url)) ?? fetch(request);
}

async function fetchKept(url, event) {
  const cache = await caches.open(keptCache);
  const kept = await cache.match(url);
  if (kept) return kept;
  const response = await fetch(url, { cache: "no-cache" });
  // The page reads while the cache writes. A full disk costs only the copy.
  if (response.ok) event.waitUntil(cache.put(url, response.clone()).catch(() => {}));
  return response;
}
