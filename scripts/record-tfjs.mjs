/**
 * Record layers models as TensorFlow.js saves them, with inputs and outputs: test/fixtures/tfjs.json. In a folder where
 * @tensorflow/tfjs 4.22.0 is installed: node .../scripts/record-tfjs.mjs
 */

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const tf = createRequire(join(process.cwd(), "_.js"))("@tensorflow/tfjs");
await tf.setBackend("cpu");

let seed = 12345;
/** Numbers from -1 to 1. */
const random = () => {
  seed = (1103515245 * seed + 12345) % 2147483648;
  return (2 * seed) / 2147483648 - 1;
};
const { layers } = tf;
const all = { returnSequences: true };
const masked = () => layers.embedding({ inputDim: 4, outputDim: 3, maskZero: true, inputLength: 5 });
const cases = {
  "lstm, gru, simple rnn": [
    layers.lstm({ units: 4, inputShape: [5, 3], ...all }),
    layers.gru({ units: 3, ...all }),
    layers.simpleRNN({ units: 4 }),
    layers.dense({ units: 2, activation: "softmax" }),
  ],
  "tokens, sigmoid gates": [
    layers.embedding({ inputDim: 7, outputDim: 3, inputLength: 5 }),
    layers.lstm({ units: 4, recurrentActivation: "sigmoid", ...all }),
    layers.timeDistributed({ layer: layers.dense({ units: 3, activation: "tanh" }) }),
  ],
  "masked tokens": [
    layers.embedding({ inputDim: 4, outputDim: 3, maskZero: true, inputLength: 5 }),
    layers.gru({ units: 4 }),
  ],
  "both ways": [
    layers.bidirectional({ layer: layers.lstm({ units: 3, ...all }), inputShape: [5, 2], mergeMode: "concat" }),
    layers.bidirectional({ layer: layers.gru({ units: 2 }), mergeMode: "sum" }),
    layers.dense({ units: 2 }),
  ],
  "from the end, normalised": [
    layers.simpleRNN({ units: 4, activation: "relu", goBackwards: true, inputShape: [5, 3] }),
    layers.layerNormalization(),
    layers.batchNormalization(),
    layers.dropout({ rate: 0.5 }),
    layers.dense({ units: 2, activation: "sigmoid", useBias: false }),
  ],
  "a model within the model": [
    layers.dense({ units: 4, inputShape: [5, 3] }),
    tf.sequential({
      layers: [
        layers.lstm({ units: 3, inputShape: [5, 4], ...all }),
        layers.prelu({ sharedAxes: [1] }),
        layers.batchNormalization(),
        layers.dense({ units: 4, activation: "selu" }),
      ],
    }),
    layers.gru({ units: 2 }),
  ],
  "convolutions and pooling": [
    layers.conv1d({ filters: 4, kernelSize: 3, padding: "same", activation: "relu", inputShape: [6, 3] }),
    layers.maxPooling1d({ poolSize: 2 }),
    layers.conv1d({ filters: 3, kernelSize: 2 }),
    layers.lstm({ units: 3, ...all }),
    layers.globalAveragePooling1d(),
    layers.dense({ units: 2, activation: "softplus" }),
  ],
  // Masks, which TensorFlow.js has rules of its own for.
  "masked tokens, pooled": [masked(), layers.lstm({ units: 3, ...all }), layers.globalAveragePooling1d()],
  "masked tokens, convolved and pooled": [
    masked(),
    layers.conv1d({ filters: 3, kernelSize: 2, padding: "same" }),
    layers.globalAveragePooling1d(),
  ],
  "masked tokens, both ways, then one": [
    masked(),
    layers.bidirectional({ layer: layers.lstm({ units: 2, ...all }), mergeMode: "concat" }),
    layers.dense({ units: 3 }),
    layers.gru({ units: 2 }),
  ],
  "masked tokens, a model within the model": [
    masked(),
    tf.sequential({ layers: [layers.lstm({ units: 3, inputShape: [5, 3], ...all }), layers.dense({ units: 3 })] }),
    layers.gru({ units: 2 }),
  ],
  "masked tokens, convolved, then an LSTM": [
    masked(),
    layers.conv1d({ filters: 3, kernelSize: 2, padding: "same" }),
    layers.lstm({ units: 2 }),
  ],
  "masked tokens, an autoencoder": [
    masked(),
    layers.lstm({ units: 2 }),
    layers.repeatVector({ n: 5 }),
    layers.gru({ units: 2, ...all }),
  ],
  "masked tokens, both ways, pooled": [
    masked(),
    layers.bidirectional({ layer: layers.gru({ units: 2, ...all }), mergeMode: "sum" }),
    layers.globalMaxPooling1d(),
  ],
  "a mask of a model within the model": [
    tf.sequential({ layers: [masked(), layers.lstm({ units: 3, ...all })] }),
    layers.gru({ units: 2 }),
  ],
};

const models = [];
for (const [name, list] of Object.entries(cases)) {
  const model = tf.sequential({ layers: list });
  model.setWeights(
    model.weights.map((weight) => {
      // A variance is above 0.
      const value = () => (weight.name.includes("variance") ? 0.5 + Math.abs(random()) : 0.8 * random());
      return tf.tensor(Array.from({ length: weight.shape.reduce((a, b) => a * b, 1) }, value), weight.shape);
    }),
  );
  let saved;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    }),
  );
  const [first] = list[0].layers ?? list;
  const tokens = first.getClassName() === "Embedding";
  const shape = [2, first.batchInputShape?.[1] ?? 5, ...(tokens ? [] : [first.batchInputShape?.[2] ?? 3])];
  const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
    tokens ? Math.floor(1.99 * (1 + random())) : random(),
  );
  const output = model.predict(tf.tensor(values, shape));
  const bytes = saved.weightData;
  const json = {
    ...{
      format: saved.format,
      generatedBy: saved.generatedBy,
      convertedBy: saved.convertedBy,
      modelTopology: saved.modelTopology,
    },
    weightsManifest: [{ paths: ["weights.bin"], weights: saved.weightSpecs }],
  };
  models.push({
    ...{ name, json, weights: Buffer.from(bytes instanceof ArrayBuffer ? bytes : bytes[0]).toString("base64") },
    ...{ input: { shape, values }, output: { shape: output.shape, values: [...output.dataSync()] } },
  });
}
const path = join(import.meta.dirname, "../test/fixtures/tfjs.json");
writeFileSync(path, `${JSON.stringify({ version: tf.version.tfjs, models })}\n`);
console.log(models.length);
