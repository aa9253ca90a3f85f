/** Load the course that the page's address names, `?course=course.json`: a file of the page's own host. */
import { excerpt } from "../../graph/excerpt.ts";
import { messageOf } from "../loading.ts";
import { type Course, largestCourse, readCourse } from "./course-file.ts";

/** Beside index.html; the build puts the built-in course there. */
const builtIn = "course.json";

/** @throws Error of one line if the file is not there, on another host, too large, or not a course */
export async function fetchCourse(file: string): Promise<Course> {
  const name = excerpt(file === "" ? builtIn : file, 80);
  const url = URL.canParse(file, document.baseURI)
    ? new URL(file === "" ? builtIn : file, document.baseURI)
    : undefined;
  if (url?.origin !== location.origin) {
    throw new Error(`${name}: is on another host than this page. Put the course beside the page's index.html.`);
  }
  const response = await fetch(url, { cache: "no-cache" }).catch((error) => {
    throw new Error(`${name}: did not load (${messageOf(error)}). Check the connection to the page's host.`);
  });
  if (!response.ok) {
    throw new Error(`${name}: the page's host answered ${response.status}. Check the name behind "?course=".`);
  }
  const bytes = await response.arrayBuffer();
  if (bytes.byteLength > largestCourse) {
    throw new Error(
      `${name}: has ${bytes.byteLength.toLocaleString("en")} bytes; a course has at most ${largestCourse.toLocaleString("en")}.`,
    );
  }
  return readCourse(new TextDecoder().decode(bytes), name);
}
