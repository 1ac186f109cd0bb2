// Texts in a PNG: tEXt chunks (PNG specification, 11.3.3.3) after the header.

/** The file with a text of this keyword, both Latin-1. */
export async function withText(png: Blob, keyword: string, text: string): Promise<Blob> {
  const header = 8 + 25; // signature, and IHDR with its length, name and checksum
  const body = Uint8Array.from(`tEXt${keyword}\0${text}`, (c) => c.charCodeAt(0) & 255);
  const chunk = new DataView(new ArrayBuffer(body.length + 8));
  chunk.setUint32(0, body.length - 4);
  new Uint8Array(chunk.buffer).set(body, 4);
  chunk.setUint32(body.length + 4, checksum(body));
  return new Blob([png.slice(0, header), chunk.buffer, png.slice(header)], { type: "image/png" });
}

/** CRC-32 of a chunk's name and data. */
function checksum(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
