/**
 * Whether this browser runs fixed-width SIMD: a module with one function (i8x16.popcnt of a splat)
 * validates only where it does.
 */
export function simdSupported(): boolean {
  return WebAssembly.validate(
    // prettier-ignore
    new Uint8Array([
      0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
    ]),
  );
}
