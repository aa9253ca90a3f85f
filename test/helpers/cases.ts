/** How many cases a property is tried on: as many as find what is wrong in a run of all tests, and more where FUZZ says so. */
export const cases = (count: number): number => Math.max(count, Number(process.env.FUZZ ?? 0));
