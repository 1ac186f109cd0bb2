// Pictures on paper: while a browser prints, a copy in light colours and fine enough for paper
// stands in for the canvas.

/** Pixels of a picture on paper. */
const [width, height] = [1600, 1200];

/**
 * Puts a picture over the canvas while the page is printed; `paint` draws it. Returns how to end
 * that.
 */
export function printable(
  canvas: HTMLCanvasElement,
  paint: (target: HTMLCanvasElement) => void,
): () => void {
  const copy = Object.assign(document.createElement("canvas"), { className: "on-paper" });
  copy.setAttribute("aria-hidden", "true");
  Object.assign(copy.style, {
    position: "absolute",
    inset: "0",
    width: "100%",
    height: "100%",
    objectFit: "contain",
  });
  const before = () => {
    if (!canvas.isConnected || !canvas.clientWidth) return;
    Object.assign(copy, { width, height }); // empty again
    paint(copy);
    canvas.style.visibility = "hidden";
    canvas.after(copy);
  };
  const after = () => {
    copy.remove();
    canvas.style.visibility = "";
  };
  const media = matchMedia("print"); // what makes pictures of pages for paper may tell by this alone
  const changed = () => (media.matches ? before() : after());
  addEventListener("beforeprint", before);
  addEventListener("afterprint", after);
  media.addEventListener("change", changed);
  return () => {
    removeEventListener("beforeprint", before);
    removeEventListener("afterprint", after);
    media.removeEventListener("change", changed);
  };
}
