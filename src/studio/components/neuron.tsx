/** One artificial neuron: inputs, weights as wires, a sum, a threshold. */
import { texts } from "../texts/texts.ts";
import { heat } from "./heat-colour.ts";
import { written } from "./numbers.ts";

export type NeuronProps = {
  readonly label: string;
  /**
   * The inputs, each with its weight and the name of the weight. The bias is the weight of an input that is always 1.
   */
  readonly inputs: readonly { readonly value: number; readonly weight: number; readonly name: string }[];
  /** The weighted sum and the output; undefined while they are not known. */
  readonly sum: number | undefined;
  readonly output: number | undefined;
};

/** The width of a wire shows the size of its weight: blue below zero, orange above. */
export function Neuron({ label, inputs, sum, output }: NeuronProps) {
  const height = 62 * inputs.length;
  const middle = height / 2;
  return (
    <svg class="drawn neuron" viewBox={`0 0 400 ${height}`} role="img" aria-label={label}>
      {inputs.map(({ value, weight, name }, k) => {
        const y = 31 + 62 * k;
        return (
          <g key={name}>
            <line
              x1="56"
              y1={y}
              x2="196"
              y2={middle}
              stroke={heat(Math.sign(weight))}
              stroke-width={Math.max(1, 4 * Math.min(2, Math.abs(weight)))}
            />
            <circle class="node" cx="34" cy={y} r="22" fill="var(--paper)" />
            <text x="34" y={y + 5} text-anchor="middle">
              {Number.isInteger(value) ? value : written(value)}
            </text>
            <text class="over" x="112" y={y + 0.4 * (middle - y) + 5} text-anchor="middle">
              {name} = {written(weight)}
            </text>
          </g>
        );
      })}
      <circle class="node" cx="226" cy={middle} r="32" fill="var(--paper)" />
      <text class="soft" x="226" y={middle - 5} text-anchor="middle">
        {texts.components.neuron.sum}
      </text>
      <text x="226" y={middle + 14} text-anchor="middle">
        {sum === undefined ? "" : written(sum)}
      </text>
      <path class="wire" d={`M258 ${middle}h30`} />
      <rect class="node" x="288" y={middle - 22} width="44" height="44" rx="6" fill="var(--paper)" />
      <path class="wire" d={`M295 ${middle + 12}h15v-24h15`} />
      <path class="wire" d={`M332 ${middle}h18m-7-6 7 6-7 6`} />
      <circle class="node" cx="374" cy={middle} r="22" fill={output === 1 ? "var(--c1)" : "var(--paper)"} />
      <text x="374" y={middle + 5} text-anchor="middle" class={output === 1 ? "inverse" : ""}>
        {output ?? ""}
      </text>
    </svg>
  );
}
