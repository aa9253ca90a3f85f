/**
 * Two processes in network namespaces of their own, over links of some speeds, beside one process with the same cores, in turn.
 * As root, on Linux, with openmpi-bin, iproute2 and a C compiler. Usage: links.mjs [ROUNDS] [SECONDS] [SHAPE ...]
 * PROCESSES=4: two in each namespace.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [rounds = 3, seconds = 8] = process.argv.slice(2, 4).map(Number);
const given = process.argv.slice(4);
const processes = Number(process.env.PROCESSES ?? 2);
const shapes = given.length > 0 ? given : ["65-64-128-1-32-64", "65-128-512-2-50-100", "10000-200-200-2-20-20"];
const here = import.meta.dirname;
const folder = mkdtempSync(join(tmpdir(), "unrolled-links-"));
const names = ["unrolled-a", "unrolled-b"];
const sh = (command) => execFileSync("sh", ["-c", command], { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
const quietly = (command) => spawnSync("sh", ["-c", command], { stdio: "ignore" });
const cleanUp = () => {
  for (const name of names) quietly(`ip netns del ${name}`);
};
process.on("exit", cleanUp);

cleanUp();
sh(`gcc -O2 -o ${folder}/slow-link ${here}/slow-link.c`);
for (const name of names) sh(`ip netns add ${name} && ip netns exec ${name} ip link set lo up`);
sh(`ip link add una type veth peer name unb && ip link set una netns ${names[0]} && ip link set unb netns ${names[1]}`);
sh(`ip netns exec ${names[0]} sh -c "ip addr add 10.77.0.1/24 dev una; ip link set una up"`);
sh(`ip netns exec ${names[1]} sh -c "ip addr add 10.77.0.2/24 dev unb; ip link set unb up"`);
const agent = join(folder, "agent.sh");
writeFileSync(
  agent,
  `#!/bin/sh\nhost=$1; shift\ncase $host in *.2) space=${names[1]};; *) space=${names[0]};; esac\n` +
    'exec ip netns exec $space unshare -u sh -c "hostname $space; $*"\n',
);
chmodSync(agent, 0o755);
const shaped = (rate) => {
  for (const [k, device] of ["una", "unb"].entries()) {
    quietly(`ip netns exec ${names[k]} tc qdisc del dev ${device} root`);
    if (rate !== undefined)
      sh(`ip netns exec ${names[k]} tc qdisc add dev ${device} root tbf rate ${rate} burst 256kb latency 50ms`);
  }
};
/** The network that the processes use, and how it is made and ended. */
const links = [
  { name: "no limit", net: "10.77.0", begin: () => shaped(undefined) },
  { name: "10 Gbit/s", net: "10.77.0", begin: () => shaped("10gbit") },
  { name: "1 Gbit/s", net: "10.77.0", begin: () => shaped("1gbit") },
  {
    ...{ name: "20 Mbit/s, 50 ms", net: "10.78.0", slow: true },
    begin: async () => {
      const args = [names[0], "10.78.0.1", names[1], "10.78.0.2", "20000000", "25"];
      const child = spawn(`${folder}/slow-link`, args, { stdio: ["ignore", "pipe", "inherit"] });
      await new Promise((resolve) => child.stdout.once("data", resolve));
      return () => child.kill("SIGKILL");
    },
  },
];
const env = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1" };
const last = (text) => JSON.parse(text.trim().split("\n").at(-1));
const alone = (shape) =>
  last(
    execFileSync(process.execPath, [join(here, "step.mjs"), shape, `${seconds}`, "f32", "1", "2"], {
      encoding: "utf8",
    }),
  );
function together(net, shape, packing, syncEvery) {
  const mpi = [
    ...[
      "-n",
      `${processes}`,
      "-H",
      `${net}.1:${processes / 2},${net}.2:${processes / 2}`,
      "--oversubscribe",
      "--mca",
      "plm_rsh_agent",
      agent,
      "--mca",
      "btl",
      "tcp,self",
    ],
    ...[
      "--mca",
      "btl_tcp_if_include",
      `${net}.0/24`,
      "--mca",
      "oob_tcp_if_include",
      `${net}.0/24`,
      "--bind-to",
      "none",
    ],
    ...[process.execPath, join(here, "step.mjs"), shape, `${seconds}`, packing, `${syncEvery}`, "1"],
  ];
  const command = `hostname ${names[0]}; exec mpirun ${mpi.join(" ")}`;
  const made = spawnSync("ip", ["netns", "exec", names[0], "unshare", "-u", "sh", "-c", command], {
    env,
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(made.stderr.slice(0, 500));
  return last(made.stdout);
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
for (const shape of shapes) {
  const found = new Map();
  const one = [];
  for (let round = 0; round < rounds; round++) {
    const own = alone(shape);
    one.push(own.tokensPerSecond);
    for (const link of links) {
      const end = await link.begin();
      const ways = link.slow
        ? [
            ["f32", 1],
            ["f32", 50],
            ["bf16", 50],
            ["int8", 50],
          ]
        : [
            ["f32", 1],
            ["bf16", 1],
          ];
      for (const [packing, syncEvery] of ways) {
        if (link.slow && round > 0) continue;
        const key = `${link.name} | ${packing}${syncEvery > 1 ? `, every ${syncEvery}` : ""}`;
        const { tokensPerSecond, cpuShare, parts } = together(link.net, shape, packing, syncEvery);
        found.set(key, [
          ...(found.get(key) ?? []),
          { ratio: tokensPerSecond / own.tokensPerSecond, tokensPerSecond, cpuShare, parts },
        ]);
      }
      end?.();
    }
  }
  const ratios = (all) => all.map(({ ratio }) => ratio);
  console.log(
    `\n${shape}: one process with 2 threads ${median(one)} tokens/s (${Math.min(...one)} to ${Math.max(...one)})`,
  );
  console.log(
    "| link | gradients | tokens/s | efficiency | from | to | processor of each |\n| --- | --- | --- | --- | --- | --- | --- |",
  );
  for (const [key, all] of found) {
    const [low, high] = [Math.min(...ratios(all)), Math.max(...ratios(all))];
    console.log(
      `| ${key} | ${median(all.map((each) => each.tokensPerSecond))} | ${median(ratios(all)).toFixed(2)} | ${low.toFixed(2)} | ${high.toFixed(2)} | ${median(all.map((each) => each.cpuShare)).toFixed(2)} |`,
    );
  }
}
