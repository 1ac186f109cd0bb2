// Copying to the clipboard, which only secure pages have: elsewhere the text is selected, or shown to be copied by hand.

import { announce } from "./dom.ts";

/** Copies a text and says so. Where that may not be, `source` is selected, the element that shows it; without one, a box shows the text. */
export async function copyText(text: string, source?: HTMLElement): Promise<string> {
  let done = "Copied";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (source) getSelection()?.selectAllChildren(source);
    else prompt("Copy this text", text);
    done = source ? "Selected" : "";
  }
  if (done) announce(`${done}.`);
  return done;
}
