/** The peers that a page can have here: packages that are installed, and a document for each. */
import { findPackage, moduleOf, scriptOf } from "./packages.ts";
import { jaxJsDocument, tensorflowJsDocument } from "./page-documents.ts";
import type { PagePeer, PageSetting } from "./page-messages.ts";

export type InstalledPeer = {
  readonly name: PagePeer;
  readonly settings: readonly PageSetting[];
  readonly document: string;
  /** Folders of packages by the names that the document's addresses have below `packages/`. */
  readonly folders: Readonly<Record<string, string>>;
};

/** Those that are installed, each of its packages in the working directory or in the folder of UNROLLED_BENCH_PEERS. */
export function installedPeers(): InstalledPeer[] {
  return [findTensorflowJs(), findJaxJs()].filter((peer) => peer !== undefined);
}

// Documents stand at peers/NAME.
const addressOf = (name: string, path: string): string => `../packages/${name}/${path}`;

/** Dispatches that TensorFlow.js gathers before it hands them to the card: its default, and more. */
const submissions = [15, 100] as const;

function findTensorflowJs(): InstalledPeer | undefined {
  const library = findPackage("@tensorflow/tfjs");
  const backend = findPackage("@tensorflow/tfjs-backend-webgpu");
  if (library === undefined || backend === undefined) return undefined;
  // As scripts both have one copy of what they share.
  const scripts = [
    addressOf("tfjs", scriptOf(library) ?? "dist/tf.min.js"),
    addressOf("tfjs-backend-webgpu", scriptOf(backend) ?? "dist/tf-backend-webgpu.min.js"),
  ];
  return {
    name: "tfjs",
    settings: submissions.map((dispatches) => ({
      setting: `TensorFlow.js ${library.version}, WebGPU, ${dispatches} dispatches`,
      options: { dispatches },
    })),
    document: tensorflowJsDocument(scripts),
    folders: { tfjs: library.folder, "tfjs-backend-webgpu": backend.folder },
  };
}

function findJaxJs(): InstalledPeer | undefined {
  const found = findPackage("@jax-js/jax");
  if (found === undefined) return undefined;
  return {
    name: "jax-js",
    settings: [{ setting: `jax-js ${found.version}, WebGPU`, options: {} }],
    document: jaxJsDocument(addressOf("jax-js", moduleOf(found))),
    folders: { "jax-js": found.folder },
  };
}
