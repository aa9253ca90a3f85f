/**
 * Tables to begin with. All but one are made here: a sine, and series with a trend, seasons and noise, the same at each visit. The
 * passengers are counted ones, from a book.
 */
import { createRandom } from "../../../nn/random.ts";
import { texts } from "../../texts/texts.ts";

const own = texts.forecast.examples;

const pad = (n: number): string => String(n).padStart(2, "0");
const wave = (t: number, period: number): number => Math.sin((2 * Math.PI * t) / period);
/** Sales that grow for 12 years, most in December. */
function months(): string {
  const random = createRandom(1);
  const lines = Array.from({ length: 144 }, (_, t) => {
    const month = t % 12;
    const season = 1 + 0.2 * wave(month + 9, 12) + (month === 11 ? 0.25 : 0) + 0.06 * wave(month, 6);
    const value = (120 + 1.9 * t) * season * (1 + 0.025 * random.normal());
    return `${2012 + Math.floor(t / 12)}-${pad(month + 1)},${value.toFixed(1)}`;
  });
  return ["month,sales", ...lines, ""].join("\n");
}

/** What a town needs of electricity, by the hour, for five weeks: less at night and at weekends. */
function hours(): string {
  const random = createRandom(2);
  let drift = 0;
  const lines = Array.from({ length: 24 * 35 }, (_, t) => {
    const [day, hour] = [Math.floor(t / 24), t % 24];
    drift = 0.9 * drift + 0.6 * random.normal();
    const work = day % 7 < 5 ? 1 : 0.72;
    const value = work * (52 + 16 * wave(hour - 8, 24) + 6 * wave(hour - 5, 12)) + drift;
    const date = new Date(Date.UTC(2024, 3, 1 + day));
    return `${date.toISOString().slice(0, 10)} ${pad(hour)}:00,${value.toFixed(2)}`;
  });
  return ["time,load", ...lines, ""].join("\n");
}

/** What a shop sells by the day: more at weekends, of a promotion and of a low price, which are known four weeks ahead. */
function days(): string {
  const random = createRandom(3);
  const [known, planned] = [420, 28];
  let price = 5;
  let visitors = 400;
  const lines = Array.from({ length: known + planned }, (_, t) => {
    if (t % 21 === 0) price = 4 + 0.25 * random.integer(9);
    const promotion = t % 28 >= 9 && t % 28 < 13 ? "leaflet" : t % 35 >= 30 ? "sale" : "none";
    visitors = 0.7 * visitors + 0.3 * (400 + 60 * wave(t, 365)) + 20 * random.normal();
    const lift = promotion === "sale" ? 1.6 : promotion === "leaflet" ? 1.3 : 1;
    const sold = 0.25 * visitors * (t % 7 >= 5 ? 1.4 : 1) * lift * (5 / price) ** 1.2 * (1 + 0.04 * random.normal());
    const date = new Date(Date.UTC(2023, 0, 2 + t)).toISOString().slice(0, 10);
    const seen = t < known ? [sold.toFixed(0), visitors.toFixed(0)] : ["", ""];
    return `${date},${seen[0]},${seen[1]},${price.toFixed(2)},${promotion}`;
  });
  return ["day,sold,visitors,price,promotion", ...lines, ""].join("\n");
}

/** Thousands of passengers of international airlines, 1949 to 1960: series G of G. Box and G. Jenkins, "Time series analysis", 1970. */
const passengerCounts = `
112 118 132 129 121 135 148 148 136 119 104 118
115 126 141 135 125 149 170 170 158 133 114 140
145 150 178 163 172 178 199 199 184 162 146 166
171 180 193 181 183 218 230 242 209 191 172 194
196 196 236 235 229 243 264 272 237 211 180 201
204 188 235 227 234 264 302 293 259 229 203 229
242 233 267 269 270 315 364 347 312 274 237 278
284 277 317 313 318 374 413 405 355 306 271 306
315 301 356 348 355 422 465 467 404 347 305 336
340 318 362 348 363 435 491 505 404 359 310 337
360 342 406 396 420 472 548 559 463 407 362 405
417 391 419 461 472 535 622 606 508 461 390 432`;
function passengers(): string {
  const lines = passengerCounts
    .trim()
    .split(/\s+/)
    .map((count, t) => `${1949 + Math.floor(t / 12)}-${pad((t % 12) + 1)},${count}`);
  return ["month,passengers", ...lines, ""].join("\n");
}

/** Ten turns of a sine of 25 steps, without dates and without noise. */
function sine(): string {
  const lines = Array.from({ length: 250 }, (_, t) => `${t + 1},${wave(t, 25).toFixed(4)}`);
  return ["step,value", ...lines, ""].join("\n");
}

export const examples = {
  months: { title: own.months, make: months },
  days: { title: own.days, make: days },
  passengers: { title: own.passengers, make: passengers },
  sine: { title: own.sine, make: sine },
  hours: { title: own.hours, make: hours },
} as const;
