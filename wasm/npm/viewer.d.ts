import type { LoadOptions, Molecule } from "./index.js";

/**
 * `<symdiff-viewer>`: shows the molecule or the trajectory of a file, or generates one.
 *
 * Attributes: `src` (URL of an XYZ or SDF file; XYZ with several frames is a trajectory), or the text of such a file as its content;
 * without either it generates: `seed`, `atoms`, `start`, `steps`, `method`, as SymDiff.sample takes them. `autoplay`, `loop`; `renderer="2d"` draws
 * without WebGL; `label` is what screen readers are told in place of the formula.
 *
 * Events, which bubble: `molecule` with the Molecule as its detail when one was generated, `trouble` with `{code, message}`.
 */
export declare class SymDiffViewer extends HTMLElement {
  /** Where WASM and weights lie; by default in this package. */
  model: LoadOptions;
  /** Shows a file's text; the name's ending tells SDF from XYZ. Resolves when it is shown, rejects with a SymDiffError. */
  show(text: string, name?: string): Promise<void>;
  /** Generates by the attributes; resolves to the molecule, or to undefined when cancelled. */
  generate(): Promise<Molecule | undefined>;
  /** Cancels the run in progress. */
  cancel(): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "symdiff-viewer": SymDiffViewer;
  }
}
