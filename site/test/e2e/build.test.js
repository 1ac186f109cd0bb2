// What the build has put together, before a browser sees it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { test } from "node:test";
import { top } from "./browser.js";

const dir = join(top, "build/site");
const files = readdirSync(dir, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) =>
    relative(dir, join(entry.parentPath ?? entry.path, entry.name))
      .split(sep)
      .join("/"),
  );
const read = (name) => readFileSync(join(dir, name));
const html = read("index.html").toString();

test("the page carries the server's policy before anything it governs, and nothing inline", () => {
  const policy = readFileSync(join(top, "site/csp.txt"), "utf8").trim();
  const meta = html.match(/<meta http-equiv="Content-Security-Policy" content="([^"]+)">/);
  assert.equal(meta?.[1].replaceAll("&#39;", "'"), policy);
  assert.ok(meta.index < html.search(/<script|<link|<style/));
  assert.doesNotMatch(html, /<script(?![^>]* src=)|<style| style=| on[a-z]+=/);
});

test("the page knows the hash and the size of the weights that lie beside it", () => {
  const weights = files.filter((name) => name.endsWith(".safetensors"));
  const shipped = readdirSync(join(top, "core/weights")).filter((name) =>
    name.endsWith(".safetensors"),
  );
  assert.deepEqual(
    weights.map((name) => name.replace(/-[\w-]{8}\.safetensors$/, ".safetensors")).sort(),
    shipped.map((name) => `assets/${name}`).sort(),
  );
  const code = files
    .filter((name) => name.endsWith(".js"))
    .map((name) => read(name).toString())
    .join("");
  for (const name of weights) {
    const data = read(name);
    assert.ok(code.includes(createHash("sha256").update(data).digest("hex")), name);
    assert.ok(code.includes(String(data.length)), name);
  }
});

test("the service worker lists every file but those for others: the picture of preview cards and the licences", () => {
  const manifest = JSON.parse(
    read("sw.js")
      .toString()
      .match(/manifest = (\{.*\});/)[1],
  );
  const listed = [...manifest.page, ...manifest.kept.map(({ name }) => name)].map((name) =>
    name === "./" ? "index.html" : name,
  );
  assert.deepEqual(
    listed.sort(),
    files.filter((name) => !["sw.js", "preview.png", "NOTICE.txt"].includes(name)).sort(),
  );
  assert.match(manifest.version, /^[0-9a-f]{12}$/);
  assert.deepEqual(
    manifest.kept.filter(({ name }) => !/-[\w-]{8}\.\w+$/.test(name)),
    [],
    "what outlives versions has a hash in its name",
  );
});
