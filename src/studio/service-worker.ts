/**
 * Make the studio work without a network: the browser stores all files of its build once the page is loaded. The page
 * itself comes from the network if there is one, so a new version is there at the next load; its files have other names
 * in each version, and come from the cache.
 */

/** Filled in by the build: each file next to this one but those that few readers need, and a hash of the contents of all. */
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
/** Other pages on this host have their own caches. */
const family = `unrolled studio ${scope} `;
const cacheName = family + builtVersion;
const addresses = new Set(builtFiles.map((file) => new URL(file, scope).href));
const [page, list] = ["index.html", "models.json"].map((file) => new URL(file, scope).href) as [string, string];
/** The texts of other languages, which somebody put beside the page. */
const isTexts = (address: string): boolean => address.startsWith(`${scope}texts/`);

/**
 * Cache all files or none. Files without a version in their name are requested again even if the browser considers its
 * copy current.
 */
async function fill(): Promise<void> {
  const cache = await caches.open(cacheName);
  const keep = async (address: string): Promise<void> => {
    const response = await fetch(address, { cache: isAsset(address) ? "default" : "no-cache" });
    if (!response.ok) throw new Error(`${address}: ${response.status}`);
    // Browsers refuse a redirected answer for a page.
    await cache.put(address, response.redirected ? copyOf(response) : response);
  };
  try {
    await Promise.all([...addresses].map(keep));
  } catch (error) {
    await caches.delete(cacheName);
    throw error;
  }
  await worker.skipWaiting();
}

const isAsset = (address: string): boolean => address.startsWith(`${scope}assets/`);

function copyOf(
  { body, status, statusText, headers }: Response,
  more: Readonly<Record<string, string>> = {},
): Response {
  const all = new Headers(headers);
  for (const [name, value] of Object.entries(more)) all.set(name, value);
  return new Response(body, { status, statusText, headers: all });
}

/** A page of the previous version can still be open, so its files stay until the next version. */
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
  } else if (isAsset(address)) {
    event.respondWith(kept(request, address));
  } else if (isTexts(address)) {
    event.respondWith(newestTexts(request, address));
  } else if (addresses.has(address)) {
    event.respondWith(newest(request, address));
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

/** The file of a language is kept each time that it is read, in place of the one before. */
async function newestTexts(request: Request, address: string): Promise<Response> {
  try {
    const response = await fetch(request);
    if (response.ok) await (await caches.open(cacheName)).put(address, response.clone());
    return response;
  } catch (error) {
    const cached = await inCaches(address);
    if (cached !== undefined) return cached;
    throw error;
  }
}

/** The newest that a version of the page has kept. */
async function inCaches(address: string): Promise<Response | undefined> {
  const own = (await caches.keys()).filter((name) => name.startsWith(family));
  for (const name of own.reverse()) {
    const cached = await (await caches.open(name)).match(address);
    if (cached !== undefined) return cached;
  }
  return undefined;
}

/** A page of the previous version requests files that only the previous cache has. */
async function kept(request: Request, address: string): Promise<Response> {
  const cached = await inCaches(address);
  if (cached !== undefined) {
    // The host can have enabled cross-origin isolation meanwhile; without this, the page would have no worker.
    return request.destination === "worker"
      ? copyOf(cached, { "Cross-Origin-Embedder-Policy": "require-corp" })
      : cached;
  }
  // What few readers need, the build does not list: it is kept once it is used.
  const response = await fetch(request);
  if (response.ok) await (await caches.open(cacheName)).put(address, response.clone());
  return response;
}
