// A dialog over the page. It has its looks with it, since the element <symdiff-viewer> opens it on
// pages of any look; and no form, since a frame in a sandbox may be allowed none. The dialogs of
// the browser (prompt, alert) stay closed in such frames.

import { make } from "./dom.ts";

export function showDialog(title: string, ...children: Node[]): HTMLDialogElement {
  const close = press("Close", () => dialog.close());
  const dialog = make(
    "dialog",
    { className: "file" },
    make("h2", { textContent: title }),
    ...children,
    make("p", {}, close),
  );
  dialog.setAttribute("aria-label", title);
  Object.assign(dialog.style, {
    boxSizing: "border-box",
    width: "min(600px, calc(100vw - 24px))",
    padding: "16px 20px",
    border: "1px solid",
    borderRadius: "10px",
    display: "grid",
    gap: "10px",
    font: "inherit",
    fontSize: "15px",
    overflowWrap: "anywhere",
  });
  dialog.addEventListener("keydown", (event) => event.stopPropagation()); // Escape closes it alone
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A button. */
export function press(text: string, pressed: () => void): HTMLButtonElement {
  const button = make("button", { type: "button" }, text);
  button.addEventListener("click", pressed);
  return button;
}
