/** A training while it runs: how far it is, its losses by epoch in training and on what is held out, and how to stop it. */
import { Curves } from "../components/curves.tsx";
import { fill, texts } from "../texts/texts.ts";

const own = texts.models.liveEpochs;

/** What is told of an epoch, from 1. */
export type EpochReport = {
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  readonly validationLoss?: number | undefined;
};
export type LiveEpochsProps = {
  readonly reports: readonly EpochReport[];
  readonly stopping: boolean;
  /** What the loss is counted in: "nats". */
  readonly unit: string;
  /** What is held out: "validation". */
  readonly held: string;
  /** The latest epoch in words. */
  readonly say: (latest: EpochReport) => string;
  readonly onStop: () => void;
};

export function LiveEpochs({ reports, stopping, unit, held, say, onStop }: LiveEpochsProps) {
  const latest = reports.at(-1);
  const points = (of: (report: EpochReport) => number | undefined) =>
    reports.flatMap((report) => {
      const value = of(report);
      return value === undefined ? [] : [{ at: report.epoch, value }];
    });
  const curves = [
    { name: own.training, colour: "--c1", points: points(({ loss }) => loss) },
    { name: held, colour: "--c2", points: points(({ validationLoss }) => validationLoss) },
  ].filter(({ points }) => points.length > 0);
  const values = curves.flatMap(({ points }) => points.map(({ value }) => value));
  return (
    <div class="live">
      <progress value={latest === undefined ? 0 : latest.epoch / latest.epochs} aria-label={own.progress} />
      <p class="numbers small">{stopping ? own.finishing : latest === undefined ? own.making : say(latest)}</p>
      {reports.length > 1 && (
        <Curves
          label={fill(own.curves, { held })}
          height={180}
          curves={curves}
          x={{ label: own.epoch, domain: [1, Math.max(2, latest?.epoch ?? 2)] }}
          y={{ label: unit, domain: [Math.min(0, ...values), Math.max(...values)] }}
        />
      )}
      <p>
        <button type="button" onClick={onStop} disabled={stopping || latest === undefined}>
          {own.stop}
        </button>
      </p>
    </div>
  );
}
