/**
 * Why gates were invented: how much does the last output still owe to what each step before left in the state? For a simple
 * RNN, an LSTM and a GRU that have learned nothing yet, the norm of that derivative at every step (S. Hochreiter, 1991;
 * Y. Bengio et al., 1994). Takes a second.
 */
import { createRandom, traceGradients } from "unrolled";
import { gruResetAfter, lstm, simpleRnn } from "unrolled/cells";

const [steps, features, units] = [50, 8, 32];
const random = createRandom(1);
const sequence = Array.from({ length: steps }, () => Array.from({ length: features }, () => random.normal()));

/** One number a step: the length of the vector of derivatives. */
const norms = (derivatives: readonly Float32Array[]): number[] => derivatives.map((vector) => Math.hypot(...vector));
const options = { units, seed: 1 };
const columns = {
  "simple RNN, h": norms((await traceGradients(simpleRnn, sequence, options)).h),
  "LSTM, c": norms((await traceGradients(lstm, sequence, options)).c), // Its forget gates start biased by 1.
  "GRU, h": norms((await traceGradients(gruResetAfter, sequence, options)).h),
};

console.log(`|d output of step ${steps} / d state after step t|, ${units} units\n`);
console.log(["   t", ...Object.keys(columns).map((name) => name.padStart(13))].join(" "));
for (let t = steps; t >= 1; t -= 7) {
  const row = Object.values(columns).map((column) => column[t - 1]?.toExponential(1).padStart(13));
  console.log([`${t}`.padStart(4), ...row].join(" "));
}

// One line a power of ten, time to the right.
const exponent = (norm: number): number => Math.floor(Math.log10(norm));
const exponents = Object.values(columns).flat().map(exponent);
console.log("\n       s simple RNN   L LSTM   G GRU   * several of them");
for (let e = Math.max(...exponents); e >= Math.min(...exponents); e--) {
  const line = Array.from({ length: steps }, (_, t) => {
    const here = Object.entries(columns).filter(([, column]) => exponent(column[t] as number) === e);
    return here.length > 1 ? "*" : (here[0]?.[0][0] ?? " ");
  });
  console.log(`1e${e}`.padEnd(6), `|${line.join("")}`.trimEnd());
}
console.log(`        t = 1${`${steps}`.padStart(steps - 5)}\n`);

for (const [name, column] of Object.entries(columns)) {
  const kept = ((column[0] as number) / (column[steps - 1] as number)) ** (1 / (steps - 1));
  console.log(`${name.padEnd(13)} ${(100 * kept).toFixed(0)} % of it is left with each step back`);
}
console.log("Untrained, a GRU's gates stand half open, and it forgets like a simple RNN. But gates can learn to keep.");
