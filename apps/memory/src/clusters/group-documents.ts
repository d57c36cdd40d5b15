import { CLUSTER_LIMITS } from '@memoric/contracts/cluster-contract.ts'
import type { ClusterDocument } from './gather-documents.ts'
import { groupByTerms } from './group-by-terms.ts'

/** Memories of one namespace that belong together, in the order in which they were stored. */
export interface DocumentGroup {
  readonly namespace: string
  readonly topic: string | null
  readonly category: string | null
  /** What makes it the same cluster as before: its labels, or the memory that others are like. */
  readonly key: string
  readonly members: readonly ClusterDocument[]
}

/** The largest groups: by topic and category where a memory has any, else by words. The same memories always give the same groups. */
export async function groupDocuments(documents: readonly ClusterDocument[]): Promise<DocumentGroup[]> {
  const isLabelled = ({ topic, category }: ClusterDocument) => topic !== null || category !== null
  const groups = groupByLabels(documents.filter(isLabelled))
  const others = Map.groupBy(
    documents.filter((document) => !isLabelled(document)),
    ({ namespace }) => namespace,
  )
  for (const [namespace, own] of others) {
    for (const members of await groupByTerms(own)) {
      groups.push({ namespace, topic: null, category: null, key: `like ${members[0]?.id ?? ''}`, members })
    }
  }
  return groups
    .filter(({ members }) => members.length >= CLUSTER_LIMITS.leastMembers)
    .sort((one, other) => other.members.length - one.members.length || firstOf(one) - firstOf(other))
    .slice(0, CLUSTER_LIMITS.mostClusters)
}

function groupByLabels(documents: readonly ClusterDocument[]): DocumentGroup[] {
  const keyOf = ({ namespace, topic, category }: ClusterDocument) => JSON.stringify([namespace, topic, category])
  return [...Map.groupBy(documents, keyOf)].flatMap(([key, members]) => {
    const [first] = members
    if (first === undefined) return []
    const { namespace, topic, category } = first
    return { namespace, topic, category, key: `about ${key}`, members }
  })
}

function firstOf({ members }: DocumentGroup): number {
  return members[0]?.sequence ?? 0
}
