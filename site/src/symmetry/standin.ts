// Atoms of no kind at fixed places, to be rotated before the model is there. No seed begins with
// them.

import { Trajectory } from "../trajectory.ts";

export function standIn(elements: readonly string[], atoms: number): Trajectory {
  let state = 3198;
  const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;
  const gaussian = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  for (let i = 0; i < 10; i++) uniform();
  const positions = Float32Array.from({ length: 3 * atoms }, () => 1.4 * gaussian());
  for (let k = 0; k < 3; k++) {
    const centre = positions.reduce((sum, v, i) => (i % 3 === k ? sum + v / atoms : sum), 0);
    for (let i = k; i < positions.length; i += 3) positions[i]! -= centre;
  }
  const scores = Float32Array.from({ length: elements.length * atoms }, () => 0.25 * gaussian());
  const cloud = new Trajectory(elements, atoms, 0);
  cloud.add({ step: 0, positions, scores, bonds: [] });
  return cloud;
}
