/** Measure the width of a picture's container, for pictures that are laid out again instead of scaled. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** A ref to the container, and its width in pixels; 0 until it is known. */
export function useWidth<Place extends HTMLElement>(): readonly [RefObject<Place | null>, number] {
  const place = useRef<Place>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    if (place.current !== null) observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return [place, width];
}
