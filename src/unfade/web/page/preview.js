// Answers while a slider moves: two small pictures of the server, blended on a canvas, until the true one comes.

const LUMA = [0.299, 0.587, 0.114];

async function pixelsOf(blob) {
  const picture = await createImageBitmap(blob);
  const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  return { canvas, context, data: context.getImageData(0, 0, canvas.width, canvas.height) };
}

export const load = pixelsOf;

/** out = a + share · (b − a): what the strength of cleaning does, in sRGB numbers. */
export function between(a, b, share) {
  const out = new ImageData(b.data.width, b.data.height);
  const [from, to, into] = [a.data.data, b.data.data, out.data];
  for (let at = 0; at < into.length; at += 1) into[at] = from[at] + share * (to[at] - from[at]);
  return drawn(out);
}

/** Chroma around its own gray, `factor` times as strong: nearly what color strength and saturation do. */
export function tinted(a, factor) {
  const out = new ImageData(a.data.width, a.data.height);
  const [from, into] = [a.data.data, out.data];
  for (let at = 0; at < into.length; at += 4) {
    const gray = LUMA[0] * from[at] + LUMA[1] * from[at + 1] + LUMA[2] * from[at + 2];
    into[at] = gray + factor * (from[at] - gray);
    into[at + 1] = gray + factor * (from[at + 1] - gray);
    into[at + 2] = gray + factor * (from[at + 2] - gray);
    into[at + 3] = 255;
  }
  return drawn(out);
}

function drawn(data) {
  const canvas = Object.assign(document.createElement("canvas"), { width: data.width, height: data.height });
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}
