/** What the layer of a model of trajectories is at each step of a track, against `inspectModel` on the inputs that its walks read. */
import { expect, test } from "vitest";
import { inspectModel } from "../../../src/nn/inspection.ts";
import { walkers } from "../../../src/studio/views/tracks/walkers.ts";
import { inputsOf, walkFrom } from "../../../src/tasks/trajectories/coordinates.ts";
import { trajectoryModel } from "../../../src/tasks/trajectories/create.ts";
import { inspectTrack } from "../../../src/tasks/trajectories/inspect.ts";
import { readTracks } from "../../../src/tasks/trajectories/read-tracks.ts";
import { stepsOf } from "../../../src/tasks/trajectories/settings.ts";
import { windowsOf } from "../../../src/tasks/trajectories/windows.ts";

const tracks = readTracks(walkers(8, 3));
const sizes = { seen: 8, predicted: 6 } as const;
const window = windowsOf(tracks, sizes)[5]!;

test.each(["direct", "step"] as const)(
  "form %s: each line at each step is that of inspectModel, also along the path of means",
  async (form) => {
    const tm = trajectoryModel(tracks, { ...sizes, form, units: 6, seed: 4 });
    const { seen, ahead, path, values } = await inspectTrack(tm, window, { threads: 1 });
    expect([seen, ahead, path.x.length]).toEqual([7, form === "step" ? 5 : 0, 6]);
    expect(values.map(({ name }) => name)).toEqual(["z", "r", "g", "h"]);
    const known = Array.from(inputsOf([window], tm.settings).data);
    const inputs = Array.from({ length: 7 }, (_, t) => known.slice(2 * t, 2 * t + 2));
    const walk = walkFrom(window, tm.settings);
    const read: number[][] = [];
    /** The displacements that are seen, then, one by one, those that the network said. */
    function* places(): Generator<number[]> {
      for (const one of inputs) yield one;
      while (form === "step" && read.length < ahead) {
        read.push([...walk.input()]);
        yield read.at(-1) as number[];
      }
    }
    let t = 0;
    for await (const step of inspectModel(tm.model, places())) {
      for (const { key, data } of values) {
        data.subarray(6 * t, 6 * t + 6).forEach((value, j) => {
          expect(value, `${key}[${j}] at ${t}`).toBeCloseTo(step.values[key]![j]!, 4);
        });
      }
      if (form === "step" && t >= seen - 1) walk.go(stepsOf(tm.settings).mean(step.output));
      t++;
    }
    expect(t).toBe(seen + ahead);
    if (form === "step") path.x.subarray(0, 5).forEach((x, k) => expect(x).toBeCloseTo(walk.path().x[k]!, 4));
  },
);
