/** The element of the page with this id; a missing one is a mistake in the page's HTML. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** A new element with properties and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A new SVG element with attributes and children. */
export function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Record<string, string | number>,
  ...children: Node[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/**
 * Calls back on a click on the button, and on Enter in a field within. There is no form to submit:
 * a frame in a sandbox may run scripts and yet be allowed no forms, and then a submit button does
 * nothing.
 */
export function onPress(button: HTMLElement, fields: HTMLElement, press: () => void): void {
  button.addEventListener("click", press);
  fields.addEventListener("keydown", (event) => {
    const field = event.target as HTMLElement;
    if (
      event.key !== "Enter" ||
      event.isComposing ||
      !field.matches("input:not([type=file], [type=checkbox], [type=radio])")
    )
      return;
    event.preventDefault();
    press();
  });
}

/**
 * Calls back with a file that is chosen. The field forgets it when it is opened again: Chromium
 * reports nothing for a file that is chosen twice, as one that was mended meanwhile.
 */
export function onFile(input: HTMLInputElement, take: (file: File) => void): void {
  input.addEventListener("click", () => (input.value = ""));
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) take(file);
  });
}

/** Calls take with a file that is dropped on the page, which says what for while it is above. */
export function onDrop(what: string, take: (file: File) => void): void {
  const { dataset } = document.body;
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    dataset.drop = what;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) delete dataset.drop;
  });
  addEventListener("drop", (event) => {
    delete dataset.drop;
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    take(file);
  });
}

let written = "";

/** The address of what is shown. */
export const addressNow = () => written || location.href;

/**
 * Writes the address of what is shown, where the page may: a frame with an opaque origin keeps the
 * address that it came by.
 */
export function writeAddress(address: string | URL): void {
  written = new URL(address, location.href).href;
  try {
    history.replaceState(null, "", address);
  } catch {
    // Chromium refuses; nothing but the address in the bar depends on it
  }
}

/** For screen readers: few and whole sentences, in the status line that every page has. */
export function announce(text: string): void {
  element("status").textContent = text;
}
