// The SHA-256 for pages without crypto.subtle, against Node's.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { sha256 } from "../../build/wasm/js/sha256.js";

test("digests are those of Node, at every length around a block and for a larger file", () => {
  const bytes = Uint8Array.from({ length: 300_001 }, (_, k) => (k * 2654435761) >>> 13);
  for (const length of [...Array(200).keys(), 300_001]) {
    const data = bytes.subarray(0, length);
    assert.equal(sha256(data), createHash("sha256").update(data).digest("hex"), `${length} bytes`);
  }
});
