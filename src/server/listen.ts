/** The server on a port, for Node: sockets, their limits and how it ends. Knows nothing about what is asked. */
import { createServer as createHttpServer } from "node:http";
import type { Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { checkArguments } from "../graph/schema.ts";
import type { Server } from "./app.ts";
import { bind, type ListenOptions, listenArguments } from "./bind.ts";
import { ApiError } from "./errors.ts";

/** A server that listens. */
export type Listening = {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** Listen no more, answer what was asked, and resolve when all connections are closed. */
  readonly close: (deadlineMs?: number) => Promise<void>;
};

/** How long a client may take for its headers, and for its whole request; and how long an idle connection is kept. */
const [headersMs, requestMs, idleMs] = [10_000, 60_000, 60_000];
const headerBytes = 16_384;

/**
 * Answer what comes to a port.
 * @throws InputError for an address that cannot be listened at
 * @example const { url, close } = await listen(server, { host: "127.0.0.1", port: 8080 });
 */
export async function listen(server: Server, options: ListenOptions): Promise<Listening> {
  checkArguments("listen", { server, options }, listenArguments);
  const { host, port } = options;
  const listener = getRequestListener((request, env) => server.fetch(request, env as Parameters<Server["fetch"]>[1]), {
    overrideGlobalObjects: false,
    // What makes no request of it: a host or a path that is none.
    errorHandler: (error) => errorAnswer(error),
  });
  const http = createHttpServer(
    {
      ...{ headersTimeout: headersMs, requestTimeout: requestMs, keepAliveTimeout: idleMs },
      ...{ maxHeaderSize: headerBytes, connectionsCheckingInterval: 5_000 },
    },
    listener,
  );
  http.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else socket.end(rawAnswer(error.code));
  });
  const url = await bind(http, { host, port });
  return {
    url,
    async close(deadlineMs) {
      const closed = new Promise((resolve) => http.close(resolve));
      await server.close(deadlineMs);
      // A connection is idle as soon as its answer is sent; one that nobody reads is not waited for.
      const idle = setInterval(() => http.closeIdleConnections(), 20);
      const late = setTimeout(() => http.closeAllConnections(), 1000);
      http.closeIdleConnections();
      await closed;
      clearInterval(idle);
      clearTimeout(late);
    },
  };
}

function errorAnswer(error: unknown): Response {
  const wrong = new ApiError("invalid", `this is no request: ${error instanceof Error ? error.message : error}.`);
  return Response.json(wrong.body, { status: wrong.status });
}

/** An answer to what is no HTTP. */
function rawAnswer(code: string | undefined): string {
  const [status, message] =
    code === "HPE_HEADER_OVERFLOW"
      ? ["431 Request Header Fields Too Large", `the headers are longer than ${headerBytes} bytes.`]
      : code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? ["408 Request Timeout", "the request took too long to come."]
        : ["400 Bad Request", "this is no HTTP request."];
  const body = JSON.stringify(new ApiError("invalid", message).body);
  const headers = ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`, "Connection: close"];
  return `HTTP/1.1 ${status}\r\n${headers.join("\r\n")}\r\n\r\n${body}`;
}
