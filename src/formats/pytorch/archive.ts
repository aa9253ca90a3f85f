/**
 * What `torch.save` writes, in its three containers: a ZIP archive since 1.6, a stream of pickles with the storages behind them since
 * 0.1.10, a tar archive before. Each is one pickled value, whose tensors refer to storages. No code of the file is run, and no class of
 * it is known: see `../containers/pickle.ts`. Knows nothing about models.
 * Formats: torch/serialization.py of PyTorch 1.13, `_load` and `_legacy_load`.
 */
import { excerpt } from "../../graph/excerpt.ts";
import { globalName, isRecord, type PickleValue, readPickle } from "../containers/pickle.ts";
import { isTar, readTar } from "../containers/tar.ts";
import { isZip, type ZipMember, zipMembers } from "../containers/zip.ts";
import { type Dtype, elementBytes, FormatError } from "../safetensors.ts";
import { isStream, pickleIn } from "./kinds.ts";
import {
  type NamedTensor,
  type NoTensor,
  otherStorages,
  storageTypes,
  tensorTypes,
  type View,
  viewed,
} from "./tensors.ts";

/** A file that `torch.save` wrote. */
export type TorchArchive = {
  /** What wrote it, as far as the container tells. */
  readonly source: string;
  /** What was saved. */
  readonly value: PickleValue;
  /** The tensor that a value is; why it cannot be read; undefined for what is no tensor. */
  readonly tensorOf: (value: PickleValue) => NamedTensor | NoTensor | undefined;
};

/** The most axes that a tensor has. */
const mostAxes = 64;

/**
 * Read what `torch.save` wrote.
 * @param name the file's name, for messages
 * @throws FormatError of one line for what is damaged, cut off or in another format
 */
export function readTorchArchive(bytes: Uint8Array, name: string): TorchArchive {
  if (isStream(bytes)) return readStream(bytes, name);
  if (isZip(bytes)) return readArchive(bytes, name);
  if (isTar(bytes)) return readOldTar(bytes, name);
  throw new FormatError(`${name}: it is no file that torch.save wrote.`);
}

/** A storage: its numbers and their type. */
type Storage = { readonly key: string; readonly dtype: Dtype; readonly bytes: Uint8Array };

function readArchive(bytes: Uint8Array, name: string): TorchArchive {
  const members = zipMembers(bytes, name);
  const pickle = pickleIn(members.keys());
  if (pickle === undefined)
    throw new FormatError(`${name}: the archive has no data.pkl, so torch.save did not write it.`);
  const folder = pickle.slice(0, -"data.pkl".length);
  if ([...members.keys()].some((member) => member.startsWith(`${folder}code/`))) {
    throw new FormatError(
      `${name}: torch.jit.save wrote it, and its modules are code, which is not read. Save its state_dict() by torch.save.`,
    );
  }
  const order = members.get(`${folder}byteorder`)?.read();
  if (order !== undefined && String.fromCharCode(...order.subarray(0, 16)).trim() === "big") {
    throw new FormatError(`${name}: its numbers are big-endian, which is not read. Save it again on another machine.`);
  }
  const content = (members.get(pickle) as ZipMember).read();
  const { value } = readPickle(content, { name: `${name}: data.pkl`, memory: 4 * bytes.length + 16 * 2 ** 20 });
  const read = new Map<string, Uint8Array>();
  return {
    source: "PyTorch 1.6 or later",
    value,
    tensorOf: tensorsFrom((id) => {
      const { key, dtype } = id;
      const member = `${folder}data/${key}`;
      const stored = read.get(key) ?? members.get(member)?.read();
      if (stored === undefined) return { problem: `has its numbers in ${member}, which is not in the archive` };
      read.set(key, stored);
      return { key, dtype, bytes: stored };
    }),
  };
}

function readStream(bytes: Uint8Array, name: string): TorchArchive {
  let at = 0;
  const next = (): PickleValue => {
    const { value, end } = readPickle(bytes, { name, start: at });
    at = end;
    return value;
  };
  next(); // The magic number.
  const version = next();
  if (version !== 1001)
    throw new FormatError(`${name}: the version of the stream is ${String(version)}, expected 1001.`);
  next(); // Sizes of C's types where it was written.
  const value = next();
  const keys = next();
  if (!isRecord(keys, "list")) throw new FormatError(`${name}: the list of storages is damaged.`);
  // How large the numbers of a storage are, only the tensors' references tell.
  const sizes = new Map<string, number>();
  walk(value, (one) => {
    const [kind, type, key] = (isRecord(one, "persistent") && itemsOf(one.id)) || [];
    const [dtype, size] = [storageTypes[lastName(type)], otherStorages.get(lastName(type))];
    if (textOf(kind) !== "storage" || (dtype ?? size) === undefined) return;
    sizes.set(String(key), dtype === undefined ? (size as number) : elementBytes(dtype));
  });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stored = new Map<string, Uint8Array>();
  for (const key of keys.items) {
    const size = sizes.get(String(key));
    if (size === undefined)
      throw new FormatError(
        `${name}: nothing says what storage ${excerpt(String(key))} holds: the file is damaged, or its numbers are of a type that is not read.`,
      );
    const count = at + 8 <= bytes.length ? Number(view.getBigInt64(at, true)) : Infinity;
    at += 8;
    if (!(count >= 0 && at + count * size <= bytes.length))
      throw new FormatError(`${name}: it is cut off within its storages.`);
    stored.set(String(key), bytes.subarray(at, at + count * size));
    at += count * size;
  }
  return {
    source: "PyTorch, the format up to 1.5",
    value,
    tensorOf: tensorsFrom(({ key, dtype, part }) => {
      const whole = stored.get(key);
      if (whole === undefined)
        return { problem: `has its numbers in storage ${excerpt(key)}, which is not in the file` };
      if (part === undefined) return { key, dtype, bytes: whole };
      const [from, to] = [part.offset * elementBytes(dtype), (part.offset + part.count) * elementBytes(dtype)];
      if (!(to <= whole.length)) return { problem: "reaches beyond its storage: the file is damaged" };
      return { key: `${key}+${part.offset}`, dtype, bytes: whole.subarray(from, to) };
    }),
  };
}

function readOldTar(bytes: Uint8Array, name: string): TorchArchive {
  const files = readTar(bytes, name);
  const file = (called: string): Uint8Array => {
    const found = files.get(called);
    if (found === undefined) throw new FormatError(`${name}: it has no "${called}", so torch.save did not write it.`);
    return found;
  };
  const damaged: (what: string) => never = (what) => {
    throw new FormatError(`${name}: ${what} damaged or cut off.`);
  };
  /** Pickles with bytes between them. */
  const reader = (called: string) => {
    const content = file(called);
    const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
    let at = 0;
    return {
      next: (): PickleValue => {
        const { value, end } = readPickle(content, { name: `${name}: ${called}`, start: at });
        at = end;
        return value;
      },
      take: (count: number): number => {
        if (!(count >= 0 && at + count <= content.length)) damaged(`"${called}" is`);
        at += count;
        return at - count;
      },
      view,
      content,
    };
  };

  const storages = new Map<string, Storage>();
  const first = reader("storages");
  const storageCount = first.next();
  for (let k = 0; k < (storageCount as number); k++) {
    const [key, , type] = itemsOf(first.next()) ?? damaged("a storage is");
    const dtype = storageTypes[lastName(type)] ?? damaged("the type of a storage is");
    const count = Number(first.view.getBigInt64(first.take(8), true));
    const from = first.take(count * elementBytes(dtype));
    storages.set(String(key), {
      key: String(key),
      dtype,
      bytes: first.content.subarray(from, from + count * elementBytes(dtype)),
    });
  }
  for (const one of itemsOf(first.next()) ?? []) {
    const [key, of, offset, count] = itemsOf(one) ?? damaged("a view of a storage is");
    const root = storages.get(String(of)) ?? damaged("a view of a storage is");
    const size = elementBytes(root.dtype);
    if (!isSize(offset) || !isSize(count) || !((offset + count) * size <= root.bytes.length)) {
      return damaged("a view of a storage is");
    }
    const bytes = root.bytes.subarray(offset * size, (offset + count) * size);
    storages.set(String(key), { key: String(key), dtype: root.dtype, bytes });
  }

  const tensors = new Map<string, NamedTensor | NoTensor>();
  const second = reader("tensors");
  const tensorCount = second.next();
  for (let k = 0; k < (tensorCount as number); k++) {
    const [key, of] = itemsOf(second.next()) ?? damaged("a tensor is");
    // Eight bytes, of which the lower half is the number of axes.
    const axes = second.view.getInt32(second.take(8), true);
    if (!(axes >= 0 && axes <= mostAxes)) damaged("a tensor is");
    const long = (): number => Number(second.view.getBigInt64(second.take(8), true));
    const shape = Array.from({ length: axes }, long);
    const strides = Array.from({ length: axes }, long);
    const offset = long();
    const storage = storages.get(String(of));
    tensors.set(
      String(key),
      storage === undefined
        ? { problem: "has its numbers in a storage that is not in the file" }
        : checkedView({ dtype: storage.dtype, shape, strides, offset, storage }),
    );
  }
  const { value } = readPickle(file("pickle"), { name: `${name}: pickle`, memory: 4 * bytes.length + 16 * 2 ** 20 });
  const tensorOf = (one: PickleValue, depth = 0): NamedTensor | NoTensor | undefined => {
    if (isRecord(one, "persistent")) return tensors.get(String(one.id));
    const inner = wrapped(one);
    return inner === undefined || depth > 4 ? undefined : tensorOf(inner, depth + 1);
  };
  return { source: "PyTorch, the format up to 0.1.9", value, tensorOf: (one) => tensorOf(one) };
}

/** What a persistent id says of a storage. */
type StorageId = {
  readonly key: string;
  readonly dtype: Dtype;
  /** A part of that storage, in numbers. */
  readonly part?: { readonly offset: number; readonly count: number };
};
function storageId(id: PickleValue): StorageId | NoTensor | undefined {
  const [kind, type, key, , , part] = itemsOf(id) ?? [];
  if (textOf(kind) !== "storage" || type === undefined || (typeof key !== "string" && typeof key !== "number"))
    return undefined;
  const dtype = storageTypes[lastName(type)];
  if (dtype === undefined) {
    const called = lastName(type);
    return {
      problem: /^Q/.test(called)
        ? "is quantised, which is not read"
        : `has numbers of type ${excerpt(called)}, which are not read`,
    };
  }
  const [, offset, count] = itemsOf(part) ?? [];
  const isPart = isSize(offset) && isSize(count);
  return { key: String(key), dtype, ...(isPart && { part: { offset, count } }) };
}

/** The tensors of values that rebuild them, given what gives the bytes of a storage. */
const tensorsFrom = (storageOf: (id: StorageId) => Storage | NoTensor): TorchArchive["tensorOf"] => {
  const tensorOf = (value: PickleValue, depth = 0): NamedTensor | NoTensor | undefined => {
    if (!isRecord(value, "object") || depth > 8) return undefined;
    const inner = wrapped(value);
    if (inner !== undefined) return tensorOf(inner, depth + 1);
    const called = globalName(value.type) ?? "";
    const args = itemsOf(value.args) ?? [];
    if (called === "torch._tensor._rebuild_from_type_v2" || called === "torch._utils._rebuild_from_type") {
      const [type, , inside] = args as [PickleValue, PickleValue, PickleValue];
      return tensorOf({ kind: "object", type, args: inside, items: [], entries: new Map() }, depth + 1);
    }
    if (!/^torch\._utils\._rebuild_/.test(called)) return undefined;
    const how = called.slice("torch._utils._rebuild_".length);
    if (/^q/.test(how)) return { problem: "is quantised, which is not read" };
    if (/^sparse/.test(how)) return { problem: "is sparse, which is not read" };
    if (!/^tensor(_v[23])?$/.test(how)) return { problem: `is made by ${called}, which is not known` };
    const [storage, offset, shape, strides, , , type, last] = args;
    // What the view does to each number, beside where they lie.
    const turned = [type, last].find((one) => isRecord(one, "dict") && [...one.entries.values()].includes(true));
    if (turned !== undefined) return { problem: "is a view that turns signs, which is not read" };
    const id = isRecord(storage, "persistent") ? storageId(storage.id) : undefined;
    if (id === undefined) return { problem: "has no storage: the file is damaged" };
    if ("problem" in id) return id;
    // Since its third version the tensor says its type, and the storage has but bytes.
    const dtype = how === "tensor_v3" ? tensorTypes[lastName(type)] : id.dtype;
    if (dtype === undefined) return { problem: `has numbers of type ${excerpt(lastName(type))}, which are not read` };
    const found = storageOf(id);
    if ("problem" in found) return found;
    return checkedView({ dtype, offset, shape: itemsOf(shape), strides: itemsOf(strides), storage: found });
  };
  return (value) => tensorOf(value);
};

/** What is wrapped in a Parameter or a Variable, of any version. */
function wrapped(value: PickleValue): PickleValue | undefined {
  if (!isRecord(value, "object")) return undefined;
  const called = globalName(value.type) ?? "";
  if (/^torch\._utils\._rebuild_parameter/.test(called)) return itemsOf(value.args)?.[0];
  // Its state is (its numbers, its gradient, ...).
  if (/^torch\.(nn\.parameter\.Parameter|autograd\.variable\.Variable)$/.test(called)) return itemsOf(value.state)?.[0];
  return undefined;
}

/** A view whose numbers come from a file. */
function checkedView(
  given: {
    readonly [K in keyof View]: K extends "dtype" | "storage" ? View[K] : unknown;
  },
): NamedTensor | NoTensor {
  const { shape, strides, offset } = given;
  const axes = Array.isArray(shape) ? shape.length : Infinity;
  if (!(axes <= mostAxes) || !isSizes(shape) || !isSizes(strides) || strides.length !== axes || !isSize(offset)) {
    return { problem: "has no shape: the file is damaged" };
  }
  return viewed({ ...given, shape, strides, offset });
}

const isSize = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const isSizes = (value: unknown): value is number[] => Array.isArray(value) && value.every(isSize);
/** The values of a tuple or a list. */
export const itemsOf = (value: PickleValue | undefined): readonly PickleValue[] | undefined =>
  isRecord(value, "tuple") || isRecord(value, "list") ? value.items : undefined;
/** A text; Python 2's may come as bytes. */
const textOf = (value: PickleValue | undefined): string | undefined =>
  value instanceof Uint8Array
    ? String.fromCharCode(...value.subarray(0, 64))
    : typeof value === "string"
      ? value
      : undefined;
/** The last name of a class, whatever it is part of: torch.cuda.FloatStorage is a FloatStorage. */
const lastName = (value: PickleValue | undefined): string => (isRecord(value, "global") ? value.name : "");

/**
 * Visit every value once, whatever refers to whatever.
 * @param seen values that are passed over, with all that only they refer to; those that are visited are added
 */
export function walk(
  start: PickleValue,
  visit: (value: PickleValue) => void,
  seen: Set<PickleValue> = new Set(),
): void {
  const rest: PickleValue[] = [start];
  for (let value = rest.pop(); value !== undefined; value = rest.pop()) {
    if (typeof value !== "object" || value === null || value instanceof Uint8Array || seen.has(value)) continue;
    seen.add(value);
    visit(value);
    // One after the other: a list may be longer than a call has arguments.
    if (value.kind === "dict") for (const one of value.entries.values()) rest.push(one);
    else if (value.kind === "persistent") rest.push(value.id);
    else if (value.kind === "object") {
      rest.push(value.args, value.state ?? null);
      for (const one of value.items) rest.push(one);
      for (const one of value.entries.values()) rest.push(one);
    } else if (value.kind !== "global") for (const one of value.items) rest.push(one);
  }
}
