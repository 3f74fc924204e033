import type { Attachment } from 'svelte/attachments';

const native = typeof CSS !== 'undefined' && CSS.supports('field-sizing', 'content');

/**
 * Lets a field of several lines grow with what is written in it, up to its
 * `max-height`. `value` is read so that the field is fitted again when it changes.
 */
export function fit(value: () => string): Attachment<HTMLTextAreaElement> {
  return (area) => {
    void value();
    if (native) {
      area.style.setProperty('field-sizing', 'content');
      return;
    }
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`;
  };
}

/** Puts text in the place of a part of what is written, so that Undo knows of it where the browser can. */
export function insert(
  area: HTMLTextAreaElement,
  text: string,
  start = area.selectionStart,
  end = area.selectionEnd,
): void {
  area.focus();
  area.setSelectionRange(start, end);
  // Out of favour, and still the only way that goes into the field's history.
  if (document.execCommand('insertText', false, text)) return;
  area.setRangeText(text, start, end, 'end');
  area.dispatchEvent(new InputEvent('input', { bubbles: true, inputType: 'insertText', data: text }));
}
