/** A percentage as people write it: `25 %`, `0.5 %`. */
export function percentInWords(percent: number): string {
  return `${percent} %`;
}
