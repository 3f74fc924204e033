/**
 * Whether a key press belongs to an input method that is composing. Enter, arrows,
 * Tab and Escape then choose among its suggestions and must do nothing else.
 * Safari ends the composition before it reports the key, and gives 229 alone.
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

/** Whether a key press is meant for a field that takes text. */
export function isTyping(event: KeyboardEvent): boolean {
  const [target] = event.composedPath(); // the document's editor lives in a tree of its own
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.nodeName))
  );
}

const apple = /Mac|iPhone|iPad/.test(typeof navigator === 'undefined' ? '' : navigator.platform);

/** The name of the key that goes with K for the room list. */
export const modKey = apple ? '⌘' : 'Ctrl';

/** Whether Ctrl, or ⌘ on Apple's machines, is held and no other modifier. */
export function hasMod(event: KeyboardEvent): boolean {
  return (apple ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey) && !event.altKey;
}

/** Whether no modifier is held; Shift may be, since "?" needs it on many keyboards. */
export function isPlain(event: KeyboardEvent): boolean {
  return !event.ctrlKey && !event.metaKey && !event.altKey;
}
