// The 2D drawing in the colours of the page.

/**
 * What openchemlib paints, and what stands in for it on light and on dark. Stereo bonds are ink
 * like all others.
 */
const colours: [from: string, light: string, dark: string][] = [
  ["rgb(0,0,0)", "#12171a", "#e9edee"],
  ["rgb(0,128,0)", "#12171a", "#e9edee"],
  ["rgb(160,0,0)", "#12171a", "#e9edee"],
  ["rgb(255,13,13)", "#c43a28", "#ff8d7c"],
  ["rgb(48,80,248)", "#2f5ad0", "#8fb0ff"],
  ["rgb(144,224,80)", "#2c7d40", "#7fd694"],
];

/**
 * A URL of the SVG, to be revoked. As an image it runs no script and needs no room in the page's
 * policy.
 */
export function drawingURL(svg: string, dark: boolean): string {
  const painted = colours.reduce(
    (text, [from, onLight, onDark]) => text.replaceAll(from, dark ? onDark : onLight),
    svg,
  );
  return URL.createObjectURL(new Blob([painted], { type: "image/svg+xml" }));
}
