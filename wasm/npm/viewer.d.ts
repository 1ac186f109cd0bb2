import type { ErrorCode, LoadOptions, Molecule } from "./index.js";

export type Representation = "ball-and-stick" | "stick" | "space-filling";

/** What went wrong; `message` is for people. `unknown`: nothing that this package knows. */
export interface Trouble {
  code: ErrorCode | "unknown";
  message: string;
}

/** The events of the element; they bubble. */
export interface SymDiffViewerEventMap {
  /** A molecule was generated. */
  molecule: CustomEvent<Molecule>;
  trouble: CustomEvent<Trouble>;
}

/** The attributes of the element. */
export interface SymDiffViewerAttributes {
  /** URL of an XYZ or SDF file; XYZ with several frames is a trajectory. */
  src?: string | undefined;
  /** What to generate, as SymDiff.sample takes it; without `seed` another molecule each time. */
  seed?: string | number | bigint | undefined;
  atoms?: string | number | undefined;
  formula?: string | undefined;
  "t-start"?: string | number | undefined;
  steps?: string | number | undefined;
  method?: string | undefined;
  /** Plays a trajectory at once, and again and again. */
  autoplay?: boolean | "" | undefined;
  loop?: boolean | "" | undefined;
  representation?: Representation | undefined;
  /** Turns the picture by itself. */
  spin?: boolean | "" | undefined;
  /** 2d draws without WebGL. */
  renderer?: "2d" | undefined;
  /** What screen readers say in place of the formula. */
  label?: string | undefined;
}

/**
 * `<symdiff-viewer>`: shows the molecule or the trajectory of a file (`src`, or the text of such a
 * file as its content), or generates one. Where several things are asked for, the latest is shown.
 */
export declare class SymDiffViewer extends HTMLElement {
  /** Where WASM and weights lie; by default in this package. */
  model: LoadOptions;
  /** How the molecule is drawn. */
  representation: Representation;
  /**
   * Shows a file's text; the name's ending tells SDF from XYZ. Resolves to true when it is shown,
   * to false when something else was asked for meanwhile; rejects with a SymDiffError. The element
   * need not be on the page yet.
   */
  show(text: string, name?: string): Promise<boolean>;
  /** Generates by the attributes; resolves to the molecule, or to undefined when cancelled. */
  generate(): Promise<Molecule | undefined>;
  /** Cancels the run in progress. */
  cancel(): void;

  addEventListener<K extends keyof SymDiffViewerEventMap>(
    type: K,
    listener: (this: SymDiffViewer, event: SymDiffViewerEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener<K extends keyof HTMLElementEventMap>(
    type: K,
    listener: (this: SymDiffViewer, event: HTMLElementEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof SymDiffViewerEventMap>(
    type: K,
    listener: (this: SymDiffViewer, event: SymDiffViewerEventMap[K]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener<K extends keyof HTMLElementEventMap>(
    type: K,
    listener: (this: SymDiffViewer, event: HTMLElementEventMap[K]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** What JSX may give the element besides its attributes. */
export interface SymDiffViewerJSX extends SymDiffViewerAttributes {
  id?: string | undefined;
  class?: string | undefined;
  className?: string | undefined;
  style?: any;
  slot?: string | undefined;
  hidden?: boolean | undefined;
  key?: any;
  ref?: any;
  children?: any;
}

declare global {
  interface HTMLElementTagNameMap {
    "symdiff-viewer": SymDiffViewer;
  }
  // React up to 18 looks here. For React 19 import "symdiff-mol/react"; the README has what Preact
  // and Solid need.
  namespace JSX {
    interface IntrinsicElements {
      "symdiff-viewer": SymDiffViewerJSX;
    }
  }
}
