/** Models served over HTTP, as OpenAI's completions: for Node, and for whatever else has Request and Response. */
export { createServer, type Server } from "./app.ts";
export { type ListenOptions, loopback } from "./bind.ts";
export { type Listening, listen } from "./listen.ts";
export { type LogLine, type ServerOptions, serverDefaults, type WarningLine } from "./options.ts";
