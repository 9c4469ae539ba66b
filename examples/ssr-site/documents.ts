/** A help page that the classic search finds. */
export interface HelpDocument {
  readonly title: string;
  readonly text: string;
}

const DOCUMENTS: readonly HelpDocument[] = [
  { title: "Returns", text: "Send an item back within 30 days; the label is in the box." },
  { title: "Delivery", text: "Orders leave the same day and arrive within two days." },
  { title: "Invoices", text: "Every invoice is in your account, also as PDF." },
  { title: "Warranty", text: "Repairs are free for two years; send the item in with its invoice." },
];

/** The documents that contain every word, ignoring case. */
export function findDocuments(words: string): readonly HelpDocument[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return [];
  return DOCUMENTS.filter(({ title, text }) => {
    const content = `${title} ${text}`.toLowerCase();
    return wanted.every((word) => content.includes(word));
  });
}
