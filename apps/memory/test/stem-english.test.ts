import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stemEnglish } from '../src/search/stem-english.ts'

/** Words that the description of the algorithm gives, with their stems. */
function expectStems(table: string): void {
  const pairs = table
    .trim()
    .split(/\s+/)
    .map((pair) => pair.split('>'))
  const stems = pairs.map(([word = '']) => `${word}>${stemEnglish(word)}`)
  expect(stems).toEqual(pairs.map((pair) => pair.join('>')))
}

describe('the English stemmer', () => {
  test('stems the sample under consign', () => {
    expectStems(`
      consign>consign consigned>consign consigning>consign consignment>consign consist>consist consisted>consist
      consistency>consist consistent>consist consistently>consist consisting>consist consists>consist
      consolation>consol consolations>consol consolatory>consolatori console>consol consoled>consol consoles>consol
      consolidate>consolid consolidated>consolid consolidating>consolid consoling>consol consolingly>consol
      consols>consol consonant>conson consort>consort consorted>consort consorting>consort conspicuous>conspicu
      conspicuously>conspicu conspiracy>conspiraci conspirator>conspir conspirators>conspir conspire>conspir
      conspired>conspir conspiring>conspir constable>constabl constables>constabl constance>constanc
      constancy>constanc constant>constant`)
  })

  test('stems the sample under knack', () => {
    expectStems(`
      knack>knack knackeries>knackeri knacks>knack knag>knag knave>knave knaves>knave knavish>knavish kneaded>knead
      kneading>knead knee>knee kneel>kneel kneeled>kneel kneeling>kneel kneels>kneel knees>knee knell>knell
      knelt>knelt knew>knew knick>knick knif>knif knife>knife knight>knight knightly>knight knights>knight knit>knit
      knits>knit knitted>knit knitting>knit knives>knive knob>knob knobs>knob knock>knock knocked>knock
      knocker>knocker knockers>knocker knocking>knock knocks>knock knopp>knopp knot>knot knots>knot`)
  })

  test('knows the exceptional forms', () => {
    expectStems(`
      skis>ski skies>sky sky>sky dying>die lying>lie tying>tie idly>idl gently>gentl ugly>ugli early>earli only>onli
      singly>singl news>news howe>howe atlas>atlas cosmos>cosmos bias>bias andes>andes`)
  })

  test('leaves words alone that only look like a verb form', () => {
    expectStems(`
      inning>inning outing>outing canning>canning herring>herring earring>earring evening>evening innings>inning
      proceed>proceed exceed>exceed succeed>succeed proceeds>proceed`)
  })

  test('keeps families apart that begin alike', () => {
    expectStems(`
      generate>generat generates>generat generated>generat general>general generally>general generic>generic
      generous>generous communication>communic community>communiti arsenic>arsenic arsenal>arsenal
      universe>univers university>universiti universal>universal later>later lateral>lateral emerge>emerg
      emergency>emergenc organ>organ organic>organic organize>organiz past>past paste>paste pasted>paste
      internal>internal international>internat`)
  })

  test.each([
    ['0: possessives', "ann's>ann boys'>boy 'tis>tis"],
    ['1a: plurals', 'caresses>caress ties>tie cries>cri gas>gas this>this gaps>gap kiwis>kiwi bus>bus abyss>abyss'],
    ['1b: verb forms', 'agreed>agre feed>feed luxuriated>luxuri hopped>hop hoping>hope added>add egging>egg offed>off'],
    ['1b: adverbs of verb forms', 'repeatedly>repeat exceedingly>exceed'],
    ['1c: final y', 'cry>cri by>by say>say happy>happi enjoy>enjoy'],
    ['2: doubled suffixes', 'conditional>condit valency>valenc digitizer>digit hopefully>hope geologist>geolog'],
    ['2: ly after a valid letter', 'quickly>quick apology>apolog jelly>jelli'],
    ['3: shorter suffixes', 'triplicate>triplic electrical>electr goodness>good formative>format'],
    ['4: in R2 only', 'revival>reviv adoption>adopt probable>probabl irritant>irrit'],
    ['5: final e and l', 'probate>probat rate>rate controll>control roll>roll'],
    ['y as a consonant', 'youth>youth boyish>boyish sayings>say flying>fli'],
  ])('follows step %s', (_step, table) => {
    expectStems(table)
  })

  test('leaves words of one or two letters alone', () => {
    expect(['', 'a', 'is', "s'"].map(stemEnglish)).toEqual(['', 'a', 'is', "s'"])
  })

  test('never throws and never makes a word longer by more than one letter', () => {
    const syllable = fc.constantFrom(
      'a',
      'y',
      'b',
      's',
      't',
      'ed',
      'ing',
      'ly',
      'at',
      'iz',
      'ational',
      'ogist',
      "'",
      '9',
    )
    const word = fc.oneof(
      fc.string(),
      fc.array(syllable, { maxLength: 8 }).map((parts) => parts.join('')),
    )
    const law = fc.property(word, (any) => {
      expect(stemEnglish(any).length).toBeLessThanOrEqual(any.length + 1)
    })
    fc.assert(law, { numRuns: 1000 })
  })
})
