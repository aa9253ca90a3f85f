/** A page's worker that does one work after the other with models of many units; a page takes what it exports. */
import * as library from "../../src/index.ts";
import { largeModel } from "./large-models.ts";

self.onmessage = async ({ data: [work, units, threads] }) => {
  const answer = await largeModel(library, work, units, threads).catch(String);
  self.postMessage(answer);
};

export { largeModel, library };
