/** The longest text of a message, in bytes of UTF-8. */
export const maxTextBytes = 16 * 1024;

export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Whether the caret stands in a code block that has been opened and not closed. */
export function insideFence(text: string, caret: number): boolean {
  const fences = text.slice(0, caret).match(/^```/gm);
  return fences !== null && fences.length % 2 === 1;
}
