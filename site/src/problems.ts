// What to tell the reader when something fails: what happened, and what to do.

import { SymDiffError, type ErrorCode } from "symdiff-mol";

const advice: Record<ErrorCode, string> = {
  download: "The model could not be downloaded. Check the connection and press Generate again.",
  hash: "The weights that arrived are not the ones this page was made for, so nothing was run. Press Generate to fetch them anew; if that does not help, something between here and the server changes files.",
  wasm: "WebAssembly does not start in this browser. It may be switched off, as in some lockdown modes; try another browser.",
  weights: "These weights could not be used. A file of your own has to be a SymDiff model as `symdiff export` writes it; if it was the page's own, reload the page.",
  options: "These settings do not work.",
  file: "The file could not be read. It has to be an XYZ or SDF file with atoms and their positions.",
  fetch: "The file could not be fetched. Check its address and the connection.",
  busy: "A run is in progress already. Cancel it first.",
  memory: "There is not enough free memory for the model. Close other tabs or programs, or use fewer workers, and press Generate again. What was made is kept.",
  worker: "The model stopped unexpectedly, perhaps for lack of memory. Close other tabs and press Generate again: it will start afresh. What was made is kept.",
  closed: "The model was closed. Press Generate again.",
};

export function explain(error: unknown): { advice: string; detail: string } {
  if (!(error instanceof SymDiffError)) return { advice: "Something unforeseen happened. Reload the page.", detail: String(error) };
  const offline = error.code === "download" && !navigator.onLine;
  return {
    advice: offline ? "You are offline, and the model is not on this device yet. Connect once, press Generate, and it will be kept." : advice[error.code],
    detail: error.message,
  };
}
