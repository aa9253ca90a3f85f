/**
 * Run what our writer makes for TensorFlow.js: test/formats/tfjs/write.test.ts compares with what comes out. After the tests have written
 * the files, in a folder where @tensorflow/tfjs 4.22.0 is installed:
 *
 *     WRITTEN=/tmp/written npx vitest run --project unit test/formats/tfjs/write.test.ts
 *     node .../scripts/record-tfjs-written.mjs /tmp/written
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const tf = createRequire(join(process.cwd(), "_.js"))("@tensorflow/tfjs");
await tf.setBackend("cpu");
const folder = process.argv[2];
const path = join(import.meta.dirname, "../test/fixtures/tfjs-written.json");
const cases = JSON.parse(readFileSync(path, "utf8"));

for (const [k, one] of cases.entries()) {
  const json = JSON.parse(readFileSync(join(folder, `${k}`, "model.json"), "utf8"));
  const [{ paths, weights: weightSpecs }] = json.weightsManifest;
  const weightData = new Uint8Array(readFileSync(join(folder, `${k}`, paths[0]))).buffer;
  const { modelTopology, format, generatedBy, convertedBy } = json;
  const artifacts = { modelTopology, format, generatedBy, convertedBy, weightSpecs, weightData };
  const model = await tf.loadLayersModel({ load: async () => artifacts });
  const inputs = Object.values(one.inputs).map(({ shape, data }) => tf.tensor(data, shape));
  const output = model.predict(inputs.length > 1 ? inputs : inputs[0]);
  one.output = { shape: output.shape, data: [...output.dataSync()].map((value) => Number(value.toPrecision(9))) };
  console.log(one.name, model.getClassName(), output.shape);
}
writeFileSync(path, `${JSON.stringify(cases)}\n`);
