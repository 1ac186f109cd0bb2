// A link that makes what it names: at once, unless that would download the model on a connection
// that is paid by the byte.

interface Connection {
  saveData?: boolean;
  effectiveType?: string;
  type?: string;
}

/** Whether the connection is slow, or bytes are to be saved. */
export function metered(): boolean {
  const { saveData, effectiveType, type } =
    (navigator as { connection?: Connection }).connection ?? {};
  return !!saveData || type === "cellular" || /^(slow-)?2g$|^3g$/.test(effectiveType ?? "");
}

/** Whether a file was fetched before and is kept on this device. */
export async function kept(url: string): Promise<boolean> {
  try {
    return !!(await caches.match(url));
  } catch {
    return false; // caches are for secure pages, and not for every frame
  }
}

/**
 * Resolves to whether the page may begin by itself, once the part is in sight: a frame far down a
 * long page waits.
 */
export async function mayBegin(part: Element, weights: string): Promise<boolean> {
  if (metered() && !(await kept(weights))) return false;
  await new Promise<void>((resolve) => {
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(part);
  });
  return true;
}
