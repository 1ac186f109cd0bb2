// The symmetry page: two runs from one noise, the right one rotated by H, and how far apart they
// end.

import "../trust.ts";
import "../masthead.ts";
import type { Frame, Molecule, SampleOptions } from "symdiff-mol";
import { chosenAtoms, showAtoms } from "../atoms.ts";
import { copyText } from "../copy.ts";
import { addressNow, announce, element, onPress, writeAddress } from "../dom.ts";
import { modelNamed, shipped, shippedFile } from "../engine.ts";
import { formulaNodes } from "../format.ts";
import { models, type Model } from "virtual:model";
import { loadIntro, type Intro } from "../generate/intro.ts";
import { kernelFlags, kernelsOf, defaultKernel, type Kernel } from "../kernel.ts";
import { startOffline } from "../offline.ts";
import { progressText, run } from "../run.ts";
import { Session } from "../session.ts";
import {
  defaults,
  limitsOf,
  methodNames,
  methods,
  noisy,
  parseSeed,
  randomSeed,
  startAt,
} from "../settings.ts";
import { offerStarts, startNote } from "../start.ts";
import { Trajectory, type Picture } from "../trajectory.ts";
import { Transport } from "../transport.ts";
import { Camera } from "../view/camera.ts";
import type { Vec3 } from "../view/scene.ts";
import { Viewer } from "../view/viewer.ts";
import { angleChart, errorChart, planeChart, varianceChart } from "./charts.ts";
import { deviation } from "./deviation.ts";
import { Gizmo } from "./gizmo.ts";
import { bin } from "./histogram.ts";
import {
  angle,
  determinant,
  fromAngles,
  identity,
  toAngles,
  transpose,
  turn,
  type Angles,
  type Orthogonal,
} from "./orthogonal.ts";
import { plane } from "./spread.ts";
import { standIn } from "./standin.ts";
import { left, parse, rotated, runCounts, write, type State } from "./state.ts";
import {
  angleText,
  explanation,
  number,
  spreadText,
  spreadVerdict,
  varianceText,
  verdict,
  type Verdict,
} from "./texts.ts";

const query = new URLSearchParams(location.search);
const model: Model = query.has("model") ? modelNamed(query.get("model")!) : models[0];
const weights = shipped(model);
const limits = noisy(limitsOf(model));

const permutations = 999;
/** With thin spaces: the dot of the page's typeface is narrow. */
const xH = "x\u2009·\u2009H";
const bins = 12;

let state: State = parse(location.search, limits, defaults(limits));
/** H while it is dragged; at rest it is that of the angles. */
let h: Orthogonal = fromAngles(state.angles);

const camera = new Camera();
const plain = query.get("renderer") === "2d";
const leftViewer = new Viewer(element("view-left"), "view-help", plain, camera);
const rightViewer = new Viewer(element("view-right"), "view-help", plain, camera);
/** Shows the right molecule, rotated back where that is asked for. */
const rightScreen: Pick<Viewer, "show"> = {
  show: (source, patient) =>
    rightViewer.show(
      (palette) => (state.back ? turnPicture(source(palette), transpose(h)) : source(palette)),
      patient,
    ),
};
const transport = new Transport(element("transport"), [leftViewer, rightScreen], element("stage"));
const gizmo = new Gizmo(element("gizmo"), camera);
const session = new Session(weights);

/** The noise of the settings at hand, as far as it is known. */
let noise: Trajectory = standIn(model.elements, 18);
/** The molecule that came with the page, until there is a run or the noise of other settings. */
let example: Intro | undefined;
/** What the left run of the settings at hand has made: the readings are of it. */
let fresh = false;
let timer: ReturnType<typeof setTimeout> | undefined;

const form = element("form");
const seed = element<HTMLInputElement>("seed");
const atoms = element<HTMLSelectElement>("atoms");
const steps = element<HTMLInputElement>("steps");
const method = element<HTMLSelectElement>("method");
const start = element<HTMLSelectElement>("from");
const couple = element<HTMLInputElement>("couple");
const mirror = element<HTMLInputElement>("mirror");
const back = element<HTMLInputElement>("back");
const runs = element<HTMLSelectElement>("runs");
const axes = ["x", "y", "z"] as const;
const sliders = axes.map((axis) => element<HTMLInputElement>(axis));
const radios = [...form.querySelectorAll<HTMLInputElement>("[name=kernel]")];

function setUp(): void {
  for (const n of limits.sizes) atoms.add(new Option(String(n), String(n)));
  for (const name of methods) method.add(new Option(methodNames[name], name));
  for (const n of new Set([...runCounts, state.runs])) runs.add(new Option(String(n), String(n)));
  for (const { name } of models)
    element<HTMLSelectElement>("model").add(
      new Option(name, name, name === model.name, name === model.name),
    );
  element("model-field").hidden = models.length < 2;
  const known = kernelsOf(model.variant);
  for (const radio of radios) radio.disabled = !known.includes(radio.value as Kernel);
  if (!known.includes(state.kernel)) state = { ...state, kernel: defaultKernel(model.variant) };
  show();
  showNoise();
  clear();
  listen();
  void startOffline();
  void loadIntro().then(
    (intro) => {
      if (session.running || fresh) return;
      example = intro;
      leftViewer.open(intro.trajectory.goal);
      showNoise();
    },
    () => {},
  ); // without it there is the noise to see
}

function listen(): void {
  onPress(element("start"), form, () => void both());
  for (const slider of sliders)
    slider.addEventListener("input", () => change({ angles: readAngles() }));
  mirror.addEventListener("change", () => change({ angles: readAngles() }));
  for (const button of form.querySelectorAll<HTMLButtonElement>("[data-preset]")) {
    button.addEventListener("click", () => change({ angles: preset(button.dataset["preset"]!) }));
  }
  gizmo.onTurn = (matrix, done) => {
    const { x, y, z, mirror } = toAngles(matrix);
    const angles = { x: Math.round(x), y: Math.round(y), z: Math.round(z), mirror };
    if (done) return change({ angles });
    h = matrix;
    state = { ...state, angles };
    showAngles();
    showNoise();
  };
  for (const radio of radios)
    radio.addEventListener("change", () => change({ kernel: radio.value as Kernel }));
  couple.addEventListener("change", () => change({ couple: couple.checked }));
  back.addEventListener("change", () => {
    state = { ...state, back: back.checked };
    keepAddress();
    rightViewer.refresh();
    captions();
  });
  seed.addEventListener("input", () => {
    const parsed = parseSeed(seed.value);
    seed.setAttribute("aria-invalid", String(parsed === undefined));
    if (parsed !== undefined) change({ seed: parsed }, 600);
  });
  element("dice").addEventListener("click", () => change({ seed: randomSeed() }));
  atoms.addEventListener("change", () => change(chosenAtoms(atoms)));
  method.addEventListener("change", () => change({ method: method.value as State["method"] }));
  start.addEventListener("change", () => change(startAt(Number(start.value), state)));
  steps.addEventListener("input", () => change({ steps: Number(steps.value) }, 400));
  element("model").addEventListener("change", (event) => {
    const url = new URL(addressNow());
    url.searchParams.set("model", (event.target as HTMLSelectElement).value);
    location.assign(url);
  });
  runs.addEventListener("change", () => {
    state = { ...state, runs: Number(runs.value) };
    keepAddress();
    show();
  });
  element("compare").addEventListener("click", () => void distributions());
  element("copy").addEventListener(
    "click",
    () => void copyText(element("command").textContent, element("command")),
  );
}

/**
 * A change of the settings: it is shown at once, and once the model is there both molecules are
 * made anew.
 */
function change(part: Partial<State>, patience = 150): void {
  state = { ...state, ...part };
  h = fromAngles(state.angles);
  fresh = false;
  if (part.seed !== undefined || part.atoms !== undefined) {
    noise = standIn(model.elements, state.atoms || 18);
    example = undefined;
  }
  session.stop();
  keepAddress();
  show();
  showNoise();
  clear();
  clearTimeout(timer);
  if (session.has(weights)) timer = setTimeout(() => void both(), patience);
}

function keepAddress(): void {
  writeAddress(write(state, location.search));
}

function readAngles(): Angles {
  const [x, y, z] = sliders.map((slider) => Number(slider.value)) as [number, number, number];
  return { x, y, z, mirror: mirror.checked };
}

function preset(name: string): Angles {
  const none = { x: 0, y: 0, z: 0, mirror: false };
  const any = () => Math.round(360 * Math.random()) - 180;
  if (name === "quarter") return { ...none, z: 90 };
  if (name === "half") return { ...none, x: 180 };
  if (name === "mirror") return { ...none, mirror: true };
  return { x: any(), y: Math.round(any() / 2), z: any(), mirror: Math.random() < 0.5 };
}

/** Writes the state into the controls. */
function show(): void {
  showAngles();
  gizmo.matrix = h;
  seed.value = state.seed;
  seed.setAttribute("aria-invalid", "false");
  showAtoms(atoms, state);
  method.value = state.method;
  offerStarts(start, state.start, limits);
  element("start-note").textContent = startNote(state.start, limits);
  steps.max = String(state.start);
  steps.value = String(state.steps);
  element("steps-value").textContent = steps.value;
  for (const radio of radios) radio.checked = radio.value === state.kernel;
  couple.checked = state.couple;
  couple.disabled = state.kernel === "none";
  back.checked = state.back;
  runs.value = String(state.runs);
  element("compare").textContent = `Sample ${state.runs} and ${state.runs}`;
  element("explained").textContent = explanation(state);
  const variances = model.inputVariance.filter(({ gamma }) => gamma === state.kernel);
  const told = varianceText(variances, state.kernel);
  element("variance-chart").replaceChildren(
    ...(variances.length ? [varianceChart(variances, told)] : []),
  );
  element("variance-text").textContent = told;
  element("command").textContent = command();
}

function showAngles(): void {
  axes.forEach((axis, k) => {
    sliders[k]!.value = String(state.angles[axis]);
    sliders[k]!.setAttribute("aria-valuetext", `${state.angles[axis]} degrees`);
    element(`${axis}-value`).textContent = `${state.angles[axis]}°`;
  });
  mirror.checked = state.angles.mirror;
}

/** The noise on the left, and rotated by H on the right. */
function showNoise(): void {
  transport.pause();
  const [shown, at] = example ? [example.trajectory, example.trajectory.length - 1] : [noise, 0];
  leftViewer.show((palette) => shown.pictureAt(at, palette));
  rightViewer.show((palette) => {
    const picture = shown.pictureAt(at, palette);
    return state.back ? picture : turnPicture(picture, h);
  });
  const what = example ? `molecule ${example.formula}` : "noise";
  leftViewer.label = example ? `Example, made earlier: ${what}` : "Noise";
  rightViewer.label = state.back ? `The same ${what}` : `The same ${what}, rotated by H`;
  captions();
}

function turnPicture(picture: Picture, by: Orthogonal): Picture {
  const move = (p: Vec3) => [...turn(p, by)] as Vec3;
  return {
    ...picture,
    balls: picture.balls.map((ball) => ({ ...ball, at: move(ball.at) })),
    sticks: picture.sticks.map((stick) => ({
      ...stick,
      from: move(stick.from),
      to: move(stick.to),
    })),
  };
}

function captions(leftMade?: Molecule, rightMade?: Molecule): void {
  const made = (m: Molecule | undefined) => (m ? [": ", ...formulaNodes(m.formula)] : []);
  if (example && !leftMade) {
    element("caption-left").replaceChildren(
      "Example, made earlier: ",
      ...formulaNodes(example.formula),
    );
    element("caption-right").textContent = state.back
      ? "The same, rotated back"
      : "The same, rotated by\u00a0H";
    return;
  }
  element("caption-left").replaceChildren(leftMade ? "From x" : "From noise x", ...made(leftMade));
  element("caption-right").replaceChildren(
    state.back ? `From ${xH}, rotated back` : `From ${xH}`,
    ...made(rightMade),
  );
}

/** Empties the readings: they are of runs with other settings. */
function clear(): void {
  tellVerdict("verdict", undefined);
  element("largest").textContent = "–";
  element("apart").hidden = true;
  element("relative").textContent = `Largest |x′ − ${xH}| of an atom, at the end.`;
  element("error-chart").replaceChildren(errorChart([], state.steps, "No run yet"));
  element("angle-verdict").textContent = "";
  element("angle-chart").replaceChildren(
    angleChart(new Array<number>(bins).fill(0), new Array<number>(bins).fill(0), "No run yet"),
  );
  element("plane-chart").replaceChildren(planeChart([], [], "No runs yet"));
  tellVerdict("spread-verdict", undefined);
  element("spread-text").textContent = "";
}

function tellVerdict(id: string, told: Verdict | undefined): void {
  const line = element(id);
  line.textContent = told?.text ?? (id === "verdict" ? "Not run yet" : "");
  line.className = `verdict ${told?.good === undefined ? "" : told.good ? "good" : "bad"}`;
}

/** Frames of the two runs, by step, as far as both have come. */
class Match {
  readonly #left = new Map<number, Float32Array>();
  readonly #right = new Map<number, Float32Array>();
  readonly errors: { step: number; error: number }[] = [];
  readonly #h: Orthogonal;

  constructor(by: Orthogonal) {
    this.#h = by;
  }

  add(side: "left" | "right", { step, positions }: Frame): void {
    (side === "left" ? this.#left : this.#right).set(step, positions);
    const [x, y] = [this.#left.get(step), this.#right.get(step)];
    if (x && y) this.errors.push({ step, error: deviation(y, turn(x, this.#h)).largest });
  }
}

/** Both runs, side by side. */
async function both(): Promise<void> {
  clearTimeout(timer);
  const now = state;
  const by = fromAngles(now.angles);
  if (parseSeed(seed.value) === undefined) {
    session.tell("The seed has to be a whole number below 2^64.", seed.value);
    element<HTMLDetailsElement>("more").open = true;
    seed.focus();
    return;
  }
  keepAddress();
  clear();
  await session.work(async (signal) => {
    const { engine, second } = await session.pair(weights, signal);
    const match = new Match(by);
    const angles: number[] = [];
    const signs: number[] = [];
    const opened: Trajectory[] = [];
    const options = { ...left(now), signal };
    let due = 0;
    const watch = (side: "left" | "right") => ({
      onStart(trajectory: Trajectory) {
        opened[side === "left" ? 0 : 1] = trajectory;
        if (opened[0] && opened[1]) transport.open(opened[0], opened[1]);
      },
      onFrame(frame: Frame, meter: Parameters<typeof progressText>[1]) {
        if (side === "left") {
          if (frame.step === 0) keepNoise(frame);
          session.progress(frame.step / frame.steps, progressText(frame, meter));
          if (frame.gamma) {
            angles.push(angle(frame.gamma));
            signs.push(determinant(Array.from(frame.gamma)));
          }
        }
        match.add(side, frame);
        if (!opened[0] || !opened[1]) return;
        transport.grown();
        if (performance.now() < due && !frame.molecule) return;
        due = performance.now() + 100;
        drawError(match, frame.steps);
        drawAngles(angles, signs, now.kernel);
      },
    });
    announce(`Generating two molecules in ${now.steps} steps.`);
    const [one, two] = await Promise.all([
      run(engine, options, watch("left")),
      run(second, { ...options, ...rotated(now) }, watch("right")),
    ]);
    fresh = true;
    finished(one.molecule, two.molecule, by, match, angles, signs, now);
  });
  if (!fresh) captions();
}

/** What the run began with is what H rotates from now on. */
function keepNoise(frame: Frame): void {
  example = undefined;
  noise = new Trajectory(model.elements, frame.atoms, frame.steps);
  noise.add(frame);
}

function finished(
  one: Molecule,
  two: Molecule,
  by: Orthogonal,
  match: Match,
  angles: number[],
  signs: number[],
  now: State,
): void {
  const off = deviation(two.positions, turn(one.positions, by));
  const told = verdict(off, one, two, now);
  tellVerdict("verdict", told);
  element("largest").textContent = `${number(off.largest)} Å`;
  element("apart").textContent = `${number(off.largest)} Å apart`;
  element("apart").hidden = false;
  element("relative").textContent =
    `Largest |x′ − ${xH}| of an atom, at the end. Relative, over all atoms: ${number(off.relative)}.`;
  drawError(match, now.steps);
  drawAngles(angles, signs, now.kernel);
  element("angle-verdict").textContent = angleText(
    angles,
    signs.filter((s) => s < 0).length,
    now.kernel,
  );
  captions(one, two);
  leftViewer.label = `Molecule ${one.formula}`;
  rightViewer.label = `Molecule ${two.formula}, from the rotated noise`;
  announce(`${told.text}. An atom is off by ${number(off.largest)} ångström at most.`);
}

function drawError({ errors }: Match, total: number): void {
  const last = errors.at(-1);
  const sentence = last
    ? `Error over the steps, logarithmic: from ${number(errors[0]!.error)} Å at step 0 to ${number(last.error)} Å at step ${last.step}.`
    : "No run yet";
  element("error-chart").replaceChildren(errorChart(errors, total, sentence));
}

function drawAngles(angles: readonly number[], signs: readonly number[], kernel: Kernel): void {
  const [rotations, reflections] = [1, -1].map((sign) =>
    bin(
      angles.filter((_, k) => signs[k]! * sign > 0),
      bins,
    ),
  ) as [number[], number[]];
  const sentence = `Histogram of ${angles.length} rotation angles, ${signs.filter((s) => s < 0).length} of matrices with a reflection${kernel === "none" ? ", all zero" : ""}.`;
  element("angle-chart").replaceChildren(angleChart(rotations, reflections, sentence));
}

/**
 * Several runs on each side that differ in the noise of gamma alone, and whether the sides differ.
 */
async function distributions(): Promise<void> {
  clearTimeout(timer);
  const now = state;
  const by = fromAngles(now.angles);
  const n = now.runs;
  tellVerdict("spread-verdict", undefined);
  element("spread-text").textContent = "";
  await session.work(async (signal) => {
    const { engine, second } = await session.pair(weights, signal);
    const made: [Molecule[], Molecule[]] = [[], []];
    const options: SampleOptions = { ...left(now), method: "dpm++2m", every: Infinity, signal };
    const inFrame = (side: 0 | 1) =>
      made[side].map((m) => (side === 0 ? m.positions : turn(m.positions, transpose(by))));
    const lane = async (side: 0 | 1) => {
      for (let k = 1; k <= n; k++) {
        const branches = [
          { step: 0, seed: BigInt.asUintN(64, 1000n * BigInt(now.seed) + BigInt(side * n + k)) },
        ];
        const more = side === 0 ? { branches } : { branches, rotate: by, uncoupled: true };
        const sampler = side === 0 ? engine : second;
        for await (const frame of sampler.sample({ ...options, ...more }))
          if (frame.molecule) made[side].push(frame.molecule);
        const done = made[0].length + made[1].length;
        session.progress(done / (2 * n), `${done} of ${2 * n} molecules`);
        drawPlane(inFrame(0), inFrame(1));
      }
    };
    announce(`Generating ${2 * n} molecules.`);
    await Promise.all([lane(0), lane(1)]);
    const { energy, p } = await second.energyTest(inFrame(0), inFrame(1), permutations);
    const told = spreadVerdict(p, permutations);
    tellVerdict("spread-verdict", told);
    element("spread-text").textContent = spreadText(made[0], made[1], energy, p, permutations);
    announce(told.text);
  });
}

function drawPlane(one: readonly ArrayLike<number>[], two: readonly ArrayLike<number>[]): void {
  const points = plane([...one, ...two]);
  const sentence = `${one.length} molecules from x and ${two.length} from the rotated noise, as points in a plane. Distances are root mean square ones.`;
  element("plane-chart").replaceChildren(
    planeChart(points.slice(0, one.length), points.slice(one.length), sentence),
  );
}

/** The command that makes the right molecule. */
function command(): string {
  const isTurned = h.some((v, k) => v !== identity[k]);
  const file = shippedFile(model.name);
  return [
    `symdiff sample --seed ${state.seed}`,
    ...(state.formula
      ? [`--formula ${state.formula}`]
      : state.atoms
        ? [`--atoms ${state.atoms}`]
        : []),
    `--steps ${state.steps} --t-start ${state.start} --method ${state.method}`,
    ...kernelFlags(state.kernel),
    ...(isTurned ? [`--set rotate=${fromAngles(state.angles).join(",")}`] : []),
    ...(isTurned && !state.couple ? ["--set uncoupled=true"] : []),
    ...(file ? [`--model ${file}`] : []),
  ].join(" ");
}

setUp();
