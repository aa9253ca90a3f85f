/** What launchers such as mpirun say of the processes that they start, by variables of the environment. */

export type Launched = {
  /** Open MPI, or what starts processes that it cannot connect. */
  readonly by: "Open MPI" | keyof typeof strangers;
  readonly localRank: number;
  readonly localSize: number;
};

/** How processes are started that this cannot connect, and what would. */
export const strangers = {
  MPICH: "by MPICH's mpirun, and Open MPI's is needed. Install it (Debian: openmpi-bin) and start with mpirun.openmpi.",
  torchrun: "by torchrun. Start it by Open MPI's mpirun: mpirun -n N -H alpha,beta ...",
  srun: "by srun without PMIx. Start it by srun --mpi=pmix, or by Open MPI's mpirun.",
} as const;

/** Whether `mpirun` has started this process, with others; undefined where it is alone. @internal */
export function launched(env: Readonly<Record<string, string | undefined>> = process.env): Launched | undefined {
  const number = (name: string): number | undefined => (env[name] === undefined ? undefined : Number(env[name]));
  const size = number("OMPI_COMM_WORLD_SIZE");
  if (size !== undefined) {
    if (size < 2) return undefined;
    const localRank = number("OMPI_COMM_WORLD_LOCAL_RANK") ?? 0;
    return { by: "Open MPI", localRank, localSize: number("OMPI_COMM_WORLD_LOCAL_SIZE") ?? 1 };
  }
  // Slurm's srun starts Open MPI by PMIx.
  if (number("PMIX_RANK") !== undefined && (number("SLURM_NTASKS") ?? 1) > 1) {
    const localSize = number("SLURM_NTASKS_PER_NODE") ?? 1;
    return { by: "Open MPI", localRank: number("SLURM_LOCALID") ?? 0, localSize };
  }
  if ((number("PMI_SIZE") ?? 1) > 1) return { by: "MPICH", localRank: number("MPI_LOCALRANKID") ?? 0, localSize: 1 };
  const ofTorch = env.MASTER_ADDR !== undefined && env.RANK !== undefined && env.LOCAL_RANK !== undefined;
  if (ofTorch && (number("WORLD_SIZE") ?? 1) > 1)
    return { by: "torchrun", localRank: number("LOCAL_RANK") ?? 0, localSize: 1 };
  if ((number("SLURM_STEP_NUM_TASKS") ?? 1) > 1)
    return { by: "srun", localRank: number("SLURM_LOCALID") ?? 0, localSize: 1 };
  return undefined;
}
