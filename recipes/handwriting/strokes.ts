/** Pen strokes that look like cursive: e, l and i with its dot, in words. Knows nothing of networks. */
import type { Random } from "unrolled";

/** A place of the pen, and whether the stroke ends there. */
export type PenPoint = { readonly x: number; readonly y: number; readonly end: boolean };
/** A movement (dx, dy) of the pen, and 1 where the stroke ends after it. */
export type Movement = readonly [number, number, number];

const pointsPerLetter = 12;
/** The heights of letters in units of an e; an i is a point without a loop. */
const letters = { e: { height: 1, loop: 0.3 }, l: { height: 2.2, loop: 0.3 }, i: { height: 1, loop: 0 } } as const;
type Letter = keyof typeof letters;

/** A line of words: each a stroke, after it the dots of its i. Size, slant and the places of all points vary. */
export function drawLine(random: Random, words: number): PenPoint[] {
  const points: PenPoint[] = [];
  const vary = (value: number, by: number): number => value * (1 + by * random.normal());
  const [slant, size] = [0.25 + 0.1 * random.normal(), vary(1, 0.08)];
  const put = (x: number, y: number, end: boolean): void => {
    const [a, b] = [x + 0.012 * random.normal(), y + 0.012 * random.normal()];
    points.push({ x: size * (a + slant * b), y: size * b, end });
  };
  let at = 0;
  for (let word = 0; word < words; word++) {
    const count = 2 + random.integer(4);
    const dots: number[] = [];
    for (let n = 0; n < count; n++) {
      const { height, loop } = letters["eli"[random.integer(3)] as Letter];
      const [width, tall] = [vary(0.7, 0.06), vary(height, 0.05)];
      for (let k = n === 0 ? 0 : 1; k <= pointsPerLetter; k++) {
        const t = k / pointsPerLetter;
        const x = at + width * t + (loop || -0.02) * width * Math.sin(4 * Math.PI * t) * Math.sin(Math.PI * t);
        put(x, (tall * (1 - Math.cos(2 * Math.PI * t))) / 2, n === count - 1 && k === pointsPerLetter);
      }
      if (loop === 0) dots.push(at + width / 2);
      at += width;
    }
    for (const x of dots) {
      put(x, 1.5, false);
      put(x + 0.04, 1.47, true);
    }
    at += vary(0.6, 0.1);
  }
  return points;
}

/** From place to place. */
export const movementsOf = (points: readonly PenPoint[]): Movement[] =>
  points.slice(1).map(({ x, y, end }, k) => {
    const before = points[k] as PenPoint;
    return [x - before.x, y - before.y, end ? 1 : 0];
  });

/** Lines of movements as SVG, one below the other, each with a title. */
export function drawSvg(lines: readonly { readonly title: string; readonly movements: readonly Movement[] }[]): string {
  const [width, height, scale, left] = [900, 110, 22, 16];
  const rows = lines.map(({ title, movements }, row) => {
    let [x, y, down] = [left, row * height + 84, false];
    let path = "";
    for (const [dx, dy, end] of movements) {
      [x, y] = [x + scale * dx, y - scale * dy];
      if (x > width - left) break;
      path += `${down ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
      down = end !== 1;
    }
    return (
      `<text x="${left}" y="${row * height + 18}" fill="#666" font-size="12">${title}</text>` +
      `<path d="${path}" fill="none" stroke="#123" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>`
    );
  });
  const size = `viewBox="0 0 ${width} ${lines.length * height}" width="${width}" height="${lines.length * height}"`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="system-ui, sans-serif">\n` +
    `<rect width="100%" height="100%" fill="#fff"/>\n${rows.join("\n")}\n</svg>\n`
  );
}
