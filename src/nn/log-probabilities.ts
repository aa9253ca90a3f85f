/** Log-probabilities of logits, in f64. */

/**
 * Log-probabilities in nats, in f64: logits (V) less the logarithm of the sum of their exponentials. Where some are infinite,
 * those are equally likely; where one is NaN, all are.
 */
export function logProbabilities(logits: Float32Array, into = new Float64Array(logits.length)): Float64Array {
  let max = -Infinity;
  for (let id = 0; id < logits.length; id++) max = Math.max(max, logits[id] as number);
  let sum = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    // The difference of equal ones is 0, also where they are infinite.
    const relative = logit === max ? 0 : logit - max;
    into[id] = relative;
    sum += Math.exp(relative);
  }
  const log = Math.log(sum);
  for (let id = 0; id < logits.length; id++) into[id] = (into[id] as number) - log;
  return into;
}
