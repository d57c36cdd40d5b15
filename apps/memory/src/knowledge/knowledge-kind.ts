import { type CreateKnowledge, type Knowledge, KNOWLEDGE_ROLE } from '@memoric/contracts/knowledge-contract.ts'
import { z } from 'zod'
import type { PrivateAttributes } from '../memories/private-attributes.ts'
import type { KindOfNote, NoteDraft, NoteWords } from '../notes/note-kind.ts'
import { statedOf } from '../provenance/stated-of.ts'
import { frameOf } from '../notes/note-row.ts'

/** What of a note its memory keeps beside the content, which begins with the title. */
const parts = z.object({ title: z.string().nullable().catch(null), with_whom: z.string().nullable().catch(null) })

export const knowledgeKind: KindOfNote<Knowledge> = {
  kind: KNOWLEDGE_ROLE,
  path: '/v1/knowledge',
  notFound: 'knowledge_not_found',
  events: {
    created: 'knowledge.created',
    superseded: 'knowledge.superseded',
    deleted: 'knowledge.deleted',
    read: 'knowledge.read',
  },
  view(row, attributes) {
    const { title, with_whom } = parts
      .catch({ title: null, with_whom: null })
      .parse(attributes.metadata[KNOWLEDGE_ROLE])
    const { topic, category, tags } = attributes
    const content = withoutTitle(attributes, title)
    return { ...frameOf(row), title, content, topic, category, with_whom, tags: [...tags] }
  },
}

/** What is written of a note that was sent. */
export function draftOfKnowledge(body: CreateKnowledge): NoteDraft {
  const { content, title = null, topic = null, category = null, with_whom = null, tags, sources, confidence } = body
  const stated = statedOf(body)
  return { words: wordsOf({ title, content, topic, category }), withWhom: with_whom, tags, sources, confidence, stated }
}

export function wordsOf(said: Pick<Knowledge, 'title' | 'content' | 'topic' | 'category'>): NoteWords {
  const { title, content, topic, category } = said
  return { content: title === null ? content : `${title}\n${content}`, topic, category, parts: { title } }
}

function withoutTitle({ content }: PrivateAttributes, title: string | null): string {
  return title !== null && content.startsWith(`${title}\n`) ? content.slice(title.length + 1) : content
}
