/**
 * The light or dark theme: the system's setting until the reader chooses one; and the page's colours as numbers, for
 * canvases.
 */
import { embeddedTheme } from "../embedded.ts";
import { createShared } from "../shared.ts";
import { remember, remembered } from "./remembered.ts";

export type Theme = "light" | "dark";
const key = "unrolled.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme | undefined {
  const value = embeddedTheme ?? remembered(key);
  return value === "light" || value === "dark" ? value : undefined;
}
const present = (): Theme => chosen() ?? (system.matches ? "dark" : "light");
const theme = createShared(present());
const apply = (): void => {
  document.documentElement.style.colorScheme = chosen() ?? "light dark";
  theme.set(present());
};
system.addEventListener("change", apply);
apply();

/** The theme that is seen; what draws with colours as numbers draws anew when it changes. */
export function useTheme(): readonly [Theme, (theme: Theme) => void] {
  const choose = (next: Theme): void => {
    remember(key, next);
    apply();
  };
  return [theme.use(), choose];
}

export type Colour = readonly [red: number, green: number, blue: number];

/** A colour of style.css by its name (`--high`), as it is seen in the present theme; 0 to 255 each. */
export function colourOf(name: string): Colour {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const numbers = getComputedStyle(probe).color.match(/[\d.]+/g) ?? [];
  probe.remove();
  return [Number(numbers[0]), Number(numbers[1]), Number(numbers[2])];
}

/** Between two colours, `share` 0 to 1 of the way. */
export const mix = (from: Colour, to: Colour, share: number): Colour =>
  [0, 1, 2].map((k) => Math.round((from[k] as number) + share * ((to[k] as number) - (from[k] as number)))) as never;

/** As CSS writes it. */
export const css = (colour: Colour): string => `rgb(${colour.join(" ")})`;
