/** Addresses of the studio: those that readers have bookmarked lead where they led. */
import { expect, test } from "vitest";
import { linkTo, readAddress } from "../../src/studio/address.ts";

test.each([
  ["", "learn", [], {}],
  ["#/learn/text?text=the%20captain", "learn", ["text"], { text: "the captain" }],
  ["#/lab?start=gru", "lab", [], { start: "gru" }],
  ["#/lab?cell=y0yzVbBVqFCwAQA&units=64", "lab", [], { cell: "y0yzVbBVqFCwAQA", units: "64" }],
  ["#/inspect/moby-dick?book=0-1500&value=lstm.c&unit=3&at=2", "inspect", ["moby-dick"], { unit: "3", at: "2" }],
  ["#/write/gr%C3%B6%C3%9Fe?prompt=Call+me&seed=7", "write", ["größe"], { prompt: "Call me", seed: "7" }],
  ["#/forecast/sales?data=hours&horizon=24", "forecast", ["sales"], { data: "hours", horizon: "24" }],
  ["#/models", "models", [], {}],
  ["#/zoo", "learn", [], {}],
  ["#/write/%E4%", "write", ["%E4%"], {}],
])("%s is the view %s", (hash, view, path, query) => {
  expect(readAddress(hash)).toMatchObject({ view, path, query });
});

test("a link reads as what it was made of", () => {
  const query = { text: "a & b = c?", at: "2" };
  expect(readAddress(linkTo("inspect", ["a/b", "größe"], query))).toEqual({
    view: "inspect",
    path: ["a/b", "größe"],
    query,
  });
});
