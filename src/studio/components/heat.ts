/** Convert numbers to colours, from the low colour over the colour of zero to the high colour. */
import { useMemo } from "preact/hooks";
import { fill, texts } from "../texts/texts.ts";
import { type Colour, colourOf, css, mix, useTheme } from "./theme.ts";

/**
 * 256 colours, the lowest first, each as CSS, as a pixel of a canvas, and with a readable text colour; and the page's
 * own colours.
 */
export type Ramp = {
  readonly css: readonly string[];
  readonly ink: readonly string[];
  readonly pixels: Uint32Array;
  readonly page: { readonly ink: string; readonly soft: string; readonly paper: string };
};

/** The ramp in the colours of the current theme. */
export function useRamp(): Ramp {
  const [theme] = useTheme();
  return useMemo(createRamp, [theme]);
}

function createRamp(): Ramp {
  const [low, zero, high] = [colourOf("--low"), colourOf("--zero"), colourOf("--high")];
  const colours = Array.from({ length: 256 }, (_, k) => mix(zero, k < 128 ? low : high, Math.abs(k - 128) / 128));
  return {
    css: colours.map(css),
    ink: colours.map(readableOn),
    pixels: Uint32Array.from(colours, ([red, green, blue]) => 0xff000000 | (blue << 16) | (green << 8) | red),
    page: { ink: css(colourOf("--ink")), soft: css(colourOf("--soft")), paper: css(colourOf("--paper")) },
  };
}

/** Black or white, whichever has more contrast (WCAG's relative luminance). */
function readableOn(colour: Colour): string {
  const [red, green, blue] = colour.map((part) => (part <= 10 ? part / 3295 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * (red as number) + 0.7152 * (green as number) + 0.0722 * (blue as number);
  return luminance > 0.18 ? "#000" : "#fff";
}

/** The index of the colour of `x`; `extent` has the strongest colour. */
export const shadeOf = (x: number, extent: number): number => {
  const share = x / extent;
  return share >= 1 ? 255 : share <= -1 ? 0 : Math.round(128 + share * 127);
};

/** Nearly the largest of many numbers, for the strongest colour, so that a few outliers do not make the rest pale. */
export function extentOf(numbers: Float32Array, sampled = 20_000): number {
  const every = Math.ceil(numbers.length / sampled);
  const count = Math.ceil(numbers.length / every);
  const sample = Float32Array.from({ length: count }, (_, k) => Math.abs(numbers[k * every] as number)).sort();
  return sample[Math.floor(0.98 * (sample.length - 1))] || sample.at(-1) || 1;
}

/** The same for each unit of values (T,size). */
function extentsOf(numbers: Float32Array, size: number, sampled = 250): Float32Array {
  const count = numbers.length / size;
  const every = Math.ceil(count / sampled);
  return Float32Array.from({ length: size }, (_, j) =>
    extentOf(
      Float32Array.from({ length: Math.ceil(count / every) }, (_, k) => numbers[k * every * size + j] as number),
    ),
  );
}

/**
 * The number with the strongest colour, for each unit of a value (T,size): 1 for gates, otherwise nearly the largest number
 * of the unit or, without `own`, of all units.
 */
export function extentsOfValue(
  numbers: Float32Array,
  { gate, size }: { readonly gate: boolean; readonly size: number },
  own: boolean,
): Float32Array {
  if (!gate && own) return extentsOf(numbers, size);
  return new Float32Array(size).fill(gate ? 1 : extentOf(numbers));
}

/** The unit of values (T,size) that changes most. */
export function liveliest(numbers: Float32Array, size: number, sampled = 2_000_000): number {
  const every = Math.ceil(numbers.length / sampled);
  const count = Math.ceil(numbers.length / size / every);
  const [sums, squares] = [new Float64Array(size), new Float64Array(size)];
  for (let t = 0; t < count; t++) {
    for (let j = 0; j < size; j++) {
      const x = numbers[t * every * size + j] as number;
      (sums[j] as number) += x;
      (squares[j] as number) += x * x;
    }
  }
  const variances = squares.map((square, j) => square / count - ((sums[j] as number) / count) ** 2);
  return variances.reduce((best, variance, j) => (variance > (variances[best] as number) ? j : best), 0);
}

/** Make a token visible, including spaces and line ends. */
export const visible = (token: string): string =>
  token
    .replace(/\n/g, "⏎")
    .replace(/\t/g, "⇥")
    .replace(/ /g, "␣")
    .replace(/\p{Cc}/gu, "·") || "·";

/** A character in quotes; an invisible one by its code point, such as U+202E. */
export function named(character: string): string {
  if (!/^[\p{C}\p{Z}\p{M}\p{Default_Ignorable_Code_Point}]/u.test(character))
    return fill(texts.components.heat.quoted, { character });
  return `U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0")}`;
}
