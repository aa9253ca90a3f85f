/** Memory that is within an engine's limit, and that the machine does not give. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { lstm } from "../../src/cells/lstm.ts";
import type { EngineName } from "../../src/engines/engine.ts";
import { engineOf } from "../../src/engines/registry.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { compile } from "../../src/runtime/program.ts";
import { schedule } from "../../src/schedule/schedule.ts";
import { isas } from "../helpers/native.ts";
import { trainingGraph } from "../helpers/networks.ts";

const graph = trainingGraph(lstm, { units: 40, input: 3 });
const sizes = { steps: 6, batch: 5 };

afterEach(() => vi.unstubAllGlobals());

const refused = (): never => {
  throw new RangeError("Array buffer allocation failed");
};
/** By engine, but that of graphics cards (test/engines/webgpu/memory.test.ts): from here on its memory is refused in the way of V8. */
const memories: Readonly<Record<Exclude<EngineName, "auto" | "webgpu">, () => void>> = {
  native: () => {
    vi.stubGlobal("ArrayBuffer", new Proxy(ArrayBuffer, { construct: refused }));
  },
  reference: () => {
    const construct: ProxyHandler<typeof Float64Array>["construct"] = (target, given) =>
      typeof given[0] === "number" ? refused() : Reflect.construct(target, given);
    vi.stubGlobal("Float64Array", new Proxy(Float64Array, { construct }));
  },
  wasm: () => {
    const Memory = new Proxy(WebAssembly.Memory, { construct: refused });
    const get = (all: typeof WebAssembly, name: string) => (name === "Memory" ? Memory : Reflect.get(all, name));
    vi.stubGlobal("WebAssembly", new Proxy(WebAssembly, { get } as ProxyHandler<typeof WebAssembly>));
  },
};

const here = Object.entries(memories).filter(([name]) => name !== "native" || isas.length > 0);

describe.each(here)("the engine %s, where the machine gives no memory", (name, makeShort) => {
  const engine = name as EngineName;

  test("refuses the program in one line, says how many bytes it needs, and keeps the cause", async () => {
    const { target } = await engineOf(engine);
    const plan = schedule(graph, { target, ...sizes });
    makeShort();
    const error = await compile(graph, sizes, { engine, threads: 1 }).then(
      () => expect.fail("the program was made"),
      (reason: unknown) => reason as Error,
    );
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toMatch(/^the program needs [\d,]+ bytes of memory, more than this machine gives\. Make it/);
    expect(error.cause).toBeInstanceOf(RangeError);
    const told = Number(/needs ([\d,]+)/.exec(error.message)?.[1]?.replaceAll(",", ""));
    // The reference has 8 bytes for each number of 4 that a plan counts; WASM has panels and whole pages beside the plan.
    if (engine === "reference") expect(told).toBe(2 * plan.bytes);
    else if (engine === "native") expect(told).toBeGreaterThan(plan.bytes);
    else expect([told > plan.bytes, told % 65536]).toEqual([true, 0]);
  });

  test("makes the same program once there is memory", async () => {
    makeShort();
    await expect(compile(graph, sizes, { engine, threads: 1 })).rejects.toThrow(InputError);
    vi.unstubAllGlobals();
    const program = await compile(graph, sizes, { engine, threads: 1 });
    await program.run();
    expect(program.total("loss")).toBe(0);
    program.dispose();
  });
});
