export function namesOf(kind: "recipe" | "example"): string[];
export function buildPrograms(kind: "recipe" | "example", names: readonly string[], output: string): Promise<void>;
