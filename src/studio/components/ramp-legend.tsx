/** What the colours of heat maps and coloured texts stand for. */
import type { ComponentChildren } from "preact";
import "./ramp-legend.css";

export type RampLegendProps = {
  readonly low: ComponentChildren;
  readonly high: ComponentChildren;
  /** Whether it begins at zero, as gates do. */
  readonly gate: boolean;
};

export const RampLegend = ({ low, high, gate }: RampLegendProps) => (
  <span class="ramp-legend numbers">
    {low} <span class={gate ? "ramp gate" : "ramp"} /> {high}
  </span>
);
