import { withCollaboration } from '@blocknote/core/yjs';
import { BlockNoteView } from '@blocknote/mantine';
import { useCreateBlockNote } from '@blocknote/react';
import { HocuspocusProvider } from '@hocuspocus/provider';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import * as Y from 'yjs';
import { showHocuspocus } from '../shared/hocuspocus.ts';
import { documentName, place, server, token, user } from '../shared/settings.ts';
import '@blocknote/mantine/style.css';

const provider = new HocuspocusProvider({
  url: `${server}/hocuspocus`,
  name: documentName,
  document: new Y.Doc(),
  token,
});

const collaboration = {
  fragment: provider.document.getXmlFragment('blocknote'),
  provider: { awareness: provider.awareness ?? undefined },
  user,
};
const domAttributes = { editor: { role: 'textbox', 'aria-multiline': 'true', 'aria-label': 'Document' } };

function Document() {
  const editor = useCreateBlockNote(withCollaboration({ collaboration, domAttributes }));
  const [editable, setEditable] = useState(true);
  useEffect(() => showHocuspocus(provider, () => setEditable(false)), []);
  return <BlockNoteView editor={editor} editable={editable} />;
}

createRoot(place).render(<Document />);
