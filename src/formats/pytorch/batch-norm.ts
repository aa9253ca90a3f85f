/** PyTorch's batch normalisation as it is at inference: a factor and a shift for each feature. */

/**
 * @param tensors running mean and running variance, then weight and bias (features), which a layer may lack
 * @param epsilon what is added to the variance
 */
export function batchNorm(
  [mean, variance, weight, bias]: readonly [
    Float32Array,
    Float32Array,
    Float32Array | undefined,
    Float32Array | undefined,
  ],
  epsilon: number,
): { readonly gain: Float32Array; readonly b: Float32Array } {
  const gain = Float64Array.from(variance, (one, k) => (weight?.[k] ?? 1) / Math.sqrt(one + epsilon));
  return {
    gain: Float32Array.from(gain),
    b: Float32Array.from(gain, (one, k) => (bias?.[k] ?? 0) - one * (mean[k] as number)),
  };
}
