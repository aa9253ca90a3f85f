/** The graphics card: a page's, or in Node that of the package "webgpu". Knows nothing about plans. */
import { Disconnected, InputError } from "../../graph/input-error.ts";
import type { Kernel } from "./kernel.ts";
import { mostWeights } from "./whole-loop.ts";

export type Gpu = {
  readonly device: GPUDevice;
  /** What it is called, for people. */
  readonly name: string;
  /** The largest buffer, in bytes. */
  readonly memoryBytes: number;
  /** The most weights of a step with which all steps of a time loop are one dispatch. Tests change it. */
  mostWeights: number;
  /** The kernel, compiled: once for equal text. */
  readonly pipelineOf: (kernel: Kernel) => Promise<GPUComputePipeline>;
  readonly layout: GPUBindGroupLayout;
  /** Why it can no longer be used; undefined while it can. */
  readonly lost: () => string | undefined;
  /** @throws InputError once it is lost; Error once it has refused what it was asked for */
  readonly check: () => void;
};

/** `GPUShaderStage.COMPUTE`, which Node does not have as a global. */
const compute = 4;
/** The alignment of what a dispatch is given; see `limits`. */
export const givenBytes = 256;

let held: Promise<Gpu> | undefined;

/**
 * The device, which all programs share. One that was lost is replaced.
 * @throws InputError that says why there is none, and has this as its `cause`, to follow the engine's name
 */
export async function gpu(): Promise<Gpu> {
  const known = await held?.catch(() => undefined);
  if (known?.lost() !== undefined) held = undefined;
  held ??= open();
  try {
    return await held;
  } catch (error) {
    held = undefined;
    const cause = `cannot run here: ${(error as Error).message.split("\n")[0]?.replace(/[.?!]+$/, "")}`;
    throw new InputError(`engine "webgpu" ${cause}. Use the engine "wasm".`, { cause });
  }
}

async function open(): Promise<Gpu> {
  const adapter = await (await entry()).requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) throw new Error("no graphics card is offered");
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
  let [why, refused]: (string | undefined)[] = [];
  device.lost.then(({ reason, message }) => {
    why = message === "" ? reason : message;
  });
  device.addEventListener("uncapturederror", ({ error }) => {
    refused ??= error.message.split("\n")[0];
  });
  const check = (): void => {
    if (why !== undefined) {
      throw new Disconnected(
        `engine "webgpu": the graphics card was lost (${why}). Go on from what was saved, or use the engine "wasm".`,
      );
    }
    if (refused === undefined) return;
    const message = `internal: webgpu: ${refused}`;
    // Other programs of the device go on.
    refused = undefined;
    throw new Error(message);
  };
  const layout = device.createBindGroupLayout({
    entries: [
      { binding: 0, visibility: compute, buffer: { type: "storage" } },
      { binding: 1, visibility: compute, buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: 16 } },
    ],
  });
  const pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [layout] });
  const pipelines = new Map<string, Promise<GPUComputePipeline>>();
  const { vendor, architecture, description } = adapter.info;
  return {
    device,
    layout,
    name: [description || vendor, architecture].filter(Boolean).join(", "),
    memoryBytes: Math.min(maxBufferSize, maxStorageBufferBindingSize, 2 ** 32 - 4),
    mostWeights,
    lost: () => why,
    check,
    pipelineOf({ kind, name, code }) {
      const known =
        pipelines.get(code) ??
        device.createComputePipelineAsync({
          label: `${kind}: ${name}`,
          layout: pipelineLayout,
          compute: { module: device.createShaderModule({ label: name, code }), entryPoint: "main" },
        });
      pipelines.set(code, known);
      known.catch(() => pipelines.delete(code));
      return known;
    },
  };
}

/** What asks for adapters. */
async function entry(): Promise<GPU> {
  const inPage = (globalThis as { readonly navigator?: { readonly gpu?: GPU } }).navigator?.gpu;
  if (inPage !== undefined) return inPage;
  return (await import("./node-gpu.ts")).nodeGpu();
}
