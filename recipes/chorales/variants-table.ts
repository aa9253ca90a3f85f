/** Losses of several variants, each from several seeds, as a table in Markdown. Knows nothing about how they were made. */
import { deviation, mean, median, welch } from "./statistics.ts";

export type Variant = {
  readonly variant: string;
  readonly cell: string;
  readonly parameters: number;
  readonly learningRate: number;
  /** By seed, in nats a step. */
  readonly validation: readonly number[];
  readonly test: readonly number[];
};

/** The first variant is what the others are compared with. */
export function tableOf(variants: readonly Variant[]): string[] {
  const [reference] = variants as readonly [Variant];
  const rows = variants.map((one) => {
    const { variant, cell, parameters, learningRate, validation, test } = one;
    const difference = mean(test) - mean(reference.test);
    return [
      variant,
      `\`${cell}\``,
      parameters.toLocaleString("en-US"),
      learningRate,
      mean(validation).toFixed(3),
      `${mean(test).toFixed(3)} ± ${deviation(test).toFixed(3)}`,
      median(test).toFixed(3),
      `${Math.min(...test).toFixed(3)} to ${Math.max(...test).toFixed(3)}`,
      one === reference ? "" : `${difference < 0 ? "−" : "+"}${Math.abs(difference).toFixed(3)}`,
      one === reference ? "" : welch(test, reference.test).toFixed(1).replace("-", "−"),
    ];
  });
  const header = [
    "variant",
    "cell",
    "parameters",
    "rate",
    "validation",
    "test",
    "median",
    "range",
    "from vanilla",
    "Welch's t",
  ];
  return [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
}
