/** Longest name that a memory can have among its entities, characters. */
const ENTITY = 128

/** A person as the entities of a memory name one. */
export function entitiesOf(name: string | null): string[] {
  return name === null || Array.from(name).length > ENTITY ? [] : [name]
}
