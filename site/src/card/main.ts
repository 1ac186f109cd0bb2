// The model card: what was measured of each model, as a table and a drawing.

import "../trust.ts";
import "../masthead.ts";
import { models, type Measured } from "virtual:model";
import { make, svg } from "../dom.ts";
import { percent } from "../format.ts";
import { startOffline } from "../offline.ts";
import { wilson } from "../tally.ts";

/**
 * The columns of the table: a title, the share, and whether it is one of independent molecules,
 * which has an interval. The atoms of a molecule are not independent, and uniqueness falls with the
 * number of molecules.
 */
const columns: [string, (m: Measured) => number, boolean][] = [
  ["stable molecules", (m) => m.stable, true],
  ["stable atoms", (m) => m.stableAtoms, false],
  ["valid", (m) => m.valid, true],
  ["unique among valid", (m) => m.unique, false],
  ["connected", (m) => m.connected, true],
];

/** The sampler, where it starts, and how the formulas came if not by the default. */
const samplerOf = ({ method, start, special }: Measured) =>
  `${method} from t = ${start}${special && `, ${special}`}`;

/**
 * How the kth sampler is drawn: a colour, and after three of them the same ones again, hollow and
 * dashed, then dotted.
 */
const styleOf = (k: number) =>
  `series-${k % 3}${["", " dashed", " dotted"][Math.floor(k / 3) % 3]}`;

function table(name: string, runs: Measured[]): HTMLElement {
  const head = ["sampler", "steps", "molecules", ...columns.map(([title]) => title)];
  const titles = head.map((title, i) =>
    make("th", { scope: "col", className: i ? "number" : "" }, title),
  );
  const rows = runs.map((m) =>
    make(
      "tr",
      {},
      make("td", { className: "name" }, samplerOf(m)),
      ...[m.steps, m.molecules].map((n) =>
        make("td", { className: "number" }, n.toLocaleString("en")),
      ),
      ...columns.map(([, share, independent]) => cell(share(m), independent ? m.molecules : 0)),
    ),
  );
  const body = make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...titles)),
    make("tbody", {}, ...rows),
  );
  const region = make(
    "div",
    { className: "scroll", tabIndex: 0, role: "region", ariaLabel: `Measured samples of ${name}` },
    body,
  );
  return region;
}

/** A share, with its 95 % interval where it is of so many independent things. */
function cell(share: number, of: number): HTMLElement {
  if (of === 0) return make("td", { className: "number" }, percent(share));
  const { low, high } = wilson(Math.round(share * of), of);
  return make(
    "td",
    { className: "number" },
    percent(share),
    make("small", {}, `${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)}`),
  );
}

/**
 * Stable molecules against steps, with their intervals, one line for each sampler; drawn anew for
 * every width.
 */
function drawing(runs: Measured[]): HTMLElement {
  const methods = [...new Set(runs.map(samplerOf))];
  const legend = methods.map((method, k) =>
    make("span", { className: `key ${styleOf(k)}` }, method),
  );
  const caption = make(
    "figcaption",
    {},
    "Stable molecules against the number of steps, with 95 % intervals. ",
    ...legend,
  );
  const figure = make("figure", { className: "drawn" }, caption);
  new ResizeObserver(() => {
    figure.querySelector("svg")?.remove();
    figure.prepend(chart(runs, methods, Math.max(240, figure.clientWidth - 32)));
  }).observe(figure);
  return figure;
}

function chart(runs: Measured[], methods: string[], width: number): SVGElement {
  const [height, left, bottom, top, right] = [260, 46, 34, 14, 30];
  const steps = runs.map((m) => m.steps);
  const [low, high] = [Math.log(Math.min(...steps)), Math.log(Math.max(...steps))];
  const ceiling = Math.min(1, Math.ceil(10 * Math.max(...runs.map((m) => m.stable)) + 0.5) / 10);
  const x = (n: number) =>
    left + 14 + ((width - left - right - 14) * (Math.log(n) - low)) / (high - low || 1);
  const y = (share: number) => height - bottom - ((height - bottom - top) * share) / ceiling;
  const text = (content: string, attributes: Record<string, string | number>) =>
    svg("text", { class: "soft", ...attributes }, new Text(content));
  const ticks = Array.from({ length: Math.round(10 * ceiling) + 1 }, (_, k) => k / 10).flatMap(
    (share) => [
      svg("line", { class: "grid", x1: left, x2: width, y1: y(share), y2: y(share) }),
      text(`${Math.round(100 * share)} %`, { x: left - 8, y: y(share) + 4, "text-anchor": "end" }),
    ],
  );
  const marks = [...new Set(steps)]
    .sort((a, b) => a - b)
    .filter((n, k, all) => k === 0 || x(n) - x(all[k - 1]!) > 20) // so that they do not overlap
    .map((n) => text(String(n), { x: x(n), y: height - 14, "text-anchor": "middle" }));
  const series = methods.flatMap((method, k) => {
    const own = runs.filter((m) => samplerOf(m) === method).sort((a, b) => a.steps - b.steps);
    const aside = 3 * (k - (methods.length - 1) / 2); // so that equal points do not hide each other
    return [
      svg("path", {
        class: `line ${styleOf(k)}`,
        d: `M${own.map((m) => `${x(m.steps) + aside} ${y(m.stable)}`).join("L")}`,
      }),
      ...own.flatMap((m) => {
        const { low, high } = wilson(Math.round(m.stable * m.molecules), m.molecules);
        const at = x(m.steps) + aside;
        return [
          svg("line", { class: `series-${k % 3}`, x1: at, x2: at, y1: y(low), y2: y(high) }),
          svg("circle", { class: styleOf(k), cx: at, cy: y(m.stable), r: 4 }),
        ];
      }),
    ];
  });
  const label = `Stable molecules against steps. ${runs.map((m) => `${samplerOf(m)}, ${m.steps} steps: ${percent(m.stable)}`).join(". ")}.`;
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    ...ticks,
    ...marks,
    ...series,
  );
}

for (const place of document.querySelectorAll<HTMLElement>("[data-measured]")) {
  const name = place.dataset["measured"]!;
  const runs = models.find((model) => model.name === name)?.evaluation ?? [];
  if (runs.length) place.append(table(name, runs), drawing(runs));
  else
    place.append(
      make(
        "p",
        { className: "note" },
        "These weights have not been measured yet (make evaluate-model).",
      ),
    );
}
void startOffline();
