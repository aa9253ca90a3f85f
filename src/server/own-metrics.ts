/** The metrics of one server among several processes that share a port. Declared here, so that the types need no package. */

/** In Prometheus's format, and as data. */
export type OwnMetrics = { readonly metrics: () => Promise<string>; readonly getMetricsAsJSON: () => Promise<unknown> };
/** Given the metrics of a server, makes what answers at /metrics: those of all processes that share its port. */
export type Gather = (own: OwnMetrics) => () => Promise<string>;
