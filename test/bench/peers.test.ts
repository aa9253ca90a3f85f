/** Peers: the protocol with a process, and what is missing. */
import { expect, test } from "vitest";
import { findPackage } from "../../src/bench/packages.ts";
import { lossWatch, startEach } from "../../src/bench/peer.ts";
import { startNodeProcess, startProcess, withoutSettings } from "../../src/bench/peer-process.ts";

test("a process does one step for each line, after the lines of its input", async () => {
  const program = `
    async function prepare({ word }, lines) {
      const given = (await lines.next()).value;
      if (given !== word) throw new Error("got " + given);
      console.log("a library has something to say");
      return () => console.log("and again");
    }`;
  const peer = await startNodeProcess(program, { word: "model" }, { input: ["model"] });
  expect(await peer.step()).toBeGreaterThan(0);
  expect(await peer.step()).toBeGreaterThan(0);
  peer.end();
});

test("a process that ends says why, in the last line of its errors", async () => {
  const failing = 'async function prepare() { console.error("loading"); throw new Error("out of memory"); }';
  await expect(startNodeProcess(failing, {})).rejects.toThrow("Error: out of memory");
  const later = 'async function prepare() { return () => { throw new Error("no gradient"); }; }';
  const peer = await startNodeProcess(later, {});
  await expect(peer.step()).rejects.toThrow("Error: no gradient");
  await expect(startProcess("unrolled-has-no-such-program", [])).rejects.toThrow("ENOENT");
});

test("a process that does not answer is ended", async () => {
  const program = "async function prepare() { return () => { for (;;); }; }";
  const peer = await startNodeProcess(program, {}, { patienceSeconds: 2 });
  await expect(peer.step()).rejects.toThrow("no answer within 2 s");
});

test("where one setting cannot start, those before it are ended", async () => {
  const ended: number[] = [];
  const starting = startEach([1, 2, 3], async (n) => {
    if (n === 3) throw new Error("three");
    return { setting: `${n}`, step: async () => n, end: () => ended.push(n) };
  });
  await expect(starting).rejects.toThrow("three");
  expect(ended).toEqual([1, 2]);
});

test("a package is found with its version, or not at all", () => {
  expect(findPackage("vitest")?.version).toMatch(/^\d+\.\d+\.\d+/);
  expect(findPackage("unrolled-has-no-such-package")).toBeUndefined();
});

test("a peer has the variables of its setting, and none that libraries would take from elsewhere", async () => {
  const inherited = {
    OPENBLAS_CORETYPE: "Haswell",
    OPENBLAS_L2_SIZE: "512",
    OMP_NUM_THREADS: "1",
    MALLOC_ARENA_MAX: "1",
  };
  expect(withoutSettings({ ...inherited, PATH: "/bin", HOME: "/root", COMPOSE_OMP_: "kept" })).toEqual({
    ...{ PATH: "/bin", HOME: "/root", COMPOSE_OMP_: "kept" },
  });
  const before = { ...process.env };
  Object.assign(process.env, inherited);
  const program = `
    async function prepare() {
      const seen = Object.keys(process.env).filter((name) => /^(OPENBLAS|OMP|MALLOC)_/.test(name));
      if (seen.join() !== "OMP_WAIT_POLICY") throw new Error("it has " + seen);
      return () => {};
    }`;
  try {
    (await startNodeProcess(program, {}, { env: { OMP_WAIT_POLICY: "PASSIVE" } })).end();
  } finally {
    for (const name of Object.keys(inherited)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
});

test("a training whose loss is no number, or does not fall on the same batch, has no speed", () => {
  expect(() => lossWatch()(Number.NaN)).toThrow("the loss is not finite");
  const [falling, still, learnt] = [lossWatch(), lossWatch(), lossWatch()];
  for (let k = 0; k < 20; k++) falling(4 - 0.01 * k);
  for (let k = 0; k < 20; k++) learnt(0);
  for (let k = 0; k < 8; k++) still(4);
  expect(() => still(4)).toThrow("the loss does not fall on the same batch: 4 at first, 4 after 9 updates");
});
