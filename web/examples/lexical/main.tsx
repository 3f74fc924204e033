import { HocuspocusProvider } from '@hocuspocus/provider';
import { LexicalCollaboration } from '@lexical/react/LexicalCollaborationContext';
import { CollaborationPlugin } from '@lexical/react/LexicalCollaborationPlugin';
import { LexicalComposer } from '@lexical/react/LexicalComposer';
import { useLexicalComposerContext } from '@lexical/react/LexicalComposerContext';
import { ContentEditable } from '@lexical/react/LexicalContentEditable';
import { LexicalErrorBoundary } from '@lexical/react/LexicalErrorBoundary';
import { RichTextPlugin } from '@lexical/react/LexicalRichTextPlugin';
import { HeadingNode, QuoteNode } from '@lexical/rich-text';
import type { Provider } from '@lexical/yjs';
import { useCallback } from 'react';
import { createRoot } from 'react-dom/client';
import * as Y from 'yjs';
import { showHocuspocus } from '../shared/hocuspocus.ts';
import { documentName, place, server, token, user } from '../shared/settings.ts';

function Collaboration() {
  const [editor] = useLexicalComposerContext();
  const connect = useCallback(
    (name: string, documents: Map<string, Y.Doc>): Provider => {
      const document = new Y.Doc();
      documents.set(name, document);
      const provider = new HocuspocusProvider({ url: `${server}/hocuspocus`, name, document, token });
      showHocuspocus(provider, () => editor.setEditable(false));
      return provider as unknown as Provider; // it has what Lexical uses, under other types
    },
    [editor],
  );
  return (
    <CollaborationPlugin
      id={documentName}
      providerFactory={connect}
      // Two people who open an empty document at once would both put a paragraph into it.
      shouldBootstrap={false}
      username={user.name}
      cursorColor={user.color}
    />
  );
}

function Document() {
  const initialConfig = {
    namespace: documentName,
    nodes: [HeadingNode, QuoteNode],
    editorState: null, // what there is comes from the document
    onError(error: Error) {
      throw error;
    },
  };
  return (
    <LexicalComposer initialConfig={initialConfig}>
      <RichTextPlugin
        contentEditable={<ContentEditable ariaLabel="Document" ariaMultiline />}
        ErrorBoundary={LexicalErrorBoundary}
      />
      <LexicalCollaboration>
        <Collaboration />
      </LexicalCollaboration>
    </LexicalComposer>
  );
}

createRoot(place).render(<Document />);
