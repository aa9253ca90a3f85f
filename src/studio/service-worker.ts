/**
 * The studio without a network: all files of its build, kept by the browser once the page was there. The page itself comes from
 * the network where there is one, so a new version is there at the next load; what it is made of has other names in each
 * version, and comes from the cache. Knows nothing about models, nor of other hosts.
 */

/** Put in by the build: each file beside this one, and what their contents come to. */
declare const builtFiles: readonly string[];
declare const builtVersion: string;

/** The part of a service worker's scope that is used here. */
type Scope = {
  readonly registration: { readonly scope: string };
  readonly clients: { readonly claim: () => Promise<void> };
  readonly skipWaiting: () => Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: Extendable) => void): void;
  addEventListener(type: "fetch", listener: (event: Fetching) => void): void;
};
type Extendable = { readonly waitUntil: (work: Promise<unknown>) => void };
type Fetching = { readonly request: Request; readonly respondWith: (answer: Promise<Response>) => void };
const worker = self as unknown as Scope;

const { scope } = worker.registration;
/** Others on this host have caches of their own. */
const family = `unrolled studio ${scope} `;
const cacheName = family + builtVersion;
const addresses = new Set(builtFiles.map((file) => new URL(file, scope).href));
const [page, list] = ["index.html", "models.json"].map((file) => new URL(file, scope).href) as [string, string];

/** A file is asked for even where the browser thinks that it has it: those without a version in their name may be old. */
async function fill(): Promise<void> {
  const cache = await caches.open(cacheName);
  await cache.addAll([...addresses].map((address) => new Request(address, { cache: "no-cache" })));
  await worker.skipWaiting();
}

/** A page of the version before may still be open, so its files stay until the version after this one. */
async function clean(): Promise<void> {
  const own = (await caches.keys()).filter((name) => name.startsWith(family) && name !== cacheName);
  await Promise.all(own.slice(0, -1).map((name) => caches.delete(name)));
  await worker.clients.claim();
}

worker.addEventListener("install", (event) => event.waitUntil(fill()));
worker.addEventListener("activate", (event) => event.waitUntil(clean()));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const address = request.url.replace(/[?#].*$/s, "");
  if (request.mode === "navigate") {
    if (address === scope || address === page) event.respondWith(newest(request, page));
  } else if (address === list) {
    event.respondWith(
      fetch(request).catch(() => new Response("[]", { headers: { "Content-Type": "application/json" } })),
    );
  } else if (addresses.has(address)) {
    // Only names of assets have a version in them.
    event.respondWith(address.startsWith(`${scope}assets/`) ? kept(request, address) : newest(request, address));
  }
});

async function newest(request: Request, address: string): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const cached = await (await caches.open(cacheName)).match(address);
    if (cached !== undefined) return cached;
    throw error;
  }
}

async function kept(request: Request, address: string): Promise<Response> {
  const cached = await (await caches.open(cacheName)).match(address);
  return cached ?? fetch(request);
}
