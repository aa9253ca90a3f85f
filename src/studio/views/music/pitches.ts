/** Pitches by their names, and as keys. */
const names = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/** "C4" of 60. */
export const pitchName = (pitch: number): string => `${names[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
export const isBlack = (pitch: number): boolean => names[pitch % 12]?.length === 2;
