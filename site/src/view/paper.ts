// Pictures on paper: what WebGL has drawn is gone when a browser prints, so that a copy with light colours stands in for it.

/** Pixels of a picture on paper. */
const [width, height] = [1600, 1200];

/** Puts a picture over the canvas while the page is printed; `paint` draws it. */
export function printable(canvas: HTMLCanvasElement, paint: (target: HTMLCanvasElement) => void): void {
  const copy = Object.assign(document.createElement("canvas"), { className: "on-paper" });
  copy.setAttribute("aria-hidden", "true");
  Object.assign(copy.style, { position: "absolute", inset: "0", width: "100%", height: "100%", objectFit: "contain" });
  addEventListener("beforeprint", () => {
    if (!canvas.isConnected || !canvas.clientWidth) return;
    Object.assign(copy, { width, height }); // empty again
    paint(copy);
    canvas.style.visibility = "hidden";
    canvas.after(copy);
  });
  addEventListener("afterprint", () => {
    copy.remove();
    canvas.style.visibility = "";
  });
}
