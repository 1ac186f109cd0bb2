import { SymDiffError } from "./error.js";

/**
 * The bytes that weights were given as, or undefined where they are a URL. Throws where they are
 * gone, with the weights' name.
 */
export function bytesOf(
  weights: string | URL | ArrayBuffer | ArrayBufferView,
  name = "weights",
): ArrayBuffer | undefined {
  if (typeof weights === "string" || weights instanceof URL) return undefined;
  const tag = Object.prototype.toString.call(weights); // not instanceof: the bytes may come from a frame
  const view = ArrayBuffer.isView(weights);
  if (!view && tag !== "[object ArrayBuffer]") {
    throw new SymDiffError(
      "options",
      `weights: expected a URL, an ArrayBuffer or a view of one, have ${String(weights)}`,
    );
  }
  if (weights.byteLength === 0) {
    throw new SymDiffError(
      "weights",
      `${name}: no bytes: the file or buffer is empty, or detached since it was transferred elsewhere. Give a copy: buffer.slice()`,
    );
  }
  return view
    ? new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength).slice().buffer
    : (weights as ArrayBuffer);
}
