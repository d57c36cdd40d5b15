/** What a reflection is in search and at wake-up. */
export const REFLECTION_ROLE = 'reflection'
export const PRINCIPLE_ROLE = 'principle'
