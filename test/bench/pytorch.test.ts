/** PyTorch's settings: which are tried, what a process of each is given, and that the best is found and named. */
import { expect, test } from "vitest";
import { environment, pytorchOf, type Setting, settings } from "../../src/bench/pytorch.ts";
import { type Shape, shapes } from "../../src/bench/shapes.ts";
import { standInsIn } from "../helpers/stand-in.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

test("two cores: five pairs of threads with every kernel", () => {
  const all = settings([1, 2], [undefined, "SkylakeX"]);
  expect(all.map(({ name }) => name)).toEqual([
    "1 and 1 threads, its own choice",
    "1 and 2 threads, its own choice",
    "2 and 1 threads, its own choice",
    "2 and 2 threads, passive, its own choice",
    "2 and 2 threads, its own choice",
    "1 and 1 threads, SkylakeX",
    "1 and 2 threads, SkylakeX",
    "2 and 1 threads, SkylakeX",
    "2 and 2 threads, passive, SkylakeX",
    "2 and 2 threads, SkylakeX",
  ]);
});

test("one core has one pair, four have the pairs of 2 and of 4", () => {
  const pairs = (counts: number[]) => settings(counts, [undefined]).map((s) => `${s.threads},${s.blasThreads}`);
  expect(pairs([1])).toEqual(["1,1"]);
  expect(pairs([1, 2, 4])).toEqual(["1,1", "1,2", "2,1", "2,2", "2,2", "1,4", "4,1", "4,4", "4,4"]);
});

test("without OpenBLAS there are threads of its own alone, and no kernels", () => {
  expect(settings([1, 2]).map(({ name }) => name)).toEqual(["1 thread", "2 threads, passive", "2 threads"]);
});

test("a setting is variables of its own process", () => {
  const [, first, , passive] = settings([1, 2], ["SkylakeX"]) as [Setting, Setting, Setting, Setting];
  const memory = { MALLOC_MMAP_THRESHOLD_: "1073741824", MALLOC_TRIM_THRESHOLD_: "1073741824" };
  expect(environment(first)).toEqual({
    ...{ OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "2", OPENBLAS_CORETYPE: "SkylakeX", ...memory },
  });
  expect(environment(passive)).toEqual({
    ...{ OMP_NUM_THREADS: "2", OPENBLAS_NUM_THREADS: "2", OPENBLAS_CORETYPE: "SkylakeX", ...memory },
    OMP_WAIT_POLICY: "PASSIVE",
  });
  expect(environment(settings([1], [undefined])[0] as Setting)).toEqual({
    ...{ OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1", ...memory },
  });
});

/** In Python's place: `$4` is the number of PyTorch's threads, and the rest is in the environment. */
const standIn = standInsIn(temporaryFolder());
const shape = shapes[0] as Shape;
const python = `
kernels=\${OPENBLAS_CORETYPE:-Prescott}
if [ $kernels = Cooperlake ]; then echo "Illegal instruction" >&2; exit 132; fi
if [ $kernels = Sapphirerapids ]; then kernels=SkylakeX; fi
echo "ready {\\"version\\": \\"1.13.0\\", \\"threads\\": $4, \\"blasThreads\\": $OPENBLAS_NUM_THREADS, \\"kernels\\": \\"$kernels\\"}"
ms=50
if [ $kernels = SkylakeX ]; then ms=$((ms - 30)); fi
if [ "$4 $OPENBLAS_NUM_THREADS" = "1 2" ]; then ms=$((ms - 10)); fi
if [ "$OMP_WAIT_POLICY" = PASSIVE ]; then ms=$((ms - 5)); fi
while read line; do echo $ms; done`;

test.skipIf(process.platform === "win32")(
  "the best of all settings takes part, and names its threads and kernels",
  async () => {
    const types = [undefined, "Sapphirerapids", "Cooperlake", "SkylakeX"];
    const start = pytorchOf([standIn("python", python)], { counts: [1, 2], types });
    const peers = (await start(shape)) ?? [];
    for (const peer of peers) peer.end();
    expect(peers.map(({ setting }) => setting)).toEqual([
      "PyTorch 1.13.0, 1 and 2 threads, SkylakeX",
      "PyTorch 1.13.0, 2 and 2 threads, passive, SkylakeX",
    ]);
    const tried = peers[0]?.tried ?? [];
    // Five with Prescott, five with SkylakeX, whose second name adds none; five fail.
    expect(tried).toHaveLength(15);
    expect(tried.filter((each) => "failure" in each).map(({ setting }) => setting)).toEqual(
      settings([1, 2], ["Cooperlake"]).map(({ name }) => name),
    );
    expect(tried[0]).toEqual({ setting: "PyTorch 1.13.0, 1 and 1 threads, Prescott", msPerStep: 50 });
    expect(tried).toContainEqual({ setting: "PyTorch 1.13.0, 1 and 2 threads, SkylakeX", msPerStep: 10 });
  },
);

test.skipIf(process.platform === "win32")(
  "the first Python that has PyTorch is taken; without one it is missing",
  async () => {
    const without = standIn("without", `echo "ModuleNotFoundError: No module named 'torch'" >&2; exit 1`);
    const plain = standIn(
      "plain",
      'echo "ready {\\"version\\": \\"2.9.0\\", \\"threads\\": $4}"; while read line; do echo 7; done',
    );
    const options = { counts: [1], types: [undefined, "Haswell"] };
    const absent = "/unrolled/has/no/such/python";
    const peers = (await pytorchOf([absent, without, plain], options)(shape)) ?? [];
    for (const peer of peers) peer.end();
    expect(peers.map(({ setting }) => setting)).toEqual(["PyTorch 2.9.0, 1 thread"]);
    expect(await pytorchOf([absent, without], options)(shape)).toBeUndefined();
  },
);
