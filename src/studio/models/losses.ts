/** Losses of a training, point by point. */
import type { LossPoint } from "./model-store.ts";

/** No screen shows more of a curve. */
const maxPoints = 1500;

/** With one more point; of very many every second one goes, unless the loss on the text kept back was measured there. */
export function withPoint(losses: readonly LossPoint[], point: LossPoint): readonly LossPoint[] {
  const kept = losses.length < maxPoints ? losses : losses.filter((p, k) => k % 2 === 0 || p.validationLoss !== null);
  return [...kept, point];
}

/** As a table that other programs read. */
export function lossesAsCsv(losses: readonly LossPoint[]): string {
  const rows = losses.map(
    ({ step, loss, validationLoss, elapsedMs }) =>
      `${step},${loss},${validationLoss ?? ""},${(elapsedMs / 1000).toFixed(3)}`,
  );
  return ["step,loss,validation_loss,seconds", ...rows, ""].join("\n");
}

const dateFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
/** A moment for people, from milliseconds since 1970. */
export const dateAndTime = (ms: number): string => dateFormat.format(ms);

/** A time for people. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "unknown";
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
