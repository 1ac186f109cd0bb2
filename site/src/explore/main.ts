// The page that explores: three tools around one run.

import "../trust.ts";
import "../masthead.ts";
import { models } from "virtual:model";
import { chosenAtoms } from "../atoms.ts";
import { copyText } from "../copy.ts";
import { addressNow, element, onPress } from "../dom.ts";
import { mayBegin } from "../link.ts";
import { kernels, kernelsOf, type Kernel } from "../kernel.ts";
import { startOffline } from "../offline.ts";
import { methodNames, methods, parseSeed, randomSeed, startAt } from "../settings.ts";
import { grow, listenToBranch } from "./branch.ts";
import { showCommand } from "./command.ts";
import { compare, listenToCompare } from "./compare.ts";
import { listenToKeep } from "./keep.ts";
import { listenToOwn } from "./own.ts";
import {
  change,
  changeRun,
  form,
  lab,
  leftViewer,
  limits,
  model,
  seed,
  select,
  session,
  show,
  showExample,
  shows,
  showTool,
  slider,
  weights,
} from "./page.ts";
import { tools, type Run, type Tool } from "./state.ts";
import { branchHint } from "./tree.ts";

/** The address that the page was opened with: it is written over at once. */
const linked = location.search;

function setUp(): void {
  for (const n of limits.sizes) select("atoms").add(new Option(String(n), String(n)));
  for (const id of ["method", "method2"])
    for (const name of methods) select(id).add(new Option(methodNames[name], name));
  for (const name of kernels)
    for (const id of ["kernel", "kernel2"]) select(id).add(new Option("", name));
  for (const option of select("kernel").options)
    option.disabled = !kernelsOf(model.variant).includes(option.value as Kernel);
  for (const { name } of models) {
    select("model").add(new Option(name, name, name === model.name, name === model.name));
    select("model2").add(new Option(name, name));
  }
  element("model-field").hidden = models.length < 2;
  offer("keep-n", lab.state.keeping.n);
  offer("keep-steps", lab.state.keeping.steps);
  if (!models.some(({ name }) => name === lab.state.other.model))
    lab.state = { ...lab.state, other: { ...lab.state.other, model: model.name } };
  leftViewer.label = "No molecule yet";
  listen();
  showTool();
  show();
  element("branch-hint").textContent = branchHint(model, lab.state.run);
  void startOffline();
  void showExample().catch(() => {}); // without it the page waits for a run
  void begin();
}

/** A link with a seed makes its molecules. */
async function begin(): Promise<void> {
  if (!new URLSearchParams(linked).has("seed") || typeof weights.source !== "string") return;
  if ((await mayBegin(element("stage"), weights.source)) && !session.running && !lab.made.size)
    await generate();
}

/** Makes sure that a select has a value which the address asks for. */
function offer(id: string, value: number): void {
  const options = [...select(id).options];
  if (!options.some((option) => option.value === String(value)))
    select(id).add(new Option(String(value), String(value)));
}

function listen(): void {
  onPress(element("start"), form, () => void generate());
  for (const tool of tools) {
    const tab = element(`tab-${tool}`);
    tab.addEventListener("click", () => change({ tool }));
    tab.addEventListener("keydown", (event) => moveTab(event, tool));
  }
  seed.addEventListener("input", () => {
    const parsed = parseSeed(seed.value);
    seed.setAttribute("aria-invalid", String(parsed === undefined));
    if (parsed !== undefined && parsed !== lab.state.run.seed) changeRun({ seed: parsed });
  });
  element("dice").addEventListener("click", () => changeRun({ seed: randomSeed() }));
  select("atoms").addEventListener("change", () => changeRun(chosenAtoms(select("atoms"))));
  select("from").addEventListener("change", () =>
    changeRun(startAt(Number(select("from").value), lab.state.run)),
  );
  slider("steps").addEventListener("input", () =>
    changeRun({ steps: Number(slider("steps").value) }),
  );
  select("method").addEventListener("change", () =>
    changeRun({ method: select("method").value as Run["method"] }),
  );
  select("kernel").addEventListener("change", () =>
    changeRun({ kernel: select("kernel").value as Kernel }),
  );
  select("model").addEventListener("change", () => {
    const url = new URL(addressNow());
    url.searchParams.set("model", select("model").value);
    location.assign(url);
  });
  listenToBranch();
  listenToKeep();
  listenToOwn();
  listenToCompare();
  shows.push(showCommand);
  element("copy").addEventListener(
    "click",
    () => void copyText(element("command").textContent, element("command")),
  );
}

function moveTab(event: KeyboardEvent, tool: Tool): void {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const next = tools[(tools.indexOf(tool) + by + tools.length) % tools.length]!;
  change({ tool: next });
  element(`tab-${next}`).focus();
}

async function generate(): Promise<void> {
  if (parseSeed(seed.value) === undefined) {
    session.tell("The seed has to be a whole number below 2^64.", seed.value);
    seed.focus();
    return;
  }
  if (lab.state.tool === "compare") return compare();
  if (lab.state.tool === "branch") {
    const all = Array.from({ length: lab.state.family.length + 1 }, (_, node) => node);
    if (all.every((node) => lab.made.has(node))) changeRun({ seed: randomSeed() });
    await grow(Array.from({ length: lab.state.family.length + 1 }, (_, node) => node));
    return;
  }
  if (lab.own || lab.made.has(lab.state.at)) changeRun({ seed: randomSeed() });
  await grow([lab.state.at]);
}

setUp();
