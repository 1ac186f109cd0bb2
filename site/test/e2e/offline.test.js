// What works without network, what the page says of it, and new versions.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { endAll, generate, launch, open, serve, test, top } from "./browser.js";

let server;
let browser;
before(async () => {
  server = await serve();
  browser = await launch();
});
after(endAll);

const pages = readdirSync(join(top, "build/site")).filter((name) => name.endsWith(".html"));
const sign = (page, text) =>
  page.waitForFunction(
    (text) => document.querySelector("#offline").textContent.startsWith(text),
    text,
  );

test("kept on request, everything works without network, and only then the sign says so", async () => {
  const own = await serve({ base: "/lab/" });
  const { page, close } = await open(browser, `${own.url}?steps=50`);
  await sign(page, "The page is on this device. The model is saved");
  assert.match(await page.textContent("#keep"), /^Keep everything for use offline \(\d+\.\d MB\)$/);
  await page.click("#keep");
  await sign(page, "Works offline: everything");
  assert.equal(await page.isVisible("#keep"), false);
  assert.match(await page.textContent("#status"), /^Works offline/);
  await own.stop();
  for (const name of pages) {
    await page.goto(own.url + name);
    await sign(page, "Works offline: everything");
  }
  await page.goto(`${own.url}?steps=50`);
  await generate(page);
  await page.evaluate(async () => {
    const cache = await caches.open("symdiff-model");
    for (const request of await cache.keys())
      if (request.url.endsWith(".safetensors")) await cache.delete(request);
  });
  await page.reload();
  await sign(page, "The page is on this device. The model is saved");
  await close();
});

test("a model that is on this device starts before anyone asks for it, and nothing is fetched", async () => {
  const { page, close } = await open(browser, `${server.url}?steps=20&atoms=6`);
  await sign(page, "The page is on this device. The model is saved");
  assert.equal(page.workers().length, 0, "a first visit starts and fetches no model");
  await generate(page);
  await sign(page, "Works offline. Not on this device yet: the other models");
  const starts = page.waitForEvent("worker");
  await page.goto(`${server.url}?steps=20&atoms=6`);
  const started = await starts;
  assert.equal(await page.isVisible("#result"), false, "and nothing is generated");
  await generate(page);
  const same = page.workers().filter((worker) => worker.url() === started.url());
  assert.deepEqual(same, [started], "Generate uses the worker that is there");
  await close();
});

test("after a run of another model the sign names it, and no page speaks of a download that is done", async () => {
  const { page, close } = await open(
    browser,
    `${server.url}?seed=2&steps=20&atoms=6&model=qm9-base`,
  );
  await sign(page, "The page is on this device. The model is saved");
  assert.equal(await page.isVisible("#cost"), true);
  await generate(page);
  await sign(page, "Works offline with qm9-base. Not on this device yet: the other models");
  await page.reload();
  await sign(page, "Works offline with qm9-base.");
  assert.equal(await page.isVisible("#cost"), false);
  await page.selectOption("#model", "qm9-web");
  await page.waitForSelector("#cost:not([hidden])");
  await page.goto(`${server.url}symmetry.html?model=qm9-base`);
  await page.waitForFunction(() => document.querySelector("#cost").hidden);
  await page.goto(`${server.url}explore.html`);
  await sign(page, "Works offline with qm9-base.");
  assert.equal(await page.isVisible("#cost"), true);
  await close();
});

test("with too little room the page says so, and works on", async () => {
  const { page, context, close } = await open(browser, server.url);
  await sign(page, "The page is on this device");
  const devtools = await context.newCDPSession(page);
  await devtools.send("Storage.overrideQuotaForOrigin", {
    origin: new URL(server.url).origin,
    quotaSize: 2e6,
  });
  await page.click("#keep");
  await sign(page, "This device has not enough free space");
  assert.equal(await page.isVisible("#keep"), true);
  await generate(page, { steps: 50 });
  await page.reload();
  await sign(page, "The page is on this device. The model is saved");
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: new URL(server.url).origin });
  await page.click("#keep");
  await sign(page, "Works offline: everything");
  await close();
});

test("a device too full for the page itself still runs it with network", async () => {
  const { page, context, close } = await open(browser, "about:blank", {
    expected: /^request to http:\/\/localhost/,
  });
  const devtools = await context.newCDPSession(page);
  await devtools.send("Storage.overrideQuotaForOrigin", {
    origin: new URL(server.url).origin,
    quotaSize: 1e3,
  });
  await page.goto(server.url);
  await generate(page, { steps: 50 });
  assert.equal(
    await page.evaluate(() => navigator.serviceWorker.getRegistration().then((r) => !!r?.active)),
    false,
  );
  assert.equal(await page.textContent("#offline"), "Works only online.");
  await close();
});

test("wrong weights are not kept", async () => {
  const { page, close } = await open(browser, server.url);
  await sign(page, "The page is on this device");
  await page.route("**/*.safetensors", async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    body[body.length - 1] ^= 1;
    await route.fulfill({ response, body });
  });
  await page.click("#keep");
  await sign(page, "The page could not fetch everything (the weights that arrived do not belong");
  assert.equal(
    await page.evaluate(
      async () =>
        (await (await caches.open("symdiff-model")).keys()).filter((r) =>
          r.url.endsWith(".safetensors"),
        ).length,
    ),
    0,
  );
  await close();
});

test("a new version waits for other tabs, and for the reader", async () => {
  const dir = mkdtempSync(join(tmpdir(), "symdiff-site-"));
  cpSync(join(top, "build/site"), dir, { recursive: true });
  const first = await serve({ dir });
  const { page, context, close } = await open(browser, first.url);
  await sign(page, "The page is on this device");
  const other = await context.newPage();
  await other.goto(first.url);
  await first.stop();
  const sw = join(dir, "sw.js");
  writeFileSync(sw, readFileSync(sw, "utf8").replace(/"version":"\w+"/, '"version":"next"'));
  const second = await serve({ dir, port: first.port });
  await page.evaluate(() => navigator.serviceWorker.getRegistration().then((r) => r.update()));
  await page.click("#update-now");
  await page.waitForFunction(() =>
    /^1 other tab has this site open.*Close it/.test(
      document.querySelector("#update p").textContent,
    ),
  );
  await page.evaluate(() => (globalThis.sameDocument = true));
  await other.close();
  assert.equal(
    await page.evaluate(() => globalThis.sameDocument),
    true,
    "nothing reloads by itself",
  );
  await Promise.all([page.waitForEvent("load"), page.click("#update-now")]);
  await page.waitForFunction(() =>
    caches
      .keys()
      .then(
        (k) => k.filter((name) => name.startsWith("symdiff-page")).join() === "symdiff-page-next",
      ),
  );
  await close();
  await second.stop();
  rmSync(dir, { recursive: true });
});

test("the page can be installed", async () => {
  const { page, context, close } = await open(browser, server.url);
  await sign(page, "The page is on this device");
  const devtools = await context.newCDPSession(page);
  const { errors, url } = await devtools.send("Page.getAppManifest");
  assert.deepEqual(errors, []);
  assert.match(url, /manifest\.webmanifest$/);
  const { installabilityErrors } = await devtools.send("Page.getInstallabilityErrors");
  assert.deepEqual(
    installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito"),
    [],
  );
  await close();
});

test("no text becomes code or HTML, and no script from elsewhere a worker", async () => {
  const { page, close } = await open(browser, server.url, {
    expected: /Trusted|CSP: (require-)?trusted-types|not a script of this site/,
  });
  assert.equal(
    await page.evaluate(() => {
      try {
        document.body.innerHTML = "<p>";
        return "allowed";
      } catch (e) {
        return e.name;
      }
    }),
    "TypeError",
  );
  assert.equal(
    await page.evaluate(() => {
      try {
        new Worker("data:text/javascript,1");
        return "allowed";
      } catch (e) {
        return e.name;
      }
    }),
    "TypeError",
  );
  assert.equal(
    await page.evaluate(() => {
      try {
        trustedTypes.createPolicy("mine", {});
        return "allowed";
      } catch (e) {
        return e.name;
      }
    }),
    "TypeError",
  );
  await close();
});
