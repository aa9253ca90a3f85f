/** Run the server on a port, for Node: sockets, their limits and shutdown. */
import { createServer as createHttpServer, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { getRequestListener, RequestError } from "@hono/node-server";
import { excerpt } from "../graph/excerpt.ts";
import { checkArguments, inRange } from "../graph/schema.ts";
import type { Server } from "./app.ts";
import { bind, maxConnections as defaultConnections, type ListenOptions, listenArguments } from "./bind.ts";
import { Connections } from "./connections.ts";
import { ApiError, apiErrorOf } from "./errors.ts";
import { serverDefaults } from "./options.ts";

/** A listening server. */
export type Listening = {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /**
   * Drain, then stop listening, answer open requests, also on kept-alive connections, and resolve when all connections
   * are closed. Requests that have not ended `deadlineMs` (30,000) after the draining are aborted.
   */
  readonly close: (deadlineMs?: number) => Promise<void>;
};

/** The time limits for the headers, for the whole request, and for an idle connection. */
const [headersMs, requestMs, idleMs] = [10_000, 60_000, 60_000];
const headerBytes = 16_384;

/**
 * Answer requests on a port.
 * @throws InputError if the server cannot listen at the address
 * @example const { url, close } = await listen(server, { host: "127.0.0.1", port: 8080 });
 */
export async function listen(server: Server, options: ListenOptions): Promise<Listening> {
  checkArguments("listen", { server, options }, listenArguments);
  const { http, close } = answering(server, options);
  return { url: await bind(http, options), close };
}

/**
 * Answer requests on connections that another process has accepted at its port and hands on.
 * @internal
 */
export function listenTo(server: Server, options: Limits) {
  const { http, close } = answering(server, options);
  // Without this event Node's server knows nothing of its connections: it neither ends those whose headers do not come in time
  // nor closes any when it is told to.
  http.emit("listening");
  const take = (socket: Socket): void => {
    // As HTTP's server does with those of its own port.
    socket.setNoDelay(true);
    http.emit("connection", socket);
    socket.resume();
  };
  return { http, take, close };
}

type Limits = Omit<ListenOptions, "host" | "port">;

/** What answers requests on the connections that it is given, and how it ends. */
function answering(server: Server, options: Limits) {
  const { drainMs = 0, maxConnections = defaultConnections, stallMs = serverDefaults.stallMs } = options;
  const listener = getRequestListener((request, env) => server.fetch(request, env as Parameters<Server["fetch"]>[1]), {
    overrideGlobalObjects: false,
    // HTTP/1.0 needs no host: a health check of a load balancer.
    hostname: "localhost",
    // The host or the path is not valid, so there is no request to handle.
    errorHandler: (error) => server.refuse(errorOf(error)),
  });
  const http = createHttpServer({
    ...{ headersTimeout: headersMs, requestTimeout: requestMs, keepAliveTimeout: idleMs },
    ...{ maxHeaderSize: headerBytes, connectionsCheckingInterval: 5_000 },
    // A request without a host gets the same error as other invalid ones.
    requireHostHeader: false,
  });
  const connections = new Connections(http, {
    ...{ maxConnections, stallMs },
    refuse: (socket) => {
      const error = new ApiError("too_many_connections", "there are too many connections. Try again in a moment.");
      void rawAnswer(server.refuse(error, socket.remoteAddress)).then((answer) => {
        socket.end(answer, () => socket.destroy());
      });
    },
    overrun: (socket) => {
      const error = new ApiError("queue_full", "there are too many requests on one connection.");
      server.refuse(error, socket.remoteAddress);
    },
  });
  http.on("request", (incoming, outgoing) => {
    // An invalid host, for the adapter.
    if (incoming.httpVersion !== "1.0" && !incoming.headers.host) incoming.headers.host = " ";
    connections.begin(incoming, outgoing, () => listener(incoming, outgoing));
  });
  http.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === "ECONNRESET" || !socket.writable || connections.isAnswering(socket)) socket.destroy();
    else rawAnswer(server.refuse(noRequest(error), socket.remoteAddress)).then((answer) => socket.end(answer));
  });
  http.on("checkExpectation", (request, response) => {
    const wanted = excerpt(String(request.headers.expect), 60);
    const error = new ApiError("expectation_failed", `Expect: needs 100-continue, got ${wanted}.`);
    const { status, headers } = server.refuse(error, request.socket.remoteAddress);
    response.writeHead(status, [...headers].flat()).end(JSON.stringify(error.body));
  });
  return {
    http,
    async close(deadlineMs = 30_000): Promise<void> {
      checkArguments("close", { deadlineMs }, { deadlineMs: inRange(0) });
      server.drain();
      if (drainMs > 0) await new Promise((resolve) => setTimeout(resolve, drainMs));
      const { closed } = await connections.stopListening();
      const overMs = performance.now() + deadlineMs;
      await connections.closeQuiet(() => performance.now() >= overMs);
      await server.close(0);
      // An answer that the client does not read is not waited for.
      const idle = setInterval(() => http.closeIdleConnections(), 20);
      const late = setTimeout(() => http.closeAllConnections(), 1000);
      http.closeIdleConnections();
      await closed;
      clearInterval(idle);
      clearTimeout(late);
    },
  };
}

function errorOf(error: unknown): ApiError {
  if (error instanceof RequestError) return new ApiError("invalid", `this is not a valid request: ${error.message}.`);
  return apiErrorOf(error, "none");
}

/** The error for a message that is not HTTP. */
function noRequest({ code, reason = "" }: NodeJS.ErrnoException & { readonly reason?: string }): ApiError {
  if (code === "HPE_HEADER_OVERFLOW") {
    return new ApiError("headers_too_large", `the headers are longer than ${headerBytes} bytes.`);
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return new ApiError("request_timeout", "the request took too long to arrive.");
  }
  return new ApiError("invalid", `this is not an HTTP request${reason === "" ? "" : `: ${excerpt(reason, 100)}`}.`);
}

/** An answer as bytes, for a connection without another answer in progress. */
async function rawAnswer(answer: Response): Promise<string> {
  const body = await answer.text();
  const headers = [...answer.headers, ["content-length", Buffer.byteLength(body)], ["connection", "close"]];
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\n${lines.join("\r\n")}\r\n\r\n${body}`;
}
