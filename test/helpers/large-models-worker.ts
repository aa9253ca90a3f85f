/** A page's worker that does one work after the other with models of many units. */
import * as library from "../../src/index.ts";
import { largeModel } from "./large-models.ts";

self.onmessage = async ({ data: [work, units, threads] }) => {
  const answer = await largeModel(library, work, units, threads).catch(String);
  self.postMessage(answer);
};
