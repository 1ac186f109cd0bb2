// One button, one molecule: drawn while it forms, then shown as an XYZ file.

import { SymDiff } from "symdiff-mol";
import { qm9Web } from "symdiff-mol/qm9-web";

const colours = { H: "#ccc", C: "#444", N: "#36c", O: "#c33", F: "#2a2" };
const button = document.querySelector("#generate");
const status = document.querySelector("#status");
const file = document.querySelector("#file");
let model;
status.textContent = `The first one downloads ${(qm9Web.bytes / 1e6).toFixed(1)} MB of weights.`;

button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    model ??= await SymDiff.load({
      ...qm9Web,
      onProgress: ({ stage, loaded, total }) =>
        (status.textContent = `${stage} ${loaded} / ${total}`),
    });
    const seed = BigInt(document.querySelector("#seed").value);
    for await (const frame of model.sample({ seed })) {
      status.textContent = `Step ${frame.step} of ${frame.steps}`;
      draw(frame);
      if (frame.molecule) show(frame.molecule);
    }
  } catch (error) {
    status.textContent = `${error.code ?? error.name}: ${error.message}`;
  } finally {
    button.disabled = false;
  }
});

function show({ formula, stable, connected, xyz }) {
  status.textContent = `${formula}, ${stable ? "stable" : "not stable"}, ${connected ? "connected" : "in pieces"}`;
  file.textContent = xyz;
}

function draw({ atoms, positions, scores, bonds }) {
  const context = document.querySelector("#picture").getContext("2d");
  const at = (i) => [200 + 36 * positions[3 * i], 200 - 36 * positions[3 * i + 1]];
  context.clearRect(0, 0, 400, 400);
  for (const { i, j, order } of bonds) {
    context.lineWidth = 2 * order;
    context.beginPath();
    context.moveTo(...at(i));
    context.lineTo(...at(j));
    context.stroke();
  }
  const { elements } = model.info;
  for (let i = 0; i < atoms; i++) {
    const row = scores.subarray(i * elements.length, (i + 1) * elements.length);
    context.fillStyle = colours[elements[row.indexOf(Math.max(...row))]];
    context.beginPath();
    context.arc(...at(i), 9, 0, 2 * Math.PI);
    context.fill();
  }
}
