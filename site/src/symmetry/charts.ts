// The page's drawings. What they show is also said in words beside them; the SVG itself carries one
// sentence.

import type { InputVariance } from "virtual:model";
import { svg } from "../dom.ts";
import { haarDensity } from "./histogram.ts";

const width = 340;
const height = 190;
const frame = { left: 40, right: 8, top: 18, bottom: 30 };
const inner = {
  width: width - frame.left - frame.right,
  height: height - frame.top - frame.bottom,
};

type Scale = (value: number) => number;

const horizontal =
  (from: number, to: number): Scale =>
  (v) =>
    frame.left + (inner.width * (v - from)) / (to - from || 1);
const vertical =
  (from: number, to: number): Scale =>
  (v) =>
    frame.top + inner.height * (1 - (v - from) / (to - from || 1));

function text(
  x: number,
  y: number,
  content: string,
  anchor: "start" | "middle" | "end" = "middle",
  kind = "tick",
): SVGTextElement {
  const label = svg("text", { x, y, "text-anchor": anchor, class: kind });
  label.textContent = content;
  return label;
}

function chart(sentence: string, ...parts: SVGElement[]): SVGSVGElement {
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": sentence, class: "chart" },
    ...parts,
  );
}

const path = (points: readonly (readonly [number, number])[]) =>
  `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;

const superscript = (n: number) =>
  n === 0
    ? "1"
    : `10${String(n).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]!))}`;

/** The largest error over the steps, on a logarithmic scale from 10⁻⁸ to 10² Å. */
export function errorChart(
  points: readonly { step: number; error: number }[],
  steps: number,
  sentence: string,
): SVGSVGElement {
  const x = horizontal(0, steps);
  const y = vertical(-8, 2);
  const level = (error: number) => y(Math.min(2, Math.max(-8, Math.log10(error))));
  const decades = [-8, -6, -4, -2, 0, 2].flatMap((d) => [
    svg("line", { x1: frame.left, x2: width - frame.right, y1: y(d), y2: y(d), class: "rule" }),
    text(frame.left - 6, y(d) + 3.5, superscript(d), "end"),
  ]);
  const bond = y(Math.log10(1.4));
  const line = points.map(({ step, error }) => [x(step), level(error)] as const);
  const last = line.at(-1);
  return chart(
    sentence,
    ...decades,
    svg("line", { x1: frame.left, x2: width - frame.right, y1: bond, y2: bond, class: "mark" }),
    text(width - frame.right - 2, bond - 4, "a bond's length", "end", "tick"),
    text(4, 9, "Å", "start"),
    text(frame.left, height - 8, "step 0", "start"),
    text(width - frame.right, height - 8, `step ${steps}`, "end"),
    ...(line.length
      ? [
          svg("path", { d: path(line), class: "curve" }),
          svg("circle", { cx: last![0], cy: last![1], r: 3.5, class: "dot" }),
        ]
      : []),
  );
}

/**
 * The input variance at each time and its standard error, as bars on a scale from 0, a canonical
 * frame, to 1, the Haar measure.
 */
export function varianceChart(
  variances: readonly InputVariance[],
  sentence: string,
): SVGSVGElement {
  const x = horizontal(0, 1);
  const step = inner.height / Math.max(3, variances.length);
  const marks: [number, string, "start" | "middle" | "end"][] = [
    [0, "0, canonical", "start"],
    [0.5, "0.5", "middle"],
    [1, "1, Haar", "end"],
  ];
  const bars = variances.flatMap(({ t, mean, error }, k) => {
    const top = frame.top + k * step;
    const middle = top + step / 2;
    const [low, high] = [x(mean - error), x(mean + error)];
    return [
      svg("rect", {
        x: x(0),
        y: top + 8,
        width: Math.max(1.5, x(mean) - x(0)),
        height: step - 16,
        class: "bar pale",
      }),
      svg("path", {
        d: `M${low} ${middle - 5}v10M${low} ${middle}H${high}M${high} ${middle - 5}v10`,
        class: "error",
      }),
      text(frame.left - 6, middle + 3.5, String(t), "end"),
    ];
  });
  return chart(
    sentence,
    text(4, 9, "t / T", "start"),
    ...marks.map(([at]) =>
      svg("line", {
        x1: x(at),
        x2: x(at),
        y1: frame.top,
        y2: frame.top + inner.height,
        class: "rule",
      }),
    ),
    ...bars,
    ...marks.map(([at, name, anchor]) => text(x(at), height - 10, name, anchor)),
  );
}

/**
 * Rotation angles: those of rotations below, those with a reflection stacked on them, and what
 * Haar's measure expects.
 */
export function angleChart(
  rotations: readonly number[],
  reflections: readonly number[],
  sentence: string,
): SVGSVGElement {
  const bins = rotations.length;
  const total = [...rotations, ...reflections].reduce((a, b) => a + b, 0);
  const share = (count: number) => (total ? (count * bins) / (total * Math.PI) : 0); // density per radian
  const top = Math.max(0.8, ...rotations.map((n, k) => share(n + reflections[k]!)));
  const x = horizontal(0, Math.PI);
  const y = vertical(0, top);
  const bars = rotations.flatMap((n, k) => {
    const left = x((k * Math.PI) / bins) + 1;
    const wide = inner.width / bins - 2;
    const [one, both] = [y(share(n)), y(share(n + reflections[k]!))];
    return [
      svg("rect", { x: left, width: wide, y: one, height: y(0) - one, class: "bar" }),
      svg("rect", { x: left, width: wide, y: both, height: one - both, class: "bar second" }),
    ];
  });
  const curve = Array.from(
    { length: 61 },
    (_, k) => [x((k * Math.PI) / 60), y(haarDensity((k * Math.PI) / 60))] as const,
  );
  return chart(
    sentence,
    svg("line", {
      x1: frame.left,
      x2: width - frame.right,
      y1: y(0),
      y2: y(0),
      class: "rule strong",
    }),
    ...bars,
    svg("path", { d: path(curve), class: "curve ideal" }),
    ...[0, 60, 120, 180].map((degrees) =>
      text(x((degrees * Math.PI) / 180), height - 10, `${degrees}°`),
    ),
    ...[0, 0.5, ...(top > 1.4 ? [Math.floor(top)] : [])].map((d) =>
      text(frame.left - 6, y(d) + 3.5, String(d), "end"),
    ),
    text(4, 9, "per radian", "start"),
  );
}

/** A round length not above a third of another, for a scale bar. */
function round(length: number): number {
  const power = 10 ** Math.floor(Math.log10(length / 3));
  return power * [5, 2, 1].find((m) => m * power <= length / 3)!;
}

/** Points of two samples in one plane, Å; the plane's directions have no meaning. */
export function planeChart(
  left: readonly (readonly [number, number])[],
  right: readonly (readonly [number, number])[],
  sentence: string,
): SVGSVGElement {
  const all = [...left, ...right];
  const reach = Math.max(1e-9, ...all.map(([x, y]) => Math.max(Math.abs(x) / 1.75, Math.abs(y))));
  const scale = (0.46 * height) / reach;
  const at = ([x, y]: readonly [number, number]) => ({
    cx: width / 2 + scale * x,
    cy: height / 2 - scale * y,
  });
  const bar = round(width / scale);
  return chart(
    sentence,
    // Squares and circles: distinct without colour too.
    ...left.map((p) => svg("circle", { ...at(p), r: 5, class: "sample" })),
    ...right.map((p) =>
      svg("rect", {
        x: at(p).cx - 4.5,
        y: at(p).cy - 4.5,
        width: 9,
        height: 9,
        class: "sample second",
      }),
    ),
    ...(all.length === 0 ? [text(width / 2, height / 2, "No runs yet")] : []),
    ...(all.length > 1
      ? [
          svg("path", {
            d: `M${width - 12 - scale * bar} ${height - 16}h${scale * bar}`,
            class: "scale",
          }),
          text(width - 12 - (scale * bar) / 2, height - 4, `${Number(bar.toPrecision(1))} Å`),
        ]
      : []),
  );
}
