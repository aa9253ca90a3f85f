/** Training by several processes, of one machine or of many. */
export type { Communicator } from "../train/communicator.ts";
export { type ConnectOptions, connect, type MpiCommunicator } from "./connect.ts";
