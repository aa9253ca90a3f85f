/** Models served over HTTP, as OpenAI's completions: for Node, and for whatever else has Request and Response. */
export { createServer, type LogLine, type Server, type ServerOptions, serverDefaults } from "./app.ts";
export { type Listening, type ListenOptions, listen, loopback } from "./listen.ts";
