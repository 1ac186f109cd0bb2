// Copying to the clipboard. The browser's interface for it is for secure pages, and not for every
// frame; elsewhere the older command does it, or the text is shown to be copied by hand.

import { press, showDialog } from "./dialog.ts";
import { announce, make } from "./dom.ts";

/**
 * Copies a text and says so. Where that may not be, `source` is selected, the element that shows
 * it; without one, a dialog shows the text.
 */
export async function copyText(text: string, source?: HTMLElement): Promise<string> {
  let done = "Copied";
  if (!(await toClipboard(text))) {
    if (source) getSelection()?.selectAllChildren(source);
    else showDialog("Copy this text", ...textToCopy(text, "Text"));
    done = source ? "Selected" : "";
  }
  if (done) announce(`${done}.`);
  return done;
}

/** A text, and a button that copies it. */
export function textToCopy(text: string, label: string): Node[] {
  const area = make("textarea", {
    value: text,
    readOnly: true,
    rows: Math.min(10, text.split("\n").length + 1),
    spellcheck: false,
  });
  area.setAttribute("aria-label", label);
  Object.assign(area.style, { boxSizing: "border-box", width: "100%", font: "12px/1.4 monospace" });
  const told = make("span");
  told.setAttribute("role", "status");
  const button = press("Copy", async () => {
    const done = await toClipboard(text, area.parentElement!);
    if (!done) area.select();
    told.textContent = done
      ? " Copied."
      : " Selected. Now copy it with the keyboard, or by its menu.";
  });
  return [area, make("p", {}, button, told)];
}

/**
 * Whether the text is on the clipboard now. A dialog that is open lets nothing be selected but
 * `within` it.
 */
async function toClipboard(text: string, within: Element = document.body): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement as HTMLElement | null;
    const area = make("textarea", { value: text, readOnly: true });
    Object.assign(area.style, { position: "fixed", opacity: "0" });
    within.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus({ preventScroll: true });
    return done;
  }
}
