/** The text that is there without asking for one: Moby-Dick, fetched once. */
import { fetched, once } from "../loading.ts";

export const mobyDick = once(async () => (await fetched("./data/moby-dick.txt")).text());
