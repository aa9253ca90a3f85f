/**
 * Rosenblatt's perceptron of 1958: one neuron that fires or not, and a rule that changes it by what it got wrong. It learns
 * AND in a few passes. XOR it never learns: no line parts its corners (M. Minsky and S. Papert, 1969), so the rule goes round
 * in a circle. Two layers, trained by gradient, solve it. Takes a second.
 */
import { adam, dense, fit, input, predict, recurrent, sequential, sgd } from "unrolled";
import { perceptron } from "unrolled/cells";

const corners = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const [AND, XOR] = [
  [0, 0, 0, 1],
  [0, 1, 1, 0],
];

/** The rule W += rate * (target - output) * x, one corner after the other, until all is right or all comes again. */
async function learn(name: string, targets: number[]): Promise<void> {
  const model = sequential([input(2, { sequence: false }), recurrent(perceptron, { units: 1, name: "neuron" })]);
  const { "neuron.W": W, "neuron.b": b } = model.values;
  W?.fill(0); // It would start with small random numbers.
  const seen = ["0 0 0"];
  console.log(`${name}\npass   w1   w2    b   outputs`);
  const { stopped } = await fit(model, corners, targets, {
    ...{ epochs: 100, batchSize: 1, shuffle: false, loss: "perceptron", optimizer: sgd({ learningRate: 1 }) },
    callbacks: [
      {
        async onEpochEnd(epoch, _, run) {
          const weights = [...(W ?? []), ...(b ?? [])];
          const outputs = (await predict(model, corners)).data.join(" ");
          console.log(`${epoch + 1}`.padStart(4), weights.map((w) => `${w}`.padStart(4)).join(" "), "  ", outputs);
          const before = seen.indexOf(weights.join(" "));
          if (outputs === targets.join(" ")) run.stop("All four are right: learned.");
          else if (before >= 0) run.stop(`The weights are those after pass ${before} again: it goes round for ever.`);
          seen.push(weights.join(" "));
        },
      },
    ],
  });
  console.log(`${stopped}\n`);
}
await learn("AND", AND);
await learn("XOR", XOR);

const model = sequential([input(2, { sequence: false }), dense(4, { activation: "tanh" }), dense(1)], { seed: 1 });
const { history } = await fit(model, corners, XOR, {
  ...{ epochs: 200, batchSize: 4, loss: "binary_crossentropy", optimizer: adam({ learningRate: 0.05 }) },
});
const [first, last] = [history.loss?.at(0), history.loss?.at(-1)];
console.log(`XOR with two layers, 200 steps of Adam: loss ${first?.toFixed(3)} to ${last?.toFixed(3)}`);
const { data } = await predict(model, corners);
// The model gives logits; the sigmoid makes a probability of each.
data.forEach((z, k) =>
  console.log(`${corners[k]?.join(" ")}  probability of 1: ${(1 / (1 + Math.exp(-z))).toFixed(3)}`),
);
