/** What a launcher says of a process, and what `connect` refuses; connected processes are tested by the command line. */
import { expect, test } from "vitest";
import { connect } from "../../src/distributed/connect.ts";
import { launched } from "../../src/distributed/launched.ts";

test("launched: Open MPI's mpirun, Slurm by PMIx, MPICH's mpirun, and a process alone", () => {
  expect(launched({})).toBeUndefined();
  expect(launched({ OMPI_COMM_WORLD_SIZE: "1", OMPI_COMM_WORLD_LOCAL_RANK: "0" })).toBeUndefined();
  expect(
    launched({ OMPI_COMM_WORLD_SIZE: "4", OMPI_COMM_WORLD_LOCAL_RANK: "1", OMPI_COMM_WORLD_LOCAL_SIZE: "2" }),
  ).toEqual({ by: "Open MPI", localRank: 1, localSize: 2 });
  expect(launched({ PMIX_RANK: "3", SLURM_NTASKS: "4", SLURM_LOCALID: "1", SLURM_NTASKS_PER_NODE: "2" })).toEqual({
    ...{ by: "Open MPI", localRank: 1, localSize: 2 },
  });
  expect(launched({ PMIX_RANK: "0" })).toBeUndefined();
  const ofTorch = { RANK: "1", LOCAL_RANK: "1", WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1" };
  expect(launched(ofTorch)?.by).toBe("torchrun");
  expect(launched({ ...ofTorch, WORLD_SIZE: "1" })).toBeUndefined();
  expect(launched({ SLURM_PROCID: "0", SLURM_NTASKS: "4" })).toBeUndefined();
  expect(launched({ SLURM_PROCID: "0", SLURM_STEP_NUM_TASKS: "4" })?.by).toBe("srun");
  expect(launched({ PMI_RANK: "0", PMI_SIZE: "2", MPI_LOCALRANKID: "0" })?.by).toBe("MPICH");
});

test("a process alone is not connected; MPICH is refused by name", async () => {
  expect(await connect()).toBeUndefined();
  process.env.PMI_SIZE = "2";
  try {
    await expect(connect()).rejects.toThrow(
      "connect: this process was started by MPICH's mpirun, and Open MPI's is needed.",
    );
  } finally {
    delete process.env.PMI_SIZE;
  }
});
