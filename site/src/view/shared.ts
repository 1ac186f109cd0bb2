// The one WebGL context of a page, which draws for every viewer in turn: browsers allow few
// contexts, and pages may have many viewers.

import { flat } from "./flat.ts";
import type { Renderer } from "./scene.ts";
import { webgl } from "./webgl.ts";

let renderer: Renderer | undefined;
const lost = new Set<() => void>();

/**
 * Draws with WebGL where there is such a context now, and with Canvas 2D where not or where `plain`
 * says so.
 */
export function sharedRenderer(plain = false): Renderer {
  return plain ? flat : (renderer ??= create());
}

/**
 * Calls back when pictures have to be drawn anew, since the context went or came back; returns how
 * to end that.
 */
export function onContext(changed: () => void): () => void {
  lost.add(changed);
  return () => lost.delete(changed);
}

function create(): Renderer {
  const canvas = document.createElement("canvas");
  const replace = (by: Renderer | undefined) => {
    renderer = by;
    for (const changed of lost) changed();
  };
  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault();
    replace(flat);
  });
  canvas.addEventListener("webglcontextrestored", () => replace(webgl(canvas)));
  return webgl(canvas) ?? flat;
}
