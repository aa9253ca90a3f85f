/**
 * The fast Fourier transform of real numbers, whose number is a power of 2: J. Cooley and J. Tukey, 1965. It is here because a page
 * that loads the package's entry as it is finds no other package.
 */

/**
 * A transform of `size` real numbers, size a power of 2: returns the real and imaginary parts of the frequencies 0 to
 * size / 2, in turn, unscaled, in a list that the next call overwrites.
 */
export function createFft(size: number): (values: Float64Array) => Float64Array {
  const bits = Math.log2(size);
  const order = Int32Array.from({ length: size }, (_, k) => {
    let turned = 0;
    for (let bit = 0; bit < bits; bit++) turned |= ((k >> bit) & 1) << (bits - 1 - bit);
    return turned;
  });
  const cosine = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
  const sine = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
  const [re, im] = [new Float64Array(size), new Float64Array(size)];
  const spectrum = new Float64Array(size + 2);
  return (values) => {
    for (let k = 0; k < size; k++) re[k] = values[order[k] as number] as number;
    im.fill(0);
    for (let half = 1; half < size; half *= 2) {
      const stride = size / (2 * half);
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const [low, high] = [start + k, start + k + half];
          const [c, s] = [cosine[k * stride] as number, sine[k * stride] as number];
          const [a, b] = [re[high] as number, im[high] as number];
          const [x, y] = [a * c - b * s, a * s + b * c];
          re[high] = (re[low] as number) - x;
          im[high] = (im[low] as number) - y;
          re[low] = (re[low] as number) + x;
          im[low] = (im[low] as number) + y;
        }
      }
    }
    for (let k = 0; k <= size / 2; k++) {
      spectrum[2 * k] = re[k] as number;
      spectrum[2 * k + 1] = im[k] as number;
    }
    return spectrum;
  };
}
