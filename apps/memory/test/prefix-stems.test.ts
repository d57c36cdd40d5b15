import { expect, test } from 'vitest'
import { stemsBefore } from '../src/search/prefix-stems.ts'
import { stemEnglish } from '../src/search/stem-english.ts'

const FAMILIES = `
  running runner hopped hoping hopingly dying lying studying cries cried cry happily agreed exceedingly repeatedly
  relational relation relations relating conditional rationalization organization organizations organizational organizing
  organisation organisers probability probabilities sensibility sensibly usability nationalism formality formalities
  hopefulness hopefully callousness callously decisiveness sensitivity sensitivities geologists geology goodness
  electrical electricity electrically triplicate formative formatively revival allowance inference inferences airliner
  gyroscopic adjustable defensible irritants replacement adjustments dependently adoption adoptions communism activated
  homologous effective effectively bowdlerized rolling controlling passing passes caresses skies gently idly singly
  frequency frequencies valency vietnamization predication operators operator analogously apologies conspiracies`

test.each(FAMILIES.trim().split(/\s+/))('the stem of %s is found from each of its beginnings', (word) => {
  const stem = stemEnglish(word)
  for (let length = 2; length <= word.length; length++) {
    const prefix = word.slice(0, length)
    const found = stem.startsWith(prefix) || stem === stemEnglish(prefix) || stemsBefore(prefix).includes(stem)
    expect([prefix, found]).toEqual([prefix, true])
  }
})

test('a beginning leaves nothing open unless an ending goes on with it', () => {
  const open = ['te', 'dri', 'memor', 'passport', 'there', 'organiz', '42', 'été', '東'].map(stemsBefore)
  expect(open.flat()).toEqual([])
  expect(stemsBefore('lett')).toEqual(['let'])
  expect(stemsBefore('runni')).toEqual(['run'])
})
