// What to tell the reader when something fails: what happened, and what to do.

import { SymDiffError, type ErrorCode } from "symdiff-mol";

const advice: Record<ErrorCode, string> = {
  download: "The model could not be downloaded. Check the connection and press Generate again.",
  hash: "The weights that arrived do not belong to this version of the page, so the run did not start. Press Generate to download them again. If that does not help, something between this device and the server changes files.",
  wasm: "WebAssembly does not start in this browser. It may be switched off, for example in a lockdown mode. Try another browser.",
  weights:
    "These weights could not be used. A file of your own must be a SymDiff model as `symdiff export` writes it. If you did not choose a file, reload the page.",
  options: "These settings do not work.",
  file: "The file could not be read. It must be an XYZ or SDF file with atoms and positions.",
  fetch: "The file could not be fetched. Check its address and the connection.",
  busy: "A run is in progress already. Cancel it first.",
  memory:
    "There is not enough free memory for the model. Close other tabs or programs, or use fewer workers, and press Generate again. The finished molecules are kept.",
  worker:
    "The model stopped unexpectedly, perhaps for lack of memory. Close other tabs and press Generate again. The finished molecules are kept.",
  closed: "The model was closed. Press Generate again.",
};

export function explain(error: unknown): { advice: string; detail: string } {
  if (!(error instanceof SymDiffError))
    return { advice: "Something unexpected happened. Reload the page.", detail: String(error) };
  const offline = error.code === "download" && !navigator.onLine;
  return {
    advice: offline
      ? "You are offline, and the model is not on this device yet. Connect to the internet once and press Generate. The model then stays on this device."
      : advice[error.code],
    detail: error.message,
  };
}
