/** The engine's own thread: the page never waits for it. */
import { jobs } from "./jobs.ts";
import { serveJobs } from "./remote.ts";

serveJobs(jobs, self);
