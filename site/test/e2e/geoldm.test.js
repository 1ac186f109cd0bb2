// A checkpoint of GeoLDM that PyTorch wrote, imported by the command, in the page's box for the
// user's weights.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import {
  build,
  downloadBytes,
  endAll,
  generate,
  launch,
  open,
  serve,
  test,
  top,
} from "./browser.js";

const program = join(top, "build/e2e/symdiff");
const file = join(top, "build/e2e/geoldm.safetensors");
let server;
let browser;

before(async () => {
  server = await serve();
  browser = await launch();
  build(program, "./trainer/cmd/symdiff");
  execFileSync(program, [
    "import",
    join(top, "trainer/pytorch/testdata/geoldm/generative_model_ema.npy"),
    "--out",
    file,
  ]);
});

after(endAll);

test("the user's GeoLDM makes the command's bytes", async () => {
  const { page, close } = await open(browser, server.url);
  await page.setInputFiles("#own", {
    name: "geoldm.safetensors",
    mimeType: "application/octet-stream",
    buffer: readFileSync(file),
  });
  await page.waitForFunction(() => document.querySelector("#model").value === "own");
  for (const method of ["dpm++2m-sde", "ancestral"]) {
    await page.selectOption("#method", method);
    await generate(page, { seed: 13, atoms: 9, steps: 20 });
    const { bytes } = await downloadBytes(page, "[data-format=xyz]");
    const args = [
      "sample",
      "--model",
      file,
      "--seed",
      "13",
      "--atoms",
      "9",
      "--steps",
      "20",
      "--method",
      method,
      "--quiet",
    ];
    assert.equal(bytes.toString(), execFileSync(program, args, { encoding: "utf8" }));
  }
  await close();
});
