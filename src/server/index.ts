/** Serve models over HTTP with OpenAI's completions API: in Node, and in any environment with Request and Response. */
export { createServer, type Server } from "./app.ts";
export { type ListenOptions, loopback } from "./bind.ts";
export { type Listening, listen } from "./listen.ts";
export { type LogLine, type ServerOptions, serverDefaults, type WarningLine } from "./options.ts";
