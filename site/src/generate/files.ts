// The molecule as files.

import { announce } from "../dom.ts";
import { save as saveFile } from "../save.ts";
import type { Viewer } from "../view/viewer.ts";
import type { Transport } from "../transport.ts";
import { comment, fileName, provenance, type Outcome } from "./outcome.ts";
import { withText } from "./png.ts";
import { linkTo } from "./share.ts";
import { record } from "./video.ts";

export type TextFormat = "xyz" | "sdf" | "pdb";

/** Hands over a file of a molecule, whose name goes on as `ending` says. */
function save(outcome: Outcome, ending: string, content: BlobPart, type?: string): void {
  saveFile(fileName(outcome) + ending, content, type, linkTo(outcome));
}

export function saveText(outcome: Outcome, format: TextFormat): void {
  save(outcome, `.${format}`, outcome.molecule[format]);
}

export function saveSmiles(outcome: Outcome, smiles: string): void {
  save(outcome, ".smi", `${smiles} ${comment(outcome)}\n`);
}

export function saveTrajectory(outcome: Outcome): void {
  save(outcome, "-trajectory.xyz", outcome.trajectory.toXYZ(comment(outcome)));
}

/** SDF at other positions (atoms, 3): those that MMFF94 found, with its energy in kcal/mol. */
export function saveRelaxed(outcome: Outcome, positions: ArrayLike<number>, energy: number): void {
  const lines = outcome.molecule.sdf.split("\n");
  for (let i = 0; i < outcome.molecule.elements.length; i++) {
    const place = [0, 1, 2].map((k) => positions[3 * i + k]!.toFixed(4).padStart(10)).join("");
    lines[4 + i] = place + lines[4 + i]!.slice(30);
  }
  const fields = `>  <relaxed>\nMMFF94, openchemlib\n\n>  <mmff94_kcal_mol>\n${energy.toFixed(3)}\n\n$$$$`;
  save(
    outcome,
    "-mmff94.sdf",
    lines.join("\n").replace("$$$$", () => fields),
  );
}

/** The picture as it is turned now. */
export async function savePicture(outcome: Outcome, viewer: Viewer): Promise<void> {
  const canvas = backdrop(1600, 1200);
  viewer.paint(canvas);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("the picture could not be encoded");
  const text = await withText(blob, "Comment", `SymDiff ${comment(outcome)}`);
  save(outcome, ".png", text, "image/png");
}

/** The whole trajectory as it is turned now; what it came from is written at the bottom. */
export async function saveVideo(
  outcome: Outcome,
  viewer: Viewer,
  transport: Transport,
  onProgress: (share: number) => void,
): Promise<void> {
  const canvas = backdrop(960, 720);
  const context = canvas.getContext("2d")!;
  const background = context.getImageData(0, 0, canvas.width, canvas.height);
  const style = getComputedStyle(document.documentElement);
  const caption = `${outcome.molecule.formula}. ${provenance(outcome)}`;
  transport.open(outcome.trajectory);
  const blob = await record(canvas, (share) => {
    transport.seek(share * (outcome.trajectory.length - 1));
    context.putImageData(background, 0, 0);
    viewer.paint(canvas, undefined, true);
    context.fillStyle = style.getPropertyValue("--soft");
    context.font = `15px ${style.getPropertyValue("--sans")}`;
    context.fillText(caption, 24, canvas.height - 24, canvas.width - 48);
    onProgress(share);
  });
  save(outcome, ".webm", blob, blob.type);
  announce("The video is ready.");
}

/** A canvas with the stage's background. */
function backdrop(width: number, height: number): HTMLCanvasElement {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d")!;
  const style = getComputedStyle(document.documentElement);
  const light = context.createRadialGradient(
    width / 2,
    0.4 * height,
    0,
    width / 2,
    0.4 * height,
    0.65 * width,
  );
  light.addColorStop(0, style.getPropertyValue("--stage-inner"));
  light.addColorStop(1, style.getPropertyValue("--stage-outer"));
  context.fillStyle = light;
  context.fillRect(0, 0, width, height);
  return canvas;
}
