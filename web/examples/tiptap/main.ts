import { HocuspocusProvider } from '@hocuspocus/provider';
import { Editor } from '@tiptap/core';
import { Collaboration } from '@tiptap/extension-collaboration';
import { CollaborationCaret } from '@tiptap/extension-collaboration-caret';
import { StarterKit } from '@tiptap/starter-kit';
import * as Y from 'yjs';
import { showHocuspocus } from '../shared/hocuspocus.ts';
import { documentName, place, server, token, user } from '../shared/settings.ts';

const provider = new HocuspocusProvider({
  url: `${server}/hocuspocus`,
  name: documentName,
  document: new Y.Doc(),
  token,
});

const editor = new Editor({
  element: place,
  editorProps: { attributes: { role: 'textbox', 'aria-multiline': 'true', 'aria-label': 'Document' } },
  extensions: [
    StarterKit.configure({ undoRedo: false }), // Collaboration brings its own, for one's own edits
    Collaboration.configure({ document: provider.document }),
    CollaborationCaret.configure({ provider, user }),
  ],
});

showHocuspocus(provider, () => editor.setEditable(false));
