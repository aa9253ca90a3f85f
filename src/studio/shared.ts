/**
 * State that lasts as long as the page, independent of the view; components that show it are drawn again when it
 * changes.
 */
import { useEffect, useState } from "preact/hooks";

export type Shared<Value> = {
  readonly get: () => Value;
  readonly set: (value: Value) => void;
  /** The current value, in a component. */
  readonly use: () => Value;
};

export function createShared<Value>(value: Value): Shared<Value> {
  let present = value;
  const followers = new Set<() => void>();
  const get = (): Value => present;
  return {
    get,
    set(next) {
      present = next;
      for (const follow of followers) follow();
    },
    use() {
      const [seen, setSeen] = useState(get);
      useEffect(() => {
        const follow = (): void => setSeen(get);
        follow(); // It may have changed before anyone followed.
        followers.add(follow);
        return () => void followers.delete(follow);
      }, []);
      return seen;
    },
  };
}
