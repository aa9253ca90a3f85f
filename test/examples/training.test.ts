/** `examples/training`: processes of a training on Kubernetes; each manifest by the API's types, and its command by ours. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "../../src/cli/options.ts";
import { train } from "../../src/cli/train.ts";
import { complaintsOf, valuesOf } from "../helpers/manifests.ts";
import { root } from "../helpers/processes.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const read = (name: string): string => readFileSync(join(root, "examples/training", name), "utf8");
const folder = temporaryFolder();
const types = { Job: "batch/v1", PodTemplateSpec: "core/v1", Service: "core/v1" };

test("the Indexed Job has what Kubernetes knows; each pod is a host of mpirun, and the command has options that there are", () => {
  const text = read("indexed-job.yaml");
  const kinds = (given: string) =>
    (valuesOf(given) as { kind: string }[]).map((value) => ({ type: value.kind, value }));
  expect(complaintsOf(kinds(text), types, folder)).toBe("");
  expect(complaintsOf(kinds(text.replace("completionMode", "completionsMode")), types, folder)).toContain(
    "completionsMode",
  );
  // biome-ignore lint/suspicious/noExplicitAny: the compiler has checked it
  const [service, job] = valuesOf(text) as [any, any];
  const { template, completions, parallelism } = job.spec;
  const [container] = template.spec.containers;
  expect(template.spec.subdomain).toBe(service.metadata.name);
  expect(service.spec.selector).toEqual(template.metadata.labels);
  const hosts = container.env[0].value.split(",");
  expect(hosts).toEqual(
    Array.from({ length: completions }, (_, k) => `${job.metadata.name}-${k}.${template.spec.subdomain}`),
  );
  expect(parallelism).toBe(completions);
  const [, count, command] = /mpirun -n (\d+) -H \$HOSTS unrolled train (.*) \$resume/.exec(container.args[0]) ?? [];
  expect(Number(count)).toBe(completions);
  expect(parse(train, (command as string).split(" ")).text("out")).toBe("book.safetensors");
});

test("the MPIJob has pods that Kubernetes knows, and as many processes as workers", () => {
  // biome-ignore lint/suspicious/noExplicitAny: what of it is Kubernetes's own the compiler checks
  const [job] = valuesOf(read("mpijob.yaml")) as [any];
  const { Launcher, Worker } = job.spec.mpiReplicaSpecs;
  const pods = [Launcher, Worker].map(({ template }) => ({ type: "PodTemplateSpec", value: template }));
  expect(complaintsOf(pods, types, folder)).toBe("");
  const [launcher] = Launcher.template.spec.containers;
  const given = parse(train, [...launcher.command.slice(2), ...launcher.args]);
  expect(given.text("launch")).toBe(`mpirun -n ${Worker.replicas * job.spec.slotsPerWorker}`);
  expect(given.number("restart")).toBeGreaterThan(0);
});
