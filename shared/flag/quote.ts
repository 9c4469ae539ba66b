/** A name as an error text shows it: quoted, and cut so that no payload gets in. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
