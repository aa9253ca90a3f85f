export declare const placesOf: (root: string) => Map<string, string>;
