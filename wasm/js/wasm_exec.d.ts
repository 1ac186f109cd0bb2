// Types of Go's lib/wasm/wasm_exec.js, which the build copies beside the compiled worker. It
// defines globalThis.Go.

declare global {
  class Go {
    readonly importObject: WebAssembly.Imports;
    /** Called with the exit code of the program. */
    exit: (code: number) => void;
    /** Starts the program; resolves when it exits, which for a library means that it has failed. */
    run(instance: WebAssembly.Instance): Promise<void>;
  }
}

export {};
