// What the browser is asked of the reader's wishes, when it is needed: modules of the view can be
// imported where there is no browser.

const lists = new Map<string, MediaQueryList>();

function media(query: string): MediaQueryList {
  const list = lists.get(query) ?? matchMedia(query);
  lists.set(query, list);
  return list;
}

/** Whether things should not move by themselves. */
export function calm(): boolean {
  return media("(prefers-reduced-motion: reduce)").matches;
}

/**
 * Whether an element is in a dark surrounding, by its colour scheme, which a page may set apart
 * from the system's.
 */
export function inTheDark(element: HTMLElement): boolean {
  const [r = 0, g = 0, b = 0] = (getComputedStyle(element).color.match(/[\d.]+/g) ?? []).map(
    Number,
  );
  return 0.3 * r + 0.6 * g + 0.1 * b > 128;
}

/** Calls back when the system turns dark or light; returns how to end that. */
export function onScheme(changed: () => void): () => void {
  const scheme = media("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", changed);
  return () => scheme.removeEventListener("change", changed);
}

/**
 * Calls back when device pixels get another size: the page was zoomed, or moved to another screen.
 */
export function onResolution(changed: () => void): () => void {
  let list: MediaQueryList;
  const heard = () => {
    listen();
    changed();
  };
  const listen = () => {
    list = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    list.addEventListener("change", heard, { once: true });
  };
  listen();
  return () => list.removeEventListener("change", heard);
}
