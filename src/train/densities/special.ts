/** Functions of probability: log gamma as a graph and as a number, quantiles of the normal, Student's t and the negative binomial distribution. */
import type { Builder, NodeId } from "../../graph/graph.ts";

/** Steps up before Stirling's series, which from 6 on has an error below 1e-9. */
const shift = 6;
const halfLogTau = 0.5 * Math.log(2 * Math.PI);

/**
 * log gamma(x) for x > 0: Stirling's series at x + 6, less the logarithms of x, x + 1, ..., x + 5. As f64 its absolute error
 * is below 1e-9; in f32 it is what f32 leaves of it. M. Abramowitz and I. Stegun, 6.1.40.
 */
export function logGamma(x: number): number {
  let product = 1;
  for (let k = 0; k < shift; k++) product *= x + k;
  const y = x + shift;
  const series = 1 / (12 * y) - 1 / (360 * y ** 3) + 1 / (1260 * y ** 5) - 1 / (1680 * y ** 7);
  return (y - 0.5) * Math.log(y) - y + halfLogTau + series - Math.log(product);
}

/** The same as a graph. Two products of three, so that x up to 1e12 does not overflow in f32. */
export function logGammaOf(g: Builder, x: NodeId): NodeId {
  const n = g.constant;
  const log = (a: NodeId): NodeId => g.unary("log", a);
  const three = (from: number): NodeId =>
    [0, 1, 2].map((k) => g.add(x, n(from + k))).reduce((product, factor) => g.mul(product, factor));
  const y = g.add(x, n(shift));
  const inverse = g.div(n(1), y);
  const square = g.mul(inverse, inverse);
  const terms = g.add(
    n(1 / 12),
    g.mul(square, g.add(n(-1 / 360), g.mul(square, g.add(n(1 / 1260), g.mul(square, n(-1 / 1680)))))),
  );
  const stirling = g.add(g.sub(g.mul(g.sub(y, n(0.5)), log(y)), y), g.add(n(halfLogTau), g.mul(inverse, terms)));
  return g.sub(stirling, g.add(log(three(0)), log(three(3))));
}

/** A polynomial, its constant first. */
const polynomial = (x: number, ...coefficients: number[]): number =>
  coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);

/** The quantile of the standard normal distribution, to about 1e-15: algorithm AS 241, PPND16 (Wichura 1988). */
export function normalQuantile(probability: number): number {
  if (probability <= 0 || probability >= 1) return probability <= 0 ? -Infinity : Infinity;
  const q = probability - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (
      (q *
        polynomial(
          ...([r, 3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125] as const),
          ...[45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727],
        )) /
      polynomial(
        ...([r, 1, 42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867] as const),
        ...[39307.89580009271061, 28729.085735721942674, 5226.495278852545925],
      )
    );
  }
  const r = Math.sqrt(-Math.log(q < 0 ? probability : 1 - probability));
  const tail =
    r <= 5
      ? polynomial(
          ...([r - 1.6, 1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055] as const),
          ...[3.64784832476320460504, 1.27045825245236838258, 0.24178072517745061177],
          ...[0.0227238449892691845833, 7.7454501427834140764e-4],
        ) /
        polynomial(
          ...([r - 1.6, 1, 2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455] as const),
          ...[0.14810397642748007459, 0.0151986665636164571966, 5.475938084995344946e-4, 1.05075007164441684324e-9],
        )
      : polynomial(
          ...([r - 5, 6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358] as const),
          ...[0.29656057182850489123, 0.026532189526576123093, 0.0012426609473880784386],
          ...[2.71155556874348757815e-5, 2.01033439929228813265e-7],
        ) /
        polynomial(
          ...([r - 5, 1, 0.59983220655588793769, 0.13692988092273580531, 0.0148753612908506148525] as const),
          ...[7.868691311456132591e-4, 1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15],
        );
  return q < 0 ? -tail : tail;
}

/** The probability that a standard normal number is at most z: half the complementary error function, by its continued fraction or its series. */
export function normalProbability(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  let upper: number;
  if (x < 3) {
    let [term, sum] = [x, x];
    for (let k = 1; k < 60; k++) {
      term *= (-x * x) / k;
      sum += term / (2 * k + 1);
    }
    upper = 0.5 - sum / Math.sqrt(Math.PI);
  } else {
    let fraction = 0;
    for (let k = 40; k > 0; k--) fraction = k / 2 / (x + fraction);
    upper = Math.exp(-x * x) / (x + fraction) / (2 * Math.sqrt(Math.PI));
  }
  return z > 0 ? 1 - upper : upper;
}

/** The quantile of Student's t distribution with `freedom` degrees, by bisection of its probability. */
export function studentQuantile(p: number, freedom: number): number {
  if (p === 0.5) return 0;
  if (p <= 0 || p >= 1) return p <= 0 ? -Infinity : Infinity;
  const upper = (t: number): number => 0.5 * incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5);
  const tail = Math.min(p, 1 - p);
  let [low, high] = [0, 1];
  while (upper(high) > tail) high *= 2;
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2;
    if (upper(middle) > tail) low = middle;
    else high = middle;
  }
  return Math.sign(p - 0.5) * low;
}

/** The regularised incomplete beta function, by Lentz's continued fraction: Numerical Recipes, 6.4. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x)) / a;
  const away = (value: number): number => (Math.abs(value) < 1e-30 ? 1e-30 : value);
  let [c, d] = [1, 1 / away(1 - ((a + b) * x) / (a + 1))];
  let fraction = d;
  for (let m = 1; m < 300; m++) {
    for (const factor of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / away(1 + factor * d);
      c = away(1 + factor / c);
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return front * fraction;
}

/** The smallest count whose probability to be reached is at least p: a negative binomial distribution of this mean and r. */
export function negativeBinomialQuantile(p: number, mean: number, r: number): number {
  if (p >= 1) return Infinity;
  const share = mean / (r + mean);
  let [count, mass] = [0, Math.exp(r * Math.log(r / (r + mean)))];
  // A sum of many small numbers; past 60 deviations nothing is left.
  const most = mean + 60 * Math.sqrt(mean + (mean * mean) / r) + 60;
  for (let sum = mass; sum < p && count < most; sum += mass) {
    count++;
    mass *= (share * (count - 1 + r)) / count;
  }
  return count;
}
