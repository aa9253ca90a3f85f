/** Callbacks of a training that write files: for Node. Each implements `Callback` of `src/train/callbacks.ts`. */
export { type CsvLoggerOptions, csvLogger } from "./csv-logger.ts";
export { type JsonLinesLoggerOptions, jsonLinesLogger } from "./json-lines-logger.ts";
export { type ModelCheckpointOptions, modelCheckpoint } from "./model-checkpoint.ts";
export { type TensorBoardOptions, tensorBoard } from "./tensor-board.ts";
