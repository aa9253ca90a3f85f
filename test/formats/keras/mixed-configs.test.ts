/** Models of Keras whose configs are mixed up: a value in another's place. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readZip, writeZip } from "../../../src/formats/containers/zip.ts";
import { importModel } from "../../../src/formats/imported.ts";
import { FormatError } from "../../../src/formats/safetensors.ts";
import { joined } from "../../../src/graph/joined.ts";
import { createRandom } from "../../../src/nn/random.ts";

const { models } = JSON.parse(readFileSync(join(import.meta.dirname, "../../fixtures/keras-layers.json"), "utf8")) as {
  readonly models: readonly { readonly file: string }[];
};
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/** All places of a value: what holds them, and by which key. */
function placesIn(value: Json): readonly (readonly [holder: Record<string, Json>, key: string])[] {
  if (typeof value !== "object" || value === null) return [];
  const holder = value as Record<string, Json>;
  return Object.keys(holder).flatMap((key) => [[holder, key] as const, ...placesIn(holder[key] as Json)]);
}

test("a model or one line, never anything else", { timeout: 600_000 }, async () => {
  const seed = Number(process.env.FUZZ_SEED ?? 1);
  const random = createRandom(seed);
  const one = <T>(list: readonly T[]): T => list[random.integer(list.length)] as T;
  const others: readonly Json[] = [null, true, 0, 1, -1, 2, 3, 1e9, 0.5, "", "same", "lstm", [], {}, [null, 3], [[1]]];
  const files = models.map(({ file }) => [...readZip(new Uint8Array(Buffer.from(file, "base64")), "m.keras")]);
  const values = files.flatMap((members) =>
    placesIn(JSON.parse(new TextDecoder().decode(new Map(members).get("config.json")))).map(
      ([holder, key]) => holder[key] as Json,
    ),
  );
  let refused = 0;
  const count = Number(process.env.FUZZ ?? 300);
  for (let k = 0; k < count; k++) {
    const members = new Map(one(files));
    const config = JSON.parse(new TextDecoder().decode(members.get("config.json"))) as Json;
    for (let n = random.integer(3); n >= 0; n--) {
      const [holder, key] = one(placesIn(config));
      if (random.integer(5) === 0) delete holder[key];
      else holder[key] = structuredClone(random.integer(2) === 0 ? one(others) : one(values));
    }
    members.set("config.json", new TextEncoder().encode(JSON.stringify(config)));
    const bytes = joined(Uint8Array, writeZip(Object.fromEntries(members)));
    try {
      await importModel({ bytes, name: "m.keras" });
    } catch (error) {
      refused++;
      const { message } = error as Error;
      if (!(error instanceof FormatError) || !message.startsWith("m.keras: ") || message.includes("\n")) {
        throw new Error(`seed ${seed}, file ${k}: ${(error as Error).stack}\n${JSON.stringify(config)}`);
      }
    }
  }
  expect(refused).toBeGreaterThan(count / 5);
});
