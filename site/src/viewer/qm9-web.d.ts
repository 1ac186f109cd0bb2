// The module of the npm package that knows where its files lie (wasm/npm/build.js writes it).
declare module "symdiff-mol/qm9-web" {
  export const qm9Web: {
    wasm: { simd: URL; plain: URL };
    weights: URL;
    sha256: string;
    bytes: number;
  };
}
