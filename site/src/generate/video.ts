// Video of what is painted on a canvas, by the browser's MediaRecorder where there is one.

/** Seconds of film, and of its last picture. */
const [length, rest] = [6, 1.2];

const type = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"].find(
  (t) =>
    "MediaRecorder" in globalThis &&
    "captureStream" in HTMLCanvasElement.prototype &&
    MediaRecorder.isTypeSupported(t),
);

export const canRecord = type !== undefined;

/**
 * Records in real time, 30 pictures per second: `paint` draws the one at a share of the whole, 0 to
 * 1.
 */
export async function record(
  canvas: HTMLCanvasElement,
  paint: (share: number) => void,
): Promise<Blob> {
  const recorder = new MediaRecorder(canvas.captureStream(30), {
    ...(type && { mimeType: type }),
    videoBitsPerSecond: 6e6,
  });
  const parts: Blob[] = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stopped = new Promise<void>((resolve, reject) => {
    recorder.onstop = () => resolve();
    recorder.onerror = () => reject(new Error("the video could not be recorded"));
  });
  paint(0);
  recorder.start();
  const began = performance.now();
  // A timer, not animation frames: those rest while the tab is hidden.
  for (let s = 0; s < length + rest; s = (performance.now() - began) / 1000) {
    paint(Math.min(1, s / length));
    await new Promise((resolve) => setTimeout(resolve, 33));
  }
  recorder.stop();
  await stopped;
  return new Blob(parts, { type: "video/webm" });
}
