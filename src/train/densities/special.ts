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

/** The quantile of the standard normal distribution, error below 1e-9: P. Acklam's rational approximation and one step of Halley's method. */
export function normalQuantile(p: number): number {
  if (p <= 0) return -Infinity;
  if (p >= 1) return Infinity;
  const tail = p < 0.02425 || p > 1 - 0.02425;
  const q = tail ? Math.sqrt(-2 * Math.log(Math.min(p, 1 - p))) : p - 0.5;
  const poly = (of: readonly number[], at: number): number => of.reduce((sum, factor) => sum * at + factor, 0);
  const rough = tail
    ? Math.sign(0.5 - p) *
      (poly(
        [
          -7.784894002430293e-3, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
          2.938163982698783,
        ],
        q,
      ) /
        poly([7.784695709041462e-3, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1], q))
    : (poly(
        [
          -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
          2.506628277459239,
        ],
        q * q,
      ) *
        q) /
      poly(
        [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1],
        q * q,
      );
  const error = normalProbability(rough) - p;
  const step = error * Math.sqrt(2 * Math.PI) * Math.exp((rough * rough) / 2);
  return rough - step / (1 + (rough * step) / 2);
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
