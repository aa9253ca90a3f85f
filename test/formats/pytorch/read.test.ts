import { describe, test } from "vitest";
import { importModel } from "../../../src/formats/imported.ts";
import { rejection } from "../../helpers/refusal.ts";
import { expectOutput, recorded, recordedAs } from "./recorded.ts";

const open = (name: string, mapping?: unknown) =>
  importModel({ bytes: recordedAs(name).bytes, name: "m.pt", ...(mapping !== undefined && { mapping }) });

describe("files of PyTorch 1.13 give its numbers", () => {
  const mapped = ["two linear layers", "last step", "final states"];
  for (const one of recorded.filter(({ name, output }) => output !== undefined && !mapped.includes(name))) {
    test(one.name, async () => {
      const { model } = await open(one.name);
      await expectOutput(model, one);
    });
  }
});

test("refused", async () => {
  for (const one of recorded.filter(({ output }) => output === undefined)) {
    console.log(one.name, "|", await rejection(open(one.name)));
  }
  console.log(await rejection(open("two linear layers")));
});
