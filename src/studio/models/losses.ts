/** Losses of a training, point by point. */
import { fill, language, texts } from "../texts/texts.ts";
import type { LossPoint } from "./model-store.ts";

const own = texts.models.duration;

/** More points of a curve than a screen can show. */
const maxPoints = 1500;

/** Add a point; if there are too many, every second one is removed, except those with a validation loss. */
export function withPoint(losses: readonly LossPoint[], point: LossPoint): readonly LossPoint[] {
  const kept = losses.length < maxPoints ? losses : losses.filter((p, k) => k % 2 === 0 || p.validationLoss !== null);
  return [...kept, point];
}

/** The losses as CSV. */
export function lossesAsCsv(losses: readonly LossPoint[]): string {
  const rows = losses.map(
    ({ step, loss, validationLoss, elapsedMs }) =>
      `${step},${loss},${validationLoss ?? ""},${(elapsedMs / 1000).toFixed(3)}`,
  );
  return ["step,loss,validation_loss,seconds", ...rows, ""].join("\n");
}

const dateFormat = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, {
  dateStyle: "medium",
  timeStyle: "short",
});
/** Format a time of day, given in milliseconds since 1970. */
export const dateAndTime = (ms: number): string => dateFormat.format(ms);

/** Format a duration. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return own.unknown;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return fill(own.seconds, { seconds });
  if (minutes < 60) return fill(own.minutes, { minutes, seconds: seconds % 60 });
  return fill(own.hours, { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}
