// Files for the reader. A frame whose sandbox lacks allow-downloads saves nothing, and no browser
// says so to the reader: there a dialog shows what the file holds, and where a frame does not tell,
// a note offers to.

import { textToCopy } from "./copy.ts";
import { press, showDialog } from "./dialog.ts";
import { addressNow, make } from "./dom.ts";

interface Content {
  name: string;
  blob: Blob;
  /** The address at which the page makes it again. */
  link: string;
}

/** Hands a file to the reader. */
export function save(
  name: string,
  content: BlobPart,
  type = "text/plain",
  link = addressNow(),
): void {
  const file = { name, blob: new Blob([content], { type }), link: alone(link) };
  const allowed = mayDownload();
  if (allowed === false) {
    void show(file);
    return;
  }
  const anchor = make("a", { href: URL.createObjectURL(file.blob), download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 60_000);
  if (allowed === undefined) offer(file);
}

/**
 * Whether files may be saved here; undefined in a frame that does not tell, since a page around it
 * is of another site.
 */
function mayDownload(): boolean | undefined {
  try {
    for (let inner: Window = window; inner !== inner.parent; inner = inner.parent) {
      const frame = inner.frameElement;
      if (!frame) return undefined;
      const sandbox = frame.getAttribute("sandbox");
      if (sandbox !== null && !sandbox.toLowerCase().split(/\s+/).includes("allow-downloads"))
        return false;
    }
  } catch {
    return undefined;
  }
  return globalThis.origin === "null" ? undefined : true;
}

/** The address without what makes the page a part of another. */
function alone(address: string): string {
  const url = new URL(address);
  for (const key of ["embed", "hide"]) url.searchParams.delete(key);
  return url.href;
}

let offered: HTMLElement | undefined;

/** Says that the file may not have come, and how to have it. */
function offer(file: Content): void {
  offered?.remove();
  const said = make("span", {}, "No file? The page around this frame may forbid downloads.");
  offered = make(
    "div",
    { className: "offer" },
    said,
    press("Show the file", () => (note.remove(), void show(file))),
    press("Close", () => note.remove()),
  );
  const note = offered;
  note.setAttribute("role", "status");
  Object.assign(note.style, {
    position: "fixed",
    inset: "auto 8px 8px",
    zIndex: "10",
    display: "flex",
    flexWrap: "wrap",
    gap: "6px 10px",
    alignItems: "center",
    justifyContent: "center",
    padding: "8px 12px",
    border: "1px solid",
    borderRadius: "8px",
    background: "Canvas",
    color: "CanvasText",
    font: "inherit",
    fontSize: "14px",
  });
  (document.fullscreenElement ?? document.body).append(note);
}

/**
 * Shows what a file holds, a text to copy, a picture or a film; and where the page can be opened by
 * itself.
 */
async function show({ name, blob, link }: Content): Promise<void> {
  const url = URL.createObjectURL(blob);
  const isText = /^(text|chemical)\//.test(blob.type);
  const dialog = showDialog(
    name,
    make(
      "p",
      {},
      "This page is in a frame that forbids downloads. ",
      isText
        ? "You can copy the text."
        : "You can save the picture from its menu: right-click it, or press and hold it.",
      " Or download it from the page in a new tab: ",
      make("a", { href: link, target: "_blank", rel: "noopener" }, link),
    ),
    ...(isText ? textToCopy(await blob.text(), name) : [picture(blob.type, url, name)]),
  );
  dialog.addEventListener("close", () => URL.revokeObjectURL(url));
}

function picture(type: string, src: string, name: string): HTMLElement {
  const made = type.startsWith("video/")
    ? make("video", { src, controls: true, loop: true })
    : make("img", { src, alt: name });
  made.setAttribute("aria-label", name);
  Object.assign(made.style, { display: "block", maxWidth: "100%", maxHeight: "60vh" });
  return made;
}
